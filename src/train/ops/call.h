// What an operator's function sees of its node's turn in a run, and the table of those functions.

#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "laconic/error.h"
#include "laconic/graph.h"
#include "laconic/network.h"

namespace laconic::ops {

using Values = std::vector<at::Tensor>;
using Integers = std::vector<std::int64_t>;

struct Call {
  const Node& node;
  std::size_t position;  ///< Of the node in its graph.
  std::int64_t opset;
  const RunOptions& options;
  std::span<at::Tensor> inputs;  ///< Undefined tensors where left out.

  [[nodiscard]] bool has(std::size_t i) const { return i < inputs.size() && inputs[i].defined(); }

  /// Throws Error(invalid_data) if the input is left out.
  [[nodiscard]] const at::Tensor& operator[](std::size_t i) const;

  /// The input, or an undefined tensor, which at:: functions take for none.
  [[nodiscard]] at::Tensor optional(std::size_t i) const {
    return has(i) ? inputs[i] : at::Tensor();
  }

  /// Elements of an integer or float input, brought to the host.
  [[nodiscard]] Integers integers(std::size_t i) const;
  [[nodiscard]] std::vector<double> numbers(std::size_t i) const;

  /// What was an attribute and became input i with opset `since`; empty if absent.
  [[nodiscard]] Integers integers(std::string_view key, std::size_t i, std::int64_t since) const;

  /// The attribute as an axis of a tensor of that rank, 0 <= axis < rank (<= rank if `end`).
  [[nodiscard]] std::int64_t axis(std::string_view key, std::int64_t fallback, std::int64_t rank,
                                  bool end = false) const;
  [[nodiscard]] std::int64_t wrap_axis(std::int64_t axis, std::int64_t rank,
                                       bool end = false) const;

  /// True if nothing else refers to the input's elements, and no gradient will: the result may be
  /// written over them.
  [[nodiscard]] bool may_overwrite(std::size_t i) const;

  /// True if the node's output i is asked for.
  [[nodiscard]] bool wants(std::size_t i) const {
    return i < node.outputs.size() && !node.outputs[i].empty();
  }

  /// Throws Error(invalid_data) naming the node.
  [[noreturn]] void fail(std::string_view what) const;

  /// Throws unless a value of that shape is one a network might need, before memory is taken for
  /// it.
  void check_size(at::IntArrayRef shape) const;
};

using Function = Values (*)(const Call&);

struct Row {
  std::string_view op;
  Function run;
  bool reads_host =
      false;  ///< Inputs after the first are shapes, bounds and such: read on the host.
};

/// The table's parts, by kind of operator.
std::span<const Row> arithmetic() noexcept;
std::span<const Row> activations() noexcept;
std::span<const Row> shapes() noexcept;
std::span<const Row> selections() noexcept;
std::span<const Row> creations() noexcept;
std::span<const Row> reductions() noexcept;
std::span<const Row> products() noexcept;
std::span<const Row> convolutions() noexcept;
std::span<const Row> pools() noexcept;
std::span<const Row> normalizations() noexcept;
std::span<const Row> resizes() noexcept;
std::span<const Row> recurrences() noexcept;
std::span<const Row> quantizations() noexcept;

/// The row of an operator, or null.
[[nodiscard]] const Row* find(std::string_view op) noexcept;

/// "1x3x32x32"; "scalar" for no extents.
[[nodiscard]] std::string text(at::IntArrayRef shape);

}  // namespace laconic::ops
