#include "runtime/ops/recurrence.h"

#include <algorithm>
#include <cstring>
#include <numeric>

namespace laconic::runtime {
namespace {

/// Extents of a node's turn, and all that its run needs.
struct Recurrence {
  std::int64_t time, batch, inputs, hidden, width;  ///< width: of all gates.
  bool batch_first;
  std::vector<Direction> directions;
  std::vector<Activation> activations;
  void (*step)(const Direction&, const StepMemory&);

  [[nodiscard]] std::int64_t count() const { return static_cast<std::int64_t>(directions.size()); }
  [[nodiscard]] std::int64_t state() const { return batch * hidden; }
  [[nodiscard]] std::int64_t scratch() const {
    return time * batch * width + batch * width + 4 * state();
  }
  /// Where the state of a sample and direction lies in inputs and outputs.
  [[nodiscard]] std::int64_t state_at(std::int64_t b, std::int64_t d) const {
    return (batch_first ? b * count() + d : d * batch + b) * hidden;
  }
  [[nodiscard]] std::int64_t output_at(std::int64_t t, std::int64_t b, std::int64_t d) const {
    return (batch_first ? (b * time + t) * count() + d : (t * count() + d) * batch + b) * hidden;
  }
};

void load_state(const Recurrence& r, std::int64_t d, const float* from, float* to) {
  for (std::int64_t b = 0; b < r.batch; ++b) {
    float* state = to + b * r.hidden;
    if (from == nullptr) {
      std::fill_n(state, r.hidden, 0.0F);
    } else {
      std::copy_n(from + r.state_at(b, d), r.hidden, state);
    }
  }
}

void store_state(const Recurrence& r, std::int64_t d, const float* from, float* to) {
  for (std::int64_t b = 0; to != nullptr && b < r.batch; ++b) {
    std::copy_n(from + b * r.hidden, r.hidden, to + r.state_at(b, d));
  }
}

/// Writes outputs; samples that have ended give zeros and keep their state.
void store_step(const Recurrence& r, std::int64_t t, std::int64_t d, const StepMemory& m) {
  const auto* lengths = m.memory.in<std::int32_t>(4);
  for (std::int64_t b = 0; b < r.batch; ++b) {
    const StepRow row = m.row(b);
    const bool ended = lengths != nullptr && t >= lengths[b];
    if (ended) {
      std::copy_n(row.h, r.hidden, row.next_h);
      std::copy_n(row.c, r.hidden, row.next_c);
    }
    if (m.memory.out(0) == nullptr) continue;
    float* to = m.memory.out(0) + r.output_at(t, b, d);
    if (ended) {
      std::fill_n(to, r.hidden, 0.0F);
    } else {
      std::copy_n(row.next_h, r.hidden, to);
    }
  }
}

void run_direction(const Recurrence& r, std::int64_t d, const Memory& memory) {
  const Direction& direction = r.directions[static_cast<std::size_t>(d)];
  auto* projected = reinterpret_cast<float*>(memory.scratch);
  float* sums = projected + r.time * r.batch * r.width;
  float *h = sums + r.batch * r.width, *c = h + r.state();
  float *next_h = c + r.state(), *next_c = next_h + r.state();
  direction.input.run(memory, memory.in(0), r.time * r.batch, projected, r.width);
  load_state(r, d, memory.in(5), h);
  load_state(r, d, memory.in(6), c);
  std::copy_n(c, r.state(), next_c);
  const float* peepholes = memory.in(7) ? memory.in(7) + d * 3 * r.hidden : nullptr;
  for (std::int64_t i = 0; i < r.time; ++i) {
    const auto t = direction.backwards ? r.time - 1 - i : i;
    const float* x = projected + t * r.width * (r.batch_first ? 1 : r.batch);
    const StepMemory step{
        memory, r.batch, r.hidden,  r.width, x,      (r.batch_first ? r.time : 1) * r.width,
        h,      c,       peepholes, next_h,  next_c, sums};
    r.step(direction, step);
    store_step(r, t, d, step);
    std::swap(h, next_h);
    std::swap(c, next_c);
  }
  store_state(r, d, h, memory.out(1));
  store_state(r, d, c, memory.out(2));
}

/// Rows first..first+count of a weight of [directions, rows, inputs] as a matrix.
Weights slice_rows(const Weights& weights, std::int64_t first, std::int64_t count,
                   std::int64_t inputs) {
  const Shape shape{count, inputs};
  const auto begin = first * inputs, end = begin + count * inputs;
  const auto* quantized = std::get_if<StreamedTensor>(&weights);
  const bool aligned =
      quantized != nullptr && (begin % quantized->block_size == 0 ||
                               begin / quantized->block_size == (end - 1) / quantized->block_size);
  if (aligned) return slice(*quantized, begin, shape);
  const auto values = dequantize(weights);
  return DenseTensor{shape, {values.begin() + begin, values.begin() + end}};
}

/// All packed layers of a node.
struct RecurrentLayers : Prepared {
  std::vector<std::shared_ptr<const Layer<PackedLinear>>> layers;
};

/// Packs the rows of each product, if its weights are constant.
class ProductMaker {
 public:
  explicit ProductMaker(const Call& call) : call_(call) {
    if (call.only_shapes) return;
    known_ = std::static_pointer_cast<const RecurrentLayers>(call.prepared);
    for (std::size_t i = 1; i <= 2; ++i) {
      if (!known_ && is_constant(call, i)) weights_[i] = weights_of(*call.inputs[i]);
    }
  }

  RowProduct make(std::size_t input, std::int64_t row, std::int64_t outputs, std::int64_t bias,
                  std::int64_t rows) {
    const auto inputs = call_[input].shape[2];
    RowProduct product{nullptr, input, row * inputs, inputs, outputs, bias};
    if (call_.only_shapes || !is_constant(call_, input)) return product;
    if (known_) {
      product.layer = known_->layers[next_++];
      return product;
    }
    const Weights weights = slice_rows(weights_[input], row, outputs, inputs);
    const bool quantized = std::holds_alternative<StreamedTensor>(weights);
    const LayerTask task{call_.node,
                         call_.kernels_of(made_->layers.size()),
                         {outputs, inputs},
                         quantized,
                         [&weights] { return weights; }};
    product.layer = choose_linear(task, rows)();
    made_->layers.push_back(product.layer);
    made_->bytes += product.layer->bytes;
    made_->parts.insert(made_->parts.end(), product.layer->parts.begin(),
                        product.layer->parts.end());
    return product;
  }

  void keep() {
    if (!call_.only_shapes && !known_) call_.prepared = made_;
  }

 private:
  const Call& call_;
  std::shared_ptr<const RecurrentLayers> known_;
  std::shared_ptr<RecurrentLayers> made_ = std::make_shared<RecurrentLayers>();
  Weights weights_[3];
  std::size_t next_ = 0;
};

void check_shapes(const Call& call, const Recurrence& r, std::int64_t directions,
                  const RecurrentKind& kind) {
  const auto check = [&](std::size_t i, const Shape& wanted) {
    if (call.has(i) && call.floats(i).shape != wanted) {
      call.fail(
          fmt::format("input {} is {}, but must be {}", i, text(call[i].shape), text(wanted)));
    }
  };
  const Shape state =
      r.batch_first ? Shape{r.batch, directions, r.hidden} : Shape{directions, r.batch, r.hidden};
  check(1, {directions, r.width, r.inputs});
  check(2, {directions, r.width, r.hidden});
  check(3, {directions, 2 * r.width});
  check(5, state);
  if (kind.has_cell) check(6, state);
  if (kind.has_cell) check(7, {directions, 3 * r.hidden});
  if (call.has(4) && (call[4].type != ElementType::int32 || call[4].shape != Shape{r.batch})) {
    call.fail(fmt::format("its lengths must be {} of int32", r.batch));
  }
}

Recurrence read_extents(const Call& call, std::int64_t gates) {
  const Signature& x = call.floats(0);
  if (x.rank() != 3 || call.floats(1).rank() != 3 || call.floats(2).rank() != 3) {
    call.fail(fmt::format("its input is {}, its weights {} and {}", text(x.shape),
                          text(call[1].shape), text(call[2].shape)));
  }
  Recurrence r{};
  r.batch_first = call.node.integer("layout", 0) != 0;
  r.time = x.shape[r.batch_first ? 1 : 0];
  r.batch = x.shape[r.batch_first ? 0 : 1];
  r.inputs = x.shape[2];
  r.hidden = call[2].shape[2];
  r.width = gates * r.hidden;
  if (r.time == 0 || r.hidden == 0) call.fail(fmt::format("its input is {}", text(x.shape)));
  return r;
}

void add_directions(const Call& call, const RecurrentKind& kind, const std::string& mode,
                    std::int64_t count, Recurrence& r) {
  ProductMaker maker(call);
  for (std::int64_t d = 0; d < count; ++d) {
    Direction direction;
    const auto row = d * r.width;
    const auto bias = [&](std::int64_t at) { return call.has(3) ? 2 * row + at : -1; };
    direction.input = maker.make(1, row, r.width, bias(0), r.time * r.batch);
    std::int64_t gate = 0;
    for (const auto gates : kind.products) {
      const auto at = gate * r.hidden;
      direction.recurrent.push_back(
          maker.make(2, row + at, gates * r.hidden, bias(r.width + at), r.batch));
      gate += gates;
    }
    direction.hidden = r.hidden;
    direction.clip = call.node.number("clip", 0);
    direction.variant = !kind.variant.empty() && call.node.integer(kind.variant, 0) != 0;
    direction.backwards = mode == "reverse" || d == 1;
    r.directions.push_back(direction);
  }
  maker.keep();
}

}  // namespace

void RowProduct::run(const Memory& memory, const float* x, std::int64_t rows, float* y,
                     std::int64_t stride) const {
  const float* shift = bias < 0 ? nullptr : memory.in(3) + bias;
  if (layer) {
    Epilogue epilogue;
    if (shift != nullptr) epilogue.bias = {shift, static_cast<std::size_t>(outputs)};
    layer->packed.run({x, rows, inputs, inputs}, {y, rows, outputs, stride}, epilogue,
                      *memory.workspace);
    return;
  }
  const float* weights = memory.in(input) + offset;
  for (std::int64_t row = 0; row < rows; ++row) {
    float* to = y + row * stride;
    PlainProduct{1, outputs, inputs, inputs, 1, 1, inputs}.run(x + row * inputs, weights, to);
    for (std::int64_t i = 0; shift != nullptr && i < outputs; ++i) to[i] += shift[i];
  }
}

Planned plan_recurrence(const Call& call, const RecurrentKind& kind) {
  const auto mode = call.node.text("direction", "forward");
  if (mode != "forward" && mode != "reverse" && mode != "bidirectional") {
    call.fail(
        fmt::format("direction is \"{}\", but must be forward, reverse or bidirectional", mode));
  }
  const std::int64_t count = mode == "bidirectional" ? 2 : 1;
  const auto r = std::make_shared<Recurrence>(read_extents(
      call, std::accumulate(kind.products.begin(), kind.products.end(), std::int64_t{0})));
  check_shapes(call, *r, count, kind);
  r->step = kind.step;
  r->activations = read_activations(call, kind.activations, static_cast<std::size_t>(count));
  add_directions(call, kind, mode, count, *r);
  const auto each = kind.activations.size();
  Planned planned;
  for (std::size_t d = 0; d < r->directions.size(); ++d) {
    r->directions[d].activations = std::span(r->activations).subspan(d * each, each);
    for (const RowProduct& product : r->directions[d].recurrent) {
      if (product.layer) {
        planned.workspace =
            std::max(planned.workspace, product.layer->packed.workspace_bytes(r->batch));
      }
    }
    if (const auto& layer = r->directions[d].input.layer) {
      planned.workspace =
          std::max(planned.workspace, layer->packed.workspace_bytes(r->time * r->batch));
    }
  }
  const Shape state =
      r->batch_first ? Shape{r->batch, count, r->hidden} : Shape{count, r->batch, r->hidden};
  const Shape all = r->batch_first ? Shape{r->batch, r->time, count, r->hidden}
                                   : Shape{r->time, count, r->batch, r->hidden};
  planned.outputs = {call.sized(ElementType::float32, all), {ElementType::float32, state}};
  if (kind.has_cell) planned.outputs.push_back({ElementType::float32, state});
  planned.optional_first = true;
  planned.packs = is_constant(call, 1) || is_constant(call, 2);
  planned.deferred = call.only_shapes;
  planned.scratch = static_cast<std::size_t>(r->scratch()) * sizeof(float);
  planned.run = [r](const Memory& memory) {
    for (std::int64_t d = 0; d < r->count(); ++d) run_direction(*r, d, memory);
  };
  return planned;
}

}  // namespace laconic::runtime
