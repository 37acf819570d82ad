#include "container/layout.h"

#include <algorithm>
#include <string_view>

#include "container/checksum.h"
#include "core/bytes.h"
#include "laconic/container.h"

namespace laconic::container {
namespace {

/// A section of fewer payload bytes goes on with the next tensor, if that is smaller too.
constexpr std::uint64_t full_section = 16 * 1024;

}  // namespace

Preamble parse_preamble(std::span<const std::byte> begin, std::uint64_t file_bytes) {
  ByteReader reader(begin.first(std::min(begin.size(), longest_preamble)), "the header");
  const auto magic = std::as_bytes(std::span(file_magic));
  if (file_bytes < magic.size()) {
    corrupt("it is not a Laconic file: it has {} bytes", file_bytes);
  }
  if (!std::ranges::equal(reader.take(magic.size(), "the magic number"), magic)) {
    corrupt("it is not a Laconic file: it does not begin with \"LAC\"");
  }
  const std::uint64_t version = reader.varint("the version");
  if (version > format_version) {
    fail(ErrorCode::unsupported_version,
         "it has version {} of the format, but this program reads versions up to {}", version,
         format_version);
  }
  if (version < 1) corrupt("the header is damaged: the version is {}", version);
  Preamble preamble;
  for (PartPlace& part : preamble.parts) {
    const std::uint64_t size_and_packing = reader.varint("the size of a part");
    part.packing = static_cast<Packing>(size_and_packing & 1);
    part.bytes = size_and_packing >> 1;
  }
  std::uint64_t end = reader.position();
  const auto take = [&](std::uint64_t bytes) {
    if (bytes > file_bytes - end) {
      corrupt("it ends early: the header needs {} bytes at byte {}, but the file has {}", bytes,
              end, file_bytes);
    }
    end += bytes;
  };
  for (PartPlace& part : preamble.parts) {
    part.offset = end;
    take(part.bytes);
  }
  take(checksum_bytes);
  preamble.header_bytes = end;
  return preamble;
}

std::vector<std::byte> encode_header(const std::array<Packed, part_count>& parts) {
  ByteWriter writer;
  writer.append(std::as_bytes(std::span(file_magic)));
  writer.varint(format_version);
  for (const Packed& part : parts) {
    writer.varint(std::uint64_t{part.bytes.size()} << 1 | static_cast<std::uint64_t>(part.packing));
  }
  for (const Packed& part : parts) writer.append(part.bytes);
  writer.u32(checksum(writer.bytes()));
  return writer.take();
}

std::uint32_t header_checksum(std::span<const std::byte> header) noexcept {
  return checksum(header.first(header.size() - checksum_bytes));
}

std::uint32_t check_header(std::span<const std::byte> header) {
  ByteReader end(header.last(checksum_bytes), "the header");
  const std::uint32_t stored = end.u32("its checksum");
  const std::uint32_t computed = header_checksum(header);
  if (stored != computed) {
    corrupt("the header is damaged: its checksum is {:08x}, not {:08x}", computed, stored);
  }
  return stored;
}

Sections place(const std::vector<TensorRecord>& tensors, std::uint64_t header_bytes,
               std::uint64_t limit) {
  Sections placed;
  placed.end = header_bytes;
  std::uint64_t open = 0;  // Payload bytes of the section that is not closed yet.
  const auto take = [&](std::uint64_t bytes) {
    if (bytes > limit - placed.end) {
      corrupt("it ends early: its tensors need {} bytes at byte {}, but the file has {}", bytes,
              placed.end, limit);
    }
    placed.end += bytes;
  };
  const auto close = [&] {
    if (open == 0) return;
    placed.sections.push_back({placed.end - open, open});
    take(checksum_bytes);
    open = 0;
  };
  for (const TensorRecord& tensor : tensors) {
    if (tensor.bytes >= full_section) close();
    placed.places.push_back({placed.sections.size(), placed.end});
    take(tensor.bytes);
    open += tensor.bytes;
    if (open >= full_section) close();
  }
  close();
  return placed;
}

std::uint32_t section_checksum(std::span<const std::byte> payloads, std::uint32_t header_checksum,
                               std::size_t number) {
  return checksum(payloads, section_seed(header_checksum, number));
}

std::uint64_t section_seed(std::uint32_t header_checksum, std::size_t number) noexcept {
  return std::uint64_t{number} << 32 | header_checksum;
}

SizeReport size_report(const Table& table, const Preamble& preamble, std::uint64_t file_bytes) {
  SizeReport report;
  report.graph = preamble.parts[graph_part].bytes;
  report.codebooks = preamble.parts[codebooks_part].bytes;
  report.total = file_bytes;
  for (const TensorRecord& tensor : table.tensors) {
    (tensor.recipe.quantized ? report.indices : report.dense) += tensor.bytes;
    report.original += sizeof(float) * static_cast<std::uint64_t>(element_count(tensor.shape));
  }
  report.header = report.total - report.graph - report.codebooks - report.indices - report.dense;
  return report;
}

}  // namespace laconic::container
