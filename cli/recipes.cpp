#include "recipes.h"

#include <algorithm>
#include <array>

namespace laconic::cli {
namespace {

// The ResNets' is He et al.'s (2016) with a cosine in place of steps; augmentation is the data's.
constexpr std::array table = {
    Recipe{"lenet", 10, 64, "sgd:lr=0.02,momentum=0.9", "cosine", 5e-4},
    Recipe{"resnet110", 182, 128, "sgd:lr=0.1,momentum=0.9", "cosine:warmup=1", 1e-4},
    Recipe{"resnet", 182, 128, "sgd:lr=0.1,momentum=0.9", "cosine", 1e-4},
    Recipe{"", 10, 64, "sgd:lr=0.01,momentum=0.9", "cosine", 1e-4},
};

}  // namespace

const Recipe& recipe_for(std::string_view network) {
  return *std::ranges::find_if(table,
                               [&](const auto& row) { return network.starts_with(row.network); });
}

}  // namespace laconic::cli
