#include "laconic/network.h"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <utility>

#include "laconic/error.h"
#include "train/network/tensors.h"
#include "train/ops/call.h"
#include "train/torch_threads.h"

namespace laconic {
namespace {

constexpr int left_out = -1;

/// A value that a node reads: where it lies, and whether nobody reads it later.
struct Reading {
  int slot = left_out;
  bool last = false;
};

struct Step {
  const ops::Row* row = nullptr;
  std::vector<Reading> inputs;
  std::vector<int> outputs;  ///< Slots; left_out where not asked for or never read.
};

std::string first_line(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

std::string shapes_of(std::span<const at::Tensor> values) {
  std::string out;
  for (const at::Tensor& value : values) {
    if (!out.empty()) out += ", ";
    out += value.defined() ? ops::text(value.sizes()) : "none";
  }
  return out;
}

/// Integers and booleans stay on the host, where shapes are read, until they meet values elsewhere.
void bring_together(std::span<at::Tensor> values) {
  const auto elsewhere = std::ranges::find_if(
      values, [](const at::Tensor& value) { return value.defined() && !value.device().is_cpu(); });
  if (elsewhere == values.end()) return;
  const at::Device device = elsewhere->device();
  for (at::Tensor& value : values) {
    if (value.defined()) value = value.to(device);
  }
}

}  // namespace

struct Network::Impl {
  Graph graph;
  std::vector<ParameterInfo> infos;
  std::vector<at::Tensor> parameters;
  std::vector<int> parameter_slots;
  std::map<std::string, std::size_t, std::less<>> by_name;
  std::vector<std::pair<int, at::Tensor>> constants;  ///< Those that are not parameters.
  std::vector<int> inputs, outputs;
  std::vector<Step> steps;
  std::size_t slots = 0;

  explicit Impl(Graph given);
  void add_constants(const std::unordered_map<std::string, int>& slot_of);
  void mark_last_readings();
  [[nodiscard]] std::size_t find(std::string_view name) const;
  [[nodiscard]] std::vector<at::Tensor> initial_values(std::span<const at::Tensor> inputs,
                                                       const RunOptions& options) const;
  [[nodiscard]] std::vector<at::Tensor> read_inputs(std::size_t position,
                                                    std::vector<at::Tensor>& values) const;
  void run_step(std::size_t position, std::vector<at::Tensor> read, std::vector<at::Tensor>& values,
                const RunOptions& options) const;
  [[nodiscard]] std::vector<at::Tensor> results(const std::vector<at::Tensor>& values) const;
};

Network::Impl::Impl(Graph given) : graph(std::move(given)) {
  validate(graph);
  infos = laconic::parameters(graph);
  std::unordered_map<std::string, int> slot_of;
  const auto slot = [&](const std::string& name) {
    if (name.empty()) return left_out;
    return slot_of.try_emplace(name, static_cast<int>(slot_of.size())).first->second;
  };
  for (const ValueInfo& input : graph.inputs) inputs.push_back(slot(input.name));
  for (const auto& [name, constant] : graph.constants) slot(name);
  for (const Node& node : graph.nodes) {
    Step step;
    step.row = ops::find(node.op);
    if (step.row == nullptr) {
      fail(ErrorCode::unsupported_operator, "{} needs an operator that is not supported",
           describe(node));
    }
    for (const auto& name : node.inputs) step.inputs.push_back({slot(name)});
    for (const auto& name : node.outputs) step.outputs.push_back(slot(name));
    steps.push_back(std::move(step));
  }
  for (const ValueInfo& output : graph.outputs) outputs.push_back(slot(output.name));
  slots = slot_of.size();
  add_constants(slot_of);
  mark_last_readings();
}

void Network::Impl::add_constants(const std::unordered_map<std::string, int>& slot_of) {
  for (std::size_t i = 0; i < infos.size(); ++i) {
    const ParameterInfo& info = infos[i];
    at::Tensor value = to_tensor(graph.constants.find(info.name)->second);
    parameters.push_back(value.set_requires_grad(!is_running_statistic(graph, info)));
    parameter_slots.push_back(slot_of.at(info.name));
    by_name.emplace(info.name, i);
  }
  for (const auto& [name, constant] : graph.constants) {
    if (!by_name.contains(name)) constants.emplace_back(slot_of.at(name), to_tensor(constant));
  }
}

void Network::Impl::mark_last_readings() {
  std::vector<char> read(slots);
  for (const int slot : outputs) read[static_cast<std::size_t>(slot)] = 1;
  for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
    for (int& slot : step->outputs) {
      if (slot != left_out && !read[static_cast<std::size_t>(slot)]) slot = left_out;
    }
    for (auto input = step->inputs.rbegin(); input != step->inputs.rend(); ++input) {
      if (input->slot == left_out) continue;
      char& later = read[static_cast<std::size_t>(input->slot)];
      input->last = !std::exchange(later, 1);
    }
  }
}

std::size_t Network::Impl::find(std::string_view name) const {
  const auto found = by_name.find(name);
  if (found == by_name.end()) {
    fail(ErrorCode::invalid_argument, "\"{}\" is not a parameter of the network", name);
  }
  return found->second;
}

std::vector<at::Tensor> Network::Impl::initial_values(std::span<const at::Tensor> given,
                                                      const RunOptions& options) const {
  if (given.size() != inputs.size()) {
    fail(ErrorCode::invalid_data, "the network takes {} inputs, not {}", inputs.size(),
         given.size());
  }
  std::vector<at::Tensor> values(slots);
  const auto at_slot = [&](int slot) -> at::Tensor& {
    return values[static_cast<std::size_t>(slot)];
  };
  for (std::size_t i = 0; i < given.size(); ++i) at_slot(inputs[i]) = given[i];
  for (const auto& [slot, value] : constants) at_slot(slot) = value;
  for (std::size_t i = 0; i < parameters.size(); ++i) at_slot(parameter_slots[i]) = parameters[i];
  if (options.overrides != nullptr) {
    for (const auto& [name, value] : *options.overrides)
      at_slot(parameter_slots[find(name)]) = value;
  }
  return values;
}

std::vector<at::Tensor> Network::Impl::read_inputs(std::size_t position,
                                                   std::vector<at::Tensor>& values) const {
  const Step& step = steps[position];
  std::vector<at::Tensor> read(step.inputs.size());
  for (std::size_t i = 0; i < read.size(); ++i) {
    if (step.inputs[i].slot == left_out) continue;
    at::Tensor& value = values[static_cast<std::size_t>(step.inputs[i].slot)];
    read[i] = step.inputs[i].last ? std::move(value) : value;
  }
  if (!step.row->reads_host) bring_together(read);
  return read;
}

void Network::Impl::run_step(std::size_t position, std::vector<at::Tensor> read,
                             std::vector<at::Tensor>& values, const RunOptions& options) const {
  const Step& step = steps[position];
  const Node& node = graph.nodes[position];
  if (options.before) options.before(node, read);
  const auto misfit = [&](const std::string& why) {
    fail(ErrorCode::invalid_data, "{} does not fit its inputs ({}): {}", describe(node),
         shapes_of(read), first_line(why));
  };
  std::vector<at::Tensor> written;
  try {
    written = step.row->run({node, position, graph.opset, options, read});
  } catch (const Error&) {
    throw;
  } catch (const c10::Error& error) {
    misfit(error.what_without_backtrace());
  } catch (const std::runtime_error& error) {  // LibTorch throws these as well.
    misfit(error.what());
  }
  read.clear();
  if (options.after) options.after(node, written);
  for (std::size_t i = 0; i < step.outputs.size(); ++i) {
    if (step.outputs[i] == left_out) continue;
    if (i >= written.size()) {
      fail(ErrorCode::unsupported_operator, "{}: its output {} is not supported", describe(node),
           i);
    }
    values[static_cast<std::size_t>(step.outputs[i])] = std::move(written[i]);
  }
}

std::vector<at::Tensor> Network::Impl::results(const std::vector<at::Tensor>& values) const {
  std::vector<at::Tensor> out;
  for (const int slot : outputs) out.push_back(values[static_cast<std::size_t>(slot)].contiguous());
  return out;
}

Network::Network(Graph graph) : impl_(std::make_unique<Impl>(std::move(graph))) {}
Network::Network(Network&&) noexcept = default;
Network& Network::operator=(Network&&) noexcept = default;
Network::~Network() = default;

const Graph& Network::graph() const noexcept {
  return impl_->graph;
}

Graph Network::to_graph() const {
  Graph graph = impl_->graph;
  for (std::size_t i = 0; i < impl_->infos.size(); ++i) {
    graph.constants.insert_or_assign(impl_->infos[i].name, to_constant(impl_->parameters[i]));
  }
  return graph;
}

std::span<const ParameterInfo> Network::parameters() const noexcept {
  return impl_->infos;
}

at::Tensor& Network::parameter(std::string_view name) {
  return impl_->parameters[impl_->find(name)];
}

const at::Tensor& Network::parameter(std::string_view name) const {
  return impl_->parameters[impl_->find(name)];
}

std::vector<at::Tensor> Network::run(std::span<const at::Tensor> inputs,
                                     const RunOptions& options) const {
  auto values = impl_->initial_values(inputs, options);
  for (std::size_t i = 0; i < impl_->steps.size(); ++i) {
    impl_->run_step(i, impl_->read_inputs(i, values), values, options);
  }
  return impl_->results(values);
}

std::vector<std::vector<at::Tensor>> Network::run_side_by_side(
    std::span<const std::vector<at::Tensor>> inputs, const SideBySideHook& before) const {
  std::vector<std::vector<at::Tensor>> values, read(inputs.size()), outputs;
  for (const auto& lane : inputs) values.push_back(impl_->initial_values(lane, {}));
  const auto lanes = static_cast<std::int64_t>(inputs.size());
  for (std::size_t i = 0; i < impl_->steps.size(); ++i) {
    for (std::size_t lane = 0; lane < inputs.size(); ++lane) {
      read[lane] = impl_->read_inputs(i, values[lane]);
    }
    if (before) before(i, read);
    torch_parallel_for(lanes, [&](std::int64_t l) {
      const at::NoGradGuard no_gradients;
      const auto lane = static_cast<std::size_t>(l);
      impl_->run_step(i, std::move(read[lane]), values[lane], {});
    });
  }
  for (const auto& lane : values) outputs.push_back(impl_->results(lane));
  return outputs;
}

void Network::to(std::string_view device) {
  try {
    const at::Device target{std::string(device)};
    for (at::Tensor& value : impl_->parameters) {
      value = value.detach().to(target).set_requires_grad(value.requires_grad());
    }
    for (auto& [slot, value] : impl_->constants) {
      if (value.is_floating_point()) value = value.to(target);
    }
  } catch (const c10::Error&) {
    fail(ErrorCode::unsupported_hardware, "this machine cannot run networks on \"{}\"", device);
  }
}

}  // namespace laconic
