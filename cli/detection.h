// What verbs say of data and detectors where it differs from classes.

#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "context.h"
#include "laconic/evaluate_detections.h"

namespace laconic::cli {

/// Opens a data set; what it had to skip is told on standard error.
[[nodiscard]] std::unique_ptr<Dataset> open_data(const Context& context, std::string_view spec);

/// What Score::accuracy is of such data: "accuracy" or "mAP50".
[[nodiscard]] std::string_view figure_name(const Dataset& data);

[[nodiscard]] Json to_json(const DetectionScore& score, const DetectionDataset& data);

/// One line, and one for each class.
[[nodiscard]] std::string describe(const DetectionScore& score, const DetectionDataset& data);

}  // namespace laconic::cli
