#include "kernels/row_encoder.h"

#include <algorithm>
#include <cmath>

namespace laconic {
RowEncoder::Row RowEncoder::encode(std::int64_t row, std::span<const Index> indices,
                                   std::span<std::uint8_t> codes) const {
  Row out;
  if (own_steps_) out.step = step_of_row(row);
  const std::int64_t first = row * row_, end = first + row_;
  std::vector<std::int8_t> own;
  for (std::int64_t block = first / block_; block * block_ < end; ++block) {
    const CodeMap& map = maps_.of_block(block);
    const std::int64_t from = std::max(first, block * block_) - first;
    EncodeJob job{.codes = map.codes.data(),
                  .levels = static_cast<std::int64_t>(map.codebook->size()),
                  .even = map.even,
                  .step = map.step,
                  .indices = indices.data() + from,
                  .count = std::min(end, (block + 1) * block_) - first - from,
                  .out = codes.data() + from};
    if (!map.rounded.multiples.empty()) job.multiples = map.rounded.multiples.data();
    float step = map.rounded.step, error = map.rounded.error;
    if (own_steps_) {
      step = out.step;
      error = 0;
      own.clear();
      for (const float level : map.codebook->levels()) {
        own.push_back(nearest_multiple(level, step));
        error = std::max(error, std::abs(level - step * static_cast<float>(own.back())));
      }
      job.codes = reinterpret_cast<const std::uint8_t*>(own.data());
      job.multiples = own.data();
      job.even = false;
    }
    out.error = std::max(out.error, error);
    out.sum += static_cast<double>(isa_.encode(job)) * double{step};
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
