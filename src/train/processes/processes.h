// What processes that work together tell each other: see laconic/processes.h.

#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "laconic/error.h"
#include "laconic/processes.h"
#include "train/processes/transport.h"

namespace laconic {

/// Items of a loop that fall to one process: [first, last).
struct ProcessShare {
  std::int64_t first = 0, last = 0;

  [[nodiscard]] std::int64_t count() const noexcept { return last - first; }
};

using Bytes = std::vector<std::byte>;

/// The group that this process belongs to. Exchanges are collective: all processes make the same
/// ones in the same order. Each begins by telling how the process does, so one that fails between
/// two exchanges is heard of at the next.
class Processes {
 public:
  /// Alone.
  Processes() = default;
  Processes(const ProcessPlace& place, std::unique_ptr<Transport> transport);

  [[nodiscard]] int rank() const noexcept { return rank_; }
  [[nodiscard]] int size() const noexcept { return size_; }
  [[nodiscard]] bool alone() const noexcept { return size_ == 1; }
  /// The one that writes files.
  [[nodiscard]] bool is_first() const noexcept { return rank_ == 0; }

  /// This process's share of so many items; shares follow one another by rank.
  [[nodiscard]] ProcessShare share(std::int64_t count) const noexcept;

  /// What each process gives, by rank. `what` says at what point, up to a hundred characters, and
  /// must be the same for all. Throws Error(invalid_argument) naming both points if it is not, the
  /// Error that ended another process, Error(interrupted) in all if one was asked to stop, and
  /// Error(lost_process).
  [[nodiscard]] std::vector<Bytes> gather(std::string_view what, std::span<const std::byte> mine);

  /// The same where work must not stop halfway: stop_asked() remembers that one was asked to.
  [[nodiscard]] std::vector<Bytes> gather_within_step(std::string_view what,
                                                      std::span<const std::byte> mine);
  [[nodiscard]] bool stop_asked() const noexcept { return stop_asked_; }

  /// What rank 0 gives, on all.
  [[nodiscard]] Bytes broadcast(std::string_view what, std::span<const std::byte> of_first);

  /// Throws Error(invalid_argument) in all processes unless all give the same text; "the {what} of
  /// process 1 is not that of process 0".
  void check_same(std::string_view what, std::string_view text);

  /// As the transport does; straight after a gather: nothing may have failed in between. Throw
  /// Error(lost_process).
  void exchange(const at::Tensor& sent, std::vector<std::int64_t> to, const at::Tensor& received,
                std::vector<std::int64_t> from);
  void gather(const at::Tensor& mine, const at::Tensor& all);

  /// The last exchange: waits for all to have come to their end. Throws as gather().
  void finish();

  /// Tells the others, if they can still be told, what ended this process.
  void leave(ErrorCode code, std::string_view message) noexcept;

 private:
  struct Frame;
  [[nodiscard]] std::vector<Frame> tell(const Frame& mine, std::chrono::seconds limit);
  void check(const std::vector<Frame>& frames);
  /// Calls the transport; from its first failure on nobody can be reached.
  template <typename Call>
  void reach(Call call);

  int rank_ = 0, size_ = 1;
  std::unique_ptr<Transport> transport_;  ///< Null when alone.
  bool over_ = false;                     ///< No exchange can follow.
  bool stop_asked_ = false;
};

/// Those that run_together() has joined; alone outside of it.
[[nodiscard]] Processes& processes() noexcept;

}  // namespace laconic
