// Multiples of a step, as they are or moved to the means of their weights.

#include <algorithm>
#include <cmath>
#include <map>

#include "laconic/error.h"
#include "quantize/block.h"
#include "quantize/levels.h"
#include "quantize/members.h"
#include "quantize/uniform_grid.h"

namespace laconic {
namespace {

enum class Value { midpoint, mean, weighted_mean };

Value parse_value(std::string_view text) {
  return text == "midpoint" ? Value::midpoint : text == "mean" ? Value::mean : Value::weighted_mean;
}

class Uniform final : public Quantizer {
 public:
  explicit Uniform(const Options& options)
      : spec_(options.spec()),
        step_(options.number("step")),
        bits_(options.number("bits")),
        levels_(options.integer("levels")),
        dead_zone_(options.number("dead_zone")),
        value_(parse_value(options.text("value"))) {
    if (step_ > 0 && bits_ > 0) {
      fail(ErrorCode::invalid_argument, "quantizer \"uniform\" takes a step or bits, not both");
    }
    if (step_ > 0 && !(static_cast<float>(step_) > 0 && std::isfinite(static_cast<float>(step_)))) {
      fail(ErrorCode::invalid_argument, "quantizer \"uniform\": a step of {} is no float", step_);
    }
  }

  std::string spec() const override { return spec_; }

 private:
  BlockCode solve(const CheckedBlock& block, const Prior& prior) const override {
    const auto grid = choose_grid(block, prior);
    const auto pins = pinned_multiples(grid, prior.pinned);
    if (value_ == Value::midpoint) return midpoints(block, grid, pins);
    return means(block, grid, pins);
  }

  [[nodiscard]] CellLevel cell_level() const {
    return value_ == Value::weighted_mean ? CellLevel::mean : CellLevel::multiple;
  }

  [[nodiscard]] UniformGrid choose_grid(const CheckedBlock& block, const Prior& prior) const {
    if (step_ > 0) {
      const UniformGrid grid{.step = static_cast<float>(step_), .dead_zone = dead_zone_};
      if (block.largest_weight > grid.level(max_multiple)) {
        fail(ErrorCode::invalid_argument,
             "a step of {} is too fine for a weight of {}: it must be at most {} steps from zero",
             step_, block.largest_weight, max_multiple);
      }
      return grid;
    }
    for (const float pin : prior.pinned) {
      if (pin != 0) {
        fail(ErrorCode::invalid_argument,
             "uniform with a step of its own choice cannot pin {}, only 0: give it a step", pin);
      }
    }
    if (bits_ > 0) return grid_of_entropy(line_of(block.weights, {}), bits_, dead_zone_);
    const Line line = line_of(block.weights, block.importance);
    const bool zero = !prior.pinned.empty();
    auto best = best_grid(line, levels_, dead_zone_, cell_level(), zero);
    EvenSpacing spacing;
    if (prior.start != nullptr && find_even_spacing(*prior.start, spacing)) {
      const auto other = placed_grid(line, spacing.step, levels_, dead_zone_, zero);
      if (squared_error(line, other, cell_level()) < squared_error(line, best, cell_level()))
        best = other;
    }
    return best;
  }

  static std::vector<std::int64_t> pinned_multiples(const UniformGrid& grid,
                                                    std::span<const float> pinned) {
    std::vector<std::int64_t> multiples;
    for (const float pin : pinned) {
      const double steps = static_cast<double>(pin) / static_cast<double>(grid.step);
      const auto multiple =
          std::abs(steps) <= static_cast<double>(max_multiple) ? std::llround(steps) : 0;
      if (grid.level(multiple) != pin) {
        fail(ErrorCode::invalid_argument,
             "uniform with a step of {} cannot pin {}, which is no multiple of it within {} steps",
             grid.step, pin, max_multiple);
      }
      multiples.push_back(multiple);
    }
    return multiples;
  }

  /// An evenly spaced codebook from the lowest multiple that is used or pinned to the highest.
  static BlockCode midpoints(const CheckedBlock& block, const UniformGrid& grid,
                             const std::vector<std::int64_t>& pins) {
    std::vector<std::int64_t> multiples;
    for (const float weight : block.weights) multiples.push_back(grid.multiple_of(weight));
    auto [low, high] = [&] {
      const auto [least, most] = std::minmax_element(multiples.begin(), multiples.end());
      return std::pair(*least, *most);
    }();
    if (!pins.empty()) {
      low = std::min(low, pins.front());
      high = std::max(high, pins.back());
    }
    check_count(high - low + 1, grid);
    std::vector<Index> indices;
    for (const std::int64_t multiple : multiples)
      indices.push_back(static_cast<Index>(multiple - low));
    return {Codebook::evenly_spaced(grid.step, low, high - low + 1), std::move(indices)};
  }

  BlockCode means(const CheckedBlock& block, const UniformGrid& grid,
                  const std::vector<std::int64_t>& pins) const {
    std::map<std::int64_t, float> levels;
    const auto add_means = [&](const Line& line) {
      for_each_cell(line, grid, [&](std::int64_t multiple, std::size_t first, std::size_t last) {
        levels.emplace(multiple, static_cast<float>(line.mean(first, last)));
      });
    };
    for (const std::int64_t pin : pins) levels[pin] = grid.level(pin);
    const bool weighted = value_ == Value::weighted_mean && !block.importance.empty();
    if (weighted) add_means(line_of(block.weights, block.importance));
    // Where a level's weights have no importance, their plain mean.
    const bool any_without =
        !weighted || std::any_of(block.importance.begin(), block.importance.end(),
                                 [](float importance) { return importance == 0; });
    if (any_without) add_means(line_of(block.weights, {}));
    check_count(static_cast<std::int64_t>(levels.size()), grid);

    std::vector<float> codebook;
    std::map<std::int64_t, Index> index_of;
    for (const auto& [multiple, level] : levels) {
      if (codebook.empty() || codebook.back() < level) codebook.push_back(level);
      index_of[multiple] = static_cast<Index>(codebook.size() - 1);
    }
    const std::int64_t low = levels.begin()->first;
    std::vector<Index> table(static_cast<std::size_t>(levels.rbegin()->first - low + 1));
    for (const auto& [multiple, index] : index_of)
      table[static_cast<std::size_t>(multiple - low)] = index;
    std::vector<Index> indices;
    for (const float weight : block.weights) {
      indices.push_back(table[static_cast<std::size_t>(grid.multiple_of(weight) - low)]);
    }
    return {Codebook(std::move(codebook)), std::move(indices)};
  }

  static void check_count(std::int64_t count, const UniformGrid& grid) {
    if (count > max_multiple + 1) {
      fail(ErrorCode::invalid_argument,
           "a step of {} needs {} levels, but a codebook has at most {}", grid.step, count,
           max_multiple + 1);
    }
  }

  std::string spec_;
  double step_, bits_;
  std::int64_t levels_;
  double dead_zone_;
  Value value_;
};

}  // namespace

std::unique_ptr<Quantizer> make_uniform(const Options& options) {
  return std::make_unique<Uniform>(options);
}

}  // namespace laconic
