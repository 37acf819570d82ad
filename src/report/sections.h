// The sections of a report, as markup; empty where nothing was found for one.

#pragma once

#include <string>

#include "report/findings.h"

namespace laconic {

/// Accuracy and loss against size, over everything that was measured; `headline_cards` has the
/// compressed ones in large type.
[[nodiscard]] std::string headline_cards(const Findings& findings);
[[nodiscard]] std::string outcomes_section(const Findings& findings);

/// The same over tables of results.
[[nodiscard]] std::string results_section(const Findings& findings);

/// Loss and accuracy by epoch.
[[nodiscard]] std::string training_section(const Findings& findings);

/// What searches tried within their budget.
[[nodiscard]] std::string search_section(const Findings& findings);

/// Where every byte of each compressed file went; rows add up to the file.
[[nodiscard]] std::string bytes_section(const Findings& findings);

/// What each width does to each layer, and the bits that plans give them.
[[nodiscard]] std::string layers_section(const Findings& findings);

/// Latency, throughput, memory; ratios to ONNX Runtime's times.
[[nodiscard]] std::string speed_section(const Findings& findings);

}  // namespace laconic
