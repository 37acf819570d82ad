#include "laconic/quantized_tensor.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "laconic/error.h"

namespace laconic {
namespace {

constexpr std::size_t max_levels = 65536;

std::int64_t block_count(std::int64_t weights, std::int64_t block_size) {
  return weights / block_size + (weights % block_size != 0);
}

/// Calls visit(block, first, last) for each block's range of weights.
template <typename Visit>
void for_each_block(const QuantizedTensor& tensor, Visit visit) {
  const auto count = static_cast<std::int64_t>(tensor.indices.size());
  for (std::size_t block = 0; block < tensor.codebooks.size(); ++block) {
    const auto first = static_cast<std::int64_t>(block) * tensor.block_size;
    visit(block, static_cast<std::size_t>(first),
          static_cast<std::size_t>(std::min(count - first, tensor.block_size) + first));
  }
}

}  // namespace

std::int64_t element_count(const Shape& shape) noexcept {
  std::int64_t count = 1;
  for (const std::int64_t extent : shape) {
    if (extent <= 0) return 0;
    if (__builtin_mul_overflow(count, extent, &count))
      return std::numeric_limits<std::int64_t>::max();
  }
  return count;
}

const Shape& shape_of(const Tensor& tensor) noexcept {
  if (const auto* dense = std::get_if<DenseTensor>(&tensor)) return dense->shape;
  return std::get_if<QuantizedTensor>(&tensor)->shape;
}

Codebook::Codebook(std::vector<float> levels) {
  if (levels.empty() || levels.size() > max_levels) {
    fail(ErrorCode::invalid_argument, "a codebook has {} levels, but must have 1 to {}",
         levels.size(), max_levels);
  }
  for (std::size_t i = 0; i < levels.size(); ++i) {
    if (!std::isfinite(levels[i])) {
      fail(ErrorCode::invalid_argument, "level {} of a codebook is {}, but must be finite", i,
           levels[i]);
    }
    if (i > 0 && !(levels[i - 1] < levels[i])) {
      fail(ErrorCode::invalid_argument,
           "level {} of a codebook is {} after {}, but levels must ascend strictly", i, levels[i],
           levels[i - 1]);
    }
    if (levels[i] == 0) levels[i] = 0;  // One zero, not two: equal codebooks have equal bytes.
  }
  levels_ = std::make_shared<const std::vector<float>>(std::move(levels));
}

Index Codebook::nearest(float value) const noexcept {
  const auto& levels = *levels_;
  const auto above = std::lower_bound(levels.begin(), levels.end(), value);
  if (above == levels.begin()) return 0;
  if (above == levels.end()) return static_cast<Index>(levels.size() - 1);
  const double low = *(above - 1), high = *above, middle = 0.5 * (low + high);
  const bool up = value > middle || (value == middle && std::abs(high) < std::abs(low));
  return static_cast<Index>(above - levels.begin() - !up);
}

std::int64_t Codebook::zero_index() const noexcept {
  const auto at = std::lower_bound(levels_->begin(), levels_->end(), 0.0f);
  return at != levels_->end() && *at == 0 ? at - levels_->begin() : -1;
}

int Codebook::index_bits() const noexcept {
  return std::bit_width(size() - 1);
}

void validate(const QuantizedTensor& tensor) {
  for (const std::int64_t extent : tensor.shape) {
    if (extent < 0) {
      fail(ErrorCode::invalid_argument,
           "a quantized tensor has an extent of {}, but none may be negative", extent);
    }
  }
  const std::int64_t count = element_count(tensor.shape);
  if (tensor.indices.size() != static_cast<std::uint64_t>(count)) {
    fail(ErrorCode::invalid_argument,
         "a quantized tensor has {} indices, but its shape has {} weights", tensor.indices.size(),
         count);
  }
  if (tensor.block_size < 1) {
    fail(ErrorCode::invalid_argument,
         "a quantized tensor has a block size of {}, but must have at least 1", tensor.block_size);
  }
  const std::int64_t blocks = block_count(count, tensor.block_size);
  if (tensor.codebooks.size() != static_cast<std::uint64_t>(blocks)) {
    fail(ErrorCode::invalid_argument,
         "a quantized tensor has {} codebooks, but its {} weights in blocks of {} need {}",
         tensor.codebooks.size(), count, tensor.block_size, blocks);
  }
  for_each_block(tensor, [&](std::size_t block, std::size_t first, std::size_t last) {
    const std::size_t levels = tensor.codebooks[block].size();
    for (std::size_t i = first; i < last; ++i) {
      if (tensor.indices[i] >= levels) {
        fail(ErrorCode::invalid_argument,
             "index {} of a quantized tensor is {}, but its codebook has {} levels", i,
             tensor.indices[i], levels);
      }
    }
  });
}

std::vector<float> dequantize(const QuantizedTensor& tensor) {
  std::vector<float> weights(tensor.indices.size());
  for_each_block(tensor, [&](std::size_t block, std::size_t first, std::size_t last) {
    const float* levels = tensor.codebooks[block].levels().data();
    for (std::size_t i = first; i < last; ++i) weights[i] = levels[tensor.indices[i]];
  });
  return weights;
}

std::vector<float> dequantize(const Tensor& tensor) {
  if (const auto* dense = std::get_if<DenseTensor>(&tensor)) return dense->values;
  return dequantize(*std::get_if<QuantizedTensor>(&tensor));
}

Distortion distortion(std::span<const float> weights, const QuantizedTensor& tensor,
                      std::span<const float> importance) {
  if (weights.size() != tensor.indices.size() ||
      (!importance.empty() && importance.size() != weights.size())) {
    fail(ErrorCode::invalid_argument,
         "distortion of {} weights with {} importances against {} indices: the numbers must agree",
         weights.size(), importance.size(), tensor.indices.size());
  }
  Distortion result;
  double signal = 0, error = 0;
  for_each_block(tensor, [&](std::size_t block, std::size_t first, std::size_t last) {
    const float* levels = tensor.codebooks[block].levels().data();
    for (std::size_t i = first; i < last; ++i) {
      const double weight = weights[i], level = levels[tensor.indices[i]];
      const double squared = (weight - level) * (weight - level);
      signal += weight * weight;
      error += squared;
      result.weighted += importance.empty() ? squared : importance[i] * squared;
      result.max_abs = std::max(result.max_abs, static_cast<float>(std::abs(weight - level)));
      result.zeroed += weight != 0 && level == 0;
      result.flipped += weight * level < 0;
    }
  });
  if (!weights.empty()) result.mse = error / static_cast<double>(weights.size());
  result.sqnr_db =
      error == 0 ? std::numeric_limits<double>::infinity() : 10 * std::log10(signal / error);
  return result;
}

double index_entropy(const QuantizedTensor& tensor) {
  double bits = 0;
  std::vector<std::int64_t> counts;
  for_each_block(tensor, [&](std::size_t block, std::size_t first, std::size_t last) {
    counts.assign(tensor.codebooks[block].size(), 0);
    for (std::size_t i = first; i < last; ++i) ++counts[tensor.indices[i]];
    const auto total = static_cast<double>(last - first);
    for (const std::int64_t count : counts) {
      if (count > 0)
        bits += static_cast<double>(count) * std::log2(total / static_cast<double>(count));
    }
  });
  return tensor.indices.empty() ? 0 : bits / static_cast<double>(tensor.indices.size());
}

}  // namespace laconic
