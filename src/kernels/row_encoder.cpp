#include "kernels/row_encoder.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace laconic {
namespace {

/// Sums of so many indices of a map with even steps, 255 at most, fit into 32 bits.
constexpr std::size_t longest_sum = std::size_t{1} << 16;

/// Writes codes and returns the sum of the multiples that they stand for.
std::int64_t encode_evenly(const CodeMap& map, std::span<const Index> indices,
                           std::uint8_t* codes) {
  const std::uint8_t first = map.entries[0].code;
  std::int64_t sum = 0;
  for (auto left = indices; !left.empty();) {
    const auto part = left.first(std::min(left.size(), longest_sum));
    std::uint32_t positions = 0;
    for (std::size_t i = 0; i < part.size(); ++i) {
      codes[i] = static_cast<std::uint8_t>(part[i] + first);
      positions += part[i];
    }
    sum += std::int64_t{positions} * map.step;
    left = left.subspan(part.size());
    codes += part.size();
  }
  return sum + std::ssize(indices) * map.entries[0].multiple;
}

std::int64_t encode_by_table(const CodeEntry* entries, std::span<const Index> indices,
                             std::uint8_t* codes) {
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < indices.size(); ++i) {
    const CodeEntry found = entries[indices[i]];
    codes[i] = found.code;
    sum += found.multiple;
  }
  return sum;
}

}  // namespace

RowEncoder::Row RowEncoder::encode(std::int64_t row, std::span<const Index> indices,
                                   std::span<std::uint8_t> codes) const {
  Row out;
  if (own_steps_) out.step = step_of_row(row);
  const std::int64_t first = row * row_, end = first + row_;
  std::vector<CodeEntry> own;
  for (std::int64_t block = first / block_; block * block_ < end; ++block) {
    const CodeMap& map = maps_.of_block(block);
    const auto from = static_cast<std::size_t>(std::max(first, block * block_) - first);
    const auto to = static_cast<std::size_t>(std::min(end, (block + 1) * block_) - first);
    const auto part = indices.subspan(from, to - from);
    std::uint8_t* const code = codes.data() + from;
    if (own_steps_) {
      own.clear();
      for (const float level : map.codebook->levels()) {
        const auto multiple = nearest_multiple(level, out.step);
        own.push_back({static_cast<std::uint8_t>(multiple), multiple});
        const float stand_in = out.step * static_cast<float>(multiple);
        out.error = std::max(out.error, std::abs(level - stand_in));
      }
      out.sum += static_cast<double>(encode_by_table(own.data(), part, code)) * double{out.step};
      continue;
    }
    out.error = std::max(out.error, map.rounded.error);
    const auto multiples =
        map.even ? encode_evenly(map, part, code) : encode_by_table(map.entries.data(), part, code);
    out.sum += static_cast<double>(multiples) * double{map.rounded.step};
  }
  return out;
}

/// For the levels of all blocks that a row touches.
float RowEncoder::step_of_row(std::int64_t row) const {
  std::vector<float> levels;
  const std::int64_t last = ((row + 1) * row_ - 1) / block_;
  for (std::int64_t block = row * row_ / block_; block <= last; ++block) {
    const auto more = maps_.of_block(block).codebook->levels();
    levels.insert(levels.end(), more.begin(), more.end());
  }
  std::sort(levels.begin(), levels.end());
  levels.erase(std::unique(levels.begin(), levels.end()), levels.end());
  return best_step(levels);
}

}  // namespace laconic
