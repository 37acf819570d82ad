// Collects tensors, encodes them in parallel, and puts the file together.

#include <algorithm>
#include <set>
#include <utility>
#include <variant>

#include "container/codebooks.h"
#include "container/layout.h"
#include "container/symbols.h"
#include "container/table.h"
#include "core/atomic_file.h"
#include "core/bytes.h"
#include "laconic/coder.h"
#include "laconic/container.h"
#include "laconic/threads.h"

namespace laconic {
namespace {

using namespace container;

/// Tensors wait to be encoded together, in parallel, until they have so many weights.
constexpr std::size_t full_queue = std::size_t{1} << 24;

/// What an entropy coder is asked to encode.
struct Symbols {
  std::vector<Index> values;
  IndexLayout layout;
  std::string coder;
};

/// A tensor whose record lacks what only its encoding tells.
struct Waiting {
  std::size_t tensor = 0;
  std::variant<DenseTensor, Symbols> values;
};

using Encoding = std::variant<EncodedDense, Encoded>;

/// Number of `value` in `values`, where it is added if it is new.
template <typename Value>
std::uint64_t number_of(const Value& value, std::vector<Value>& values) {
  const auto found = std::find(values.begin(), values.end(), value);
  const auto number = static_cast<std::uint64_t>(found - values.begin());
  if (found == values.end()) values.push_back(value);
  return number;
}

/// Calls body(), and puts the tensor's name before the message of an Error that is about it.
template <typename Body>
auto naming(std::string_view tensor, Body body) {
  try {
    return body();
  } catch (const Error& error) {
    if (error.code() == ErrorCode::interrupted) throw;
    fail(error.code(), "tensor \"{}\": {}", tensor, error.what());
  }
}

void check(const DenseTensor& tensor) {
  for (const std::int64_t extent : tensor.shape) {
    if (extent < 0) fail(ErrorCode::invalid_argument, "the shape has an extent of {}", extent);
  }
  if (static_cast<std::size_t>(element_count(tensor.shape)) != tensor.values.size()) {
    fail(ErrorCode::invalid_argument, "there are {} values, but the shape holds {}",
         tensor.values.size(), element_count(tensor.shape));
  }
}

Encoding encode_waiting(const Waiting& waiting) {
  throw_if_interrupted();
  if (const auto* dense = std::get_if<DenseTensor>(&waiting.values)) return encode_dense(*dense);
  const auto& symbols = std::get<Symbols>(waiting.values);
  // With one symbol there is nothing to tell.
  if (symbols.layout.alphabet == 1) return Encoded{};
  return encode(symbols.coder, symbols.values, symbols.layout);
}

/// A coder as a file names it.
CoderRecord coder_record(const std::string& spec) {
  const std::uint8_t id = coder_id(spec_name(spec));
  return {id, coder_for_id(id)->spec() == spec ? std::string() : spec};
}

/// A file whose tensors are all encoded, less their payloads.
struct Assembled {
  std::vector<std::byte> header;
  std::uint32_t checksum = 0;
  Sections sections;
  SizeReport report;
};

}  // namespace

struct ModelWriter::Impl {
  std::filesystem::path path;
  std::vector<std::byte> graph;
  Table table;
  CodebookCollector codebooks;
  std::vector<std::vector<std::byte>> payloads;
  std::set<std::string, std::less<>> names;
  std::vector<Waiting> queue;
  std::size_t queued = 0;  ///< Weights in the queue.
  bool finished = false;

  void refer(TensorRecord& record, std::span<const Codebook> blocks);
  void encode_queue();
  [[nodiscard]] Assembled assemble();
  template <typename Sink>
  void emit(const Assembled& file, Sink sink) const;
};

/// Notes the codebooks of a tensor's blocks in its record.
void ModelWriter::Impl::refer(TensorRecord& record, std::span<const Codebook> blocks) {
  const std::uint64_t next = codebooks.size();
  std::vector<std::uint64_t> numbers;
  numbers.reserve(blocks.size());
  bool all_new = true;
  bool all_same = true;
  for (const Codebook& codebook : blocks) {
    const std::uint64_t number = codebooks.add(codebook);
    all_new = all_new && number == next + numbers.size();
    all_same = all_same && (numbers.empty() || number == numbers.front());
    numbers.push_back(number);
  }
  if (all_new) return;
  record.recipe.references = all_same ? References::same : References::list;
  if (all_same) numbers.resize(1);
  record.codebooks = std::move(numbers);
}

void ModelWriter::Impl::encode_queue() {
  std::vector<Encoding> encodings(queue.size());
  parallel_for(static_cast<std::int64_t>(queue.size()), [&](std::int64_t i) {
    const Waiting& waiting = queue[static_cast<std::size_t>(i)];
    encodings[static_cast<std::size_t>(i)] =
        naming(table.tensors[waiting.tensor].name, [&] { return encode_waiting(waiting); });
  });
  for (std::size_t i = 0; i < queue.size(); ++i) {
    TensorRecord& record = table.tensors[queue[i].tensor];
    auto& payload = payloads[queue[i].tensor];
    if (auto* dense = std::get_if<EncodedDense>(&encodings[i])) {
      record.recipe.storage = dense->storage;
      record.recipe.format = dense->format;
      payload = std::move(dense->bytes);
    } else {
      auto& encoded = std::get<Encoded>(encodings[i]);
      if (!encoded.coder.empty()) {
        record.recipe.coder = 1 + number_of(coder_record(encoded.coder), table.coders);
      }
      payload = std::move(encoded.bytes);
    }
    record.bytes = payload.size();
  }
  queue.clear();
  queued = 0;
}

Assembled ModelWriter::Impl::assemble() {
  encode_queue();
  std::array<Packed, part_count> parts;
  parts[graph_part] = pack(graph);
  parts[table_part] = pack(encode_table(table));
  parts[codebooks_part] = pack(codebooks.encode());
  Assembled file;
  file.header = encode_header(parts);
  file.checksum = check_header(file.header);
  file.sections = place(table.tensors, file.header.size(), UINT64_MAX);
  file.report =
      size_report(table, parse_preamble(file.header, file.sections.end), file.sections.end);
  return file;
}

/// Hands the file's bytes to `sink`, front to back.
template <typename Sink>
void ModelWriter::Impl::emit(const Assembled& file, Sink sink) const {
  sink(std::span<const std::byte>(file.header));
  std::size_t tensor = 0;
  for (std::size_t s = 0; s < file.sections.sections.size(); ++s) {
    std::vector<std::byte> section;
    section.reserve(file.sections.sections[s].bytes + checksum_bytes);
    while (section.size() < file.sections.sections[s].bytes) {
      section.insert(section.end(), payloads[tensor].begin(), payloads[tensor].end());
      ++tensor;
    }
    ByteWriter end;
    end.u32(section_checksum(section, file.checksum, s));
    section.insert(section.end(), end.bytes().begin(), end.bytes().end());
    sink(std::span<const std::byte>(section));
  }
}

ModelWriter::ModelWriter(std::filesystem::path path) : impl_(std::make_unique<Impl>()) {
  impl_->path = std::move(path);
}
ModelWriter::ModelWriter(ModelWriter&&) noexcept = default;
ModelWriter& ModelWriter::operator=(ModelWriter&&) noexcept = default;
ModelWriter::~ModelWriter() = default;

void ModelWriter::add(std::string_view name, const Tensor& tensor, std::string_view quantizer,
                      std::string_view coder) {
  if (impl_->names.contains(name)) {
    fail(ErrorCode::invalid_argument, "two tensors are named \"{}\"", name);
  }
  TensorRecord record;
  record.name = name;
  record.shape = shape_of(tensor);
  Waiting waiting{impl_->table.tensors.size(), {}};
  if (const auto* dense = std::get_if<DenseTensor>(&tensor)) {
    naming(name, [&] {
      check(*dense);
      if (!quantizer.empty() || coder != "auto") {
        fail(ErrorCode::invalid_argument,
             "a dense tensor takes no quantizer and no coder, but \"{}\" and \"{}\" were given",
             quantizer, coder);
      }
    });
    impl_->queued += dense->values.size();
    waiting.values = *dense;
  } else {
    const auto& quantized = std::get<QuantizedTensor>(tensor);
    naming(name, [&] {
      validate(quantized);
      if (coder != "auto") (void)make_coder(coder);
    });
    const IndexLayout layout = symbol_layout(quantized.shape, quantized.codebooks);
    impl_->queued += quantized.indices.size();
    waiting.values = Symbols{to_symbols(quantized, layout), layout, std::string(coder)};
    record.recipe.quantized = true;
    record.recipe.quantizer = number_of(std::string(quantizer), impl_->table.quantizers);
    record.recipe.blocks = block_rule(quantized.shape, quantized.block_size);
    impl_->refer(record, quantized.codebooks);
  }
  impl_->names.emplace(name);
  impl_->table.tensors.push_back(std::move(record));
  impl_->payloads.emplace_back();
  impl_->queue.push_back(std::move(waiting));
  if (impl_->queued >= full_queue) impl_->encode_queue();
}

void ModelWriter::set_graph(std::span<const std::byte> graph) {
  impl_->graph.assign(graph.begin(), graph.end());
}

void ModelWriter::set_metadata(std::string_view key, std::string_view value) {
  impl_->table.metadata.insert_or_assign(std::string(key), std::string(value));
}

SizeReport ModelWriter::finish() {
  if (impl_->finished) {
    fail(ErrorCode::invalid_argument, "\"{}\" has been finished before", impl_->path.string());
  }
  const Assembled assembled = impl_->assemble();
  AtomicFile file(impl_->path);
  impl_->emit(assembled, [&](std::span<const std::byte> bytes) { file.write(bytes); });
  file.commit();
  impl_->finished = true;
  return assembled.report;
}

std::vector<std::byte> ModelWriter::bytes() const {
  const Assembled assembled = impl_->assemble();
  std::vector<std::byte> bytes;
  bytes.reserve(assembled.report.total);
  impl_->emit(assembled, [&](std::span<const std::byte> part) {
    bytes.insert(bytes.end(), part.begin(), part.end());
  });
  return bytes;
}

}  // namespace laconic
