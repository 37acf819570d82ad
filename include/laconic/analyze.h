// What a network's layers can bear: a plan within a budget, and what each width does to each layer.

#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "laconic/allocator.h"
#include "laconic/damage.h"
#include "laconic/dataset.h"
#include "laconic/evaluate.h"
#include "laconic/graph.h"
#include "laconic/importance.h"
#include "laconic/plan.h"
#include "laconic/policy_gradient.h"
#include "laconic/progress.h"

namespace laconic {

/// Where damage comes from.
struct DamageSource {
  DamageOptions widths;
  /// Spec of an estimator, or "sensitivity": each tensor's own rise of output error per squared
  /// error of a weight, measured with that tensor alone quantized. Without data it is all ones.
  std::string importance = "sensitivity";
  double temper = 1;           ///< Power that an estimator's importance is raised to, 0 to 1.
  std::int64_t samples = 256;  ///< Of the training part, for "sensitivity".
  std::uint64_t seed = 1;

  /// File that the table is kept in: measured once, read from then on. Empty: not kept.
  std::filesystem::path kept;
};

/// The damage table of a graph's weights, in the order of laconic::parameters(). `data` may be
/// null. Throws Error(invalid_argument) if the file that it is kept in is of another network, data
/// set or source, and Error(corrupt_data) if it is damaged. Throws Error(invalid_argument) where
/// there is no weight, Error(invalid_data) where the network does not fit the data.
[[nodiscard]] std::vector<TensorChoices> damage_table(const Graph& graph, const Dataset* data,
                                                      const DamageSource& source,
                                                      const ProgressSink& progress = {});

/// A budget for all weights together, codebooks included; one of the two.
struct WeightBudget {
  std::optional<double> bits;   ///< Per weight, on average.
  std::optional<double> ratio;  ///< 32-bit weights against quantized ones.
};

/// Bits in all for a budget. Throws Error(invalid_argument) unless one of the two is given and
/// positive, and Error(out_of_reach), naming both ends, where it lies outside the table's sizes.
[[nodiscard]] double budget_bits(const WeightBudget& budget, std::span<const TensorChoices> table,
                                 std::int64_t weights);

/// Number of all weights that the table is of.
[[nodiscard]] std::int64_t weight_count(const Graph& graph);

/// What an agent can know of each tensor of the table: kind of layer, channels, kernel, size.
[[nodiscard]] std::vector<TensorDescription> describe_layers(const Graph& graph,
                                                             std::span<const TensorChoices> table);

/// What a plan is worth, 0 to 1.
enum class PlanMeasure {
  accuracy,
  likelihood,  ///< exp(-loss): tells plans apart that get the same samples right.
};

/// Throws Error(invalid_argument) naming the valid words.
[[nodiscard]] PlanMeasure parse_plan_measure(std::string_view text);

struct PlanQualityOptions {
  PlanMeasure measure = PlanMeasure::accuracy;
  std::int64_t samples = 0;  ///< The first so many of the validation part; 0: all.

  /// File that answers are kept in and not measured again: a search that was broken off and is
  /// begun anew comes to where it was at once, and to the same plan. Empty: not kept.
  std::filesystem::path memory;
};

/// The network's worth with all tensors quantized as picked. Nothing is trained. Network, data and
/// table must outlive it. Throws Error(invalid_argument) for the memory of another network, data
/// set, table, measure or number of samples.
[[nodiscard]] PlanQuality quality_of_plans(const Network& network, const Dataset& data,
                                           std::span<const TensorChoices> table, ChoiceKind kind,
                                           const PlanQualityOptions& options = {});

/// A tensor quantized alone at one width.
struct WidthEffect {
  double bits = 0;  ///< Per weight, codebook included.
  std::string what;
  double damage = 0;         ///< As predicted by the table.
  double loss_rise = 0;      ///< Measured; may be negative.
  double accuracy_drop = 0;  ///< In points; may be negative.
};

struct LayerAnalysis {
  std::string tensor;
  std::int64_t weights = 0;
  std::vector<WidthEffect> widths;
};

struct Analysis {
  Score before;
  std::vector<LayerAnalysis> layers;  ///< In the network's order.
  /// Positions of layers, the one that most needs protection first: by the rise of loss at the
  /// smallest width.
  std::vector<std::size_t> most_sensitive;
};

/// Measures loss and accuracy with every tensor quantized alone at every width, on the first
/// `samples` of the validation part (of the training part where there is none). One evaluation for
/// each tensor and width.
[[nodiscard]] Analysis analyze(const Graph& graph, const Dataset& data, const DamageSource& source,
                               std::int64_t samples, const ProgressSink& progress = {});

}  // namespace laconic
