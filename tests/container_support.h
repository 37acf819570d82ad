// Models and damage for the tests and the fuzzer of the container.

#pragma once

#include <algorithm>
#include <bit>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "container/codebooks.h"
#include "container/layout.h"
#include "container/table.h"
#include "core/bytes.h"
#include "laconic/coder.h"
#include "laconic/container.h"
#include "laconic/error.h"
#include "laconic/random.h"

namespace laconic::testing {

using Bytes = std::vector<std::byte>;

struct NamedTensor {
  std::string name;
  Tensor tensor;
  std::string quantizer = {};
  std::string coder = "auto";
};

struct Model {
  std::vector<NamedTensor> tensors;
  std::string graph;
  std::vector<std::pair<std::string, std::string>> metadata;
};

inline std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

inline ModelWriter writer_of(const Model& model, std::filesystem::path path = {}) {
  ModelWriter writer(std::move(path));
  writer.set_graph(bytes_of(model.graph));
  for (const auto& [key, value] : model.metadata) writer.set_metadata(key, value);
  for (const NamedTensor& t : model.tensors) writer.add(t.name, t.tensor, t.quantizer, t.coder);
  return writer;
}

inline Bytes file_of(const Model& model) {
  return writer_of(model).bytes();
}

/// Equality to the bit, which operator== of floats is not.
inline bool identical(const Tensor& a, const Tensor& b) {
  if (a.index() != b.index()) return false;
  if (std::holds_alternative<QuantizedTensor>(a)) return a == b;
  const auto& x = std::get<DenseTensor>(a);
  const auto& y = std::get<DenseTensor>(b);
  return x.shape == y.shape && x.values.size() == y.values.size() &&
         std::equal(x.values.begin(), x.values.end(), y.values.begin(), [](float p, float q) {
           return std::bit_cast<std::uint32_t>(p) == std::bit_cast<std::uint32_t>(q);
         });
}

/// About normal with deviation 1, from whole numbers only: the same on every machine.
inline double bell(Random& random) {
  std::int64_t sum = 0;
  for (int i = 0; i < 12; ++i) sum += random.below(1 << 16);
  return static_cast<double>(sum - 6 * 65'535) / 65'536;
}

/// `values`, to the nearest of their blocks' codebooks, which are taken in turn.
inline QuantizedTensor nearest(Shape shape, std::int64_t block_size,
                               const std::vector<Codebook>& codebooks,
                               const std::vector<float>& values) {
  QuantizedTensor tensor{std::move(shape), block_size, {}, {}};
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::size_t block = i / static_cast<std::size_t>(block_size);
    if (block == tensor.codebooks.size()) {
      tensor.codebooks.push_back(codebooks[block % codebooks.size()]);
    }
    tensor.indices.push_back(tensor.codebooks[block].nearest(values[i]));
  }
  return tensor;
}

inline std::vector<float> bell_values(const Shape& shape, double deviation, Random& random) {
  std::vector<float> values(static_cast<std::size_t>(element_count(shape)));
  for (float& value : values) value = static_cast<float>(deviation * bell(random));
  return values;
}

/// One codebook of multiples of `step` that reaches `reach` steps to both sides.
inline QuantizedTensor uniform(const Shape& shape, double deviation, float step, std::int64_t reach,
                               Random& random) {
  return nearest(shape, std::max<std::int64_t>(1, element_count(shape)),
                 {Codebook::evenly_spaced(step, -reach, 2 * reach + 1)},
                 bell_values(shape, deviation, random));
}

inline DenseTensor dense(const Shape& shape, Random& random) {
  return {shape, bell_values(shape, 1, random)};
}

/// The Error that opening `file` and reading all of it ends in.
struct Outcome {
  bool refused = false;
  ErrorCode code = ErrorCode::invalid_argument;
  std::string message = "no error";
};

inline Outcome read_all(const Bytes& file, const ReadLimits& limits = {}) {
  try {
    const auto reader = ModelReader::from_bytes(file, limits);
    for (const TensorEntry& entry : reader.entries()) (void)reader.read(entry);
  } catch (const Error& error) {
    return {true, error.code(), error.what()};
  }
  return {};
}

/// Makes all checksums of a file right again, and cuts off what is behind it, as far as its
/// structure can be followed: so that damage reaches what lies behind the checksums.
inline void reseal(Bytes& file, const ReadLimits& limits = {}) {
  using namespace container;
  const auto put = [&](std::uint64_t offset, std::uint32_t value) {
    ByteWriter writer;
    writer.u32(value);
    std::copy(writer.bytes().begin(), writer.bytes().end(),
              file.begin() + static_cast<std::ptrdiff_t>(offset));
  };
  try {
    const Preamble preamble = parse_preamble(file, file.size());
    const std::span header(file.data(), preamble.header_bytes);
    const std::uint32_t checksum = header_checksum(header);
    put(preamble.header_bytes - checksum_bytes, checksum);
    const auto part = [&](Part number, std::string_view name) {
      const PartPlace& place = preamble.parts[number];
      const auto stored = header.subspan(place.offset, place.bytes);
      if (unpacked_size(place.packing, stored, name) > limits.max_header_bytes)
        corrupt("too large");
      return unpack(place.packing, stored, name);
    };
    const CodebookTable codebooks(part(codebooks_part, "codebooks"), limits.max_elements);
    const Table table = decode_table(part(table_part, "table"), codebooks.size(), limits);
    const Sections sections = place(table.tensors, preamble.header_bytes, file.size());
    file.resize(sections.end);
    for (std::size_t s = 0; s < sections.sections.size(); ++s) {
      const Section& section = sections.sections[s];
      const std::span payloads(file.data() + section.offset, section.bytes);
      put(section.offset + section.bytes, section_checksum(payloads, checksum, s));
    }
  } catch (const Error&) {  // Then the reader stops at the same place.
  }
}

}  // namespace laconic::testing
