#include "runtime/layer.h"

#include <algorithm>

#include "laconic/threads.h"

namespace laconic::runtime {

Epilogue Fused::epilogue(const Memory& memory) const {
  Epilogue out;
  if (const float* bias = memory.in(2)) out.bias = {bias, static_cast<std::size_t>(outputs)};
  out.residual = memory.in(3);
  out.then = then;
  return out;
}

Fused read_fused(const Call& call, std::int64_t outputs, const Signature& output) {
  if (call.has(2) && call.floats(2).count() != outputs) {
    call.fail(fmt::format("its bias is {}, but it has {} outputs", text(call[2].shape), outputs));
  }
  if (call.has(3) && call.floats(3) != output) {
    call.fail(fmt::format("what is added to it is {}, its output {}", text(call[3].shape),
                          text(output.shape)));
  }
  Fused fused{outputs};
  if (call.node.has(function_key)) {
    fused.then = {static_cast<Nonlinearity::Kind>(call.node.integer(function_key, 0)),
                  call.node.number(alpha_key, 0), call.node.number(beta_key, 0)};
  }
  return fused;
}

Weights weights_of(const Value& value) {
  if (value.quantized) return *value.quantized;
  const auto values = value.known->floats();
  return DenseTensor{value.signature.shape, {values.begin(), values.end()}};
}

std::vector<LayerKernels> ways(LayerKernels kernels, bool quantized) {
  if (!quantized) return {LayerKernels::dense};
  switch (kernels) {
    case LayerKernels::fastest:
    case LayerKernels::int8:
      return {LayerKernels::int8, LayerKernels::packed, LayerKernels::dense};
    case LayerKernels::packed:
      return {LayerKernels::packed, LayerKernels::dense};
    case LayerKernels::dense:
      break;
  }
  return {LayerKernels::dense};
}

LayerTask task_of(const Call& call, bool divisible) {
  const Value* value = call.inputs[1];
  return {call.node,
          call.kernels_of(0),
          value->signature.shape,
          value->quantized != nullptr,
          [value] { return weights_of(*value); },
          divisible};
}

Weights weights_for(const Weights& weights, LayerKernels way) {
  if (way != LayerKernels::dense || std::holds_alternative<DenseTensor>(weights)) return weights;
  return DenseTensor{shape_of(weights), dequantize(weights)};
}

std::int64_t measured_rows(const LayerTask& task) {
  constexpr std::int64_t enough = std::int64_t{1} << 19;  ///< Weights.
  constexpr std::int64_t whole_panels = 32;
  const auto rows = task.shape[0], count = element_count(task.shape);
  if (!task.divisible || count <= enough) return rows;
  return std::min(rows, (enough / (count / rows) / whole_panels + 1) * whole_panels);
}

Weights first_rows(const Weights& weights, std::int64_t rows) {
  Shape shape = shape_of(weights);
  shape[0] = rows;
  const auto some = slice(std::get<StreamedTensor>(weights), 0, std::move(shape));
  return stream(std::make_shared<const QuantizedTensor>(collect(some)));
}

void refuse_layer(const Node& node, std::string_view why) {
  fail(ErrorCode::unsupported_operator, "{}: {}", describe(node), why);
}

std::chrono::nanoseconds measure(const std::function<void()>& run) {
  using Clock = std::chrono::steady_clock;
  constexpr auto enough = std::chrono::milliseconds(1);
  constexpr int most = 30, least = 3;
  const SerialLoops alone;
  auto best = std::chrono::nanoseconds::max();
  const auto begin = Clock::now();
  for (int i = 0; i < least || (i < most && Clock::now() - begin < enough); ++i) {
    const auto start = Clock::now();
    run();
    best = std::min<std::chrono::nanoseconds>(best, Clock::now() - start);
  }
  return best;
}

std::function<std::shared_ptr<const Layer<PackedLinear>>()> choose_linear(LayerTask task,
                                                                          std::int64_t x_rows) {
  const auto pack = [](const Weights& weights, Activations activations) {
    return std::visit(
        [&](const auto& t) { return PackedLinear::pack(t, {.activations = activations}); },
        weights);
  };
  const auto time = [x_rows](const PackedLinear& packed) {
    const auto inputs = packed.in_features(), outputs = packed.out_features();
    const std::vector<float> x(static_cast<std::size_t>(x_rows * inputs), 0.5F);
    std::vector<float> y(static_cast<std::size_t>(x_rows * outputs));
    Workspace workspace;
    return measure([&] {
      packed.run({x.data(), x_rows, inputs, inputs}, {y.data(), x_rows, outputs, outputs}, {},
                 workspace);
    });
  };
  return choose_layer<PackedLinear>(std::move(task), pack, time);
}

}  // namespace laconic::runtime
