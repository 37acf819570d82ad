// What all data sets share: the split, augmentation and normalisation of raw samples. A member is a
// source of raw samples; all the rest is here.

#pragma once

#include <memory>
#include <span>

#include "laconic/dataset.h"

namespace laconic {

/// Raw samples as they are stored. Immutable; const members may be called from many threads.
class SampleSource {
 public:
  virtual ~SampleSource() = default;

  /// {channels, height, width} of an image; samples of another rank are scaled and no more.
  [[nodiscard]] virtual const Shape& shape() const noexcept = 0;
  [[nodiscard]] virtual std::int64_t classes() const noexcept = 0;

  /// A source without a validation part of its own has one split off its training part.
  [[nodiscard]] virtual std::int64_t size(Part part) const noexcept = 0;
  [[nodiscard]] virtual std::int64_t label(Part part, std::int64_t i) const = 0;
  virtual void read(Part part, std::int64_t i, std::span<float> raw) const = 0;
};

/// Reads the options that are common to all members, as far as the member's table has them.
[[nodiscard]] std::unique_ptr<Dataset> make_sample_dataset(const Options& options,
                                                           std::unique_ptr<SampleSource> source);

/// Samples of bytes that are held in memory, one part after another.
struct StoredPart {
  std::vector<std::uint8_t> pixels;
  std::vector<std::uint8_t> labels;
};

/// A source of images whose training and test part are in memory.
[[nodiscard]] std::unique_ptr<SampleSource> make_stored_source(Shape shape, std::int64_t classes,
                                                               StoredPart train, StoredPart test);

/// The folder that a spec names. Throws Error(invalid_data) if there is none.
[[nodiscard]] std::string existing_folder(const Options& options);

}  // namespace laconic
