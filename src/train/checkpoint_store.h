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
/// grow to a minute and keep the time that writing takes below a twentieth. Of several processes
/// the first alone reads and writes.
class CheckpointStore {
 public:
  /// An empty folder: nothing is kept.
  CheckpointStore(const std::filesystem::path& folder, Existing existing, Identity identity);

  /// Empty if none are to be written.
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

  /// Makes the folder; the checkpoint to go on from, if that was asked for and there is one, on all
  /// processes. Collective; throws Error(invalid_argument) if they are of different runs.
  [[nodiscard]] std::optional<Checkpoint> open();

  /// Whether this process writes any.
  [[nodiscard]] bool writes() const noexcept;
  [[nodiscard]] bool due() const;
  void write(Checkpoint checkpoint);

 private:
  using Clock = std::chrono::steady_clock;
  [[nodiscard]] std::optional<Checkpoint> open_file() const;

  std::filesystem::path path_;
  Existing existing_;
  Identity identity_;
  Clock::time_point start_ = Clock::now();
  Clock::time_point next_;
};

}  // namespace laconic
