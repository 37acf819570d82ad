#include "curvature/loss.h"

#include <algorithm>
#include <cmath>

#include "laconic/error.h"
#include "laconic/random.h"

namespace laconic::curvature {
namespace {

/// Softmax in double: a confident network's p (1 - p) must not round to zero.
at::Tensor probabilities(const at::Tensor& scores) {
  return at::softmax(scores.to(at::kDouble), 1);
}

at::Tensor one_hot(const at::Tensor& labels, const at::Tensor& like) {
  return at::zeros_like(like).scatter_(1, labels.unsqueeze(1), 1.0);
}

/// A value for each score, made on the CPU by the stream of each sample: fill(stream, row).
template <typename Fill>
at::Tensor drawn(const at::Tensor& scores, const Batch& batch, std::uint64_t seed,
                 std::string_view purpose, const Fill& fill) {
  const auto values = at::empty(scores.sizes(), at::kDouble);
  const auto classes = static_cast<std::size_t>(scores.size(1));
  double* row = values.data_ptr<double>();
  for (const std::int64_t key : batch.keys) {
    Random random(seed, purpose, static_cast<std::uint64_t>(key));
    fill(random, std::span(row, classes));
    row += classes;
  }
  return values.to(scores.device());
}

}  // namespace

Loss loss_of(const Options& options) {
  return options.text("loss") == "squared" ? Loss::squared : Loss::cross_entropy;
}

const std::string& score_value(const Graph& graph, Loss loss) {
  const std::string& output = graph.outputs.front().name;
  const auto last = std::find_if(graph.nodes.begin(), graph.nodes.end(), [&](const Node& node) {
    return (node.op == "Softmax" || node.op == "LogSoftmax") && node.outputs[0] == output;
  });
  return loss == Loss::cross_entropy && last != graph.nodes.end() ? last->inputs[0] : output;
}

at::Tensor run_scores(const Network& network, Loss loss, const at::Tensor& x,
                      const RunOptions& options) {
  const std::string& value = score_value(network.graph(), loss);
  at::Tensor scores;
  RunOptions hooked = options;
  hooked.after = [&](const Node& node, std::span<at::Tensor> outputs) {
    if (options.after) options.after(node, outputs);
    for (std::size_t i = 0; i < outputs.size() && i < node.outputs.size(); ++i) {
      if (node.outputs[i] == value) scores = outputs[i];
    }
  };
  const auto outputs = network.run({&x, 1}, hooked);
  if (!scores.defined()) scores = outputs.front();
  scores = scores.flatten(1);
  if (!at::isfinite(scores).all().item<bool>()) {
    fail(ErrorCode::invalid_data,
         "the network's output '{}' is NaN or infinite on training samples, so no importance can "
         "be estimated: check its weights and the data set's mean and std",
         value);
  }
  return scores;
}

at::Tensor summed_loss(Loss loss, const at::Tensor& scores, const Batch& batch) {
  if (loss == Loss::squared) {
    return (scores - one_hot(batch.labels, scores.detach())).square().sum() / 2;
  }
  return -at::log_softmax(scores, 1).gather(1, batch.labels.unsqueeze(1)).sum();
}

at::Tensor residual(Loss loss, const at::Tensor& scores, const Batch& batch) {
  const auto answer = loss == Loss::squared ? scores.to(at::kDouble) : probabilities(scores);
  return (answer - one_hot(batch.labels, answer)).to(scores.scalar_type());
}

at::Tensor drawn_residual(Loss loss, const at::Tensor& scores, const Batch& batch,
                          std::uint64_t seed) {
  if (loss == Loss::squared) {
    return drawn(scores, batch, seed, "labels",
                 [](Random& random, std::span<double> row) {
                   for (double& value : row) value = random.normal();
                 })
        .to(scores.scalar_type());
  }
  const auto p = probabilities(scores);
  const auto thresholds =
      drawn(scores, batch, seed, "labels", [](Random& random, std::span<double> row) {
        std::fill(row.begin(), row.end(), random.uniform());
      });
  // The first class whose cumulative probability exceeds the threshold; rounding may leave none.
  const auto drawn_class = (p.cumsum(1) <= thresholds).sum(1).clamp_max(scores.size(1) - 1);
  return (p - one_hot(drawn_class, p)).to(scores.scalar_type());
}

at::Tensor hessian_factor(Loss loss, const at::Tensor& scores) {
  const std::int64_t classes = scores.size(1);
  const auto unit = at::eye(classes, scores.options().dtype(at::kDouble)).unsqueeze(1);
  if (loss == Loss::squared) {
    return unit.expand({classes, scores.size(0), classes}).to(scores.scalar_type());
  }
  const auto p = probabilities(scores);
  return (p.sqrt().t().unsqueeze(2) * (unit - p.unsqueeze(0))).to(scores.scalar_type());
}

at::Tensor signed_factor(Loss loss, const at::Tensor& scores, const Batch& batch,
                         std::uint64_t seed) {
  const auto signs = drawn(scores, batch, seed, "signs", [](Random& random, std::span<double> row) {
    for (double& value : row) value = (random.bits() >> 63) != 0 ? 1 : -1;
  });
  if (loss == Loss::squared) return signs.to(scores.scalar_type());
  const auto p = probabilities(scores);
  const auto weighted = p.sqrt() * signs;
  return (weighted - p * weighted.sum(1, true)).to(scores.scalar_type());
}

at::Tensor hessian_diagonal(Loss loss, const at::Tensor& scores) {
  if (loss == Loss::squared) return at::ones_like(scores);
  const auto p = probabilities(scores);
  return (p * (1 - p)).to(scores.scalar_type());
}

}  // namespace laconic::curvature
