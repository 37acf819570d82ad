// Normalisation by statistics: of the batch, of a sample, of neighbouring channels.

#include <array>

#include "train/ops/call.h"

namespace laconic::ops {
namespace {

/// A value per channel, shaped to meet a value with channels on axis 1.
at::Tensor per_channel(const at::Tensor& values, const at::Tensor& x) {
  Integers shape(static_cast<std::size_t>(x.dim()), 1);
  if (x.dim() > 1) shape[1] = -1;
  return values.reshape(shape);
}

/// By given statistics. LibTorch's own function does not differentiate by them.
at::Tensor by_given(const at::Tensor& x, const at::Tensor& scale, const at::Tensor& bias,
                    const at::Tensor& mean, const at::Tensor& variance, double epsilon) {
  if (!mean.requires_grad() && !variance.requires_grad()) {
    return at::batch_norm(x, scale, bias, mean, variance, false, 0, epsilon, false);
  }
  const at::Tensor factor = scale * at::rsqrt(variance + epsilon);
  return x * per_channel(factor, x) + per_channel(bias - mean * factor, x);
}

struct BatchNorm {
  at::Tensor out, mean, variance;
};

BatchNorm by_batch(const at::Tensor& x, const at::Tensor& scale, const at::Tensor& bias,
                   double epsilon) {
  auto [out, mean, inverse] = at::native_batch_norm(x, scale, bias, {}, {}, true, 0, epsilon);
  const at::Tensor variance = (inverse.detach().pow(-2) - epsilon).clamp_min(0);
  return {out, mean.detach(), variance};
}

Values batch_normalization(const Call& call) {
  const at::Tensor& x = call[0];
  const auto epsilon = static_cast<double>(call.node.number("epsilon", 1e-5F));
  if (call.node.integer("spatial", 1) == 0) call.fail("spatial = 0 is not supported");
  if (x.dim() < 2)
    call.fail(fmt::format("takes values of 2 axes or more, not {}", text(x.sizes())));
  if (x.numel() == 0) call.fail(fmt::format("its input is empty: {}", text(x.sizes())));
  const bool node_trains = call.node.integer("training_mode", 0) != 0;
  if (!call.options.training && !node_trains) {
    return {by_given(x, call[1], call[2], call[3], call[4], epsilon)};
  }
  const BatchNorm batch = by_batch(x, call[1], call[2], epsilon);
  if (call.options.batch_statistics) {
    call.options.batch_statistics(call.node, batch.mean, batch.variance, x.numel() / x.size(1));
  }
  if (!call.wants(1)) return {batch.out};
  const double momentum = static_cast<double>(call.node.number("momentum", 0.9F));
  const auto running = [&](const at::Tensor& old, const at::Tensor& now) {
    return (old * momentum + now * (1 - momentum)).to(old.scalar_type());
  };
  return {batch.out, running(call[3], batch.mean), running(call[4], batch.variance)};
}

Values instance_normalization(const Call& call) {
  const auto epsilon = static_cast<double>(call.node.number("epsilon", 1e-5F));
  return {at::instance_norm(call[0], call[1], call[2], {}, {}, true, 0, epsilon, false)};
}

Values layer_normalization(const Call& call) {
  const at::Tensor& x = call[0];
  const auto axis = call.axis("axis", -1, x.dim());
  const auto shape = x.sizes().slice(static_cast<std::size_t>(axis));
  const at::Tensor scale = call[1].expand(shape);
  const at::Tensor bias = call.has(2) ? call[2].expand(shape) : at::Tensor();
  const auto epsilon = static_cast<double>(call.node.number("epsilon", 1e-5F));
  auto [out, mean, inverse] = at::native_layer_norm(x, shape, scale, bias, epsilon);
  return {out, mean, inverse};
}

Values local_response_normalization(const Call& call) {
  const at::Tensor& x = call[0];
  const auto size = call.node.integer("size", 0);
  if (x.dim() < 2 || size < 1 || size > 2 * x.size(1) + 2) {
    call.fail(fmt::format("size is {}, its input {}", size, text(x.sizes())));
  }
  const auto before = (size - 1) / 2;
  Integers pads(static_cast<std::size_t>(2 * (x.dim() - 2)), 0);
  pads.insert(pads.end(), {before, size - 1 - before});
  const at::Tensor sums = at::constant_pad_nd(x.square(), pads, 0).unfold(1, size, 1).sum(-1);
  const double alpha = static_cast<double>(call.node.number("alpha", 0.0001F));
  const double beta = static_cast<double>(call.node.number("beta", 0.75F));
  const double bias = static_cast<double>(call.node.number("bias", 1));
  return {x / (bias + alpha / static_cast<double>(size) * sums).pow(beta)};
}

constexpr std::array rows = {
    Row{"BatchNormalization", batch_normalization},
    Row{"InstanceNormalization", instance_normalization},
    Row{"LRN", local_response_normalization},
    Row{"LayerNormalization", layer_normalization},
};

}  // namespace

std::span<const Row> normalizations() noexcept {
  return rows;
}

}  // namespace laconic::ops
