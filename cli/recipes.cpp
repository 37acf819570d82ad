#include "recipes.h"

#include <algorithm>
#include <array>

namespace laconic::cli {
namespace {

// The ResNets' is He et al.'s (2016) with a cosine in place of steps; augmentation is the data's.
constexpr std::array table = {
    Recipe{"lenet", 10, 64, "sgd:lr=0.02,momentum=0.9", "cosine", 5e-4},
    Recipe{"cifar10_quick", 10, 100, "sgd:lr=0.001,momentum=0.9", "step:at=8", 4e-3},
    Recipe{"char_lstm", 20, 100, "adam:lr=0.002", "cosine", 0, Loss::cross_entropy, 5},
    // Their outputs are normalised, as square hinge wants them.
    Recipe{"perceptron", 20, 100, "adam:lr=0.005", "cosine", 0, Loss::square_hinge},
    Recipe{"vgg_small", 40, 50, "adam:lr=0.002", "cosine", 0, Loss::square_hinge},
    Recipe{"alexnet", 90, 256, "sgd:lr=0.01,momentum=0.9", "step:at=20/40/60/80", 5e-4},
    Recipe{"vgg16", 74, 256, "sgd:lr=0.01,momentum=0.9", "step:at=24/48/72", 5e-4},
    Recipe{"googlenet", 60, 32, "sgd:lr=0.01,momentum=0.9", "cosine", 2e-4},
    Recipe{"resnet18", 90, 256, "sgd:lr=0.1,momentum=0.9", "step:at=30/60", 1e-4},
    Recipe{"resnet34", 90, 256, "sgd:lr=0.1,momentum=0.9", "step:at=30/60", 1e-4},
    Recipe{"resnet50", 90, 256, "sgd:lr=0.1,momentum=0.9", "step:at=30/60", 1e-4},
    Recipe{"resnet101", 90, 256, "sgd:lr=0.1,momentum=0.9", "step:at=30/60", 1e-4},
    Recipe{"resnet110", 182, 128, "sgd:lr=0.1,momentum=0.9", "cosine:warmup=1", 1e-4},
    Recipe{"resnet", 182, 128, "sgd:lr=0.1,momentum=0.9", "cosine", 1e-4},
    Recipe{"rfcn-small", 30, 8, "adam:lr=0.002", "cosine:warmup=1", 1e-4},
    Recipe{"rfcn:", 8, 8, "adam:lr=0.0005", "cosine", 1e-4},
    Recipe{"rfcn", 30, 8, "sgd:lr=0.001,momentum=0.9", "step:at=20", 5e-4},
    Recipe{"", 10, 64, "sgd:lr=0.01,momentum=0.9", "cosine", 1e-4},
};

}  // namespace

const Recipe& recipe_for(std::string_view network) {
  return *std::ranges::find_if(table,
                               [&](const auto& row) { return network.starts_with(row.network); });
}

}  // namespace laconic::cli
