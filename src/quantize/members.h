// The members of the quantizer family, each made from its options.

#pragma once

#include <memory>

#include "laconic/quantizer.h"

namespace laconic {

std::unique_ptr<Quantizer> make_uniform(const Options& options);
std::unique_ptr<Quantizer> make_kmeans(const Options& options);
std::unique_ptr<Quantizer> make_entropy_constrained(const Options& options);
std::unique_ptr<Quantizer> make_dorefa(const Options& options);
std::unique_ptr<Quantizer> make_scaled(const Options& options);
std::unique_ptr<Quantizer> make_trellis(const Options& options);

}  // namespace laconic
