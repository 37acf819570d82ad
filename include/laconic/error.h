// The one exception type of the library. Messages are single sentences for people: they name the
// thing, the value and what is allowed. Codes are stable and for programs.

#pragma once

#include <fmt/format.h>

#include <stdexcept>
#include <string>
#include <string_view>

namespace laconic {

enum class ErrorCode {
  invalid_argument,      ///< The caller's choice is at fault: an option, a spec, a range.
  invalid_data,          ///< A model or data set is at fault: missing, malformed, NaN, wrong shape.
  corrupt_data,          ///< A .lac file or checkpoint does not hold what its checksums say.
  unsupported_version,   ///< Written by a later version of the format.
  unsupported_operator,  ///< The network needs an operator outside the table.
  unsupported_hardware,  ///< This machine lacks what was asked for.
  cannot_write,          ///< No room, no permission, no folder, or the output exists.
  out_of_reach,          ///< No candidate fits the budget.
  diverged,              ///< Training left the finite numbers.
  interrupted,           ///< The caller asked to stop.
  lost_process,          ///< One of several processes is gone, or never came.
};

/// The stable word for a code: "invalid_argument".
[[nodiscard]] std::string_view name(ErrorCode code) noexcept;

class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message) : std::runtime_error(message), code_(code) {}

  [[nodiscard]] ErrorCode code() const noexcept { return code_; }

 private:
  ErrorCode code_;
};

/// Throws Error(code) with a formatted message.
template <typename... Args>
[[noreturn]] void fail(ErrorCode code, fmt::format_string<Args...> format, Args&&... args) {
  throw Error(code, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace laconic
