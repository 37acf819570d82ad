// What tests of data sets share.

#pragma once

#include <cstdint>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

#include "errors.h"
#include "laconic/dataset.h"

namespace laconic {

using Bytes = std::vector<std::uint8_t>;

/// What opening a data set says when it fails.
inline std::string message_of(std::string_view spec, ErrorCode code = ErrorCode::invalid_data) {
  return error_of([&] { (void)make_dataset(spec); }, code);
}

struct Samples {
  std::vector<float> x;
  std::vector<std::int64_t> labels;
};

/// All samples of a part unless indices are given.
inline Samples read(const Dataset& data, Part part, std::vector<std::int64_t> indices = {},
                    const Augmentation& augmentation = {}, std::uint64_t seed = 0) {
  if (indices.empty()) {
    indices.resize(static_cast<std::size_t>(data.size(part)));
    std::iota(indices.begin(), indices.end(), std::int64_t{0});
  }
  Samples out;
  out.x.resize(indices.size() * static_cast<std::size_t>(element_count(data.sample_shape())));
  out.labels.resize(indices.size());
  data.read(part, indices, out.x, out.labels, augmentation, seed);
  return out;
}

}  // namespace laconic
