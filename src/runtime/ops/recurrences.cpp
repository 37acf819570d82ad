// RNN, GRU and LSTM: one loop over time, one step function each.

#include <algorithm>
#include <array>
#include <cmath>

#include "runtime/ops/recurrence.h"

namespace laconic::runtime {
namespace {

float gate(const Direction& d, std::size_t activation, float x) {
  if (d.clip > 0) x = std::clamp(x, -d.clip, d.clip);
  return d.activations[activation](x);
}

void rnn_step(const Direction& d, const StepMemory& m) {
  d.recurrent[0].run(m, m.h, m.sums);
  for (std::int64_t b = 0; b < m.batch; ++b) {
    const StepRow r = m.row(b);
    for (std::int64_t i = 0; i < d.hidden; ++i) r.next_h[i] = gate(d, 0, r.x[i] + r.sums[i]);
  }
}

void gru_step(const Direction& d, const StepMemory& m) {
  const auto n = d.hidden;
  d.recurrent[0].run(m, m.h, m.sums);                         // Update and reset gates.
  if (d.variant) d.recurrent[1].run(m, m.h, m.sums + 2 * n);  // linear_before_reset
  for (std::int64_t b = 0; b < m.batch; ++b) {
    const StepRow r = m.row(b);
    for (std::int64_t i = 0; i < 2 * n; ++i) r.sums[i] = gate(d, 0, r.x[i] + r.sums[i]);
    float* scaled = d.variant ? r.sums + 2 * n : r.next_h;
    const float* from = d.variant ? scaled : r.h;
    for (std::int64_t i = 0; i < n; ++i) scaled[i] = r.sums[n + i] * from[i];
  }
  if (!d.variant) d.recurrent[1].run(m, m.next_h, m.sums + 2 * n);
  for (std::int64_t b = 0; b < m.batch; ++b) {
    const StepRow r = m.row(b);
    for (std::int64_t i = 0; i < n; ++i) {
      const float candidate = gate(d, 1, r.x[2 * n + i] + r.sums[2 * n + i]);
      r.next_h[i] = (1 - r.sums[i]) * candidate + r.sums[i] * r.h[i];
    }
  }
}

void lstm_step(const Direction& d, const StepMemory& m) {
  const auto n = d.hidden;
  d.recurrent[0].run(m, m.h, m.sums);  // Input, output, forget, cell.
  for (std::int64_t b = 0; b < m.batch; ++b) {
    const StepRow r = m.row(b);
    const auto sum = [&](std::int64_t at, std::int64_t i, const float* cell) {
      const float plain = r.x[at * n + i] + r.sums[at * n + i];
      return m.peepholes != nullptr && at < 3 ? plain + m.peepholes[at * n + i] * cell[i] : plain;
    };
    for (std::int64_t i = 0; i < n; ++i) {
      const float input = gate(d, 0, sum(0, i, r.c));
      const float forget = d.variant ? 1 - input : gate(d, 0, sum(2, i, r.c));
      r.next_c[i] = forget * r.c[i] + input * gate(d, 1, sum(3, i, r.c));
      r.next_h[i] = gate(d, 0, sum(1, i, r.next_c)) * d.activations[2](r.next_c[i]);
    }
  }
}

constexpr std::array<std::string_view, 1> rnn_activations = {"Tanh"};
constexpr std::array<std::string_view, 2> gru_activations = {"Sigmoid", "Tanh"};
constexpr std::array<std::string_view, 3> lstm_activations = {"Sigmoid", "Tanh", "Tanh"};
constexpr std::array<std::int64_t, 1> one_product = {1}, lstm_product = {4};
constexpr std::array<std::int64_t, 2> gru_products = {2, 1};

Planned rnn(const Call& call) {
  return plan_recurrence(call, {rnn_step, one_product, {}, rnn_activations, false});
}

Planned gru(const Call& call) {
  return plan_recurrence(call,
                         {gru_step, gru_products, "linear_before_reset", gru_activations, false});
}

Planned lstm(const Call& call) {
  return plan_recurrence(call, {lstm_step, lstm_product, "input_forget", lstm_activations, true});
}

constexpr std::array rows = {Row{"GRU", gru}, Row{"LSTM", lstm}, Row{"RNN", rnn}};

}  // namespace

std::span<const Row> recurrences() noexcept {
  return rows;
}

}  // namespace laconic::runtime
