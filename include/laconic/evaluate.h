// Accuracy and loss of a network on one part of a data set.

#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "laconic/dataset.h"
#include "laconic/network.h"
#include "laconic/progress.h"

namespace laconic {

struct Score {
  double accuracy = 0;  ///< Fraction of labels for which the largest output is the label's; of a
                        ///< detector the mean average precision at IoU 0.5.
  double loss = 0;      ///< Mean cross-entropy of a label in nats, outputs taken as logits unless
                        ///< the graph ends in Softmax or LogSoftmax; of a detector what training
                        ///< minimises.
  std::int64_t samples = 0;
};

struct EvaluateOptions {
  std::int64_t limit = 0;  ///< Only the first so many samples; 0: all.
  std::int64_t batch = 100;
  const std::map<std::string, at::Tensor, std::less<>>* overrides = nullptr;
  /// Receives for each label, in order, whether it was answered right (1 or 0); of detectors none.
  std::vector<std::uint8_t>* right = nullptr;
};

/// Batches run in parallel, each on one thread; the result does not depend on how many there are.
[[nodiscard]] Score evaluate(const Network& network, const Dataset& data, Part part,
                             const EvaluateOptions& options = {},
                             const ProgressSink& progress = {});

/// Throws Error(invalid_data) naming both shapes or counts unless the network takes samples of the
/// data set and answers with one number per class, for each label; or, for data of object
/// detection, as check_detector_fits() does.
void check_fits(const Graph& graph, const Dataset& data);

}  // namespace laconic
