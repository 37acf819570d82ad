#include "runtime/plan.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "graph/passes.h"
#include "laconic/threads.h"

namespace laconic::runtime {
namespace {

/// What elements of no bytes point to: inputs that are there are told from those left out by it.
constexpr std::byte nothing[64] = {};

}  // namespace

/// Walks over the nodes once and fills a plan.
class Planner {
 public:
  /// With `only_shapes`, layers are not packed; what would pack them is added to `jobs`, if given.
  Planner(const Program& program, PreparedLayers& prepared, const ChosenKernels& kernels,
          bool only_shapes, std::vector<PackingJob>* jobs = nullptr)
      : program_(program),
        prepared_(prepared),
        kernels_(kernels),
        only_shapes_(only_shapes),
        jobs_(jobs),
        reads_(count_reads(program.graph)) {}

  void plan(std::span<const Value> inputs) {
    const Graph& graph = program_.graph;
    for (std::size_t i = 0; i < graph.inputs.size(); ++i) {
      Plan::Slot slot{Plan::Slot::Kind::input, i, {}, {}};
      bind(graph.inputs[i].name, inputs[i], add(std::move(slot)));
    }
    for (const auto& [name, value] : program_.constants) {
      bind(name, value, value.known ? add_constant(*value.known) : Plan::no_slot);
    }
    for (std::size_t i = 0; i < graph.nodes.size(); ++i) plan_node(i);
    for (const auto& output : graph.outputs) {
      const Bound& bound = bound_.find(output.name)->second;
      plan_.slots_[bound.slot].lifetime.last = plan_.steps_.size();
      plan_.outputs_.push_back({bound.value.signature, bound.slot});
    }
  }

  /// Nodes whose constant weights are packed.
  [[nodiscard]] const std::vector<std::size_t>& layers() const { return layers_; }

  Signatures signatures() const {
    Signatures out;
    for (const auto& [name, bound] : bound_) out.emplace(name, bound.value.signature);
    return out;
  }

  /// Lays out memory and hands the plan over.
  void finish(Plan& out) {
    std::vector<Lifetime> lifetimes;
    std::vector<Plan::Slot*> placed;
    for (Plan::Slot& slot : plan_.slots_) {
      if (slot.kind != Plan::Slot::Kind::value) continue;
      lifetimes.push_back(slot.lifetime);
      placed.push_back(&slot);
    }
    const Placement placement = place(lifetimes);
    plan_.values_.reserve(placement.bytes);
    for (std::size_t i = 0; i < placed.size(); ++i) {
      placed[i]->data = placement.bytes > 0 ? plan_.values_.data() + placement.offsets[i] : nothing;
    }
    plan_.scratch_.reserve(scratch_);
    plan_.workspace_.reserve(workspace_);
    for (Plan::Slot& slot : plan_.slots_) {
      if (slot.kind != Plan::Slot::Kind::constant) continue;
      slot.data = slot.constant.bytes().empty() ? nothing : slot.constant.bytes().data();
    }
    for (Plan::Step& step : plan_.steps_) {
      step.read.resize(step.inputs.size());
      for (const std::size_t slot : step.outputs) {
        step.written.push_back(
            slot == Plan::no_slot ? nullptr : const_cast<std::byte*>(plan_.slots_[slot].data));
      }
    }
    out.slots_ = std::move(plan_.slots_);
    out.steps_ = std::move(plan_.steps_);
    out.outputs_ = std::move(plan_.outputs_);
    out.values_ = std::move(plan_.values_);
    out.scratch_ = std::move(plan_.scratch_);
    out.workspace_ = std::move(plan_.workspace_);
  }

 private:
  struct Bound {
    Value value;
    std::size_t slot = Plan::no_slot;
  };

  std::size_t add(Plan::Slot slot) {
    plan_.slots_.push_back(std::move(slot));
    pending_.push_back(0);
    return plan_.slots_.size() - 1;
  }

  std::size_t add_constant(Constant constant) {
    return add({Plan::Slot::Kind::constant, 0, std::move(constant), {}});
  }

  void bind(const std::string& name, Value value, std::size_t slot) {
    const auto found = reads_.find(name);
    if (slot != Plan::no_slot && found != reads_.end()) pending_[slot] += found->second;
    bound_.insert_or_assign(name, Bound{std::move(value), slot});
  }

  void plan_node(std::size_t position) {
    const Node& node = program_.graph.nodes[position];
    std::vector<const Value*> inputs;
    std::vector<std::size_t> slots;
    for (const auto& name : node.inputs) {
      const Bound* bound = name.empty() ? nullptr : &bound_.find(name)->second;
      inputs.push_back(bound != nullptr ? &bound->value : nullptr);
      slots.push_back(bound != nullptr ? bound->slot : Plan::no_slot);
    }
    if (std::ranges::all_of(node.outputs, &std::string::empty)) {  // Nobody can read what it makes.
      for (const std::size_t slot : slots) read(slot);
      return;
    }
    Planned planned = find_operator(node.op)->plan(
        {node, program_.graph.opset, inputs, prepared_[position], program_.max_elements,
         kernels_.of(position), kernels_.recorded_of(position), only_shapes_, jobs_});
    if (planned.outputs.size() < node.outputs.size()) {
      fail(ErrorCode::unsupported_operator, "{}: its output {} is not supported", describe(node),
           planned.outputs.size());
    }
    if (node.outputs[0].empty() && !planned.optional_first)
      fail(ErrorCode::invalid_data, "{}: its first output must have a name", describe(node));
    planned.outputs.resize(node.outputs.size());
    if (planned.packs) layers_.push_back(position);
    for (const std::size_t slot : slots) read(slot);
    const bool computable =
        !planned.deferred && !planned.known && std::ranges::all_of(inputs, [](const Value* value) {
          return value == nullptr || value->known;
        });
    if (planned.known) {
      bind_known(node.outputs[0], *planned.known);
    } else if (!planned.run && !planned.deferred) {
      bind_same(node, planned.outputs[0], *inputs[0], slots[0]);
    } else if (computable) {
      compute(node, planned, inputs);
    } else {
      add_step(node, std::move(planned), slots);
    }
  }

  /// Counts a reading by the step that comes next.
  void read(std::size_t slot) {
    if (slot == Plan::no_slot) return;
    --pending_[slot];
    plan_.slots_[slot].lifetime.last = plan_.steps_.size();
  }

  void bind_known(const std::string& name, Constant constant) {
    Value value{{constant.type(), constant.shape()}};
    value.known = constant;
    bind(name, std::move(value), add_constant(std::move(constant)));
  }

  /// Output 0 has the elements of input 0, in another shape.
  void bind_same(const Node& node, const Signature& signature, const Value& input,
                 std::size_t slot) {
    Value value{signature};
    if (input.known) {
      const auto bytes = input.known->bytes();
      value.known = Constant(signature.type, signature.shape, {bytes.begin(), bytes.end()});
    }
    bind(node.outputs[0], std::move(value), slot);
  }

  /// Runs the node at once, for all it reads is known.
  void compute(const Node& node, const Planned& planned, std::span<const Value* const> inputs) {
    std::vector<const std::byte*> read;
    for (const Value* input : inputs) {
      const bool given = input != nullptr;
      const bool empty = given && input->known->bytes().empty();
      read.push_back(!given ? nullptr : empty ? nothing : input->known->bytes().data());
    }
    std::vector<std::vector<std::byte>> outputs;
    std::vector<std::byte*> written;
    for (const Signature& output : planned.outputs) {
      outputs.emplace_back(std::max<std::size_t>(output.bytes(), 1));
      written.push_back(outputs.back().data());
    }
    Workspace scratch, workspace;
    scratch.reserve(planned.scratch);
    planned.run({read, written, scratch.data(), &workspace});
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      if (node.outputs[i].empty()) continue;
      const Signature& signature = planned.outputs[i];
      outputs[i].resize(signature.bytes());
      bind_known(node.outputs[i], Constant(signature.type, signature.shape, std::move(outputs[i])));
    }
  }

  void add_step(const Node& node, Planned planned, const std::vector<std::size_t>& slots) {
    Plan::Step step;
    step.inputs = slots;
    const std::size_t now = plan_.steps_.size();
    for (std::size_t i = 0; i < node.outputs.size(); ++i) {
      std::size_t slot = Plan::no_slot;
      if (!node.outputs[i].empty()) {
        const auto bytes = planned.outputs[i].bytes();
        slot = i == 0 ? reusable(planned, slots, bytes) : Plan::no_slot;
        if (slot == Plan::no_slot) {
          slot = add({Plan::Slot::Kind::value, 0, {}, {bytes, now, now}});
        }
        bind(node.outputs[i], {planned.outputs[i]}, slot);
        auto& lifetime = plan_.slots_[slot].lifetime;
        lifetime.last = std::max(lifetime.last, now);
      }
      step.outputs.push_back(slot);
    }
    scratch_ = std::max(scratch_, planned.scratch);
    workspace_ = std::max(workspace_, planned.workspace);
    step.planned = std::move(planned);
    plan_.steps_.push_back(std::move(step));
  }

  /// The slot of the input that the step may write over, if nothing reads it any more.
  [[nodiscard]] std::size_t reusable(const Planned& planned, const std::vector<std::size_t>& slots,
                                     std::size_t bytes) const {
    if (planned.in_place < 0) return Plan::no_slot;
    const std::size_t slot = slots[static_cast<std::size_t>(planned.in_place)];
    const bool free = slot != Plan::no_slot && pending_[slot] == 0 &&
                      plan_.slots_[slot].kind == Plan::Slot::Kind::value &&
                      plan_.slots_[slot].lifetime.bytes == bytes &&
                      std::ranges::count(slots, slot) == 1;
    return free ? slot : Plan::no_slot;
  }

  const Program& program_;
  PreparedLayers& prepared_;
  const ChosenKernels& kernels_;
  bool only_shapes_;
  std::vector<PackingJob>* jobs_;
  std::vector<std::size_t> layers_;
  std::map<std::string, int, std::less<>> reads_;
  std::map<std::string, Bound, std::less<>> bound_;
  std::vector<int> pending_;  ///< By slot: readings still to come.
  std::size_t scratch_ = 0, workspace_ = 0;
  Plan plan_;
};

Plan::Plan(const Program& program, std::span<const Value> inputs, PreparedLayers& prepared,
           const ChosenKernels& kernels) {
  Planner planner(program, prepared, kernels, false);
  planner.plan(inputs);
  planner.finish(*this);
}

Signatures Plan::infer(const Program& program, std::span<const Value> inputs) {
  PreparedLayers none(program.graph.nodes.size());
  const ChosenKernels any;
  Planner planner(program, none, any, true);
  planner.plan(inputs);
  return planner.signatures();
}

std::vector<std::size_t> Plan::layers(const Program& program, std::span<const Value> inputs) {
  PreparedLayers none(program.graph.nodes.size());
  const ChosenKernels any;
  Planner planner(program, none, any, true);
  planner.plan(inputs);
  return planner.layers();
}

void Plan::prepare(const Program& program, std::span<const Value> inputs, PreparedLayers& prepared,
                   const ChosenKernels& kernels) {
  std::vector<PackingJob> jobs;
  Planner planner(program, prepared, kernels, true, &jobs);
  planner.plan(inputs);
  // The largest first: threads then end at about the same time, and what the largest need beside
  // their packed form is needed while little is packed.
  std::ranges::stable_sort(jobs, std::greater(), &PackingJob::weights);
  // One after the other: measurements side by side would mean nothing.
  std::vector<MakePrepared> makes;
  for (const auto& job : jobs) makes.push_back(job.choose());
  parallel_for(std::ssize(jobs), [&](std::int64_t i) {
    const auto job = static_cast<std::size_t>(i);
    *jobs[job].to = makes[job]();
  });
}

void Plan::run(std::span<const std::byte* const> inputs) {
  read(inputs);
  for (Step& step : steps_) run(step);
}

void Plan::read(std::span<const std::byte* const> inputs) {
  for (Slot& slot : slots_) {
    if (slot.kind != Slot::Kind::input) continue;
    slot.data = inputs[slot.input] != nullptr ? inputs[slot.input] : nothing;
  }
}

void Plan::run(Step& step) {
  for (std::size_t i = 0; i < step.inputs.size(); ++i) {
    step.read[i] = step.inputs[i] == no_slot ? nullptr : slots_[step.inputs[i]].data;
  }
  std::optional<SerialLoops> alone;
  if (step.alone) alone.emplace();
  step.planned.run({step.read, step.written, scratch_.data(), &workspace_});
}

const std::byte* Plan::output_data(std::size_t i) const {
  return slots_[outputs_[i].slot].data;
}

}  // namespace laconic::runtime
