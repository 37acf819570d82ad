#pragma once

#include <memory>

#include "laconic/optimizer.h"

namespace laconic {

std::unique_ptr<Optimizer> make_sgd(const Options& options);
std::unique_ptr<Optimizer> make_adam(const Options& options);

}  // namespace laconic
