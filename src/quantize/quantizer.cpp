// The front of all quantizers: checks the arguments once for all members.

#include "laconic/quantizer.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "laconic/error.h"
#include "quantize/block.h"
#include "quantize/every_isa.h"
#include "quantize/ranges.h"

namespace laconic {
namespace {

constexpr std::int32_t magnitude_mask = 0x7fffffff;
constexpr std::int32_t infinity_bits = 0x7f800000;
constexpr std::size_t chunk = 4096;  ///< Weights over which sums of 16 bits each fit into 32.

/// What one pass over weights tells: the bits of non-negative floats order as the floats do.
struct Scan {
  std::int32_t largest = 0;  ///< Bits of the largest magnitude; NaN is larger than infinity.
  std::int64_t sum = 0;      ///< Of the upper halves of the magnitudes' bits.
  std::int64_t nonzero = 0;
};

LACONIC_EVERY_ISA Scan scan_range(std::span<const float> values) {
  Scan result;
  for (std::size_t begin = 0; begin < values.size(); begin += chunk) {
    std::int32_t largest = result.largest, sum = 0, nonzero = 0;
    for (const float value : values.subspan(begin, std::min(chunk, values.size() - begin))) {
      const std::int32_t magnitude = std::bit_cast<std::int32_t>(value) & magnitude_mask;
      largest = std::max(largest, magnitude);
      sum += magnitude >> 16;
      nonzero += magnitude != 0;
    }
    result.largest = largest;
    result.sum += sum;
    result.nonzero += nonzero;
  }
  return result;
}

Scan scan(std::span<const float> values) {
  const auto ranges = ranges_of(values.size());
  std::vector<Scan> parts(ranges.size());
  for_each_range(ranges, [&](const IndexRange& range, std::size_t i) {
    parts[i] = scan_range(values.subspan(range.begin, range.size()));
  });
  Scan result;
  for (const Scan& part : parts) {
    result.largest = std::max(result.largest, part.largest);
    result.sum += part.sum;
    result.nonzero += part.nonzero;
  }
  return result;
}

LACONIC_EVERY_ISA float largest_importance_in(std::span<const float> values) {
  std::int32_t largest = 0, signs = 0;
  for (const float value : values) {
    const auto bits = std::bit_cast<std::int32_t>(value);
    largest = std::max(largest, bits);
    signs |= bits;
  }
  // A sign may be that of zero. Of NaN, comparisons are false.
  const bool negative =
      signs < 0 && std::any_of(values.begin(), values.end(), [](float v) { return !(v >= 0); });
  return largest >= infinity_bits || negative ? std::numeric_limits<float>::quiet_NaN()
                                              : std::bit_cast<float>(largest);
}

/// The largest importance; NaN if any is not finite or negative.
float largest_importance(std::span<const float> values) {
  const auto ranges = ranges_of(values.size());
  std::vector<float> parts(ranges.size());
  for_each_range(ranges, [&](const IndexRange& range, std::size_t i) {
    parts[i] = largest_importance_in(values.subspan(range.begin, range.size()));
  });
  const auto bad = std::ranges::find_if(parts, [](float part) { return std::isnan(part); });
  return bad != parts.end() ? *bad : std::ranges::max(parts);
}

[[noreturn]] void refuse_first_bad(std::string_view what, std::span<const float> values,
                                   std::string_view allowed) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i]) || (what == "importance" && values[i] < 0)) {
      fail(ErrorCode::invalid_argument, "{} {} is {}, but must be {}", what, i, values[i], allowed);
    }
  }
  fail(ErrorCode::invalid_argument, "{} must be {}", what, allowed);
}

CheckedBlock checked(std::span<const float> weights, std::span<const float> importance) {
  if (weights.empty()) fail(ErrorCode::invalid_argument, "a block to be quantized has no weights");
  if (!importance.empty() && importance.size() != weights.size()) {
    fail(ErrorCode::invalid_argument, "{} importances for {} weights: there must be one each",
         importance.size(), weights.size());
  }
  CheckedBlock block{.weights = weights, .importance = importance};
  const Scan of_weights = scan(weights);
  if (of_weights.largest >= infinity_bits) refuse_first_bad("weight", weights, "finite");
  block.largest_weight = std::bit_cast<float>(of_weights.largest);
  if (of_weights.nonzero > 0) {
    // Bits of a float grow about as its logarithm does.
    block.typical_weight = std::bit_cast<float>(
        static_cast<std::int32_t>((of_weights.sum << 16) / of_weights.nonzero));
  }
  if (!importance.empty()) {
    const float largest = largest_importance(importance);
    if (std::isnan(largest)) refuse_first_bad("importance", importance, "finite and not negative");
    if (largest == 0) {
      block.importance = {};
    } else {
      block.largest_importance = largest;
    }
  }
  return block;
}

std::vector<float> checked_pins(std::span<const float> pinned) {
  for (const float level : pinned) {
    if (!std::isfinite(level)) {
      fail(ErrorCode::invalid_argument, "a pinned level is {}, but must be finite", level);
    }
  }
  std::vector<float> pins(pinned.begin(), pinned.end());
  std::sort(pins.begin(), pins.end());
  pins.erase(std::unique(pins.begin(), pins.end()), pins.end());
  return pins;
}

/// What is left without the weights that are zero.
struct Survivors {
  std::vector<float> weights, importance;
};

Survivors survivors_of(std::span<const float> weights, std::span<const float> importance) {
  Survivors out;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (weights[i] == 0) continue;
    out.weights.push_back(weights[i]);
    if (!importance.empty()) out.importance.push_back(importance[i]);
  }
  return out;
}

/// The survivors' code with zeros between them again, where they are in `weights`.
BlockCode among_zeros(BlockCode code, std::span<const float> weights) {
  std::vector<Index> indices(weights.size(), static_cast<Index>(code.codebook.zero_index()));
  for (std::size_t i = 0, survivor = 0; i < weights.size(); ++i) {
    if (weights[i] != 0) indices[i] = code.indices[survivor++];
  }
  return {std::move(code.codebook), std::move(indices)};
}

}  // namespace

BlockCode Quantizer::quantize_block(std::span<const float> weights,
                                    std::span<const float> importance, const Prior& prior) const {
  auto pins = checked_pins(prior.pinned);
  const auto block = checked(weights, importance);
  if (prior.zeros == Zeros::free || follows_paths())
    return solve(block, {prior.start, pins, prior.path, prior.zeros, prior.whole_pattern});
  if (block.largest_weight == 0 && pins.empty())
    return {Codebook({0}), std::vector<Index>(weights.size(), 0)};
  pins.push_back(0);
  pins = checked_pins(pins);
  if (block.largest_weight == 0) return solve(block, {.pinned = pins});
  const auto survivors = survivors_of(weights, importance);
  const Prior of_survivors{.pinned = pins, .whole_pattern = prior.whole_pattern};
  return among_zeros(solve(checked(survivors.weights, survivors.importance), of_survivors),
                     weights);
}

}  // namespace laconic
