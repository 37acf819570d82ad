// Mean average precision of a detector on one part of a data set: from its graph on LibTorch, or
// from a session, as it will run.

#pragma once

#include <vector>

#include "laconic/detection_data.h"
#include "laconic/evaluate.h"
#include "laconic/session.h"

namespace laconic {

struct DetectionEvaluation {
  std::vector<JudgedImage> images;  ///< In the order of the part, in pixels of samples.
  DetectionScore score;
  double loss = 0;  ///< Mean over images of what training minimises; 0 from a session.
};

/// Throws what check_fits() throws, and Error(invalid_data) where there is no object to find. The
/// result does not depend on the number of threads.
[[nodiscard]] DetectionEvaluation evaluate_detections(const Network& network,
                                                      const DetectionDataset& data, Part part,
                                                      const EvaluateOptions& options = {},
                                                      const ProgressSink& progress = {});

/// Image by image, for the first `limit` (0: all). `form` is the one of the session's graph.
[[nodiscard]] DetectionEvaluation evaluate_detections(Session& session, const DetectorForm& form,
                                                      const DetectionDataset& data, Part part,
                                                      std::int64_t limit = 0,
                                                      const ProgressSink& progress = {});

/// Throws Error(invalid_data) unless the graph is a detector of the data set's classes that takes
/// its samples.
void check_detector_fits(const Graph& graph, const DetectionDataset& data);

}  // namespace laconic
