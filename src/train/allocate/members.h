// Makers of the allocators that need LibTorch; src/train/allocate/family.cpp lists them.

#pragma once

#include <memory>

#include "laconic/allocator.h"

namespace laconic {

std::unique_ptr<Allocator> make_policy_gradient(const Options& options);

/// The options of a spec that names "policy_gradient". Throws Error(invalid_argument) for others.
[[nodiscard]] Options parse_policy_spec(std::string_view spec);

}  // namespace laconic
