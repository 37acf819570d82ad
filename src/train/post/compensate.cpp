#include "train/post/compensate.h"

#include <torch/types.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "laconic/error.h"
#include "laconic/threads.h"
#include "train/torch_threads.h"

namespace laconic {
namespace {

/// Rows that are worked on side by side, so that each number of the factor is loaded once for all.
constexpr std::int64_t lanes = 16;
/// Rows whose products with the metric are made at once.
constexpr std::int64_t product_rows = 64;

/// Price of each level of a codebook, and where its levels are.
struct Priced {
  std::span<const float> levels;
  std::int64_t zero;    ///< Index of the level 0, or 0 if there is none.
  const double* price;  ///< Of the level 0: price[index - zero].
};

/// Symbols of all blocks aligned on zero, and their prices: lambda times the ideal code length.
class Prices {
 public:
  Prices(const QuantizedTensor& tensor, double lambda) : lambda_(lambda) {
    for (const auto& codebook : tensor.codebooks) {
      const auto zero = std::max<std::int64_t>(codebook.zero_index(), 0);
      zeros_.push_back(zero);
      below_ = std::max(below_, zero);
      above_ = std::max(above_, static_cast<std::int64_t>(codebook.size()) - zero);
    }
    prices_.assign(static_cast<std::size_t>(below_ + above_), 0.0);
  }

  [[nodiscard]] Priced of(const QuantizedTensor& tensor, std::int64_t block) const {
    const auto at = static_cast<std::size_t>(block);
    return {tensor.codebooks[at].levels(), zeros_[at], prices_.data() + below_};
  }

  /// From the frequencies of the indices that `tensor` has now; unseen symbols count half once.
  void estimate(const QuantizedTensor& tensor) {
    std::vector<double> counts(prices_.size(), 0.5);
    for (std::size_t i = 0; i < tensor.indices.size(); ++i) {
      const auto block = i / static_cast<std::size_t>(tensor.block_size);
      ++counts[static_cast<std::size_t>(tensor.indices[i] - zeros_[block] + below_)];
    }
    double total = 0;
    for (const double count : counts) total += count;
    for (std::size_t s = 0; s < counts.size(); ++s)
      prices_[s] = -lambda_ * std::log2(counts[s] / total);
  }

 private:
  double lambda_;
  std::int64_t below_ = 0, above_ = 0;
  std::vector<std::int64_t> zeros_;
  std::vector<double> prices_;
};

/// The cheapest level for a value: scale * (value - level)^2 + price. Only the levels around the
/// value and those between it and zero can be, as prices rise away from zero; three steps are
/// enough where a step costs more distortion than any code length saves.
Index cheapest(const Priced& priced, double value, double scale) {
  const auto levels = priced.levels;
  const auto size = static_cast<std::int64_t>(levels.size());
  auto nearest =
      std::lower_bound(levels.begin(), levels.end(), static_cast<float>(value)) - levels.begin();
  if (nearest == size || (nearest > 0 && value - levels[static_cast<std::size_t>(nearest - 1)] <=
                                             levels[static_cast<std::size_t>(nearest)] - value)) {
    --nearest;
  }
  std::int64_t best = nearest;
  double best_cost = 0;
  const auto consider = [&](std::int64_t k) {
    const double error = value - levels[static_cast<std::size_t>(k)];
    const double cost = scale * error * error + priced.price[k - priced.zero];
    if (k == nearest || cost < best_cost) {
      best = k;
      best_cost = cost;
    }
  };
  consider(nearest);
  const std::int64_t step = nearest > priced.zero ? -1 : 1;
  for (std::int64_t k = nearest + step, tried = 0; nearest != priced.zero && tried < 3;
       k += step, ++tried) {
    consider(k);
    if (k == priced.zero) break;
  }
  return static_cast<Index>(best);
}

/// The metric between column j and the columns of its panel.
const float* metric_row(const LayerProblem& problem, std::int64_t group, std::int64_t j) {
  const auto width = problem.width();
  return problem.metric.data() + (group * problem.panels() * width + j) * width;
}

struct RowRange {
  std::int64_t first, count, group;
};

/// Rows in runs of at most `most` that share a metric.
std::vector<RowRange> row_ranges(const LayerProblem& problem, std::int64_t most) {
  std::vector<RowRange> ranges;
  const std::int64_t per_group = problem.rows / problem.groups;
  for (std::int64_t group = 0; group < problem.groups; ++group) {
    for (std::int64_t row = 0; row < per_group; row += most) {
      ranges.push_back({group * per_group + row, std::min(most, per_group - row), group});
    }
  }
  return ranges;
}

/// Column after column, the rest of each row moved to the optimum given what is fixed.
void assign_in_order(const LayerProblem& problem, const LayerFactors& factors, const Prices& prices,
                     bool keep_zeros, QuantizedTensor& tensor) {
  const auto ranges = row_ranges(problem, lanes);
  const std::int64_t cols = problem.cols, width = problem.width();
  parallel_for(static_cast<std::int64_t>(ranges.size()), [&](std::int64_t r) {
    throw_if_interrupted();
    const auto [first, count, group] = ranges[static_cast<std::size_t>(r)];
    const float* upper = factors.upper.data() + group * problem.panels() * width * width;
    std::vector<std::array<float, lanes>> rest(static_cast<std::size_t>(cols));
    for (std::int64_t j = 0; j < cols; ++j) {
      for (std::int64_t lane = 0; lane < lanes; ++lane) {
        rest[static_cast<std::size_t>(j)][static_cast<std::size_t>(lane)] =
            lane < count ? problem.target[static_cast<std::size_t>((first + lane) * cols + j)] : 0;
      }
    }
    for (std::int64_t j = 0; j < cols; ++j) {
      const std::int64_t start = j / width * width;
      const float* row = upper + j * width;  // Of the panel that begins at column start.
      const float diagonal = row[j - start];
      const double pivot = 1.0 / (static_cast<double>(diagonal) * diagonal);
      std::array<float, lanes> error{};
      for (std::int64_t lane = 0; lane < count; ++lane) {
        const auto at = (first + lane) * cols + j;
        const auto priced = prices.of(tensor, at / tensor.block_size);
        const float value = rest[static_cast<std::size_t>(j)][static_cast<std::size_t>(lane)];
        const bool kept = keep_zeros && problem.target[static_cast<std::size_t>(at)] == 0;
        const Index index = kept ? static_cast<Index>(priced.zero) : cheapest(priced, value, pivot);
        tensor.indices[static_cast<std::size_t>(at)] = index;
        error[static_cast<std::size_t>(lane)] = (value - priced.levels[index]) / diagonal;
      }
      for (std::int64_t k = j + 1; k < std::min(start + width, cols); ++k) {
        auto& to = rest[static_cast<std::size_t>(k)];
        const float factor = row[k - start];
        for (std::size_t lane = 0; lane < lanes; ++lane) to[lane] -= error[lane] * factor;
      }
    }
  });
}

/// Each weight by itself, as if the metric were diagonal.
void assign_alone(const LayerProblem& problem, Prices& prices, bool keep_zeros,
                  QuantizedTensor& tensor) {
  const std::int64_t cols = problem.cols, per_group = problem.rows / problem.groups;
  for (int pass = 0; pass < 2; ++pass) {
    prices.estimate(tensor);
    parallel_for(problem.rows, [&](std::int64_t row) {
      for (std::int64_t j = 0; j < cols; ++j) {
        const auto at = row * cols + j;
        const float value = problem.target[static_cast<std::size_t>(at)];
        const auto priced = prices.of(tensor, at / tensor.block_size);
        tensor.indices[static_cast<std::size_t>(at)] =
            keep_zeros && value == 0
                ? static_cast<Index>(priced.zero)
                : cheapest(priced, value, metric_diagonal(problem, row / per_group, j));
      }
    });
  }
}

/// Revisits every weight of a row in turn; returns how many changed.
std::int64_t revisit_row(const LayerProblem& problem, const Prices& prices, bool keep_zeros,
                         std::int64_t row, std::span<float> slope, QuantizedTensor& tensor) {
  const std::int64_t cols = problem.cols, per_group = problem.rows / problem.groups;
  const std::int64_t group = row / per_group, width = problem.width();
  std::int64_t changed = 0;
  for (std::int64_t j = 0; j < cols; ++j) {
    const auto at = row * cols + j;
    const double curvature = metric_diagonal(problem, group, j);
    if (!(curvature > 0)) continue;
    if (keep_zeros && problem.target[static_cast<std::size_t>(at)] == 0) continue;
    const auto priced = prices.of(tensor, at / tensor.block_size);
    Index& index = tensor.indices[static_cast<std::size_t>(at)];
    const double level = priced.levels[index];
    const Index better =
        cheapest(priced, level + slope[static_cast<std::size_t>(j)] / curvature, curvature);
    if (better == index) continue;
    const auto cost = [&](Index k) {
      const double move = priced.levels[k] - level;
      return curvature * move * move - 2 * move * slope[static_cast<std::size_t>(j)] +
             priced.price[k - priced.zero];
    };
    if (!(cost(better) < cost(index) * (1 - 1e-7))) continue;
    const auto move = static_cast<float>(priced.levels[better] - level);
    const std::int64_t start = j / width * width;
    const float* column = metric_row(problem, group, j);
    for (std::int64_t k = start; k < std::min(start + width, cols); ++k)
      slope[static_cast<std::size_t>(k)] -= move * column[k - start];
    index = better;
    ++changed;
  }
  return changed;
}

at::Tensor view(std::span<const float> values, at::IntArrayRef sizes) {
  return at::from_blob(const_cast<float*>(values.data()), sizes, at::kFloat);
}

/// Calls function(i) for each range i, LibTorch on one thread on each of our workers.
template <typename Function>
void for_each_range(std::span<const RowRange> ranges, Function function) {
  torch_parallel_for(static_cast<std::int64_t>(ranges.size()), [&](std::int64_t i) {
    const at::NoGradGuard no_gradients;
    function(static_cast<std::size_t>(i));
  });
}

/// What the indices of a range of rows stand for.
std::vector<float> weights_of(const QuantizedTensor& tensor, const RowRange& range,
                              std::int64_t cols) {
  std::vector<float> weights(static_cast<std::size_t>(range.count * cols));
  const auto first = static_cast<std::size_t>(range.first * cols);
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const auto block = (first + i) / static_cast<std::size_t>(tensor.block_size);
    weights[i] = tensor.codebooks[block].levels()[tensor.indices[first + i]];
  }
  return weights;
}

/// Errors of a range of rows, and these times the metric, each count x cols.
struct Slopes {
  at::Tensor errors, slopes;
};

Slopes slopes_of(const LayerProblem& problem, const RowRange& range,
                 std::span<const float> weights) {
  const auto [first, count, group] = range;
  const auto cols = problem.cols, width = problem.width(), panels = problem.panels();
  const auto rows = [&](std::span<const float> all) {
    return view(all.subspan(static_cast<std::size_t>(first * cols)), {count, cols});
  };
  const at::Tensor errors = rows(problem.target) - view(weights, {count, cols});
  const auto split = at::constant_pad_nd(errors, {0, panels * width - cols})
                         .reshape({count, panels, width})
                         .transpose(0, 1);
  const auto size = static_cast<std::size_t>(panels * width * width);
  const auto metric =
      view(problem.metric.subspan(static_cast<std::size_t>(group) * size), {panels, width, width});
  return {errors, at::matmul(split, metric)
                      .transpose(0, 1)
                      .reshape({count, panels * width})
                      .narrow(1, 0, cols)
                      .contiguous()};
}

}  // namespace

float metric_diagonal(const LayerProblem& problem, std::int64_t group, std::int64_t j) {
  return metric_row(problem, group, j)[j % problem.width()];
}

double mean_diagonal(const LayerProblem& problem) {
  double sum = 0;
  for (std::int64_t group = 0; group < problem.groups; ++group) {
    for (std::int64_t j = 0; j < problem.cols; ++j) sum += metric_diagonal(problem, group, j);
  }
  return sum / static_cast<double>(problem.groups * problem.cols);
}

LayerFactors factorize(const LayerProblem& problem, double damping) {
  const std::int64_t width = problem.width(), panels = problem.panels();
  LayerFactors factors;
  factors.upper.resize(static_cast<std::size_t>(problem.groups * panels * width * width));
  for (std::int64_t block = 0; block < problem.groups * panels; ++block) {
    const auto offset = static_cast<std::size_t>(block * width * width);
    const auto size = static_cast<std::size_t>(width * width);
    const auto used = std::min(width, problem.cols - block % panels * width);
    const auto corner = [&](std::span<const float> all) {
      return view(all.subspan(offset, size), {width, width}).narrow(0, 0, used).narrow(1, 0, used);
    };
    auto metric = corner(problem.metric).to(at::kDouble).contiguous();
    const double mean = metric.diagonal().mean().item<double>();
    // An input that is never active has no metric at all: any positive one keeps its weights.
    const double floor = mean > 0 ? mean * damping : 1;
    metric.diagonal().add_(floor);
    const auto inverse = at::cholesky_inverse(at::linalg_cholesky(metric));
    const auto upper = at::linalg_cholesky(inverse, /*upper=*/true);
    factors.mean_pivot += upper.diagonal().pow(-2).sum().item<double>() /
                          static_cast<double>(problem.groups * problem.cols);
    corner(factors.upper).copy_(upper);
  }
  return factors;
}

void compensate(const LayerProblem& problem, const LayerFactors& factors,
                const CompensateOptions& options, QuantizedTensor& tensor) {
  const std::int64_t rows = problem.rows, cols = problem.cols;
  tensor.indices.resize(static_cast<std::size_t>(rows * cols));
  for (std::int64_t i = 0; i < rows * cols; ++i) {
    tensor.indices[static_cast<std::size_t>(i)] =
        tensor.codebooks[static_cast<std::size_t>(i / tensor.block_size)].nearest(
            problem.target[static_cast<std::size_t>(i)]);
  }
  Prices prices(tensor, options.lambda);
  if (!options.compensate) return assign_alone(problem, prices, options.keep_zeros, tensor);
  // The second pass prices bits by the frequencies that the first one led to.
  for (int pass = 0; pass < 2; ++pass) {
    prices.estimate(tensor);
    assign_in_order(problem, factors, prices, options.keep_zeros, tensor);
  }

  const auto ranges = row_ranges(problem, product_rows);
  std::vector<std::int64_t> changed(ranges.size());
  for (int sweep = 0; sweep < options.sweeps; ++sweep) {
    prices.estimate(tensor);
    for_each_range(ranges, [&](std::size_t i) {
      throw_if_interrupted();
      const auto& range = ranges[i];
      const auto [errors, slopes] = slopes_of(problem, range, weights_of(tensor, range, cols));
      changed[i] = 0;
      for (std::int64_t row = 0; row < range.count; ++row) {
        changed[i] += revisit_row(
            problem, prices, options.keep_zeros, range.first + row,
            {slopes.data_ptr<float>() + row * cols, static_cast<std::size_t>(cols)}, tensor);
      }
    });
    const auto all = std::accumulate(changed.begin(), changed.end(), std::int64_t{0});
    if (all * 1000 < rows * cols) break;
  }
}

double output_error(const LayerProblem& problem, std::span<const float> weights) {
  const auto ranges = row_ranges(problem, product_rows);
  std::vector<double> sums(ranges.size());
  for_each_range(ranges, [&](std::size_t i) {
    const auto [errors, slopes] =
        slopes_of(problem, ranges[i],
                  weights.subspan(static_cast<std::size_t>(ranges[i].first * problem.cols)));
    sums[i] = (errors * slopes).sum(at::kDouble).item<double>();
  });
  return std::accumulate(sums.begin(), sums.end(), 0.0);
}

}  // namespace laconic
