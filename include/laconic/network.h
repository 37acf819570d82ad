// A graph on LibTorch: evaluated, differentiated, trained. The same graph gives the same answers as
// ONNX's own operator tests ask.

#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "laconic/graph.h"

namespace at {
class Tensor;
}

namespace laconic {

/// What a run does besides computing outputs. Hooks are called on the thread of the run.
struct RunOptions {
  /// Batch normalisation by the batch's own statistics, dropout on.
  bool training = false;

  /// Seed of dropout's random stream.
  std::uint64_t seed = 0;

  /// Used in place of parameters of those names, e.g. quantized weights. May require gradients.
  const std::map<std::string, at::Tensor, std::less<>>* overrides = nullptr;

  /// Called before a node runs, with its inputs (undefined tensors where left out).
  std::function<void(const Node&, std::span<const at::Tensor>)> before;

  /// Called after a node ran, with its outputs, which it may replace.
  std::function<void(const Node&, std::span<at::Tensor>)> after;

  /// In training: receives mean and biased variance of each BatchNormalization node's batch, and
  /// the elements per channel that they were taken over. Running statistics are the caller's.
  std::function<void(const Node&, const at::Tensor& mean, const at::Tensor& variance,
                     std::int64_t count)>
      batch_statistics;
};

/// Called before a node runs, with its position in the graph and each batch's inputs (undefined
/// tensors where left out), which it may replace.
using SideBySideHook =
    std::function<void(std::size_t node, std::span<std::vector<at::Tensor>> inputs)>;

/// Parameters are the graph's float32 constants that nodes read, leaf tensors by name. They require
/// gradients at first, but for the mean and variance of BatchNormalization. run() is const and may
/// be called from many threads at once, as long as nobody changes parameters. It follows the
/// caller's gradient mode, and where none are needed it reuses memory that nothing else refers to.
/// Images run with channels last: what hooks see may not be contiguous.
class Network {
 public:
  /// Copies what it needs. Throws Error(unsupported_operator) naming operator and node.
  explicit Network(Graph graph);
  Network(Network&&) noexcept;
  Network& operator=(Network&&) noexcept;
  ~Network();

  /// The structure; its float constants are as they were at construction.
  [[nodiscard]] const Graph& graph() const noexcept;

  /// A copy of the graph with the present values of the parameters.
  [[nodiscard]] Graph to_graph() const;

  /// In the order of laconic::parameters(graph).
  [[nodiscard]] std::span<const ParameterInfo> parameters() const noexcept;

  /// The parameter itself: change it in place, read its grad(). Throws Error(invalid_argument) for
  /// a name that is not a parameter's.
  [[nodiscard]] at::Tensor& parameter(std::string_view name);
  [[nodiscard]] const at::Tensor& parameter(std::string_view name) const;

  /// Runs the graph on inputs in the order of graph().inputs; returns outputs in the order of
  /// graph().outputs. Throws Error(invalid_data) naming node and shapes where they do not fit.
  [[nodiscard]] std::vector<at::Tensor> run(std::span<const at::Tensor> inputs,
                                            const RunOptions& options = {}) const;

  /// Runs several batches, node by node: all of them pass a node before any reaches the next. For
  /// inference, without gradients; batches in parallel. Inputs and outputs as of run(), per batch.
  [[nodiscard]] std::vector<std::vector<at::Tensor>> run_side_by_side(
      std::span<const std::vector<at::Tensor>> inputs, const SideBySideHook& before = {}) const;

  /// Moves parameters and constants: "cpu", "cuda", "cuda:1". Throws Error(unsupported_hardware).
  void to(std::string_view device);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace laconic
