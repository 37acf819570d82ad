#include "train/checkpoint_store.h"

#include <algorithm>
#include <utility>

#include "laconic/error.h"
#include "train/processes/processes.h"

namespace laconic {
namespace {

constexpr std::chrono::seconds first_interval{2};
constexpr std::chrono::seconds longest_interval{60};
constexpr int writing_share = 20;

}  // namespace

CheckpointStore::CheckpointStore(const std::filesystem::path& folder, Existing existing,
                                 Identity identity)
    : path_(folder.empty() ? folder : checkpoint_path(folder)),
      existing_(existing),
      identity_(std::move(identity)),
      next_(start_ + first_interval) {}

std::optional<Checkpoint> CheckpointStore::open() {
  auto& group = processes();
  check_same_on_all(identity_);
  std::optional<Checkpoint> found;
  if (group.is_first()) found = open_file();
  if (group.alone()) return found;
  const auto bytes = group.broadcast("checkpoint", found ? pack_checkpoint(*found) : Bytes{});
  if (!group.is_first() && !bytes.empty()) found = unpack_checkpoint(bytes);
  return found;
}

std::optional<Checkpoint> CheckpointStore::open_file() const {
  if (path_.empty()) return {};
  std::error_code error;
  std::filesystem::create_directories(path_.parent_path(), error);
  if (error) {
    fail(ErrorCode::cannot_write, "cannot make the folder \"{}\": {}", path_.parent_path().string(),
         error.message());
  }
  if (existing_ == Existing::replace || !std::filesystem::exists(path_, error)) return {};
  if (existing_ == Existing::refuse) {
    fail(ErrorCode::cannot_write,
         "\"{}\" is of an earlier run: continue it, replace it or take another folder",
         path_.string());
  }
  auto checkpoint = read_checkpoint(path_);
  check_same_run(checkpoint.identity, identity_, path_);
  return checkpoint;
}

bool CheckpointStore::writes() const noexcept {
  return !path_.empty() && processes().is_first();
}

bool CheckpointStore::due() const {
  return writes() && Clock::now() >= next_;
}

void CheckpointStore::write(Checkpoint checkpoint) {
  const auto begun = Clock::now();
  checkpoint.identity = identity_;
  write_checkpoint(path_, checkpoint);
  const auto now = Clock::now();
  const auto interval = std::clamp<Clock::duration>(now - start_, first_interval, longest_interval);
  next_ = now + std::max(interval, writing_share * (now - begun));
}

}  // namespace laconic
