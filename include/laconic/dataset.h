// Data sets: samples and labels, in parts that are kept apart. No LibTorch.
//
// Specs: "cifar10:DIR,mean=0.485/0.456/0.406,std=0.229/0.224/0.225", "mnist:DIR,scale=1/256",
// "fashion-mnist", "images:DIR,size=224", "npy:x=FILE,y=FILE", "text:FILE,steps=100". A pixel becomes
// (value * scale - mean) / std, per channel; scale is 1/255 unless given.

#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "laconic/quantized_tensor.h"
#include "laconic/spec.h"

namespace laconic {

/// The validation part is split from the training part by the seed in the spec. The test part is
/// read by evaluation and final reports only; no search, early stop or curvature looks at it.
enum class Part { train, validation, test };

[[nodiscard]] std::string_view name(Part part) noexcept;

/// Random changes of training samples, drawn from a seed: the same seed, the same samples.
struct Augmentation {
  bool flip = false;     ///< Mirror left to right, half of the time.
  std::int64_t pad = 0;  ///< Pad by so many pixels on all sides (with what 0 becomes before
                         ///< normalisation), then crop the old size at a random place.
  double scale = 0;      ///< Of detection data: enlarge or shrink images by up to this factor
                         ///< more than 1, and crop or pad to the old size at a random place.
};

/// Immutable; const members may be called from many threads at once.
class Dataset {
 public:
  virtual ~Dataset() = default;

  /// Of one sample, as the network sees it: {3, 32, 32}.
  [[nodiscard]] virtual const Shape& sample_shape() const noexcept = 0;
  [[nodiscard]] virtual std::int64_t classes() const noexcept = 0;

  /// Labels of a sample: one, or one for each step of a sequence, along its first axis.
  [[nodiscard]] virtual std::int64_t labels_per_sample() const noexcept { return 1; }
  [[nodiscard]] virtual std::int64_t size(Part part) const noexcept = 0;

  /// Fills `x` with indices.size() samples, preprocessed, one after another, and `labels` with
  /// their classes, labels_per_sample() of each. Sample i of this call is augmented by the stream Random(seed, "augment", i's
  /// index). Throws Error(invalid_data) naming the file if one has become unreadable.
  virtual void read(Part part, std::span<const std::int64_t> indices, std::span<float> x,
                    std::span<std::int64_t> labels, const Augmentation& augmentation = {},
                    std::uint64_t seed = 0) const = 0;

  /// What the spec asks training to do to samples.
  [[nodiscard]] virtual const Augmentation& augmentation() const noexcept = 0;

  /// Canonical spec, every option written out.
  [[nodiscard]] virtual std::string spec() const = 0;
};

/// All members, in the order of the table in src/data/family.cpp.
[[nodiscard]] std::span<const MemberInfo> datasets() noexcept;

/// Opens a data set. Throws Error(invalid_argument) for a bad spec, Error(invalid_data) naming the
/// file for one that is missing, cut short or malformed.
[[nodiscard]] std::unique_ptr<Dataset> make_dataset(std::string_view spec);

}  // namespace laconic
