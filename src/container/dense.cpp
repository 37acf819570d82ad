#include "container/dense.h"

#include <algorithm>
#include <bit>
#include <optional>
#include <utility>

#include "container/pack.h"
#include "core/bytes.h"
#include "laconic/coder.h"

namespace laconic::container {
namespace {

constexpr std::string_view part = "a dense tensor";

/// Exponents (of float16, and three bits of its fraction) are eight bits.
IndexLayout exponent_layout(const Shape& shape) {
  return {shape, 256, -1};
}

std::uint32_t mask(NumberFormat format) {
  return format == NumberFormat::float32 ? 0xffff'ffff : 0xffff;
}

/// A number with its sign moved to the lowest bit, so that the highest byte is the exponent.
std::uint32_t rotated(std::uint32_t bits, NumberFormat format) {
  return (bits << 1 | bits >> (8 * width(format) - 1)) & mask(format);
}
std::uint32_t unrotated(std::uint32_t bits, NumberFormat format) {
  return (bits >> 1 | bits << (8 * width(format) - 1)) & mask(format);
}

bool all_equal(std::span<const float> values) {
  const auto first = std::bit_cast<std::uint32_t>(values.front());
  return std::all_of(values.begin(), values.end(),
                     [&](float v) { return std::bit_cast<std::uint32_t>(v) == first; });
}

std::vector<std::byte> encode_split(const DenseTensor& tensor, NumberFormat format) {
  const std::size_t low_bits = 8 * (width(format) - 1);
  const auto bits_of = [&](float value) { return rotated(to_bits(value, format), format); };
  std::vector<Index> exponents(tensor.values.size());
  std::ranges::transform(tensor.values, exponents.begin(), [&](float value) {
    return static_cast<Index>(bits_of(value) >> low_bits);
  });
  const Encoded encoded = encode("auto", exponents, exponent_layout(tensor.shape));
  exponents = {};  // Large tensors must not be held in more forms than needed.
  ByteWriter writer;
  writer.byte(coder_id(spec_name(encoded.coder)));
  writer.append(encoded.bytes);
  for (const float value : tensor.values) {
    const std::uint32_t bits = bits_of(value);
    for (std::size_t shift = 0; shift < low_bits; shift += 8) {
      writer.byte(static_cast<std::uint8_t>(bits >> shift));
    }
  }
  return writer.take();
}

void decode_split(std::span<const std::byte> bytes, NumberFormat format, DenseTensor& tensor) {
  ByteReader reader(bytes, part);
  const std::uint8_t id = reader.byte("the coder of exponents");
  const Coder* coder = coder_for_id(id);
  if (coder == nullptr) corrupt("exponents are held by coder {}, which is not known", id);
  const std::size_t low_bytes = width(format) - 1;
  const std::uint64_t fraction_bytes = low_bytes * tensor.values.size();
  if (fraction_bytes > reader.remaining()) {
    corrupt("{} bytes cannot hold the fractions of {} values", reader.remaining(),
            tensor.values.size());
  }
  std::vector<Index> exponents(tensor.values.size());
  coder->decode(reader.take(reader.remaining() - fraction_bytes, "exponents"),
                exponent_layout(tensor.shape), exponents);
  for (std::size_t i = 0; i < exponents.size(); ++i) {
    std::uint32_t bits = exponents[i];
    const auto fraction = reader.take(low_bytes, "a fraction");
    for (std::size_t b = low_bytes; b > 0; --b) {
      bits = bits << 8 | std::to_integer<std::uint32_t>(fraction[b - 1]);
    }
    tensor.values[i] = from_bits(unrotated(bits, format), format);
  }
}

}  // namespace

EncodedDense encode_dense(const DenseTensor& tensor) {
  const NumberFormat format = narrowest(tensor.values);
  if (tensor.values.size() > 1 && all_equal(tensor.values)) {
    return {DenseStorage::constant, format, to_planes(std::span(tensor.values).first(1), format)};
  }
  Packed packed = pack(to_planes(tensor.values, format));
  const auto storage =
      packed.packing == Packing::zstd ? DenseStorage::packed : DenseStorage::planes;
  auto split = encode_split(tensor, format);
  if (split.size() < packed.bytes.size()) return {DenseStorage::split, format, std::move(split)};
  return {storage, format, std::move(packed.bytes)};
}

DenseTensor decode_dense(DenseStorage storage, NumberFormat format,
                         std::span<const std::byte> bytes, const Shape& shape) {
  const auto count = static_cast<std::uint64_t>(element_count(shape));
  const auto check_size = [&](std::uint64_t found, std::uint64_t wanted) {
    if (found != wanted)
      corrupt("{} bytes do not hold {} values, which need {}", found, count, wanted);
  };
  DenseTensor tensor{shape, {}};
  switch (storage) {
    case DenseStorage::planes:
      check_size(bytes.size(), width(format) * count);
      tensor.values.resize(count);
      from_planes(bytes, format, tensor.values);
      break;
    case DenseStorage::packed: {
      check_size(unpacked_size(Packing::zstd, bytes, part), width(format) * count);
      const auto planes = unpack(Packing::zstd, bytes, part);
      tensor.values.resize(count);
      from_planes(planes, format, tensor.values);
      break;
    }
    case DenseStorage::constant: {
      check_size(bytes.size(), width(format));
      float value = 0;
      from_planes(bytes, format, std::span(&value, 1));
      tensor.values.assign(count, value);
      break;
    }
    case DenseStorage::split:
      if (bytes.size() < (width(format) - 1) * count)
        check_size(bytes.size(), (width(format) - 1) * count);
      tensor.values.resize(count);
      decode_split(bytes, format, tensor);
      break;
  }
  return tensor;
}

}  // namespace laconic::container
