// A problem that small networks learn to the last sample: a pattern for each class, and noise.

#pragma once

#include <atomic>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "laconic/dataset.h"
#include "laconic/random.h"
#include "laconic/threads.h"

namespace laconic {

class ToyData : public Dataset {
 public:
  ToyData(Shape shape, std::int64_t classes, std::int64_t samples, double noise = 0.3)
      : shape_(std::move(shape)), classes_(classes), samples_(samples), noise_(noise) {}

  /// Asks for an interruption once so many samples have been read for training.
  void interrupt_after(std::int64_t reads) { interrupt_at_ = reads; }

  const Shape& sample_shape() const noexcept override { return shape_; }
  std::int64_t classes() const noexcept override { return classes_; }
  std::int64_t size(Part part) const noexcept override {
    return part == Part::train ? samples_ : samples_ / 4;
  }
  const Augmentation& augmentation() const noexcept override { return augmentation_; }
  std::string spec() const override { return "toy"; }

  void read(Part part, std::span<const std::int64_t> indices, std::span<float> x,
            std::span<std::int64_t> labels, const Augmentation&, std::uint64_t) const override {
    const auto count = static_cast<std::size_t>(element_count(shape_));
    for (std::size_t i = 0; i < indices.size(); ++i) {
      labels[i] = indices[i] % classes_;
      Random pattern(static_cast<std::uint64_t>(labels[i]), "pattern");
      Random noise(static_cast<std::uint64_t>(indices[i]), name(part));
      for (auto& value : x.subspan(i * count, count)) {
        value = static_cast<float>(pattern.normal() + noise_ * noise.normal());
      }
    }
    if (part == Part::train &&
        (reads_ += static_cast<std::int64_t>(indices.size())) >= interrupt_at_) {
      request_interrupt();
    }
  }

 private:
  Shape shape_;
  std::int64_t classes_, samples_;
  double noise_;
  Augmentation augmentation_;
  std::int64_t interrupt_at_ = std::numeric_limits<std::int64_t>::max();
  mutable std::atomic<std::int64_t> reads_{0};
};

}  // namespace laconic
