#include "laconic/session.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <optional>

#include "graph/passes.h"
#include "laconic/error.h"
#include "runtime/batch.h"
#include "runtime/choices.h"
#include "runtime/session_checks.h"

namespace laconic {

using namespace runtime;

std::span<const float> TensorView::floats() const {
  if (type != ElementType::float32) {
    fail(ErrorCode::invalid_argument, "the tensor is {}, not float32", laconic::name(type));
  }
  return {reinterpret_cast<const float*>(bytes.data()), bytes.size() / sizeof(float)};
}

std::string_view name(LayerKernels kernels) noexcept {
  switch (kernels) {
    case LayerKernels::fastest:
      return "fastest";
    case LayerKernels::int8:
      return "int8";
    case LayerKernels::packed:
      return "packed";
    case LayerKernels::dense:
      break;
  }
  return "dense";
}

struct Session::Impl {
  Program program;
  SessionOptions options;
  bool shapes_used = false;  ///< By passes, or too late for them.
  std::vector<bool> told;    ///< By input.
  std::optional<ChosenKernels> kernels;
  std::optional<ChoicesKeeper> keeper;
  ChoicesReport none_kept;
  PreparedLayers prepared;
  std::vector<Value> planned_for;
  std::unique_ptr<Batch> plan;
  BatchTuning tuning;
  std::vector<const std::byte*> data;
  std::vector<TensorView> answers;

  Impl(Program given, SessionOptions chosen)
      : program(std::move(given)), options(std::move(chosen)) {
    program.max_elements = options.max_value_elements;
    if (options.samples_at_once < 0) {
      fail(ErrorCode::invalid_argument, "samples at once are {}, but must be at least 0",
           options.samples_at_once);
    }
    if (options.samples_at_once > 0) {
      tuning = {options.samples_at_once, true, true};
    } else if (options.kernels != LayerKernels::fastest) {
      tuning = {std::numeric_limits<std::int64_t>::max(), true};
    }
    check_operators(program.graph);
    check_structure(program);
    turn_weights(program);
    fold_normalizations(program);
    fuse_biases(program);
    find_hard_sigmoids(program);
    find_swishes(program);
    find_gelus(program);
    fuse_functions(program);
    expand_others(program);
    if (!use_shapes()) decode_all(program);  // Bad data is told at load, not at the first run.
  }

  /// Passes that shapes decide, and a plan: false if no inputs can be guessed that the network
  /// takes.
  bool use_shapes() {
    const auto guess = guessed_inputs();
    const auto signatures = guess ? inferred(*guess) : std::nullopt;
    if (signatures) {
      const auto all = guesses(*signatures);
      if (!all.empty()) find_layer_normalizations(program, all);
      if (!all.empty()) fuse_sums(program, all);
      choose_layouts(program, *signatures);
      shapes_used = true;
    }
    told = find_told(program.graph);
    // What a run packed before it failed belongs to the nodes as they were.
    prepared.assign(program.graph.nodes.size(), nullptr);
    data.resize(program.graph.inputs.size());
    if (!signatures) return false;
    choose_kernels(*guess);
    Plan::prepare(program, *guess, prepared, *kernels);
    make_plan(*guess);
    keep_choices();
    return true;
  }

  /// Once, before the first layer is packed.
  void choose_kernels(std::span<const Value> inputs) {
    if (kernels) return;
    ChosenKernels chosen(options.kernels);
    if (!options.layer_kernels.empty() || !options.choices.empty()) {
      const auto layers = Plan::layers(program, inputs);
      chosen.forced = find_forced(program.graph, layers, options.layer_kernels);
      const bool measures = std::ranges::any_of(
          layers, [&](std::size_t node) { return chosen.of(node) == LayerKernels::fastest; });
      if (!options.choices.empty() && measures) {
        ChoicesKeeper file(options.choices, program, layers, inputs);
        file.take(chosen, kept_tuning());
        keeper = std::move(file);
      }
    }
    kernels = std::move(chosen);
  }

  /// None where what batches are run by depends on what the options force.
  [[nodiscard]] BatchTuning* kept_tuning() {
    const bool free = options.kernels == LayerKernels::fastest && options.layer_kernels.empty() &&
                      options.samples_at_once == 0;
    return free ? &tuning : nullptr;
  }

  void keep_choices() {
    if (keeper) keeper->keep(*kernels, prepared, kept_tuning());
  }

  /// First extent of the input at that position, where it is open.
  using FirstExtent = std::function<std::int64_t(std::size_t)>;

  /// Inputs of the shapes that the options give, other open extents 1; nothing if one cannot be
  /// guessed: elements that say what to do, a rank that is not known. With `first`, that and not
  /// the options decides first extents, and what is open and not given; other extents that are open
  /// are `stretch` times what is given.
  std::optional<std::vector<Value>> guessed_inputs(const FirstExtent& first = {},
                                                   std::int64_t stretch = 1) const {
    const auto says = find_told(program.graph);
    std::vector<Value> out;
    for (std::size_t i = 0; i < program.graph.inputs.size(); ++i) {
      const ValueInfo& info = program.graph.inputs[i];
      const auto given = options.shapes.find(info.name);
      const bool is_given = given != options.shapes.end();
      if (says[i] || (!info.ranked && !is_given)) return {};
      if (is_given && !fits(info, given->second)) {
        fail(ErrorCode::invalid_argument, "shape of input \"{}\" is {}, but must be {}", info.name,
             text(given->second), wanted_shape(info));
      }
      Shape shape = is_given ? given->second : info.shape;
      const auto open = first ? first(i) : 1;
      for (auto& extent : shape) extent = extent < 0 ? open : extent;
      for (std::size_t k = 0; first && info.ranked && k < shape.size(); ++k) {
        if (info.shape[k] >= 0 || (k > 0 && !is_given)) continue;
        if (k == 0) shape[k] = open;
        if (k > 0 && __builtin_mul_overflow(shape[k], stretch, &shape[k])) return {};
      }
      out.push_back({{info.type, std::move(shape)}});
    }
    return out;
  }

  /// What values are for more than one extent where they are open, so that what is broadcast is not
  /// taken for what has the same shape; with each input broadcast to the others, too. None where
  /// that would be too many.
  std::vector<Signatures> guesses(const Signatures& first) const {
    constexpr std::size_t most_inputs = 8;
    const std::size_t inputs = program.graph.inputs.size();
    if (inputs > most_inputs) return {};
    std::vector<Signatures> out = {first};
    const auto add = [&](const FirstExtent& extent, std::int64_t stretch = 1) {
      try {
        const auto guess = guessed_inputs(extent, stretch);
        if (!guess) return;
        if (auto more = inferred(*guess)) out.push_back(std::move(*more));
      } catch (const Error& error) {  // The network does not take that.
        if (error.code() != ErrorCode::invalid_data) throw;
      }
    };
    for (const std::int64_t extent : {2, 3, 4, 8, 32}) {
      if (out.size() == 1) add([extent](std::size_t) { return extent; });
    }
    for (std::size_t one = 0; one < inputs && inputs > 1; ++one)
      add([one](std::size_t input) { return input == one ? 1 : 2; });
    add([](std::size_t) { return 2; }, 2);
    return out;
  }

  /// What values are for these inputs; nothing if they do not fit, which open extents may bring.
  std::optional<Signatures> inferred(const std::vector<Value>& inputs) const {
    try {
      return Plan::infer(program, inputs);
    } catch (const Error& error) {
      const bool open = std::ranges::any_of(program.graph.inputs, [](const ValueInfo& info) {
        return std::ranges::any_of(info.shape, [](auto extent) { return extent < 0; });
      });
      if (error.code() != ErrorCode::invalid_data || !open) throw;
      return {};
    }
  }

  /// With `elements` of a run, in the parts and on the threads that are measured to be fastest on
  /// them; without, until the first run.
  void make_plan(std::vector<Value> inputs, std::span<const std::byte* const> elements = {}) {
    plan.reset();
    choose_kernels(inputs);
    plan = elements.empty()
               ? std::make_unique<Batch>(program, inputs, prepared, *kernels)
               : std::make_unique<Batch>(program, inputs, prepared, *kernels, elements, tuning);
    planned_for = elements.empty() ? std::vector<Value>() : std::move(inputs);
    drop_packed_weights();
    answers.clear();
    for (const Signature& output : plan->outputs()) {
      answers.push_back({output.type, output.shape, {}});
    }
  }

  /// Weights that only a packed layer read live on in the layer.
  void drop_packed_weights() {
    const auto reads = count_reads(program.graph);
    for (std::size_t i = 0; i < prepared.size(); ++i) {
      if (!prepared[i]) continue;
      const Node& node = program.graph.nodes[i];
      const std::size_t last =
          node.op == "Conv" || node.op == "Gemm" || node.op == "MatMul" ? 1 : 2;
      for (std::size_t input = 1; input <= last; ++input) {
        const auto found = program.constants.find(node.inputs[input]);
        if (found == program.constants.end() || reads.find(node.inputs[input])->second != 1)
          continue;
        found->second = {found->second.signature, {}, nullptr, true};
      }
    }
  }

  [[nodiscard]] bool planned(std::span<const TensorView> inputs) const {
    if (!plan || planned_for.size() != inputs.size()) return false;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (!std::ranges::equal(planned_for[i].signature.shape, inputs[i].shape)) return false;
      if (told[i] && !std::ranges::equal(planned_for[i].known->bytes(), inputs[i].bytes))
        return false;
    }
    return true;
  }

  void plan_for(std::span<const TensorView> inputs) {
    if (!shapes_used) {
      for (std::size_t i = 0; i < inputs.size(); ++i)
        options.shapes[program.graph.inputs[i].name] = {inputs[i].shape.begin(),
                                                        inputs[i].shape.end()};
      use_shapes();
    }
    std::vector<Value> values;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      Value value{{inputs[i].type, {inputs[i].shape.begin(), inputs[i].shape.end()}}};
      if (told[i]) {
        value.known = Constant(value.signature.type, value.signature.shape,
                               {inputs[i].bytes.begin(), inputs[i].bytes.end()});
      }
      values.push_back(std::move(value));
    }
    make_plan(std::move(values), data);
    shapes_used = true;  // Or never will be: layers are packed for the nodes as they are.
    keep_choices();
  }
};

Session Session::open(const std::filesystem::path& path, const SessionOptions& options) {
  Session session{CompressedNetwork{}};
  session.impl_ = std::make_unique<Impl>(read_program(path, options.limits), options);
  return session;
}

Session::Session(CompressedNetwork network, const SessionOptions& options)
    : impl_(std::make_unique<Impl>(make_program(std::move(network)), options)) {}

Session::Session(Graph graph, const SessionOptions& options)
    : Session(CompressedNetwork{std::move(graph), {}, {}}, options) {}

Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;
Session::~Session() = default;

std::span<const ValueInfo> Session::inputs() const noexcept {
  return impl_->program.graph.inputs;
}

std::span<const ValueInfo> Session::outputs() const noexcept {
  return impl_->program.graph.outputs;
}

std::span<const TensorView> Session::run(std::span<const TensorView> inputs) {
  Impl& impl = *impl_;
  const auto& wanted = impl.program.graph.inputs;
  if (inputs.size() != wanted.size()) {
    fail(ErrorCode::invalid_data, "the network takes {} inputs, not {}", wanted.size(),
         inputs.size());
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) check_input(wanted[i], inputs[i]);
  for (std::size_t i = 0; i < inputs.size(); ++i) impl.data[i] = inputs[i].bytes.data();
  if (!impl.planned(inputs)) impl.plan_for(inputs);
  impl.plan->run(impl.data);
  for (std::size_t i = 0; i < impl.answers.size(); ++i) {
    impl.answers[i].bytes = {impl.plan->output_data(i), impl.plan->outputs()[i].bytes()};
  }
  return impl.answers;
}

std::vector<LayerReport> Session::layers() const {
  std::vector<LayerReport> out;
  for (const auto& layer : impl_->prepared) {
    if (!layer) continue;
    for (const auto& part : layer->parts) {
      out.push_back(part.report);
      if (part.time) out.back().tried.front().time = part.time();
    }
  }
  return out;
}

const ChoicesReport& Session::choices() const noexcept {
  return impl_->keeper ? impl_->keeper->report() : impl_->none_kept;
}

std::int64_t Session::samples_at_once() const noexcept {
  return impl_->plan ? impl_->plan->samples_at_once() : 0;
}

int Session::threads_used() const noexcept {
  return impl_->plan ? impl_->plan->threads_used() : 1;
}

SessionMemory Session::memory() const noexcept {
  SessionMemory out;
  for (const auto& layer : impl_->prepared) out.weights += layer ? layer->bytes : 0;
  for (const auto& [name, value] : impl_->program.constants) {
    if (value.known) out.weights += value.known->bytes().size();
    if (value.quantized) out.weights += value.quantized->bytes;
  }
  if (impl_->plan) out.values = impl_->plan->value_bytes();
  if (impl_->plan) out.scratch = impl_->plan->scratch_bytes();
  return out;
}

}  // namespace laconic
