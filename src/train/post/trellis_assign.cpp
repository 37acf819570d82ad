#include "train/post/trellis_assign.h"

#include <algorithm>

#include "laconic/error.h"
#include "laconic/threads.h"
#include "quantize/trellis_search.h"

namespace laconic {
namespace {

/// Paths that a worker takes at a time.
constexpr std::int64_t paths_at_once = 4;

/// Where a path's values are among its codebook's levels, and how far apart these lie.
struct Grid {
  std::int32_t zero = 0;
  std::int32_t highest = 0;  ///< Value.
  float step = 1;
};

Grid grid_of(const Codebook& codebook) {
  EvenSpacing spacing;
  const auto zero = codebook.zero_index();
  if (zero < 0 || (codebook.size() > 1 && !find_even_spacing(codebook, spacing))) {
    fail(ErrorCode::invalid_argument,
         "quantizer \"trellis\" needs evenly spaced levels around zero");
  }
  return {static_cast<std::int32_t>(zero), static_cast<std::int32_t>(codebook.size() - 1 - zero),
          codebook.size() > 1 ? spacing.step : 1};
}

/// The tensor as paths.
class Paths {
 public:
  Paths(const LayerProblem& problem, QuantizedTensor& tensor)
      : problem_(problem),
        tensor_(tensor),
        length_(static_cast<std::size_t>(trellis::path_length(tensor.shape))) {
    const bool whole = tensor.codebooks.size() == 1 || length_ == 0 ||
                       tensor.block_size % static_cast<std::int64_t>(length_) == 0;
    if (!whole) {
      fail(ErrorCode::invalid_argument,
           "quantizer \"trellis\" needs whole output channels in a block (granularity tensor, "
           "channel or joint), not {} weights",
           tensor.block_size);
    }
    for (const auto& codebook : tensor.codebooks) {
      grids_.push_back(grid_of(codebook));
      lowest_ = std::min(lowest_, -grids_.back().zero);
      highest_ = std::max(highest_, grids_.back().highest);
    }
  }

  [[nodiscard]] int lowest() const noexcept { return lowest_; }
  [[nodiscard]] int highest() const noexcept { return highest_; }
  [[nodiscard]] std::size_t length() const noexcept { return length_; }
  [[nodiscard]] std::int64_t count() const noexcept {
    return static_cast<std::int64_t>(length_ == 0 ? 0 : problem_.target.size() / length_);
  }
  [[nodiscard]] const Grid& grid(std::int64_t path) const {
    return grids_[static_cast<std::size_t>(path) * length_ /
                  static_cast<std::size_t>(tensor_.block_size)];
  }
  [[nodiscard]] std::span<const float> target(std::int64_t path) const {
    return problem_.target.subspan(static_cast<std::size_t>(path) * length_, length_);
  }
  [[nodiscard]] std::span<Index> indices(std::int64_t path) const {
    return std::span(tensor_.indices).subspan(static_cast<std::size_t>(path) * length_, length_);
  }

 private:
  const LayerProblem& problem_;
  QuantizedTensor& tensor_;
  std::size_t length_;
  std::vector<Grid> grids_;
  int lowest_ = 0, highest_ = 0;
};

/// Of the indices as they are; false where they are on no paths.
bool count_indices(const Paths& paths, trellis::Prices& prices) {
  std::vector<std::int32_t> values(paths.length());
  prices.forget();
  for (std::int64_t path = 0; path < paths.count(); ++path) {
    const auto zero = paths.grid(path).zero;
    std::ranges::transform(paths.indices(path), values.begin(),
                           [zero](Index index) { return index - zero; });
    if (!prices.count_path(values)) return false;
  }
  return true;
}

void count_weights(const Paths& paths, trellis::Prices& prices) {
  prices.forget();
  for (std::int64_t path = 0; path < paths.count(); ++path) {
    for (const float weight : paths.target(path))
      prices.count_weight(weight / paths.grid(path).step);
  }
}

}  // namespace

bool is_trellis(std::string_view quantizer) {
  return quantizer.substr(0, quantizer.find(':')) == "trellis";
}

void assign_on_trellis(const LayerProblem& problem, const LayerFactors* factors,
                       const CompensateOptions& options, QuantizedTensor& tensor) {
  const bool known = tensor.indices.size() == problem.target.size();
  tensor.indices.resize(problem.target.size());
  const Paths paths(problem, tensor);
  // A metric of other shape is that of weights which are no layer's.
  if (problem.cols != static_cast<std::int64_t>(paths.length())) factors = nullptr;
  trellis::Prices prices(paths.lowest(), paths.highest());
  const auto width = problem.width(), panels = problem.panels();
  const std::int64_t rows_of_group = std::max<std::int64_t>(1, problem.rows / problem.groups);
  for (int pass = 0; pass < options.passes; ++pass) {
    if ((pass == 0 && !known) || !count_indices(paths, prices)) count_weights(paths, prices);
    prices.set(options.lambda);
    const auto chunks = (paths.count() + paths_at_once - 1) / paths_at_once;
    parallel_for(chunks, [&](std::int64_t chunk) {
      if (factors != nullptr) throw_if_interrupted();
      trellis::Search search;
      std::vector<float> weights(paths.length()), scales;
      std::vector<std::uint8_t> zeros(options.keep_zeros ? paths.length() : 0);
      std::vector<std::int32_t> values(paths.length());
      const auto last = std::min((chunk + 1) * paths_at_once, paths.count());
      for (std::int64_t path = chunk * paths_at_once; path < last; ++path) {
        const Grid& grid = paths.grid(path);
        const auto target = paths.target(path);
        std::ranges::transform(target, weights.begin(),
                               [&](float weight) { return weight / grid.step; });
        for (std::size_t i = 0; i < zeros.size(); ++i) zeros[i] = target[i] == 0;
        trellis::PathMetric metric;
        if (factors != nullptr) {
          metric.upper = factors->upper.data() + path / rows_of_group * panels * width * width;
          metric.width = width;
        } else if (problem.cols == static_cast<std::int64_t>(paths.length())) {
          scales.resize(paths.length());
          for (std::int64_t j = 0; j < problem.cols; ++j)
            scales[static_cast<std::size_t>(j)] = metric_diagonal(problem, path / rows_of_group, j);
          metric.scales = scales;
        }
        search.find(weights, metric, grid.step, zeros, prices, {-grid.zero, grid.highest}, values);
        std::ranges::transform(values, paths.indices(path).begin(), [&](std::int32_t value) {
          return static_cast<Index>(value + grid.zero);
        });
      }
    });
  }
}

}  // namespace laconic
