// Matrix products.

#include <array>

#include "train/ops/call.h"

namespace laconic::ops {
namespace {

Values gemm(const Call& call) {
  at::Tensor a = call[0];
  at::Tensor b = call[1];
  if (a.dim() != 2 || b.dim() != 2) {
    call.fail(fmt::format("takes matrices, not {} and {}", text(a.sizes()), text(b.sizes())));
  }
  if (call.node.integer("transA", 0) != 0) a = a.t();
  if (call.node.integer("transB", 0) != 0) b = b.t();
  const float alpha = call.node.number("alpha", 1);
  const float beta = call.node.number("beta", 1);
  if (call.has(2) && at::isFloatingType(a.scalar_type())) {
    return {at::addmm(call[2], a, b, beta, alpha)};
  }
  at::Tensor out = at::mm(a, b);
  if (alpha != 1) out = (out * alpha).to(a.scalar_type());
  if (call.has(2)) out = out + (beta == 1 ? call[2] : (call[2] * beta).to(a.scalar_type()));
  return {out};
}

Values matmul(const Call& call) {
  return {at::matmul(call[0], call[1])};
}

constexpr std::array rows = {Row{"Gemm", gemm}, Row{"MatMul", matmul}};

}  // namespace

std::span<const Row> products() noexcept {
  return rows;
}

}  // namespace laconic::ops
