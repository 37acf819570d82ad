// The front of all quantizers: checks the arguments once for all members.

#include "laconic/quantizer.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

#include "laconic/error.h"
#include "quantize/block.h"

namespace laconic {
namespace {

constexpr std::uint32_t magnitude_mask = 0x7fffffff;
constexpr std::uint32_t infinity_bits = 0x7f800000;

/// What one pass over the bits of floats tells: non-negative floats order as their bits do.
struct Scan {
  std::uint32_t largest = 0;   ///< Bits of the largest magnitude; NaN is larger than infinity.
  std::uint32_t negative = 0;  ///< Bits of the largest negative number's magnitude, 0 if none.
  std::uint64_t sum = 0;       ///< Of the magnitudes' bits.
  std::uint64_t nonzero = 0;
};

Scan scan(std::span<const float> values) {
  Scan result;
  for (const float value : values) {
    const auto bits = std::bit_cast<std::uint32_t>(value), magnitude = bits & magnitude_mask;
    result.largest = std::max(result.largest, magnitude);
    result.negative = std::max(result.negative, bits > magnitude_mask ? magnitude : 0);
    result.sum += magnitude;
    result.nonzero += magnitude != 0;
  }
  return result;
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
    block.typical_weight =
        std::bit_cast<float>(static_cast<std::uint32_t>(of_weights.sum / of_weights.nonzero));
  }
  if (!importance.empty()) {
    const Scan of_importance = scan(importance);
    if (of_importance.largest >= infinity_bits || of_importance.negative > 0) {
      refuse_first_bad("importance", importance, "finite and not negative");
    }
    if (of_importance.largest == 0) {
      block.importance = {};
    } else {
      block.largest_importance = std::bit_cast<float>(of_importance.largest);
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

}  // namespace

BlockCode Quantizer::quantize_block(std::span<const float> weights,
                                    std::span<const float> importance, const Prior& prior) const {
  const auto pins = checked_pins(prior.pinned);
  return solve(checked(weights, importance), {.start = prior.start, .pinned = pins});
}

}  // namespace laconic
