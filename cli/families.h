// All families of this build, for `laconic list` and the option tables of the docs.

#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "laconic/spec.h"

namespace laconic::cli {

struct Family {
  std::string_view name;
  std::string_view summary;
  std::span<const MemberInfo> members;
};

[[nodiscard]] std::vector<Family> families();

/// Those that laconic::train has or adds to, allocators first; without it, its stub's.
[[nodiscard]] std::vector<Family> train_families();

}  // namespace laconic::cli
