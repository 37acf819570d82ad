#include "laconic/error.h"

namespace laconic {

std::string_view name(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::invalid_argument:
      return "invalid_argument";
    case ErrorCode::invalid_data:
      return "invalid_data";
    case ErrorCode::corrupt_data:
      return "corrupt_data";
    case ErrorCode::unsupported_version:
      return "unsupported_version";
    case ErrorCode::unsupported_operator:
      return "unsupported_operator";
    case ErrorCode::unsupported_hardware:
      return "unsupported_hardware";
    case ErrorCode::cannot_write:
      return "cannot_write";
    case ErrorCode::out_of_reach:
      return "out_of_reach";
    case ErrorCode::diverged:
      return "diverged";
    case ErrorCode::interrupted:
      return "interrupted";
    case ErrorCode::lost_process:
      return "lost_process";
  }
  return "unknown";
}

}  // namespace laconic
