// Damage tables of networks: which weights, and with what importance.

#include <torch/types.h>

#include <algorithm>

#include "laconic/analyze.h"
#include "laconic/error.h"
#include "train/checkpoint.h"
#include "train/plan/kept_table.h"
#include "train/post/sensitivity.h"

namespace laconic {
namespace {

constexpr std::int64_t probe_batch = 64;

/// Half the second derivative that a tensor's weights share. Errors then do the damage that was
/// measured with that tensor alone quantized.
ImportanceMap from_sensitivities(const Graph& graph, const Dataset& data,
                                 const DamageSource& source, const ProgressSink& progress) {
  Graph scaled = graph;
  normalize_batch_norm(scaled);
  const Network network(std::move(scaled));
  const auto batches = draw_batches(data, source.samples, probe_batch, source.seed);
  ImportanceMap map;
  for (const auto& [name, s] : measure_sensitivities(network, batches, progress)) {
    const auto count = static_cast<std::size_t>(network.parameter(name).numel());
    map.emplace(name, std::vector<float>(count, static_cast<float>(2 * s.damage * s.curvature)));
  }
  return map;
}

ImportanceMap importance_of(const Graph& graph, const Dataset* data, const DamageSource& source,
                            const ProgressSink& progress) {
  if (data == nullptr) return {};
  check_fits(graph, *data);
  if (source.importance == "sensitivity") {
    return from_sensitivities(graph, *data, source, progress);
  }
  const auto estimate =
      make_estimator(source.importance)->estimate(Network(graph), *data, progress);
  return temper(estimate.values, source.temper);
}

/// What a table is of, in one line.
std::string print_identity(const Graph& graph, const Dataset* data, const DamageSource& source) {
  std::string all;
  for (const auto& [name, constant] : graph.constants) all += name + digest(constant.bytes());
  all += digest(pack_graph(graph));
  const auto& widths = source.widths;
  return fmt::format("network {}, data {}, {} samples={} temper={} seed={}, {} {}..{}",
                     digest(std::as_bytes(std::span(all))),
                     data == nullptr ? std::string("none") : data->spec(), source.importance,
                     source.samples, source.temper, source.seed, name(widths.kind), widths.least,
                     widths.most);
}

std::vector<TensorChoices> measure(const Graph& graph, const Dataset* data,
                                   const DamageSource& source, const ProgressSink& progress) {
  const auto importance = importance_of(graph, data, source, progress);
  std::vector<NamedWeights> tensors;
  for (const auto& info : parameters(graph)) {
    if (info.role != Role::weight) continue;
    const auto& constant = graph.constants.find(info.name)->second;
    const auto found = importance.find(info.name);
    tensors.push_back({info.name,
                       {constant.shape(), constant.floats(),
                        found == importance.end() ? std::span<const float>() : found->second}});
  }
  if (tensors.empty()) {
    fail(ErrorCode::invalid_argument, "the network has no weights that could be quantized");
  }
  return damage_table(tensors, source.widths);
}

/// A file whose first line is right may have lost or gained others.
void check_kept(const std::vector<TensorChoices>& table, const Graph& graph,
                const std::filesystem::path& path) {
  std::vector<std::string> names;
  for (const auto& info : parameters(graph)) {
    if (info.role == Role::weight) names.push_back(info.name);
  }
  const bool fits =
      std::ranges::equal(table, names, {}, &TensorChoices::tensor) &&
      std::ranges::none_of(table, &std::vector<TensorChoice>::empty, &TensorChoices::choices);
  if (fits && !table.empty()) return;
  fail(ErrorCode::corrupt_data, "the damage table \"{}\" does not have the network's {} weights",
       path.string(), names.size());
}

}  // namespace

std::vector<TensorChoices> damage_table(const Graph& graph, const Dataset* data,
                                        const DamageSource& source, const ProgressSink& progress) {
  const auto table = [&] { return measure(graph, data, source, progress); };
  if (source.kept.empty()) return table();
  auto kept = kept_table(source.kept, print_identity(graph, data, source), table);
  check_kept(kept, graph, source.kept);
  return kept;
}

std::int64_t weight_count(const Graph& graph) {
  std::int64_t count = 0;
  for (const auto& info : parameters(graph)) {
    if (info.role == Role::weight) count += graph.constants.find(info.name)->second.count();
  }
  return count;
}

double budget_bits(const WeightBudget& budget, std::span<const TensorChoices> table,
                   std::int64_t weights) {
  if (budget.bits.has_value() == budget.ratio.has_value()) {
    fail(ErrorCode::invalid_argument, "one budget is needed: bits per weight, or a ratio");
  }
  const auto& value = budget.bits ? *budget.bits : *budget.ratio;
  if (!(value > 0)) {
    fail(ErrorCode::invalid_argument, "the budget is {}, but must be more than 0", value);
  }
  const double bits = budget.bits ? value : 32 / value;
  double least = 0, most = 0;
  for (const auto& tensor : table) {
    const auto [low, high] =
        std::minmax_element(tensor.choices.begin(), tensor.choices.end(),
                            [](const auto& a, const auto& b) { return a.bits < b.bits; });
    least += low->bits;
    most += high->bits;
  }
  const auto count = static_cast<double>(weights);
  if (bits * count < least || bits * count > most) {
    fail(ErrorCode::out_of_reach,
         "the budget is {:.4g} bits a weight, but plans at these widths take from {:.4g} to {:.4g} "
         "bits a weight, codebooks included (ratios from {:.4g} to {:.4g})",
         bits, least / count, most / count, 32 * count / most, 32 * count / least);
  }
  return bits * count;
}

}  // namespace laconic
