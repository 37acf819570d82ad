// What a compression has at hand: the network, its samples, what was measured of it once; and how a
// file is made from one setting of the choices.

#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "laconic/compress.h"
#include "laconic/network.h"
#include "laconic/train.h"
#include "train/compress/choices.h"
#include "train/post/post_pass.h"

namespace laconic {

/// A file that could be written, and how good it is.
struct Candidate {
  std::vector<std::byte> file;
  std::string choice;  ///< In words.
  double step = 0;
  double ratio = 0;
  std::optional<Score> score;  ///< On the validation part, once evaluated.
  double chance = 0;           ///< Standard error of the points lost, once evaluated.

  [[nodiscard]] std::uint64_t bytes() const noexcept { return file.size(); }
};

/// Standard error, in points, of the accuracy that one network lost to another on the same samples,
/// of which each says whether it answered right: the samples that only one of the two answered
/// right are Poisson's, both those lost and those won.
[[nodiscard]] double standard_error_of_drop(std::span<const std::uint8_t> right_before,
                                            std::span<const std::uint8_t> right);

/// How many standard errors of a drop on validation samples that the float network knows by heart,
/// of which it answers this share wrongly, stand for one on samples that it has not seen, where
/// more answers are wrong and as many times more change: 1 to 3.5.
[[nodiscard]] double standard_errors_by_heart(double wrong);

class Workshop {
 public:
  /// Checks that the network fits the data, evaluates it, and measures sensitivities.
  Workshop(Graph graph, const Dataset& data, const CompressOptions& options, ProgressSink progress);

  /// Quantizes every weight by the choices in force, with that base step.
  [[nodiscard]] QuantizedModel quantize(double step) const;

  /// The weights whose zeros stay zero by these choices.
  [[nodiscard]] std::set<std::string> pruned() const { return choices_->pruned(); }

  /// How the setting of a step is told.
  [[nodiscard]] static std::string in_words(double step);

  /// The file of that setting.
  [[nodiscard]] Candidate make(double step) const;

  /// Takes the candidate's accuracy on the validation part, from what its file decodes to.
  void evaluate(Candidate& candidate) const;

  /// Points of accuracy that an evaluated candidate lost.
  [[nodiscard]] double drop(const Candidate& candidate) const {
    return 100 * (before_.accuracy - candidate.score->accuracy);
  }

  /// A base step at which weights take about two bits: steps count in root mean squares of weights.
  static constexpr double typical_step = 1;

  /// What must be left of a budget beyond the drop, in points: one standard error, or as many as
  /// standard_errors_by_heart() says where the float network knows the validation samples so.
  [[nodiscard]] double margin(const Candidate& candidate) const {
    return (has_learned_validation_ ? standard_errors_by_heart(1 - before_.accuracy) : 1) *
           candidate.chance;
  }

  /// The candidate for given tensors of all parameters.
  [[nodiscard]] Candidate wrap(QuantizedModel tensors, std::string choice) const;

  /// Whether the float network does no worse on training samples than on validation samples, beyond
  /// chance: then it has learned both, or remembers neither.
  [[nodiscard]] bool has_learned_validation() const noexcept { return has_learned_validation_; }

  /// How a student learns from the float network.
  [[nodiscard]] Distillation teaching() const;

  /// What a budget of bytes or a ratio allows a file; none of a budget of accuracy.
  [[nodiscard]] double most_bytes() const;

  [[nodiscard]] const Score& before() const noexcept { return before_; }
  [[nodiscard]] const CompressOptions& options() const noexcept { return options_; }
  [[nodiscard]] const Dataset& data() const noexcept { return data_; }
  [[nodiscard]] const Network& network() const noexcept { return network_; }
  [[nodiscard]] std::int64_t parameters() const noexcept { return parameters_; }
  [[nodiscard]] const ProgressSink& progress() const noexcept { return progress_; }

 private:
  /// Throws Error(out_of_reach) if a single sample is more than a budget of accuracy.
  void check_budget() const;

  [[nodiscard]] bool knows_validation_by_heart() const;

  /// Standard error, in points, of what was lost; of detectors, as if nothing were won.
  [[nodiscard]] double chance(const Score& score, std::span<const std::uint8_t> right) const;

  const Dataset& data_;
  CompressOptions options_;
  ProgressSink progress_;
  Network network_;
  Graph structure_;  ///< Without float constants.
  std::int64_t parameters_;
  Score before_;
  std::vector<std::uint8_t> right_before_;  ///< As EvaluateOptions::right.
  bool has_learned_validation_ = false;
  Batches batches_;
  std::optional<Choices> choices_;
};

}  // namespace laconic
