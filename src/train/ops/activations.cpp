// Activations, softmax and dropout.

#include <array>
#include <optional>
#include <random>

#include "laconic/random.h"
#include "train/ops/call.h"

namespace laconic::ops {
namespace {

template <at::Tensor (*function)(const at::Tensor&)>
Values plain(const Call& call) {
  return {function(call[0])};
}

Values relu(const Call& call) {
  if (call.may_overwrite(0)) return {at::relu_(call.inputs[0])};
  return {at::relu(call[0])};
}

Values leaky_relu(const Call& call) {
  return {at::leaky_relu(call[0], call.node.number("alpha", 0.01F))};
}

Values prelu(const Call& call) {
  const at::Tensor& x = call[0];
  return {at::where(x < 0, x * call[1], x)};
}

Values elu(const Call& call) {
  return {at::elu(call[0], call.node.number("alpha", 1))};
}

Values selu(const Call& call) {
  return {at::elu(call[0], call.node.number("alpha", 1.67326319217681884765625F),
                  call.node.number("gamma", 1.05070102214813232421875F))};
}

Values hard_sigmoid(const Call& call) {
  const float alpha = call.node.number("alpha", 0.2F);
  return {at::clamp(call[0] * alpha + call.node.number("beta", 0.5F), 0, 1)};
}

Values softplus(const Call& call) {
  // LibTorch turns to the identity above the threshold; log1p(exp(-|x|)) + max(x, 0) needs none.
  const at::Tensor& x = call[0];
  return {at::logaddexp(x, at::zeros_like(x))};
}

/// The bound that was an attribute before opset 11 and is an input since, if there is one.
std::optional<at::Scalar> bound(const Call& call, std::string_view key, std::size_t i) {
  if (call.opset < 11) {
    if (!call.node.has(key)) return std::nullopt;
    return at::Scalar(call.node.number(key, 0));
  }
  if (!call.has(i)) return std::nullopt;
  if (call[i].numel() != 1) call.fail("bounds must be scalars");
  return call[i].item();
}

Values clip(const Call& call) {
  at::Tensor x = call[0];
  if (const auto low = bound(call, "min", 1)) x = at::clamp_min(x, *low);
  if (const auto high = bound(call, "max", 2)) x = at::clamp_max(x, *high);
  return {x};
}

at::Tensor softmax(const at::Tensor& x, std::int64_t axis) {
  return at::softmax(x, axis);
}
at::Tensor log_softmax(const at::Tensor& x, std::int64_t axis) {
  return at::log_softmax(x, axis);
}

/// Before opset 13 all axes from `axis` on are one; since then it is that axis alone.
template <at::Tensor (*function)(const at::Tensor&, std::int64_t)>
Values over_axis(const Call& call) {
  const at::Tensor& x = call[0];
  const auto axis = call.axis("axis", call.opset < 13 ? 1 : -1, x.dim(), call.opset < 13);
  if (call.opset >= 13) return {function(x, axis)};
  std::int64_t rows = 1;
  for (std::int64_t i = 0; i < axis; ++i) rows *= x.size(i);
  const auto columns = rows == 0 ? 0 : x.numel() / rows;
  return {function(x.reshape({rows, columns}), 1).view(x.sizes())};
}

/// One byte per element: 1 keeps it. A node that trains by its own attribute draws as ONNX's
/// reference does (NumPy's Mersenne Twister); a training run draws from its own seed.
at::Tensor keep_mask(const Call& call, at::IntArrayRef shape, double ratio) {
  at::Tensor mask = at::empty(shape, at::kBool);
  auto* data = mask.data_ptr<bool>();
  const auto count = mask.numel();
  if (call.options.training) {
    Random random(call.options.seed, "dropout", call.position);
    for (std::int64_t i = 0; i < count; ++i) data[i] = random.uniform() >= ratio;
  } else {
    std::mt19937 random(static_cast<std::uint32_t>(call.node.integer("seed", 0)));
    for (std::int64_t i = 0; i < count; ++i) {
      const std::uint32_t high = static_cast<std::uint32_t>(random()) >> 5;
      const std::uint32_t low = static_cast<std::uint32_t>(random()) >> 6;
      data[i] = (high * 0x1p26 + low) * 0x1p-53 >= ratio;
    }
  }
  return mask;
}

Values dropout(const Call& call) {
  const at::Tensor& x = call[0];
  const bool by_input = call.opset >= 12;
  double ratio = by_input ? 0.5 : call.node.number("ratio", 0.5F);
  if (by_input && call.has(1)) ratio = call[1].item<double>();
  const bool node_trains = by_input && call.has(2) && call[2].item<bool>();
  if (!(ratio >= 0 && ratio < 1))
    call.fail(fmt::format("ratio is {}, but must be 0..1, 1 excluded", ratio));
  const bool active = (call.options.training || node_trains) && ratio > 0;
  if (!active) {
    if (!call.wants(1)) return {x};
    return {x, at::ones(x.sizes(), x.options().dtype(at::kBool))};
  }
  const at::Tensor mask = keep_mask(call, x.sizes(), ratio).to(x.device());
  return {x * mask.to(x.scalar_type()) * (1 / (1 - ratio)), mask};
}

constexpr std::array rows = {
    Row{"Clip", clip, true},
    Row{"Dropout", dropout, true},
    Row{"Elu", elu},
    Row{"HardSigmoid", hard_sigmoid},
    Row{"HardSwish", plain<at::hardswish>},
    Row{"LeakyRelu", leaky_relu},
    Row{"LogSoftmax", over_axis<log_softmax>},
    Row{"PRelu", prelu},
    Row{"Relu", relu},
    Row{"Selu", selu},
    Row{"Sigmoid", plain<at::sigmoid>},
    Row{"Softmax", over_axis<softmax>},
    Row{"Softplus", softplus},
    Row{"Tanh", plain<at::tanh>},
};

}  // namespace

std::span<const Row> activations() noexcept {
  return rows;
}

}  // namespace laconic::ops
