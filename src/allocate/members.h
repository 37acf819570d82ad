// Makers of the allocator family's members, one per source file; src/allocate/family.cpp lists
// them.

#pragma once

#include <memory>

#include "laconic/allocator.h"

namespace laconic {

std::unique_ptr<Allocator> make_fixed(const Options& options);
std::unique_ptr<Allocator> make_rate(const Options& options);
std::unique_ptr<Allocator> make_knapsack(const Options& options);

}  // namespace laconic
