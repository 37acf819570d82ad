#pragma once

#include <memory>

#include "laconic/methods.h"

namespace laconic {

std::unique_ptr<Method> make_centroids(const Options& options, MethodSetup setup);
std::unique_ptr<Method> make_incremental(const Options& options, MethodSetup setup);
std::unique_ptr<Method> make_post(const Options& options, MethodSetup setup);
std::unique_ptr<Method> make_projected(const Options& options, MethodSetup setup);

}  // namespace laconic
