// How long work tells its caller where it stands. The library prints nothing itself.

#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace laconic {

struct ProgressEvent {
  std::string_view stage;    ///< "train", "curvature", "search".
  std::int64_t done = 0;     ///< Items of the stage done so far,
  std::int64_t total = 0;    ///< of so many; 0 if not known.
  std::string message;       ///< Figures to show: "loss 0.31, accuracy 98.2 %"; may be empty.
  bool lasting = false;      ///< A result to keep on the screen, not only a state.
};

/// May be empty. Called from the thread that called the work, seldom enough to print each time
/// (at most some tens a second).
using ProgressSink = std::function<void(const ProgressEvent&)>;

}  // namespace laconic
