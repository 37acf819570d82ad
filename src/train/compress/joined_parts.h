// Training and validation samples as one part.

#pragma once

#include "laconic/dataset.h"

namespace laconic {

/// A view of `data`, which must outlive it: its training part holds the validation samples too,
/// after its own; the other parts are empty.
class JoinedParts : public Dataset {
 public:
  explicit JoinedParts(const Dataset& data) noexcept : data_(data) {}

  [[nodiscard]] const Shape& sample_shape() const noexcept override { return data_.sample_shape(); }
  [[nodiscard]] std::int64_t classes() const noexcept override { return data_.classes(); }
  [[nodiscard]] std::int64_t labels_per_sample() const noexcept override {
    return data_.labels_per_sample();
  }
  [[nodiscard]] std::int64_t size(Part part) const noexcept override;
  void read(Part part, std::span<const std::int64_t> indices, std::span<float> x,
            std::span<std::int64_t> labels, const Augmentation& augmentation,
            std::uint64_t seed) const override;
  [[nodiscard]] const Augmentation& augmentation() const noexcept override {
    return data_.augmentation();
  }
  [[nodiscard]] std::string spec() const override { return data_.spec(); }

 private:
  const Dataset& data_;
};

}  // namespace laconic
