// What a search is continued from: the files that it tried, and the best of them.

#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "train/checkpoint.h"
#include "train/compress/workshop.h"
#include "train/identity.h"

namespace laconic {

/// Everything that a search's result depends on.
[[nodiscard]] Identity identity_of(const Workshop& workshop);

/// Where a stage of training keeps its own checkpoints; empty if none are kept.
[[nodiscard]] std::filesystem::path training_folder(const CompressOptions& options);

/// Removes the checkpoint of a stage of training that is over, and nothing else that lies there.
void forget_training(const CompressOptions& options);

void capture_trials(const std::vector<Trial>& trials, Checkpoint& checkpoint);
/// Throws Error(corrupt_data).
[[nodiscard]] std::vector<Trial> restore_trials(const Checkpoint& checkpoint);

void capture_candidate(const Candidate& candidate, Checkpoint& checkpoint);
/// None if the checkpoint has none. Throws Error(corrupt_data).
[[nodiscard]] std::optional<Candidate> restore_candidate(const Checkpoint& checkpoint);

}  // namespace laconic
