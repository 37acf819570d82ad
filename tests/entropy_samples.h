// Index tensors that coders are held to.

#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "laconic/coder.h"
#include "laconic/error.h"
#include "laconic/random.h"
#include "trellis_paths.h"

namespace laconic::testing {

struct IndexSample {
  std::string name;
  IndexLayout layout;
  std::vector<Index> indices;
};

/// Indices of a Gaussian quantized with `levels` levels, `per_deviation` of them a deviation.
inline std::vector<Index> gaussian_indices(std::size_t count, std::int64_t levels,
                                           double per_deviation, std::uint64_t seed = 1) {
  Random random(seed);
  std::vector<Index> indices(count);
  for (Index& index : indices) {
    const double level =
        std::round(per_deviation * random.normal()) + static_cast<double>(levels / 2);
    index = static_cast<Index>(std::clamp(level, 0.0, static_cast<double>(levels - 1)));
  }
  return indices;
}

/// Bits per index of the best code that knows how often each occurs.
inline double entropy(std::span<const Index> indices) {
  std::vector<double> counts(65'536);
  for (const Index index : indices) ++counts[index];
  double bits = 0;
  for (const double count : counts) {
    if (count > 0) bits -= count * std::log2(count / static_cast<double>(indices.size()));
  }
  return indices.empty() ? 0 : bits / static_cast<double>(indices.size());
}

inline std::vector<IndexSample> index_samples() {
  std::vector<IndexSample> samples;
  const auto add = [&](std::string name, std::int64_t alphabet, std::int64_t zero,
                       std::vector<Index> indices, Shape shape = {}) {
    if (shape.empty()) shape = {static_cast<std::int64_t>(indices.size())};
    samples.push_back({std::move(name), {std::move(shape), alphabet, zero}, std::move(indices)});
  };
  const auto uniform = [](std::size_t count, std::int64_t alphabet) {
    Random random(2);
    std::vector<Index> indices(count);
    for (Index& index : indices) index = static_cast<Index>(random.below(alphabet));
    return indices;
  };
  add("empty", 16, 3, {}, {0, 3});
  add("one of one", 1, -1, {0});
  add("one", 16, -1, {7});
  add("two", 65'536, 65'535, {65'535, 0});
  add("no levels but zero", 1, 0, std::vector<Index>(100, 0));
  add("all zero", 16, 4, std::vector<Index>(1000, 4), {10, 10, 10});
  add("all equal, not zero", 300, 299, std::vector<Index>(1000, 17), {10, 100});
  add("a scalar", 4, 2, {3}, {1});
  add("binary", 2, -1, uniform(999, 2));
  add("uniform over 13", 13, 6, uniform(4000, 13), {20, 20, 10});
  add("uniform over 256", 256, 0, uniform(5000, 256));
  add("uniform over 65,536", 65'536, 9, uniform(50'000, 65'536));
  add("gaussian, tiny", 9, 4, gaussian_indices(36, 9, 1), {4, 9});
  add("gaussian", 16, 8, gaussian_indices(4608, 16, 1.1), {16, 32, 3, 3});
  add("gaussian, fine", 4001, 2000, gaussian_indices(20'000, 4001, 300), {200, 100});
  add("gaussian, large", 32, 16, gaussian_indices(150'001, 32, 5), {150'001});
  add("gaussian, wide and large", 600, 300, gaussian_indices(140'000, 600, 90));

  std::vector<Index> sparse = gaussian_indices(30'000, 16, 0.25);
  add("sparse", 16, 8, sparse, {30, 1000});
  std::vector<Index> lone(40'000, 5);
  lone[39'998] = 1;
  add("one survivor, late", 6, 5, lone);
  std::vector<Index> fibonacci;  // The deepest prefix code that so few indices can have.
  for (std::size_t symbol = 0, count = 1, next = 1; symbol < 24; ++symbol) {
    fibonacci.insert(fibonacci.end(), count, static_cast<Index>(symbol));
    std::swap(count, next);
    next += count;
  }
  add("fibonacci", 24, -1, fibonacci);
  std::vector<Index> sawtooth;
  for (std::size_t i = 0; i < 10'000; ++i) sawtooth.push_back(static_cast<Index>(i % 1000));
  add("sawtooth", 1000, 0, sawtooth, {10, 1000});
  const auto add_paths = [&](std::string name, std::int64_t alphabet, Index zero,
                             std::vector<Index> indices, const Shape& shape) {
    put_on_paths(indices, shape, zero);
    add(std::move(name), alphabet, zero, std::move(indices), shape);
  };
  add_paths("paths", 31, 15, gaussian_indices(4608, 31, 2.2), {16, 32, 3, 3});
  add_paths("an odd number of paths", 9, 4, gaussian_indices(693, 9, 2), {7, 99});
  add_paths("one path", 700, 350, gaussian_indices(2000, 700, 90), {2000});
  add_paths("paths of few values", 3, 1, gaussian_indices(3000, 3, 1), {10, 300});
  add_paths("paths without negative values", 5, 0, uniform(1080, 5), {9, 120});
  return samples;
}

/// Whether a member can code such indices: all but `trellis` can code any.
inline bool can_code(std::string_view coder, const IndexSample& sample) {
  if (coder != "trellis") return true;
  if (sample.layout.zero < 0) return false;
  auto moved = sample.indices;
  put_on_paths(moved, sample.layout.shape, static_cast<Index>(sample.layout.zero));
  return moved == sample.indices;
}

}  // namespace laconic::testing
