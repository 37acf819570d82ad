// The process's memory.

#pragma once

namespace laconic {

/// Gives what was freed back to the system: the allocator keeps blocks below some tens of megabytes for
/// itself, and pieces of many sizes, taken and freed again and again, make that grow. Costs milliseconds.
void release_freed_memory() noexcept;

}  // namespace laconic
