// Opens a file, and decodes its tensors one by one.

#include <algorithm>
#include <new>
#include <optional>
#include <unordered_map>
#include <utility>

#include "container/checksum.h"
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

struct ModelReader::Impl : std::enable_shared_from_this<Impl> {
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
  [[nodiscard]] std::size_t number_of(const TensorEntry& entry) const;
  [[nodiscard]] std::span<const std::byte> payload(std::size_t number,
                                                   std::vector<std::byte>& buffer) const;
  class Indices;
  class NamedIndices;
  [[nodiscard]] StreamedTensor outline(std::size_t number) const;
  [[nodiscard]] StreamedTensor stream(std::size_t number) const;
  void verify(std::size_t section) const;
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

/// Calls body(), and names the tensor in the message of an Error.
template <typename Body>
auto naming_tensor(const TensorRecord& record, Body body) {
  try {
    return body();
  } catch (const Error& error) {
    fail(error.code(), "tensor \"{}\": {}", record.name, error.what());
  } catch (const std::bad_alloc&) {
    fail(ErrorCode::invalid_data, "tensor \"{}\": its {} elements do not fit in memory",
         record.name, element_count(record.shape));
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

/// The indices of a tensor whose section has been verified.
class ModelReader::Impl::Indices final : public IndexStream {
 public:
  Indices(const Impl& file, std::size_t number, std::span<const Codebook> codebooks)
      : record_(file.table.tensors[number]),
        layout_(symbol_layout(record_.shape, codebooks)),
        codebooks_(codebooks.begin(), codebooks.end()),
        window_(file.source.window(file.sections.places[number].offset, record_.bytes)) {
    const auto coder = record_.recipe.coder;
    if (coder != 0) {
      symbols_ = coder_for_id(file.table.coders[coder - 1].id)->stream(window_, layout_);
    } else if (layout_.alphabet > 1 || record_.bytes > 0) {
      corrupt("its {} levels need a coder, but it names none", layout_.alphabet);
    }
  }

  void read(std::span<Index> next) override {
    if (symbols_) {
      symbols_->read(next);
      from_symbols(next, done_, block_size(record_), codebooks_, layout_);
    } else {
      std::ranges::fill(next, Index{0});
    }
    done_ += std::ssize(next);
  }

 private:
  const TensorRecord& record_;
  IndexLayout layout_;
  std::vector<Codebook> codebooks_;
  ByteWindow window_;
  std::unique_ptr<IndexStream> symbols_;
  std::int64_t done_ = 0;
};

/// The same, kept open, and named in the messages of errors.
class ModelReader::Impl::NamedIndices final : public IndexStream {
 public:
  NamedIndices(std::shared_ptr<const Impl> file, std::size_t number,
               std::span<const Codebook> codebooks)
      : file_(std::move(file)), number_(number) {
    named([&] { indices_.emplace(*file_, number_, codebooks); });
  }

  void read(std::span<Index> next) override {
    named([&] { indices_->read(next); });
  }

 private:
  template <typename Body>
  void named(Body body) const {
    naming(file_->path, [&] { naming_tensor(file_->table.tensors[number_], body); });
  }

  std::shared_ptr<const Impl> file_;
  std::size_t number_;
  std::optional<Indices> indices_;
};

void ModelReader::Impl::verify(std::size_t number) const {
  const Section& section = sections.sections[number];
  PiecewiseChecksum sum(section_seed(checksum, number));
  auto window = source.window(section.offset, section.bytes + checksum_bytes);
  while (window.left() > checksum_bytes) {
    const auto bytes = window.ahead(1);
    const auto count = std::min<std::uint64_t>(bytes.size(), window.left() - checksum_bytes);
    sum.add(bytes.first(count));
    window.skip(count);
  }
  const auto wanted = ByteReader(window.ahead(checksum_bytes), "its section").u32("the checksum");
  if (wanted != sum.value()) {
    corrupt("its bytes are damaged: their checksum is {:08x}, not {:08x}", sum.value(), wanted);
  }
}

/// The tensor, its section verified, without a way to its indices.
StreamedTensor ModelReader::Impl::outline(std::size_t number) const {
  const TensorRecord& record = table.tensors[number];
  if (record.bytes > 0) verify(sections.places[number].section);
  return {record.shape, block_size(record), blocks(record), {}};
}

StreamedTensor ModelReader::Impl::stream(std::size_t number) const {
  return naming_tensor(table.tensors[number], [&] {
    if (!table.tensors[number].recipe.quantized) {
      fail(ErrorCode::invalid_argument, "it is dense, and has no indices");
    }
    StreamedTensor tensor = outline(number);
    tensor.open = [file = shared_from_this(), number, codebooks = tensor.codebooks] {
      return std::make_unique<NamedIndices>(file, number, codebooks);
    };
    return tensor;
  });
}

Tensor ModelReader::Impl::read(std::size_t number) const {
  const TensorRecord& record = table.tensors[number];
  return naming_tensor(record, [&]() -> Tensor {
    if (record.recipe.quantized) {
      StreamedTensor tensor = outline(number);
      tensor.open = [&] { return std::make_unique<Indices>(*this, number, tensor.codebooks); };
      return collect(tensor);
    }
    std::vector<std::byte> buffer;
    return decode_dense(record.recipe.storage, record.recipe.format, payload(number, buffer),
                        record.shape);
  });
}

std::size_t ModelReader::Impl::number_of(const TensorEntry& entry) const {
  const auto found = numbers.find(entry.name);
  if (found == numbers.end()) {
    fail(ErrorCode::invalid_argument, "it has no tensor named \"{}\"", entry.name);
  }
  return found->second;
}

ModelReader::ModelReader(std::shared_ptr<const Impl> impl) noexcept : impl_(std::move(impl)) {}
ModelReader::ModelReader(ModelReader&&) noexcept = default;
ModelReader& ModelReader::operator=(ModelReader&&) noexcept = default;
ModelReader::~ModelReader() = default;

ModelReader ModelReader::open(const std::filesystem::path& path, const ReadLimits& limits) {
  return naming(path.string(), [&] {
    auto impl = std::make_shared<Impl>(Source(path), limits);
    impl->path = path.string();
    return ModelReader(std::move(impl));
  });
}

ModelReader ModelReader::from_bytes(std::span<const std::byte> bytes, const ReadLimits& limits) {
  return ModelReader(std::make_shared<const Impl>(Source(bytes), limits));
}

std::span<const TensorEntry> ModelReader::entries() const noexcept {
  return impl_->entries;
}

const TensorEntry* ModelReader::find(std::string_view name) const noexcept {
  const auto found = impl_->numbers.find(name);
  return found == impl_->numbers.end() ? nullptr : &impl_->entries[found->second];
}

Tensor ModelReader::read(const TensorEntry& entry) const {
  return naming(impl_->path, [&] { return impl_->read(impl_->number_of(entry)); });
}

StreamedTensor ModelReader::stream(const TensorEntry& entry) const {
  return naming(impl_->path, [&] { return impl_->stream(impl_->number_of(entry)); });
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
  return size_report(impl_->table, impl_->preamble, impl_->source.size());
}

}  // namespace laconic
