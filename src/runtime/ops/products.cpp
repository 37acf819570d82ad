// Matrix products: with constant weights by packed layers, of two computed values by tiles.

#include <algorithm>
#include <array>
#include <cstring>

#include "graph/evaluate.h"
#include "runtime/layer.h"
#include "runtime/loops.h"
#include "runtime/ops/tiled_product.h"
#include "runtime/strides.h"

namespace laconic::runtime {
namespace {

/// rows x inputs, times the transpose of the weights, which are input 1 of the node.
Planned packed_product(const Call& call, std::int64_t rows, const Signature& output) {
  const Shape& weight = call[1].shape;
  const auto outputs = weight[0], inputs = weight[1];
  const Fused fused = read_fused(call, outputs, output);
  Planned planned{{output}, {}};
  planned.packs = true;
  planned.deferred = call.only_shapes;
  call.prepare(call[1].count(), [task = task_of(call), rows] { return choose_linear(task, rows); });
  if (call.only_shapes) return planned;
  const auto layer = std::static_pointer_cast<const Layer<PackedLinear>>(call.prepared);
  planned.workspace = layer->packed.workspace_bytes(rows);
  planned.run = [layer, fused, rows, inputs, outputs](const Memory& memory) {
    layer->packed.run({memory.in(0), rows, inputs, inputs}, {memory.out(), rows, outputs, outputs},
                      fused.epilogue(memory), *memory.workspace);
  };
  return planned;
}

/// y = alpha a b + beta c, of any values. Throws nothing: shapes have been checked.
Planned computed_gemm(const Call& call, const TiledProduct& product, const Signature& output) {
  Planned planned{{output}, {}};
  planned.scratch = product.scratch();
  const float beta = call.node.number("beta", 1);
  if (!call.has(2)) {
    planned.run = [product](const Memory& memory) {
      product.run(memory.in(0), memory.in(1), memory.out(), memory.scratch);
    };
    return planned;
  }
  const auto shape = broadcast(call.floats(2).shape, output.shape);
  if (shape != output.shape) {
    call.fail(fmt::format("{} does not broadcast to {}", text(call[2].shape), text(output.shape)));
  }
  planned.run = [product, beta,
                 rows = Rows<2>::broadcast({output.shape, call[2].shape}, output.shape)](
                    const Memory& memory) {
    product.run(memory.in(0), memory.in(1), memory.out(), memory.scratch);
    for (std::int64_t row = 0; row < rows.count(); ++row) {
      const float* c = memory.in(2) + rows.start(row)[1];
      float* y = memory.out() + row * rows.length();
      for (std::int64_t i = 0; i < rows.length(); ++i) y[i] += beta * c[i * rows.step(1)];
    }
  };
  return planned;
}

Planned gemm(const Call& call) {
  const Signature& a = call.floats(0);
  const Signature& b = call.floats(1);
  if (a.rank() != 2 || b.rank() != 2) {
    call.fail(fmt::format("takes matrices, not {} and {}", text(a.shape), text(b.shape)));
  }
  const bool a_turned = call.node.integer("transA", 0) != 0;
  const bool b_turned = call.node.integer("transB", 0) != 0;
  PlainProduct product{a.shape[a_turned ? 1 : 0], b.shape[b_turned ? 0 : 1],
                       a.shape[a_turned ? 0 : 1]};
  if (b.shape[b_turned ? 1 : 0] != product.k) {
    call.fail(fmt::format("cannot multiply {} by {}", text(a.shape), text(b.shape)));
  }
  const Signature output = call.sized(a.type, {product.m, product.n});
  if (is_packable_gemm(call.node) && is_constant(call, 1) && b.count() > 0 &&
      (!call.has(2) || call[2].count() == product.n)) {
    return packed_product(call, product.m, output);
  }
  product.a_row = a_turned ? 1 : product.k;
  product.a_col = a_turned ? product.m : 1;
  product.b_row = b_turned ? 1 : product.n;
  product.b_col = b_turned ? product.k : 1;
  product.factor = call.node.number("alpha", 1);
  return computed_gemm(call, TiledProduct(product), output);
}

/// One product for each pair of matrices, the axes before the last two broadcast.
Planned batched_product(const Call& call, Shape a, Shape b) {
  const bool row = a.size() == 1, column = b.size() == 1;  // Vectors: an axis that goes again.
  if (row) a.insert(a.begin(), 1);
  if (column) b.push_back(1);
  const Shape a_lead(a.begin(), a.end() - 2), b_lead(b.begin(), b.end() - 2);
  const auto lead = broadcast(a_lead, b_lead);
  PlainProduct product{a.end()[-2], b.end()[-1], a.end()[-1]};
  product.a_row = product.k;
  product.b_row = product.n;
  if (!lead || b.end()[-2] != product.k) {
    call.fail(fmt::format("cannot multiply {} by {}", text(call[0].shape), text(call[1].shape)));
  }
  Shape shape = *lead;
  if (!row) shape.push_back(product.m);
  if (!column) shape.push_back(product.n);
  Planned planned{{call.sized(ElementType::float32, shape)}, {}};
  std::vector<std::array<std::int64_t, 2>> starts;
  BroadcastIndex i(a_lead, *lead), j(b_lead, *lead);
  for (auto left = element_count(*lead); left > 0; --left, i.advance(), j.advance()) {
    starts.push_back({static_cast<std::int64_t>(i.position()) * product.m * product.k,
                      static_cast<std::int64_t>(j.position()) * product.k * product.n});
  }
  const TiledProduct tiled(product);
  planned.scratch = starts.size() * tiled.scratch();
  planned.run = [product, tiled, starts](const Memory& memory) {
    const auto cost = product.m * product.n * product.k / 16;
    const auto body = [&](std::int64_t first, std::int64_t last) {
      for (auto p = first; p < last; ++p) {
        const auto at = static_cast<std::size_t>(p);
        const auto [from_a, from_b] = starts[at];
        tiled.run(memory.in(0) + from_a, memory.in(1) + from_b,
                  memory.out() + p * product.m * product.n, memory.scratch + at * tiled.scratch());
      }
    };
    parallel_ranges(static_cast<std::int64_t>(starts.size()), cost, body);
  };
  return planned;
}

Planned matmul(const Call& call) {
  const Signature& a = call.floats(0);
  const Signature& b = call.floats(1);
  if (a.rank() == 0 || b.rank() == 0) call.fail("takes no scalars");
  if (!call.node.has(turned_key)) return batched_product(call, a.shape, b.shape);
  if (a.shape.back() != b.shape[1]) {
    call.fail(fmt::format("cannot multiply {} by {}x{}", text(a.shape), b.shape[1], b.shape[0]));
  }
  Shape shape = a.shape;
  shape.back() = b.shape[0];
  return packed_product(call, extent_product(a.shape, 0, a.rank() - 1),
                        call.sized(a.type, std::move(shape)));
}

constexpr std::array rows = {Row{"Gemm", gemm}, Row{"MatMul", matmul}};

}  // namespace

bool is_packable_gemm(const Node& node) {
  return node.integer("transA", 0) == 0 && node.integer("transB", 0) != 0 &&
         node.number("alpha", 1) == 1 && node.number("beta", 1) == 1;
}

std::span<const Row> products() noexcept {
  return rows;
}

}  // namespace laconic::runtime
