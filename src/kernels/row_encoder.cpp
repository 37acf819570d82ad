#include "kernels/row_encoder.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace laconic {
namespace {

/// What an index becomes: its code, and the multiple that the code stands for.
struct Entry {
  std::uint8_t code = 0;
  std::int8_t multiple = 0;
};

}  // namespace

RowEncoder::Row RowEncoder::encode(std::int64_t row, std::span<std::uint8_t> codes) const {
  Row out;
  if (own_steps_) out.step = step_of_row(row);
  const std::int64_t first = row * row_, end = first + row_;
  std::vector<Entry> entries;
  for (std::int64_t block = first / block_; block * block_ < end; ++block) {
    const CodeMap& map = maps_.of_block(block);
    const auto levels = map.codebook->levels();
    entries.assign(levels.size(), {});
    for (std::size_t i = 0; i < levels.size(); ++i) {
      Entry& entry = entries[i];
      if (own_steps_) {
        entry.multiple = nearest_multiple(levels[i], out.step);
        entry.code = static_cast<std::uint8_t>(entry.multiple);
        const float stand_in = out.step * static_cast<float>(entry.multiple);
        out.error = std::max(out.error, std::abs(levels[i] - stand_in));
      } else {
        entry.code = map.codes[i];
        if (int8_) entry.multiple = map.rounded.multiples[i];
      }
    }
    out.error = std::max(out.error, map.rounded.error);

    const std::int64_t from = std::max(first, block * block_);
    const std::int64_t count = std::min(end, (block + 1) * block_) - from;
    const Index* index = tensor_.indices.data() + from;
    const Entry* entry = entries.data();
    std::uint8_t* code = codes.data() + (from - first);
    std::int64_t multiples = 0;
    for (std::int64_t k = 0; k < count; ++k) {
      const Entry found = entry[index[k]];
      code[k] = found.code;
      multiples += found.multiple;
    }
    const float step = own_steps_ ? out.step : map.rounded.step;
    out.sum += static_cast<double>(multiples) * double{step};
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
