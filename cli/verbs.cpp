#include "verbs.h"

#include <array>

#include "context.h"

namespace laconic::cli {
namespace {

constexpr std::array table = {
    Verb{"list", "Every family, member and option, with ranges and papers", add_list},
};

}  // namespace

std::span<const Verb> verbs() noexcept {
  return table;
}

}  // namespace laconic::cli
