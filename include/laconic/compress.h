// The front door: a network, data and a budget in; the smallest file found within it out.

#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "laconic/dataset.h"
#include "laconic/evaluate.h"
#include "laconic/existing.h"
#include "laconic/model.h"
#include "laconic/plan.h"
#include "laconic/progress.h"

namespace laconic {

/// What the file must keep to. One is set.
struct Budget {
  std::optional<double> max_drop;      ///< Points (percent) of accuracy that may be lost, > 0.
  std::optional<double> ratio;         ///< Times smaller than the parameters in 32-bit floats, > 1.
  std::optional<std::uint64_t> bytes;  ///< Of the whole file.
};

/// "auto" leaves a choice to the search; anything else forces it.
struct CompressOptions {
  Budget budget;
  std::string importance = "auto";   ///< Spec from estimators().
  std::string quantizer = "auto";    ///< Spec from quantizers().
  std::string granularity = "auto";  ///< As parse_granularity() reads it.
  std::string method = "auto";       ///< Spec from methods().
  std::string allocator = "auto";    ///< Spec from all_allocators().
  std::string coder = "auto";        ///< Spec from coders().
  std::optional<Plan> plan;          ///< Decides for the tensors that it names.
  std::int64_t epochs = 2;      ///< Passes over the training part, at most; 0: no optimizer step.
  std::int64_t samples = 1000;  ///< Training samples for curvature and recalibration.
  double temper =
      0.75;  ///< Power of the measured sensitivities in the steps: 0, all alike; 1, equal slopes.
  /// What a pass does besides rounding, and training besides learning labels; see
  /// docs/compression.md. Not of a forced method, but for the teacher.
  bool compensate = true;
  bool recalibrate = true;
  bool teach = true;
  std::uint64_t seed = 1;

  /// Folder that keeps how far the search has come, made if it is not there; empty: none.
  std::filesystem::path checkpoint;
  Existing existing = Existing::refuse;
};

/// One file that was tried.
struct Trial {
  std::string choice;  ///< What was tried: "step 0.83".
  std::uint64_t bytes = 0;
  double ratio = 0;
  double drop = 0;  ///< Points of accuracy lost on the validation part, as the search estimates it.
  double margin = 0;  ///< Points beyond these that a budget of accuracy must leave free for chance.
  bool fits = false;
};

struct CompressResult {
  CompressedNetwork network;
  std::uint64_t bytes = 0;
  double ratio = 0;     ///< 32-bit floats of the parameters against the whole file.
  Score before, after;  ///< On the validation part.
  std::vector<Trial> trials;
};

/// Parameters that count in ratios: all float constants but the running means and variances of
/// normalisations.
[[nodiscard]] std::int64_t parameter_count(const Graph& graph);

/// Throws Error(invalid_argument) naming the first option that is out of its range, or a spec that
/// names no member, or one that does not apply beside another; before any file is read.
void check(const CompressOptions& options);

/// Throws Error(out_of_reach) naming the nearest that was reached, Error(invalid_argument) for a
/// forced choice that does not apply or a checkpoint of another run, Error(corrupt_data) for a
/// damaged one, Error(interrupted) when asked to stop; a search that is continued from its
/// checkpoint ends in the bytes of one that was not broken off. The test part of `data` is not
/// read.
[[nodiscard]] CompressResult compress(const Graph& graph, const Dataset& data,
                                      const CompressOptions& options,
                                      const ProgressSink& progress = {});

}  // namespace laconic
