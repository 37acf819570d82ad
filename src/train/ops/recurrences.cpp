// RNN, GRU and LSTM: one loop over time, one step function each.

#include <array>
#include <utility>

#include "train/ops/recurrent_activations.h"

namespace laconic::ops {
namespace {

/// What one direction multiplies with, and its settings.
struct Direction {
  at::Tensor w, r, wb, rb;  ///< (gates * hidden) x input or hidden; biases by gates * hidden.
  at::Tensor peepholes;     ///< LSTM: 3 * hidden, of the input, output and forget gate.
  std::span<const Activation> activations;
  double clip = 0;       ///< 0: none.
  bool variant = false;  ///< GRU: linear_before_reset; LSTM: input_forget.

  /// The activation of a gate, its argument clipped.
  [[nodiscard]] at::Tensor gate(std::size_t activation, const at::Tensor& x) const {
    return activations[activation](clip > 0 ? at::clamp(x, -clip, clip) : x);
  }
};

struct State {
  at::Tensor h, c;  ///< batch x hidden; c for LSTM only.
};

/// From the projected input (biases of W within) and the state to the next state.
using StepFunction = State (*)(const Direction&, const at::Tensor& x, const State&);

State rnn_step(const Direction& d, const at::Tensor& x, const State& state) {
  return {d.gate(0, x + at::linear(state.h, d.r, d.rb)), {}};
}

State gru_step(const Direction& d, const at::Tensor& x, const State& state) {
  const auto hidden = state.h.size(1);
  const auto rows = [&](const at::Tensor& t, std::int64_t from, std::int64_t gates) {
    return t.narrow(0, from * hidden, gates * hidden);
  };
  const auto recurrent = at::linear(state.h, rows(d.r, 0, 2), rows(d.rb, 0, 2));
  const auto update_reset = d.gate(0, x.narrow(1, 0, 2 * hidden) + recurrent);
  const auto update = update_reset.narrow(1, 0, hidden);
  const auto reset = update_reset.narrow(1, hidden, hidden);
  const auto r = rows(d.r, 2, 1);
  const auto rb = rows(d.rb, 2, 1);
  const auto past =
      d.variant ? reset * at::linear(state.h, r, rb) : at::linear(reset * state.h, r, rb);
  const auto candidate = d.gate(1, x.narrow(1, 2 * hidden, hidden) + past);
  return {(1 - update) * candidate + update * state.h, {}};
}

State lstm_step(const Direction& d, const at::Tensor& x, const State& state) {
  const auto hidden = state.h.size(1);
  const auto parts = at::addmm(x, state.h, d.r.t()).split_with_sizes({3 * hidden, hidden}, 1);
  const auto sums = parts[0].chunk(3, 1);
  const auto peep = [&](std::int64_t gate, const at::Tensor& cell) {
    return sums[static_cast<std::size_t>(gate)] +
           d.peepholes.narrow(0, gate * hidden, hidden) * cell;
  };
  // Input, output, forget. Without peepholes all at once: small operations take as long as larger.
  std::vector<at::Tensor> gates;
  if (d.peepholes.defined()) {
    gates = {d.gate(0, peep(0, state.c)), {}, d.gate(0, peep(2, state.c))};
  } else {
    gates = d.gate(0, parts[0]).chunk(3, 1);
  }
  const auto forget = d.variant ? 1 - gates[0] : gates[2];
  const auto cell = at::addcmul(forget * state.c, gates[0], d.gate(1, parts[1]));
  const auto output = d.peepholes.defined() ? d.gate(0, peep(1, cell)) : gates[1];
  return {output * d.activations[2](cell), cell};
}

/// What distinguishes the three operators.
struct Kind {
  StepFunction step;
  std::int64_t gates;
  std::string_view variant;  ///< Attribute.
  std::span<const std::string_view> activations;
  bool one_bias = false;  ///< Those of W and R are only ever added: W's is made their sum.
};

struct Sequence {
  at::Tensor outputs;  ///< time x batch x hidden
  State last;
};

/// Runs one direction. `valid` is time x batch x 1, or undefined where all sequences are whole.
Sequence run(const Kind& kind, const Direction& d, const at::Tensor& x, const at::Tensor& valid,
             State state, bool backwards) {
  const at::Tensor projected = at::linear(x, d.w, d.wb);
  Values outputs(static_cast<std::size_t>(x.size(0)));
  for (std::int64_t i = 0; i < x.size(0); ++i) {
    const auto t = backwards ? x.size(0) - 1 - i : i;
    State next = kind.step(d, projected[t], state);
    at::Tensor& output = outputs[static_cast<std::size_t>(t)];
    output = next.h;
    if (valid.defined()) {
      output = at::where(valid[t], next.h, at::zeros_like(next.h));
      next.h = at::where(valid[t], next.h, state.h);
      if (next.c.defined()) next.c = at::where(valid[t], next.c, state.c);
    }
    state = std::move(next);
  }
  return {at::stack(outputs), state};
}

at::Tensor valid_steps(const Call& call, const at::Tensor& x) {
  if (!call.has(4)) return {};
  const at::Tensor lengths = call[4].to(x.device(), at::kLong);
  const at::Tensor time = at::arange(x.size(0), lengths.options());
  return (time.unsqueeze(1) < lengths.unsqueeze(0)).unsqueeze(2);
}

/// The state before the first step: input i, or zeros.
at::Tensor initial(const Call& call, std::size_t i, std::int64_t direction, bool batch_first,
                   at::IntArrayRef shape, const at::Tensor& x) {
  if (!call.has(i)) return at::zeros(shape, x.options().requires_grad(false));
  return batch_first ? call[i].select(1, direction) : call[i].select(0, direction);
}

Direction read_direction(const Call& call, const Kind& kind, std::int64_t index,
                         std::int64_t hidden, std::span<const Activation> activations) {
  const auto rows = kind.gates * hidden;
  Direction d;
  d.w = call[1][index];
  d.r = call[2][index];
  const at::Tensor biases =
      call.has(3) ? call[3][index] : at::zeros({2 * rows}, d.r.options().requires_grad(false));
  d.wb = biases.narrow(0, 0, rows);
  d.rb = biases.narrow(0, rows, rows);
  if (kind.one_bias) d.wb = d.wb + d.rb;
  if (call.has(7)) d.peepholes = call[7][index];
  d.activations = activations.subspan(static_cast<std::size_t>(index) * kind.activations.size(),
                                      kind.activations.size());
  d.clip = static_cast<double>(call.node.number("clip", 0));
  d.variant = !kind.variant.empty() && call.node.integer(kind.variant, 0) != 0;
  return d;
}

Values recur(const Call& call, const Kind& kind) {
  const bool batch_first = call.node.integer("layout", 0) != 0;
  const at::Tensor x = batch_first ? call[0].transpose(0, 1) : call[0];
  const auto mode = call.node.text("direction", "forward");
  if (mode != "forward" && mode != "reverse" && mode != "bidirectional") {
    call.fail(
        fmt::format("direction is \"{}\", but must be forward, reverse or bidirectional", mode));
  }
  const std::int64_t directions = mode == "bidirectional" ? 2 : 1;
  if (x.dim() != 3 || call[1].dim() != 3 || call[2].dim() != 3 || call[2].size(0) != directions ||
      call[1].size(0) != directions || x.size(0) == 0) {
    call.fail(fmt::format("its input is {}, its weights {} and {}", text(x.sizes()),
                          text(call[1].sizes()), text(call[2].sizes())));
  }
  const auto hidden = call[2].size(2);
  const auto activations =
      read_activations(call, kind.activations, static_cast<std::size_t>(directions));
  const at::Tensor valid = valid_steps(call, x);
  Values outputs, last_h, last_c;
  for (std::int64_t i = 0; i < directions; ++i) {
    const Direction d = read_direction(call, kind, i, hidden, activations);
    State start{initial(call, 5, i, batch_first, {x.size(1), hidden}, x),
                initial(call, 6, i, batch_first, {x.size(1), hidden}, x)};
    const bool backwards = mode == "reverse" || i == 1;
    const auto [sequence, last] = run(kind, d, x, valid, std::move(start), backwards);
    outputs.push_back(sequence);
    last_h.push_back(last.h);
    if (last.c.defined()) last_c.push_back(last.c);
  }
  const std::int64_t axis = batch_first ? 1 : 0;
  at::Tensor all = at::stack(outputs, 1);  // time x directions x batch x hidden
  if (batch_first) all = all.permute({2, 0, 1, 3});
  Values values = {all, at::stack(last_h, axis)};
  if (!last_c.empty()) values.push_back(at::stack(last_c, axis));
  return values;
}

constexpr std::array<std::string_view, 1> rnn_activations = {"Tanh"};
constexpr std::array<std::string_view, 2> gru_activations = {"Sigmoid", "Tanh"};
constexpr std::array<std::string_view, 3> lstm_activations = {"Sigmoid", "Tanh", "Tanh"};

Values rnn(const Call& call) {
  return recur(call, {rnn_step, 1, {}, rnn_activations});
}

Values gru(const Call& call) {
  return recur(call, {gru_step, 3, "linear_before_reset", gru_activations});
}

Values lstm(const Call& call) {
  return recur(call, {lstm_step, 4, "input_forget", lstm_activations, true});
}

constexpr std::array rows = {Row{"GRU", gru}, Row{"LSTM", lstm}, Row{"RNN", rnn}};

}  // namespace

std::span<const Row> recurrences() noexcept {
  return rows;
}

}  // namespace laconic::ops
