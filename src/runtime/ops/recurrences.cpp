// RNN, GRU and LSTM: one loop over time, one step function each.

#include <algorithm>
#include <array>
#include <cmath>

#include "runtime/ops/recurrence.h"

namespace laconic::runtime {
namespace {

/// Turns `count` sums into gates.
void open_gates(const Direction& d, std::size_t activation, float* sums, std::int64_t count) {
  if (d.clip > 0) {
    for (std::int64_t i = 0; i < count; ++i) sums[i] = std::clamp(sums[i], -d.clip, d.clip);
  }
  d.activations[activation].apply(sums, count);
}

void add(const float* x, std::int64_t count, float* sums) {
  for (std::int64_t i = 0; i < count; ++i) sums[i] += x[i];
}

void add_products(const float* a, const float* b, std::int64_t count, float* sums) {
  for (std::int64_t i = 0; i < count; ++i) sums[i] += a[i] * b[i];
}

void rnn_step(const Direction& d, const StepMemory& m) {
  d.recurrent[0].run(m, m.h, m.sums);
  for (std::int64_t b = 0; b < m.batch; ++b) {
    const StepRow r = m.row(b);
    for (std::int64_t i = 0; i < d.hidden; ++i) r.next_h[i] = r.x[i] + r.sums[i];
    open_gates(d, 0, r.next_h, d.hidden);
  }
}

void gru_step(const Direction& d, const StepMemory& m) {
  const auto n = d.hidden;
  d.recurrent[0].run(m, m.h, m.sums);                         // Update and reset gates.
  if (d.variant) d.recurrent[1].run(m, m.h, m.sums + 2 * n);  // linear_before_reset
  for (std::int64_t b = 0; b < m.batch; ++b) {
    const StepRow r = m.row(b);
    add(r.x, 2 * n, r.sums);
    open_gates(d, 0, r.sums, 2 * n);
    float* scaled = d.variant ? r.sums + 2 * n : r.next_h;
    const float* from = d.variant ? scaled : r.h;
    for (std::int64_t i = 0; i < n; ++i) scaled[i] = r.sums[n + i] * from[i];
  }
  if (!d.variant) d.recurrent[1].run(m, m.next_h, m.sums + 2 * n);
  for (std::int64_t b = 0; b < m.batch; ++b) {
    const StepRow r = m.row(b);
    float* candidate = r.sums + 2 * n;
    add(r.x + 2 * n, n, candidate);
    open_gates(d, 1, candidate, n);
    for (std::int64_t i = 0; i < n; ++i) {
      r.next_h[i] = (1 - r.sums[i]) * candidate[i] + r.sums[i] * r.h[i];
    }
  }
}

void lstm_step(const Direction& d, const StepMemory& m) {
  const auto n = d.hidden;
  d.recurrent[0].run(m, m.h, m.sums);
  for (std::int64_t b = 0; b < m.batch; ++b) {
    const StepRow r = m.row(b);
    float *input = r.sums, *output = input + n, *forget = output + n, *cell = forget + n;
    add(r.x, 4 * n, r.sums);
    if (m.peepholes != nullptr) {
      add_products(m.peepholes, r.c, n, input);
      add_products(m.peepholes + 2 * n, r.c, n, forget);
    }
    open_gates(d, 0, input, n);
    if (d.variant) {
      for (std::int64_t i = 0; i < n; ++i) forget[i] = 1 - input[i];
    } else {
      open_gates(d, 0, forget, n);
    }
    open_gates(d, 1, cell, n);
    for (std::int64_t i = 0; i < n; ++i) r.next_c[i] = forget[i] * r.c[i] + input[i] * cell[i];
    if (m.peepholes != nullptr) add_products(m.peepholes + n, r.next_c, n, output);
    open_gates(d, 0, output, n);
    std::copy_n(r.next_c, n, r.next_h);
    d.activations[2].apply(r.next_h, n);
    for (std::int64_t i = 0; i < n; ++i) r.next_h[i] *= output[i];
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
