// Parts of a workspace, one behind the other, each on cache lines of its own.

#pragma once

#include <cstddef>

#include "kernels/aligned.h"
#include "laconic/kernels.h"

namespace laconic {

/// Counts bytes where it has no memory, hands memory out where it has: a plan that is written once
/// serves both.
class Carver {
 public:
  Carver() = default;
  explicit Carver(std::byte* memory) : memory_(memory) {}

  /// Null while counting.
  template <typename T>
  T* take(std::int64_t count) {
    std::byte* at = memory_ == nullptr ? nullptr : memory_ + used_;
    used_ += whole_lines(static_cast<std::size_t>(count) * sizeof(T));
    return reinterpret_cast<T*>(at);
  }
  [[nodiscard]] std::size_t used() const { return used_; }

 private:
  std::byte* memory_ = nullptr;
  std::size_t used_ = 0;
};

}  // namespace laconic
