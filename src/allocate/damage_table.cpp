// Every width of a tensor, k-means from one sorted line.

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <utility>

#include "laconic/damage.h"
#include "laconic/error.h"
#include "laconic/threads.h"
#include "quantize/levels.h"
#include "quantize/nearest.h"
#include "quantize/partition.h"

namespace laconic {
namespace {

constexpr int widest = 10;
constexpr int settling_sweeps = 10;
/// Beyond, sorted lines take too much memory, and the quantizer's bins are as fast.
constexpr std::size_t most_sorted = std::size_t{1} << 21;
constexpr double bits_of_float = 32;
constexpr std::array<std::pair<ChoiceKind, std::string_view>, 3> kinds{
    {{ChoiceKind::kmeans, "kmeans"},
     {ChoiceKind::kmeans_zero, "kmeans_zero"},
     {ChoiceKind::uniform, "uniform"}}};
constexpr std::array zero{0.0F};

/// One way to store a tensor, and the levels that its quantizer may choose.
struct Way {
  std::string spec;
  double bits = 0;         ///< Per weight.
  std::size_t levels = 0;  ///< k-means only.
};

std::vector<Way> ways(const DamageOptions& options) {
  std::vector<Way> all;
  if (options.kind == ChoiceKind::uniform) {
    for (int halves = 2 * options.least; halves <= 2 * options.most; ++halves) {
      all.push_back({fmt::format("uniform:bits={}", halves / 2.0), halves / 2.0, 0});
    }
    return all;
  }
  for (int bits = options.least; bits <= options.most; ++bits) {
    const std::size_t levels = options.kind == ChoiceKind::kmeans
                                   ? std::size_t{1} << bits
                                   : (std::size_t{1} << (bits - 1)) + 1;
    all.push_back({fmt::format("kmeans:levels={}", levels), static_cast<double>(bits), levels});
  }
  return all;
}

void check(const DamageOptions& options) {
  if (options.least < 1 || options.most < options.least || options.most > widest) {
    fail(ErrorCode::invalid_argument,
         "widths are {} to {} bits, but must rise from at least 1 to at most {}", options.least,
         options.most, widest);
  }
}

void check(const NamedWeights& tensor) {
  const auto& [weights, importance] = std::pair(tensor.view.weights, tensor.view.importance);
  if (weights.empty()) {
    fail(ErrorCode::invalid_argument, "tensor \"{}\" has no weights", tensor.name);
  }
  if (!importance.empty() && importance.size() != weights.size()) {
    fail(ErrorCode::invalid_argument, "tensor \"{}\" has {} importances for {} weights",
         tensor.name, importance.size(), weights.size());
  }
  const auto require = [&](std::string_view what, std::span<const float> values, float least) {
    const auto bad = std::find_if(values.begin(), values.end(),
                                  [&](float v) { return !std::isfinite(v) || v < least; });
    if (bad == values.end()) return;
    fail(ErrorCode::invalid_argument, "tensor \"{}\": {} {} is {}, which cannot be", tensor.name,
         what, bad - values.begin(), *bad);
  };
  require("weight", weights, std::numeric_limits<float>::lowest());
  require("importance", importance, 0);
}

double importance_at(const WeightsView& view, std::size_t i) {
  return view.importance.empty() ? 1.0 : static_cast<double>(view.importance[i]);
}

/// 1/2 sum of importance times squared error.
double damage_of(const WeightsView& view, std::span<const float> levels,
                 std::span<const Index> indices) {
  double sum = 0;
  for (std::size_t i = 0; i < indices.size(); ++i) {
    const double error = static_cast<double>(view.weights[i]) - levels[indices[i]];
    sum += importance_at(view, i) * error * error;
  }
  return sum / 2;
}

/// Ideal code length of the indices.
double entropy_bits(std::span<const Index> indices, std::size_t levels) {
  std::vector<double> counts(levels);
  for (const Index index : indices) ++counts[index];
  double bits = 0;
  const auto total = static_cast<double>(indices.size());
  for (const double count : counts) {
    if (count > 0) bits -= count * std::log2(count / total);
  }
  return bits;
}

TensorChoice choice_of(const Way& way, const WeightsView& view, std::span<const float> levels,
                       std::span<const Index> indices) {
  const double codebook = bits_of_float * static_cast<double>(levels.size());
  const double index_bits = way.levels > 0 ? way.bits * static_cast<double>(indices.size())
                                           : std::ceil(entropy_bits(indices, levels.size()));
  return {index_bits + codebook, damage_of(view, levels, indices), way.spec};
}

TensorChoices table_of(const NamedWeights& tensor, ChoiceKind kind, const std::vector<Way>& all) {
  const auto& view = tensor.view;
  const std::span<const float> pinned =
      kind == ChoiceKind::kmeans_zero ? std::span<const float>(zero) : std::span<const float>();
  TensorChoices out{tensor.name, {}};
  if (kind == ChoiceKind::uniform || view.weights.size() > most_sorted) {
    for (const auto& way : all) {
      const auto code = make_quantizer(way.spec)->quantize_block(view.weights, view.importance,
                                                                 {.pinned = pinned});
      out.choices.push_back(choice_of(way, view, code.codebook.levels(), code.indices));
    }
    return out;
  }
  const Line line = line_of(view.weights, view.importance);
  std::vector<Index> indices(view.weights.size());
  for (const auto& way : all) {
    const auto levels = settle(line, fit_partition(line, way.levels - pinned.size(), pinned),
                               pinned, settling_sweeps);
    count_uppers(nearest_uppers(levels), view.weights, indices);
    out.choices.push_back(choice_of(way, view, levels, indices));
  }
  return out;
}

}  // namespace

std::string_view name(ChoiceKind kind) noexcept {
  return std::find_if(kinds.begin(), kinds.end(),
                      [&](const auto& row) { return row.first == kind; })
      ->second;
}

ChoiceKind parse_choice_kind(std::string_view text) {
  for (const auto& [kind, word] : kinds) {
    if (word == text) return kind;
  }
  fail(ErrorCode::invalid_argument,
       "choices are \"{}\", but must be one of kmeans, kmeans_zero, uniform", text);
}

std::vector<TensorChoices> damage_table(std::span<const NamedWeights> tensors,
                                        const DamageOptions& options) {
  check(options);
  for (const auto& tensor : tensors) check(tensor);
  const auto all = ways(options);
  // The largest first: they must not be left to one thread at the end.
  std::vector<std::size_t> order(tensors.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return tensors[a].view.weights.size() > tensors[b].view.weights.size();
  });
  std::vector<TensorChoices> table(tensors.size());
  parallel_for(static_cast<std::int64_t>(order.size()), [&](std::int64_t i) {
    const auto t = order[static_cast<std::size_t>(i)];
    table[t] = table_of(tensors[t], options.kind, all);
  });
  return table;
}

Plan plan_of(std::span<const TensorChoices> tensors, const Allocation& allocation) {
  Plan plan;
  for (std::size_t t = 0; t < tensors.size(); ++t) {
    plan.push_back(
        {tensors[t].tensor, tensors[t].choices[allocation.picks[t]].what, {}, {}, "auto"});
  }
  return plan;
}

}  // namespace laconic
