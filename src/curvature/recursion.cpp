#include "curvature/recursion.h"

#include <algorithm>

#include "curvature/rules.h"
#include "laconic/error.h"

namespace laconic::curvature {
namespace {

using Values = std::map<std::string, at::Tensor, std::less<>>;

/// Outputs that the node names: an operator may offer more.
std::size_t written(const Node& node, std::span<at::Tensor> outputs) {
  return std::min(node.outputs.size(), outputs.size());
}

/// Runs the network and keeps all values that nodes write.
Values record_values(const Network& network, Loss loss, const Batch& batch,
                     const Overrides& parameters, at::Tensor& scores) {
  Values values;
  RunOptions options;
  options.overrides = &parameters;
  options.after = [&](const Node& node, std::span<at::Tensor> outputs) {
    for (std::size_t i = 0; i < written(node, outputs); ++i) values[node.outputs[i]] = outputs[i];
  };
  scores = run_scores(network, loss, batch.x, options);
  return values;
}

/// Runs the network once more, each node on the recorded values, which cuts nodes apart; only
/// `kept` values, made of weights alone, stay what this run makes them.
std::vector<NodePass> record_passes(const Network& network, const Batch& batch,
                                    const Overrides& parameters, const Values& values,
                                    const std::set<std::string, std::less<>>& kept) {
  std::vector<NodePass> passes;
  RunOptions options;
  options.overrides = &parameters;
  options.before = [&](const Node& node, std::span<const at::Tensor> inputs) {
    passes.push_back(
        {.node = &node, .inputs = {inputs.begin(), inputs.end()}, .outputs = {}, .curvature = {}});
  };
  options.after = [&](const Node& node, std::span<at::Tensor> outputs) {
    passes.back().outputs.assign(outputs.begin(), outputs.end());
    passes.back().outputs.resize(written(node, outputs));
    if (kept.contains(node.outputs[0])) return;
    for (std::size_t i = 0; i < written(node, outputs); ++i) {
      outputs[i] = values.find(node.outputs[i])->second.detach();
      if (outputs[i].is_floating_point()) outputs[i].requires_grad_();
    }
  };
  (void)network.run({&batch.x, 1}, options);
  return passes;
}

void add_to(at::Tensor& sum, const at::Tensor& value) {
  sum = sum.defined() ? sum + value : value;
}

}  // namespace

Recursion::Recursion(const Network& network, std::vector<Target> targets, Loss loss)
    : network_(network), targets_(std::move(targets)), loss_(loss) {
  const Graph& graph = network.graph();
  const auto refuse = [](const Node& node, const std::string& weight) {
    fail(ErrorCode::unsupported_operator,
         "gauss_newton:mode=recursion has no rule for the weight '{}' in {}; mode=exact and "
         "mode=sampled take any network",
         weight, describe(node));
  };
  for (const auto& info : network.parameters()) {
    if (info.role != Role::weight) continue;
    const Readers readers = readers_of(graph, info.name);
    const auto is_other = [](const Reader& r) { return !is_linear(r.node->op) || r.input > 1; };
    const auto others = std::count_if(readers.nodes.begin(), readers.nodes.end(), is_other);
    if (others == std::ssize(readers.nodes)) continue;
    // What is squared for products must not be read by other nodes.
    if (others > 0) {
      refuse(*std::find_if(readers.nodes.begin(), readers.nodes.end(), is_other)->node, info.name);
    }
    squared_.push_back(info.name);
    derived_.insert(readers.transposed.begin(), readers.transposed.end());
  }
  for (const auto& target : targets_) {
    sites_.push_back(sites_of(graph, target));
    if (sites_.back().empty() && std::ranges::count(squared_, target.info.name) > 0) {
      refuse(graph.nodes[target.info.node], target.info.name);
    }
  }
}

/// Adds a node's step to the targets that it reads, and to the curvature of its inputs.
void Recursion::step_back(NodePass& pass, Values& curvature, BatchSums& out) const {
  for (const auto& name : pass.node->outputs) {
    const auto found = curvature.find(name);
    pass.curvature.push_back(found == curvature.end() ? at::Tensor() : found->second);
    if (found != curvature.end()) curvature.erase(found);
  }
  if (pass.curvature[0].defined()) {
    const LayerPass layer{pass.inputs, {pass.curvature[0].reshape(pass.outputs[0].sizes())}};
    for (std::size_t t = 0; t < targets_.size(); ++t) {
      for (const auto& site : sites_[t]) {
        if (&site.node() == pass.node) add_to(out.sums[t], curvature_sums(site, layer));
      }
    }
  }
  if (!pass.passes()) return;
  const auto inputs = curvature_of_inputs(pass);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i].defined() && pass.inputs[i].requires_grad()) {
      add_to(curvature[pass.node->inputs[i]], inputs[i]);
    }
  }
}

BatchSums Recursion::operator()(const Batch& batch) const {
  Overrides parameters = detached_parameters(network_);
  at::Tensor scores;
  const Values values = record_values(network_, loss_, batch, parameters, scores);

  std::vector<Target> reached_by_rules;
  for (std::size_t t = 0; t < targets_.size(); ++t) {
    if (sites_[t].empty()) reached_by_rules.push_back(targets_[t]);
  }
  (void)make_leaves(parameters, reached_by_rules);
  for (const auto& name : squared_) parameters[name] = parameters[name].square();
  auto passes = record_passes(network_, batch, parameters, values, derived_);

  const at::NoGradGuard no_grad;
  Values curvature;
  curvature[score_value(network_.graph(), loss_)] = hessian_diagonal(loss_, scores);
  BatchSums out{std::vector<at::Tensor>(targets_.size()), {}};
  for (; !passes.empty(); passes.pop_back()) step_back(passes.back(), curvature, out);
  for (std::size_t t = 0; t < targets_.size(); ++t) {
    const auto found = curvature.find(targets_[t].info.name);
    if (found != curvature.end()) add_to(out.sums[t], found->second);
    if (!out.sums[t].defined()) out.sums[t] = at::zeros(targets_[t].shape, batch.x.options());
  }
  return out;
}

}  // namespace laconic::curvature
