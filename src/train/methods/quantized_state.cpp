#include "train/methods/quantized_state.h"

#include <cmath>

#include "laconic/error.h"

namespace laconic {
namespace {

[[noreturn]] void malformed(const std::string& name) {
  fail(ErrorCode::corrupt_data, "the checkpoint does not fit the run: its levels of \"{}\"", name);
}

std::int64_t extent(std::size_t size) {
  return static_cast<std::int64_t>(size);
}

/// Whole numbers below a limit, which floats of a checkpoint stand for.
template <typename T>
std::vector<T> whole_numbers(const std::vector<float>& values, float limit,
                             const std::string& name) {
  std::vector<T> out;
  out.reserve(values.size());
  for (const float value : values) {
    if (!(value >= 0 && value < limit) || std::trunc(value) != value) malformed(name);
    out.push_back(static_cast<T>(value));
  }
  return out;
}

constexpr std::int64_t unit = 1 << 20;

}  // namespace

std::array<float, 2> split_count(std::int64_t count) {
  return {static_cast<float>(count / unit), static_cast<float>(count % unit)};
}

std::optional<std::int64_t> joined_count(float high, float low) {
  const auto valid = [](float part) {
    return part >= 0 && part < 0x1p24f && part == std::trunc(part);
  };
  if (!valid(high) || !valid(low)) return {};
  return static_cast<std::int64_t>(high) * unit + static_cast<std::int64_t>(low);
}

void keep(const QuantizedTensor& tensor, const std::string& name, MethodState& state) {
  std::vector<float> levels, sizes;
  for (const auto& codebook : tensor.codebooks) {
    levels.insert(levels.end(), codebook.levels().begin(), codebook.levels().end());
    sizes.push_back(static_cast<float>(codebook.size()));
  }
  state["levels/" + name] = {{extent(levels.size())}, std::move(levels)};
  state["sizes/" + name] = {{extent(sizes.size())}, std::move(sizes)};
  state["indices/" + name] = {tensor.shape, {tensor.indices.begin(), tensor.indices.end()}};
}

void take_up(const MethodState& state, const std::string& name, QuantizedTensor& tensor) {
  const auto levels = state.find("levels/" + name), sizes = state.find("sizes/" + name),
             indices = state.find("indices/" + name);
  if (levels == state.end() || sizes == state.end() || indices == state.end()) malformed(name);
  const auto counts = whole_numbers<std::size_t>(sizes->second.values, 65537, name);
  const auto& all = levels->second.values;
  if (counts.size() != tensor.codebooks.size()) malformed(name);
  QuantizedTensor kept{tensor.shape, tensor.block_size, {}, {}};
  kept.indices = whole_numbers<Index>(indices->second.values, 65536, name);
  std::size_t next = 0;
  try {
    for (const auto count : counts) {
      if (count > all.size() - next) malformed(name);
      const auto first = all.begin() + static_cast<std::ptrdiff_t>(next);
      kept.codebooks.emplace_back(
          std::vector<float>(first, first + static_cast<std::ptrdiff_t>(count)));
      next += count;
    }
    validate(kept);
  } catch (const Error&) {
    malformed(name);
  }
  tensor = std::move(kept);
}

}  // namespace laconic
