// The folder of a run that can be continued.

#pragma once

#include <chrono>
#include <filesystem>
#include <optional>

#include "laconic/existing.h"
#include "train/checkpoint.h"
#include "train/identity.h"

namespace laconic {

/// When and where checkpoints of a run are written: soon after the start, then at intervals that
/// grow to a minute and keep the time that writing takes below a twentieth.
class CheckpointStore {
 public:
  /// An empty folder: nothing is kept.
  CheckpointStore(const std::filesystem::path& folder, Existing existing, Identity identity);

  /// Empty if none are to be written.
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

  /// Makes the folder; the checkpoint to go on from, if that was asked for and there is one.
  [[nodiscard]] std::optional<Checkpoint> open();

  [[nodiscard]] bool due() const;
  void write(Checkpoint checkpoint);

 private:
  using Clock = std::chrono::steady_clock;
  std::filesystem::path path_;
  Existing existing_;
  Identity identity_;
  Clock::time_point start_ = Clock::now();
  Clock::time_point next_;
};

}  // namespace laconic
