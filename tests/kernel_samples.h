// Random packed layers, operands that end at pages without access, and products in double.

#pragma once

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "laconic/kernels.h"
#include "laconic/random.h"

namespace laconic::testing {

/// Floats whose end is the end of accessible memory; the start too, but for what fills the page.
class Guarded {
 public:
  explicit Guarded(std::span<const float> values) : size_(values.size()) {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    const std::size_t pages = (values.size_bytes() + page - 1) / page;
    bytes_ = (pages + 2) * page;
    void* memory = mmap(nullptr, bytes_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    memory_ = static_cast<std::byte*>(memory);
    mprotect(memory_ + page, pages * page, PROT_READ | PROT_WRITE);
    data_ = reinterpret_cast<float*>(memory_ + (pages + 1) * page - values.size_bytes());
    std::copy(values.begin(), values.end(), data_);
  }
  ~Guarded() { munmap(memory_, bytes_); }
  Guarded(const Guarded&) = delete;
  Guarded& operator=(const Guarded&) = delete;

  [[nodiscard]] float* data() const { return data_; }
  [[nodiscard]] std::span<float> span() const { return {data_, size_}; }

 private:
  std::size_t size_, bytes_ = 0;
  std::byte* memory_ = nullptr;
  float* data_ = nullptr;
};

enum class Levels { even, powers, free };

/// A codebook of up to so many levels.
inline Codebook random_codebook(Random& random, Levels levels, std::int64_t count) {
  const auto scale = static_cast<float>(std::exp(random.normal()));
  if (levels == Levels::even) {
    return Codebook::evenly_spaced(scale, -random.below(count), count);
  }
  std::vector<float> values;
  if (levels == Levels::powers) {
    values.push_back(0);
    for (std::int64_t i = 1; i < count; ++i) {
      const float power = std::ldexp(scale, -static_cast<int>((i - 1) / 2));
      values.push_back(i % 2 == 0 ? -power : power);
    }
  } else {
    for (std::int64_t i = 0; i < count; ++i) {
      values.push_back(scale * static_cast<float>(random.normal()));
    }
  }
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
  return Codebook(values);
}

/// A tensor of random indices; `block` weights to a codebook, all alike if `shared`.
inline QuantizedTensor random_tensor(Random& random, const Shape& shape, std::int64_t block,
                                     Levels levels, std::int64_t count, bool shared) {
  QuantizedTensor out;
  out.shape = shape;
  out.block_size = block;
  const std::int64_t weights = element_count(shape);
  for (std::int64_t first = 0; first < weights; first += block) {
    if (first == 0 || !shared) {
      out.codebooks.push_back(random_codebook(random, levels, count));
    } else {
      out.codebooks.push_back(out.codebooks.front());
    }
    const auto size = static_cast<std::int64_t>(out.codebooks.back().size());
    for (std::int64_t i = first; i < std::min(weights, first + block); ++i) {
      out.indices.push_back(static_cast<Index>(random.below(size)));
    }
  }
  validate(out);
  return out;
}

inline std::vector<float> random_floats(Random& random, std::int64_t count, double shift = 0) {
  std::vector<float> out(static_cast<std::size_t>(count));
  for (float& value : out) value = static_cast<float>(random.normal() + shift);
  return out;
}

/// What Activations::int8 makes of values that share a scale, by the rule of docs/kernels.md.
struct RoundedValues {
  std::vector<double> values;
  double scale = 0;
};

inline RoundedValues round_values(std::span<const float> x) {
  float low = 0, high = 0;
  for (const float value : x) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
  const float scale = std::max(high / 255 - low / 255, 0x1p-120F);
  const float inverse = 1 / scale;
  const float zero = std::nearbyint(-low * inverse);
  RoundedValues out;
  out.scale = scale;
  for (const float value : x) {
    const float byte = std::clamp(std::nearbyint(value * inverse) + zero, 0.0f, 255.0f);
    out.values.push_back(double{scale} * (byte - zero));
    EXPECT_NEAR(out.values.back(), value, 0.5001 * scale);
  }
  return out;
}

/// A sum in double with the sum of its magnitudes.
struct Sum {
  double value = 0, magnitude = 0, weights = 0;

  void add(double weight, double x) {
    value += weight * x;
    magnitude += std::abs(weight * x);
    weights += std::abs(weight);
  }
  void add(double term) { add(1, term); }
};

/// gamma of n roundings to single precision.
inline double gamma(std::int64_t n) {
  const double rounding = static_cast<double>(n) * 0x1p-24;
  return rounding / (1 - rounding);
}

/// Expects that `y` differs from `sum`, of `terms` products, by no more than roundings explain.
/// Sums of bytes (scale > 0) are exact but for few roundings, of sums that hold 255 steps for a
/// weight.
inline void expect_within_bound(float y, const Sum& sum, std::int64_t terms, double scale) {
  const double bound = scale > 0
                           ? gamma(16 + terms / 16) * (sum.magnitude + 255 * scale * sum.weights)
                           : gamma(terms + 2) * sum.magnitude;
  EXPECT_LE(std::abs(y - sum.value), bound) << "y = " << y << ", exactly " << sum.value;
}

}  // namespace laconic::testing
