// Opens a file, and decodes its tensors one by one.

#include <algorithm>
#include <new>
#include <unordered_map>
#include <utility>

#include "container/codebooks.h"
#include "container/layout.h"
#include "container/source.h"
#include "container/symbols.h"
#include "container/table.h"
#include "core/bytes.h"
#include "laconic/coder.h"
#include "laconic/container.h"

namespace laconic {

using namespace container;

struct ModelReader::Impl {
  Impl(Source bytes, const ReadLimits& limits);

  Source source;
  std::string path;  ///< For messages; empty if the bytes are in memory.
  Preamble preamble;
  std::uint32_t checksum = 0;
  std::vector<std::byte> graph;
  std::unique_ptr<CodebookTable> codebooks;
  Table table;
  Sections sections;
  std::vector<TensorEntry> entries;
  std::unordered_map<std::string_view, std::size_t> numbers;  ///< By name.

  [[nodiscard]] Tensor read(std::size_t number) const;
  [[nodiscard]] std::span<const std::byte> payload(std::size_t number,
                                                   std::vector<std::byte>& buffer) const;
  [[nodiscard]] QuantizedTensor read_quantized(const TensorRecord& record,
                                               std::span<const std::byte> bytes) const;
  [[nodiscard]] std::vector<Codebook> blocks(const TensorRecord& record) const;
  [[nodiscard]] TensorEntry entry(const TensorRecord& record) const;
};

namespace {

/// Calls body(), and puts the file's path, if it has one, before the message of an Error.
template <typename Body>
auto naming(const std::string& path, Body body) {
  try {
    return body();
  } catch (const Error& error) {
    if (path.empty()) throw;
    fail(error.code(), "cannot read \"{}\": {}", path, error.what());
  }
}

std::vector<std::byte> unpack_part(std::span<const std::byte> header, const PartPlace& place,
                                   std::uint64_t limit, std::string_view name) {
  const auto stored = header.subspan(place.offset, place.bytes);
  const std::uint64_t size = unpacked_size(place.packing, stored, name);
  if (size > limit) {
    fail(ErrorCode::invalid_data, "{} has {} bytes, but {} are allowed", name, size, limit);
  }
  return unpack(place.packing, stored, name);
}

}  // namespace

ModelReader::Impl::Impl(Source bytes, const ReadLimits& limits) : source(std::move(bytes)) {
  std::vector<std::byte> buffer;
  const std::uint64_t size = source.size();
  preamble =
      parse_preamble(source.read(0, std::min<std::uint64_t>(size, longest_preamble), buffer), size);
  const auto header = source.read(0, preamble.header_bytes, buffer);
  checksum = check_header(header);
  const auto part = [&](Part number, std::uint64_t limit, std::string_view name) {
    return unpack_part(header, preamble.parts[number], limit, name);
  };
  graph = part(graph_part, limits.max_graph_bytes, "the graph");
  codebooks = std::make_unique<CodebookTable>(
      part(codebooks_part, limits.max_header_bytes, "the table of codebooks"), limits.max_elements);
  table = decode_table(part(table_part, limits.max_header_bytes, "the table of contents"),
                       codebooks->size(), limits);
  sections = place(table.tensors, preamble.header_bytes, size);
  if (sections.end != size) {
    corrupt("{} bytes are left over behind its {} bytes", size - sections.end, sections.end);
  }
  for (const TensorRecord& record : table.tensors) {
    entries.push_back(entry(record));
  }
  for (std::size_t i = 0; i < entries.size(); ++i) numbers.emplace(entries[i].name, i);
}

TensorEntry ModelReader::Impl::entry(const TensorRecord& record) const {
  TensorEntry entry{record.name, record.shape, {}, {}, record.bytes};
  if (!record.recipe.quantized) return entry;
  entry.quantizer = table.quantizers[record.recipe.quantizer];
  if (record.recipe.coder == 0) return entry;
  const CoderRecord& coder = table.coders[record.recipe.coder - 1];
  const Coder* member = coder_for_id(coder.id);
  if (member == nullptr)
    corrupt("tensor \"{}\" needs coder {}, which is not known", record.name, coder.id);
  entry.coder = coder.spec.empty() ? member->spec() : coder.spec;
  return entry;
}

std::span<const std::byte> ModelReader::Impl::payload(std::size_t number,
                                                      std::vector<std::byte>& buffer) const {
  const std::uint64_t bytes = table.tensors[number].bytes;
  if (bytes == 0) return {};
  const Place& place = sections.places[number];
  const Section& section = sections.sections[place.section];
  const auto stored = source.read(section.offset, section.bytes + checksum_bytes, buffer);
  const auto payloads = stored.first(section.bytes);
  const auto wanted = ByteReader(stored.last(checksum_bytes), "its section").u32("the checksum");
  const auto found = section_checksum(payloads, checksum, place.section);
  if (wanted != found)
    corrupt("its bytes are damaged: their checksum is {:08x}, not {:08x}", found, wanted);
  return payloads.subspan(place.offset - section.offset, bytes);
}

std::vector<Codebook> ModelReader::Impl::blocks(const TensorRecord& record) const {
  const std::uint64_t count = block_count(record);
  switch (record.recipe.references) {
    case References::same:
      return std::vector<Codebook>(count, codebooks->get(record.codebooks.front()));
    case References::next:
    case References::list:
      break;
  }
  std::vector<Codebook> blocks;
  blocks.reserve(count);
  for (std::uint64_t b = 0; b < count; ++b) {
    blocks.push_back(
        codebooks->get(record.codebooks.empty() ? record.first_codebook + b : record.codebooks[b]));
  }
  return blocks;
}

QuantizedTensor ModelReader::Impl::read_quantized(const TensorRecord& record,
                                                  std::span<const std::byte> bytes) const {
  QuantizedTensor tensor{record.shape, block_size(record), blocks(record), {}};
  const IndexLayout layout = symbol_layout(tensor.shape, tensor.codebooks);
  tensor.indices.resize(static_cast<std::size_t>(element_count(tensor.shape)));
  if (record.recipe.coder == 0) {
    if (layout.alphabet > 1 || !bytes.empty())
      corrupt("its {} levels need a coder, but it names none", layout.alphabet);
    return tensor;
  }
  coder_for_id(table.coders[record.recipe.coder - 1].id)->decode(bytes, layout, tensor.indices);
  from_symbols(tensor, layout);
  return tensor;
}

Tensor ModelReader::Impl::read(std::size_t number) const {
  const TensorRecord& record = table.tensors[number];
  try {
    std::vector<std::byte> buffer;
    const auto bytes = payload(number, buffer);
    if (record.recipe.quantized) return read_quantized(record, bytes);
    return decode_dense(record.recipe.storage, record.recipe.format, bytes, record.shape);
  } catch (const Error& error) {
    fail(error.code(), "tensor \"{}\": {}", record.name, error.what());
  } catch (const std::bad_alloc&) {
    fail(ErrorCode::invalid_data, "tensor \"{}\": its {} elements do not fit in memory",
         record.name, element_count(record.shape));
  }
}

ModelReader::ModelReader(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
ModelReader::ModelReader(ModelReader&&) noexcept = default;
ModelReader& ModelReader::operator=(ModelReader&&) noexcept = default;
ModelReader::~ModelReader() = default;

ModelReader ModelReader::open(const std::filesystem::path& path, const ReadLimits& limits) {
  return naming(path.string(), [&] {
    auto impl = std::make_unique<Impl>(Source(path), limits);
    impl->path = path.string();
    return ModelReader(std::move(impl));
  });
}

ModelReader ModelReader::from_bytes(std::span<const std::byte> bytes, const ReadLimits& limits) {
  return ModelReader(std::make_unique<Impl>(Source(bytes), limits));
}

std::span<const TensorEntry> ModelReader::entries() const noexcept {
  return impl_->entries;
}

const TensorEntry* ModelReader::find(std::string_view name) const noexcept {
  const auto found = impl_->numbers.find(name);
  return found == impl_->numbers.end() ? nullptr : &impl_->entries[found->second];
}

Tensor ModelReader::read(const TensorEntry& entry) const {
  return naming(impl_->path, [&] {
    const auto found = impl_->numbers.find(entry.name);
    if (found == impl_->numbers.end()) {
      fail(ErrorCode::invalid_argument, "it has no tensor named \"{}\"", entry.name);
    }
    return impl_->read(found->second);
  });
}

std::span<const std::byte> ModelReader::graph() const noexcept {
  return impl_->graph;
}

std::string_view ModelReader::metadata(std::string_view key) const noexcept {
  const auto found = impl_->table.metadata.find(key);
  return found == impl_->table.metadata.end() ? std::string_view()
                                              : std::string_view(found->second);
}

std::vector<std::string_view> ModelReader::metadata_keys() const {
  std::vector<std::string_view> keys;
  for (const auto& [key, value] : impl_->table.metadata) keys.emplace_back(key);
  return keys;
}

SizeReport ModelReader::sizes() const noexcept {
  return size_report(impl_->table, impl_->preamble, impl_->graph.size(), impl_->source.size());
}

}  // namespace laconic
