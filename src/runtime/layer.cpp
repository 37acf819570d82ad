#include "runtime/layer.h"

#include <algorithm>

namespace laconic::runtime {

Epilogue Fused::epilogue(const Memory& memory) const {
  Epilogue out;
  if (const float* bias = memory.in(2)) out.bias = {bias, static_cast<std::size_t>(outputs)};
  out.residual = memory.in(3);
  out.low = low;
  out.high = high;
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
  fused.low = call.node.number(low_key, fused.low);
  fused.high = call.node.number(high_key, fused.high);
  return fused;
}

Tensor weights_of(const Call& call, std::size_t i) {
  if (const auto& quantized = call.inputs[i]->quantized) return *quantized;
  const auto values = call.known(i)->floats();
  return DenseTensor{call[i].shape, {values.begin(), values.end()}};
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

std::chrono::nanoseconds measure(const std::function<void()>& run) {
  using Clock = std::chrono::steady_clock;
  constexpr auto enough = std::chrono::milliseconds(2);
  constexpr int most = 30, least = 3;
  auto best = std::chrono::nanoseconds::max();
  const auto begin = Clock::now();
  for (int i = 0; i < least || (i < most && Clock::now() - begin < enough); ++i) {
    const auto start = Clock::now();
    run();
    best = std::min<std::chrono::nanoseconds>(best, Clock::now() - start);
  }
  return best;
}

std::shared_ptr<const Layer<PackedLinear>> choose_linear(const Call& call, Tensor weights,
                                                         std::int64_t rows) {
  const auto outputs = shape_of(weights)[0], inputs = shape_of(weights)[1];
  const std::vector<float> x(static_cast<std::size_t>(rows * inputs), 0.5F);
  std::vector<float> y(static_cast<std::size_t>(rows * outputs));
  Workspace workspace;
  const auto pack = [](const Tensor& tensor, Activations activations) {
    return std::visit(
        [&](const auto& t) { return PackedLinear::pack(t, {.activations = activations}); }, tensor);
  };
  const auto run = [&](const PackedLinear& packed) {
    packed.run({x.data(), rows, inputs, inputs}, {y.data(), rows, outputs, outputs}, {}, workspace);
  };
  return choose_layer<PackedLinear>(call, std::move(weights), pack, run);
}

}  // namespace laconic::runtime
