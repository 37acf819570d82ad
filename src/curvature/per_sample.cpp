#include "curvature/per_sample.h"

#include <torch/autograd.h>

#include <algorithm>
#include <map>

namespace laconic::curvature {
namespace {

/// Gradients of the layers' outputs are kept for so many columns at a time.
constexpr std::int64_t columns_at_once = 10;

/// What the layers of sites saw in one run; in the order of the nodes.
struct Recording {
  std::map<const Node*, LayerPass> passes;
  std::map<std::string, const Node*, std::less<>> wanted;  ///< By first output.

  explicit Recording(const std::vector<std::vector<Site>>& sites) {
    for (const auto& of_target : sites) {
      for (const auto& site : of_target) wanted.emplace(site.node().outputs[0], &site.node());
    }
  }

  const Node* find(const Node& node) const {
    const auto found = wanted.find(node.outputs[0]);
    return found == wanted.end() ? nullptr : found->second;
  }

  /// Hooks that record inputs, and outputs as the only tensors that gradients lead to.
  void attach(RunOptions& options) {
    options.before = [this](const Node& node, std::span<const at::Tensor> inputs) {
      const Node* key = find(node);
      if (key == nullptr) return;
      auto& pass = passes[key];
      for (const auto& input : inputs) {
        pass.inputs.push_back(input.defined() ? input.detach() : input);
      }
    };
    options.after = [this](const Node& node, std::span<at::Tensor> outputs) {
      const Node* key = find(node);
      if (key == nullptr) return;
      if (!outputs[0].requires_grad()) outputs[0] = outputs[0].detach().requires_grad_();
      passes[key].outputs = {outputs[0]};
    };
  }
};

/// d <column, scores> / d tensors for column after column; undefined where scores do not depend on
/// a tensor.
std::vector<at::Tensor> gradients(const at::Tensor& scores, const at::Tensor& column,
                                  const std::vector<at::Tensor>& tensors) {
  if (!scores.requires_grad()) return std::vector<at::Tensor>(tensors.size());
  return torch::autograd::grad({scores}, tensors, {column.contiguous()}, /*retain_graph=*/true,
                               /*create_graph=*/false, /*allow_unused=*/true);
}

}  // namespace

PerSampleSquares::PerSampleSquares(const Network& network, const Samples& samples,
                                   std::vector<Target> targets, Loss loss, Columns columns)
    : network_(network), targets_(std::move(targets)), loss_(loss), columns_(std::move(columns)) {
  for (const auto& target : targets_) sites_.push_back(sites_of(network.graph(), target));
  keep_sites_with_rows_of_samples(samples);
  for (std::size_t t = 0; t < targets_.size(); ++t) {
    if (sites_[t].empty()) alone_.push_back(t);
  }
}

/// A site is of use only if axis 0 of what its layer reads and writes counts samples, which time
/// steps or a reshaping may have changed: runs of one and of two samples tell.
void PerSampleSquares::keep_sites_with_rows_of_samples(const Samples& samples) {
  if (samples.batches() == samples.size()) {  // single samples need no sites
    sites_.assign(sites_.size(), {});
    return;
  }
  Recording runs[] = {Recording(sites_), Recording(sites_)};
  const Overrides parameters = detached_parameters(network_);
  for (const std::int64_t n : {1, 2}) {
    RunOptions options;
    options.overrides = &parameters;
    runs[n - 1].attach(options);
    Shape shape = samples.sample_shape();
    shape.insert(shape.begin(), n);
    const auto x = at::zeros(shape, at::device(samples.device()));
    (void)network_.run({&x, 1}, options);
  }
  const auto rows_are_samples = [](const at::Tensor& one, const at::Tensor& two) {
    return one.dim() > 1 && one.dim() == two.dim() && one.size(0) == 1 && two.size(0) == 2 &&
           one.sizes().slice(1) == two.sizes().slice(1);
  };
  for (auto& of_target : sites_) {
    const bool usable = std::all_of(of_target.begin(), of_target.end(), [&](const Site& site) {
      const LayerPass &one = runs[0].passes[&site.node()], &two = runs[1].passes[&site.node()];
      return rows_are_samples(one.inputs[0], two.inputs[0]) &&
             rows_are_samples(one.outputs[0], two.outputs[0]);
    });
    if (!usable) of_target.clear();
  }
}

BatchSums PerSampleSquares::operator()(const Batch& batch) const {
  BatchSums sums{std::vector<at::Tensor>(targets_.size()),
                 std::vector<at::Tensor>(targets_.size())};
  for (std::size_t t = 0; t < targets_.size(); ++t) {
    sums.sums[t] = at::zeros(targets_[t].shape, batch.x.options());
    sums.totals[t] = at::zeros({batch.size()}, batch.x.options());
  }
  if (alone_.size() < targets_.size()) add_batch(batch, sums);
  if (!alone_.empty()) add_alone(batch, sums);
  return sums;
}

void PerSampleSquares::add_batch(const Batch& batch, BatchSums& sums) const {
  const Overrides parameters = detached_parameters(network_);
  Recording recording(sites_);
  RunOptions options;
  options.overrides = &parameters;
  recording.attach(options);
  const auto scores = run_scores(network_, loss_, batch.x, options);
  const auto columns = columns_(scores.detach(), batch);

  std::vector<LayerPass*> passes;
  std::vector<at::Tensor> outputs;
  for (auto& [node, pass] : recording.passes) {
    passes.push_back(&pass);
    outputs.push_back(pass.outputs[0]);
  }
  for (std::int64_t begin = 0; begin < columns.size(0); begin += columns_at_once) {
    for (auto* pass : passes) pass->outputs.clear();
    const std::int64_t end = std::min(begin + columns_at_once, columns.size(0));
    for (std::int64_t c = begin; c < end; ++c) {
      const auto grads = gradients(scores, columns[c], outputs);
      for (std::size_t i = 0; i < passes.size(); ++i) {
        if (grads[i].defined()) passes[i]->outputs.push_back(grads[i]);
      }
    }
    for (std::size_t t = 0; t < targets_.size(); ++t) {
      std::vector<Site> reached;
      std::vector<const LayerPass*> of_sites;
      for (const auto& site : sites_[t]) {
        const LayerPass& pass = recording.passes[&site.node()];
        if (pass.outputs.empty()) continue;
        reached.push_back(site);
        of_sites.push_back(&pass);
      }
      if (reached.empty()) continue;
      const auto squares = squared_gradients(reached, of_sites);
      sums.sums[t] += squares.sums;
      sums.totals[t] += squares.totals;
    }
  }
}

void PerSampleSquares::add_alone(const Batch& batch, BatchSums& sums) const {
  std::vector<Target> targets;
  for (const std::size_t t : alone_) targets.push_back(targets_[t]);
  Overrides parameters = detached_parameters(network_);
  const auto leaves = make_leaves(parameters, targets);
  RunOptions options;
  options.overrides = &parameters;
  for (std::int64_t i = 0; i < batch.size(); ++i) {
    const Batch one = batch.one(i);
    const auto scores = run_scores(network_, loss_, one.x, options);
    const auto columns = columns_(scores.detach(), one);
    for (std::int64_t c = 0; c < columns.size(0); ++c) {
      const auto grads = gradients(scores, columns[c], leaves);
      for (std::size_t a = 0; a < alone_.size(); ++a) {
        if (!grads[a].defined()) continue;
        const auto squares = grads[a].square();
        sums.sums[alone_[a]] += squares;
        sums.totals[alone_[a]][i] += squares.sum();
      }
    }
  }
}

}  // namespace laconic::curvature
