// What the papers on binary and ternary weights do to CIFAR: contrast brought to a common norm,
// then pixels made uncorrelated (zero-phase whitening, Krizhevsky 2009, appendix A).

#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace laconic {

/// Takes the mean out of a sample and scales it to that Euclidean norm, unless it is constant.
void normalize_contrast(std::span<float> sample, double norm);

/// x becomes U (D + r)^(-1/2) U' (x - mean), where U D U' is the covariance of the samples that it
/// was fitted to. Immutable; const members may be called from many threads.
class Whitening {
 public:
  /// Samples given to apply() at a time: always as many, so that each comes out the same wherever
  /// it stands.
  static constexpr std::int64_t batch = 16;

  /// Features of a sample: their square is what fitting takes memory for, their cube is its time.
  static constexpr std::int64_t most_features = 4096;

  /// `read(i, out)` gives the features of sample i, 0 <= i < samples.
  Whitening(std::int64_t samples, std::int64_t features, double regularization,
            const std::function<void(std::int64_t i, std::span<float> out)>& read);

  /// In place; `batch` samples one after another.
  void apply(std::span<float> samples) const;

 private:
  std::int64_t features_;
  std::vector<float> mean_, matrix_;
};

}  // namespace laconic
