// Quantized tensors as ONNX's own operators.

#include <algorithm>
#include <cstring>
#include <unordered_map>

#include "graph/onnx/write.h"

namespace laconic {
namespace {

template <typename T>
void put(std::vector<std::byte>& bytes, T value) {
  const auto at = bytes.size();
  bytes.resize(at + sizeof value);
  std::memcpy(bytes.data() + at, &value, sizeof value);
}

/// Element `of(i)` for each weight, in the bytes of type T.
template <typename T, typename Of>
std::vector<std::byte> elements(std::size_t count, Of of) {
  std::vector<std::byte> bytes;
  bytes.reserve(count * sizeof(T));
  for (std::size_t i = 0; i < count; ++i) put(bytes, static_cast<T>(of(i)));
  return bytes;
}

/// The whole multiples of its step that a block's levels are.
struct Block {
  EvenSpacing spacing;
  std::int64_t last = 0;  ///< The highest level is last*step.
};

std::optional<std::vector<Block>> even_blocks(const QuantizedTensor& tensor) {
  std::vector<Block> blocks;
  for (const auto& codebook : tensor.codebooks) {
    Block block;
    if (!find_even_spacing(codebook, block.spacing)) return {};
    block.last = block.spacing.first + static_cast<std::int64_t>(codebook.size()) - 1;
    blocks.push_back(block);
  }
  return blocks;
}

/// Zero points and the type of the integers. With int8 multiples are stored as they are; with uint8
/// they count from the zero point.
struct Stored {
  ElementType type = ElementType::int8;
  bool nibbles = false;  ///< Four bits of each.
  std::vector<std::int64_t> zero_points;
};

std::optional<Stored> fit_bits(const std::vector<Block>& blocks, int bits) {
  const std::int64_t values = std::int64_t{1} << bits, half = values / 2;
  const bool nibbles = bits == 4;
  const auto all = [&](auto fits) { return std::ranges::all_of(blocks, fits); };
  if (all([&](const Block& b) { return b.spacing.first >= -half && b.last < half; })) {
    return Stored{ElementType::int8, nibbles, std::vector<std::int64_t>(blocks.size(), 0)};
  }
  if (!all([&](const Block& b) {
        const auto lowest = std::min<std::int64_t>(b.spacing.first, 0);
        return lowest > -values && b.last - lowest < values;
      })) {
    return {};
  }
  Stored stored{ElementType::uint8, nibbles, {}};
  for (const auto& block : blocks) {
    stored.zero_points.push_back(std::max<std::int64_t>(0, -block.spacing.first));
  }
  return stored;
}

/// In 4 bits from the opset that knows them.
std::optional<Stored> fit(const std::vector<Block>& blocks, std::int64_t opset) {
  constexpr std::int64_t first_of_nibbles = 21;
  if (opset >= first_of_nibbles) {
    if (auto stored = fit_bits(blocks, 4)) return stored;
  }
  return fit_bits(blocks, 8);
}

std::vector<std::byte> join_nibbles(std::vector<std::byte> bytes) {
  const auto nibble = [&](std::size_t i) { return bytes[i] & std::byte{15}; };
  const std::size_t count = bytes.size();
  for (std::size_t i = 0; i < count; i += 2) {
    bytes[i / 2] = nibble(i) | (i + 1 < count ? nibble(i + 1) << 4 : std::byte{0});
  }
  bytes.resize((count + 1) / 2);
  return bytes;
}

}  // namespace

std::optional<Computation> dequantize_linear(const std::string& name, const QuantizedTensor& tensor,
                                             std::int64_t opset, FreshNames& names) {
  const bool whole = tensor.codebooks.size() == 1;
  const bool channels = !whole && !tensor.shape.empty() &&
                        static_cast<std::int64_t>(tensor.codebooks.size()) == tensor.shape[0] &&
                        tensor.block_size * tensor.shape[0] == element_count(tensor.shape);
  if (opset < (whole ? 10 : 13) || (!whole && !channels) || tensor.indices.empty()) return {};
  const auto blocks = even_blocks(tensor);
  const auto stored = blocks ? fit(*blocks, opset) : std::nullopt;
  if (!stored) return {};

  const auto block_size = static_cast<std::size_t>(tensor.block_size);
  const auto multiples = [&tensor, blocks, stored, block_size] {
    auto bytes = elements<std::uint8_t>(tensor.indices.size(), [&](std::size_t i) {
      const std::size_t b = i / block_size;
      return (*blocks)[b].spacing.first + tensor.indices[i] + stored->zero_points[b];
    });
    return stored->nibbles ? join_nibbles(std::move(bytes)) : bytes;
  };
  const auto steps = [blocks] {
    return elements<float>(blocks->size(),
                           [&](std::size_t b) { return (*blocks)[b].spacing.step; });
  };
  const auto zero_points = [stored] {
    auto bytes = elements<std::uint8_t>(stored->zero_points.size(),
                                        [&](std::size_t b) { return stored->zero_points[b]; });
    return stored->nibbles ? join_nibbles(std::move(bytes)) : bytes;
  };
  const Shape per_block = whole ? Shape{} : Shape{tensor.shape[0]};
  Computation out;
  out.initializers = {
      {names.make(name + ".multiples"), stored->type, tensor.shape, multiples, stored->nibbles},
      {names.make(name + ".step"), ElementType::float32, per_block, steps},
      {names.make(name + ".zero_point"), stored->type, per_block, zero_points, stored->nibbles}};
  Node node{"", "DequantizeLinear", {}, {name}, {}};
  for (const auto& initializer : out.initializers) node.inputs.push_back(initializer.name);
  if (!whole) node.attributes["axis"] = std::int64_t{0};
  out.nodes.push_back(std::move(node));
  return out;
}

std::optional<Computation> gather_levels(const std::string& name, const QuantizedTensor& tensor,
                                         FreshNames& names) {
  // Blocks that share a codebook share its levels; offsets are where a block's levels begin.
  std::vector<float> levels;
  std::vector<std::size_t> offsets;
  std::unordered_map<const float*, std::size_t> known;
  for (const auto& codebook : tensor.codebooks) {
    const auto [place, is_new] = known.try_emplace(codebook.levels().data(), levels.size());
    if (is_new) levels.insert(levels.end(), codebook.levels().begin(), codebook.levels().end());
    offsets.push_back(place->second);
  }
  const auto type = levels.size() <= 256 ? ElementType::uint8 : ElementType::uint16;
  const std::size_t size = tensor.indices.size();
  const std::size_t stored = size * element_bytes(type) + levels.size() * sizeof(float);
  if (levels.size() > 65536 || stored >= size * sizeof(float)) return {};

  const auto block_size = static_cast<std::size_t>(tensor.block_size);
  const auto position = [&tensor, offsets, block_size](std::size_t i) {
    return offsets[i / block_size] + tensor.indices[i];
  };
  const auto indices = [=] {
    return type == ElementType::uint8 ? elements<std::uint8_t>(size, position)
                                      : elements<std::uint16_t>(size, position);
  };
  const auto table = [levels] {
    return elements<float>(levels.size(), [&](std::size_t i) { return levels[i]; });
  };
  Computation out;
  out.initializers = {{names.make(name + ".indices"), type, tensor.shape, indices},
                      {names.make(name + ".levels"),
                       ElementType::float32,
                       {static_cast<std::int64_t>(levels.size())},
                       table}};
  const std::string positions = names.make(name + ".positions");
  const auto int32 = static_cast<std::int64_t>(ElementType::int32);  // Gather reads no less.
  out.nodes = {{"", "Cast", {out.initializers[0].name}, {positions}, {{"to", int32}}},
               {"", "Gather", {out.initializers[1].name, positions}, {name}, {}}};
  return out;
}

}  // namespace laconic
