#include "curvature/recursion.h"

#include <algorithm>
#include <map>

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

/// Runs the network once more, each node on the recorded values, which cuts nodes apart.
std::vector<NodePass> record_passes(const Network& network, const Batch& batch,
                                    const Overrides& parameters, const Values& values) {
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
    for (std::size_t i = 0; i < written(node, outputs); ++i) {
      outputs[i] = values.find(node.outputs[i])->second.detach();
      if (outputs[i].is_floating_point()) outputs[i].requires_grad_();
    }
  };
  (void)network.run({&batch.x, 1}, options);
  return passes;
}

void add_to(Values& curvature, const std::string& name, const at::Tensor& value) {
  auto& sum = curvature[name];
  sum = sum.defined() ? sum + value : value;
}

}  // namespace

Recursion::Recursion(const Network& network, std::vector<Target> targets, Loss loss)
    : network_(network), targets_(std::move(targets)), loss_(loss) {
  const Graph& graph = network.graph();
  for (const auto& info : network.parameters()) {
    if (info.role == Role::weight && is_linear(graph.nodes[info.node].op))
      squared_.insert(info.name);
  }
  // A squared weight is squared for all its readers: those must be linear nodes, and one only where
  // its own curvature is asked for.
  for (const auto& node : graph.nodes) {
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      if (squared_.contains(node.inputs[i]) && (!is_linear(node.op) || i > 1)) {
        fail(ErrorCode::unsupported_operator,
             "gauss_newton:mode=recursion has no rule for {}, which reads the weight '{}' of "
             "another layer; mode=exact and mode=sampled take any network",
             describe(node), node.inputs[i]);
      }
    }
  }
  for (const auto& target : targets_) {
    sites_.push_back(Site::find(graph, target));
    if (!sites_.back() && squared_.contains(target.info.name)) {
      fail(ErrorCode::unsupported_operator,
           "gauss_newton:mode=recursion has no rule for the weight '{}' of {}; mode=exact and "
           "mode=sampled take any network",
           target.info.name, describe(graph.nodes[target.info.node]));
    }
  }
}

BatchSums Recursion::operator()(const Batch& batch) const {
  Overrides parameters = detached_parameters(network_);
  at::Tensor scores;
  const Values values = record_values(network_, loss_, batch, parameters, scores);

  std::vector<Target> siteless;
  for (std::size_t t = 0; t < targets_.size(); ++t) {
    if (!sites_[t]) siteless.push_back(targets_[t]);
  }
  (void)make_leaves(parameters, siteless);
  for (const auto& name : squared_) parameters[name] = parameters[name].square();
  auto passes = record_passes(network_, batch, parameters, values);

  const at::NoGradGuard no_grad;
  Values curvature;
  curvature[score_value(network_.graph(), loss_)] = hessian_diagonal(loss_, scores);
  BatchSums out{std::vector<at::Tensor>(targets_.size()), {}};
  for (; !passes.empty(); passes.pop_back()) {
    NodePass& pass = passes.back();
    const Node& node = *pass.node;
    for (const auto& name : node.outputs) {
      const auto found = curvature.find(name);
      pass.curvature.push_back(found == curvature.end() ? at::Tensor() : found->second);
      if (found != curvature.end()) curvature.erase(found);
    }
    if (!pass.curvature[0].defined() && !pass.passes()) continue;
    for (std::size_t t = 0; t < targets_.size(); ++t) {
      if (!sites_[t] || sites_[t]->node().outputs[0] != node.outputs[0]) continue;
      if (!pass.curvature[0].defined()) continue;
      out.sums[t] =
          sites_[t]->curvature({pass.inputs, {pass.curvature[0].reshape(pass.outputs[0].sizes())}});
    }
    if (!pass.passes()) continue;
    const auto inputs = curvature_of_inputs(pass);
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (inputs[i].defined() && pass.inputs[i].requires_grad()) {
        add_to(curvature, node.inputs[i], inputs[i]);
      }
    }
  }
  for (std::size_t t = 0; t < targets_.size(); ++t) {
    if (out.sums[t].defined()) continue;
    const auto found = curvature.find(targets_[t].info.name);
    out.sums[t] =
        found == curvature.end() ? at::zeros(targets_[t].shape, batch.x.options()) : found->second;
  }
  return out;
}

}  // namespace laconic::curvature
