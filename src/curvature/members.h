// Makers of the members of the estimator family, one per source file.

#pragma once

#include <memory>

#include "laconic/importance.h"

namespace laconic::curvature {

[[nodiscard]] std::unique_ptr<Estimator> make_ones(const Options& options);
[[nodiscard]] std::unique_ptr<Estimator> make_hessian(const Options& options);
[[nodiscard]] std::unique_ptr<Estimator> make_gauss_newton(const Options& options);
[[nodiscard]] std::unique_ptr<Estimator> make_fisher(const Options& options);
[[nodiscard]] std::unique_ptr<Estimator> make_adam(const Options& options);

}  // namespace laconic::curvature
