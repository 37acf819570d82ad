#include "verbs.h"

#include <array>

#include "context.h"

namespace laconic::cli {
namespace {

constexpr std::array table = {
    Verb{"list", "Every family, member and option, with ranges and papers", add_list},
    Verb{"train", "Train a network of the zoo, or go on with one", add_train},
};

}  // namespace

std::span<const Verb> verbs() noexcept {
  return table;
}

}  // namespace laconic::cli
