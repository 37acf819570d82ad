// Where the values of a run lie: one block of memory, shared by values that are not needed at the
// same time.

#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace laconic::runtime {

/// Steps from the one that writes a value to the last that reads it.
struct Lifetime {
  std::size_t bytes = 0;
  std::size_t first = 0, last = 0;
};

struct Placement {
  std::vector<std::size_t> offsets;  ///< One per lifetime, multiples of 64.
  std::size_t bytes = 0;
};

/// No two values that live at the same step overlap. Large ones are placed first, each at the
/// lowest offset that is free.
[[nodiscard]] Placement place(std::span<const Lifetime> lifetimes);

}  // namespace laconic::runtime
