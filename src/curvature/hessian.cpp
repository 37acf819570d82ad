// Hutchinson's estimate: for a vector z of random signs, z * (H z) has the diagonal of H as its
// mean; H z is the gradient of <gradient, z>, one more backward pass.

#include <torch/autograd.h>

#include "curvature/accumulator.h"
#include "curvature/loss.h"
#include "curvature/members.h"
#include "laconic/random.h"

namespace laconic::curvature {
namespace {

at::Tensor signs_like(const at::Tensor& tensor, Random& random) {
  const auto signs = at::empty(tensor.sizes(), at::kFloat);
  auto* out = signs.data_ptr<float>();
  std::uint64_t bits = 0;
  for (std::int64_t i = 0; i < signs.numel(); ++i) {
    if (i % 64 == 0) bits = random.bits();
    out[i] = (bits >> (i % 64) & 1) != 0 ? 1.0F : -1.0F;
  }
  return signs.to(tensor.device());
}

class Hessian final : public Estimator {
 public:
  explicit Hessian(const Options& options) : options_(options) {}

  Importance estimate(const Network& network, const Dataset& data,
                      const ProgressSink& progress) const override {
    const auto targets = targets_of(network, options_.flag("all"));
    if (targets.empty()) return {};
    require_classes(data, options_);
    const Samples samples(network, data, options_);
    Accumulator sums(targets);
    for_each_batch(
        samples, progress,
        [&](const Batch& batch) { return probe(network, targets, batch, samples.batches()); },
        [&](const Batch&, const BatchSums& batch) { sums.add(batch); });
    return sums.finish(1.0 / static_cast<double>(samples.size()), options_.number("floor"));
  }

  std::string spec() const override { return options_.spec(); }

 private:
  /// Each batch draws probes of its own, so that their noise averages out over batches.
  BatchSums probe(const Network& network, const std::vector<Target>& targets, const Batch& batch,
                  std::int64_t batches) const {
    const Loss loss = loss_of(options_);
    Overrides parameters = detached_parameters(network);
    const auto leaves = make_leaves(parameters, targets);
    RunOptions run;
    run.overrides = &parameters;
    const auto scores = run_scores(network, loss, batch.x, run);

    // Targets that the loss does not depend on, or only linearly, have no curvature.
    std::vector<at::Tensor> gradients(leaves.size());
    if (scores.requires_grad()) {
      gradients = torch::autograd::grad({summed_loss(loss, scores, batch)}, leaves, {}, true, true,
                                        /*allow_unused=*/true);
    }
    std::vector<at::Tensor> curved;
    std::vector<std::size_t> curved_targets;
    BatchSums out;
    for (std::size_t t = 0; t < leaves.size(); ++t) {
      out.sums.push_back(at::zeros_like(leaves[t]));
      if (!gradients[t].defined() || !gradients[t].requires_grad()) continue;
      curved.push_back(gradients[t]);
      curved_targets.push_back(t);
    }

    const std::int64_t probes = options_.integer("probes");
    const auto totals = at::zeros({static_cast<std::int64_t>(leaves.size()), probes}, at::kDouble);
    for (std::int64_t p = 0; p < probes && !curved.empty(); ++p) {
      Random random(static_cast<std::uint64_t>(options_.integer("seed")), "probe",
                    static_cast<std::uint64_t>(batch.number * probes + p));
      std::vector<at::Tensor> signs;
      for (const auto& gradient : curved) signs.push_back(signs_like(gradient, random));
      std::vector<at::Tensor> inputs;
      for (const std::size_t t : curved_targets) inputs.push_back(leaves[t]);
      const auto products = torch::autograd::grad(curved, inputs, signs, /*retain_graph=*/true,
                                                  /*create_graph=*/false, /*allow_unused=*/true);
      for (std::size_t i = 0; i < products.size(); ++i) {
        if (!products[i].defined()) continue;
        const std::size_t t = curved_targets[i];
        const auto estimate = products[i] * signs[i];
        out.sums[t] += estimate / static_cast<double>(probes);
        totals[static_cast<std::int64_t>(t)][p] = estimate.sum(at::kDouble).item<double>();
      }
    }
    // Independent draws are batches: probes of one batch share its samples. With a single batch,
    // they are the probes, and the interval is that of these samples.
    for (std::size_t t = 0; t < leaves.size(); ++t) {
      const auto row = totals[static_cast<std::int64_t>(t)];
      out.totals.push_back((batches > 1 ? row.mean().reshape({1}) : row) / batch.size());
    }
    return out;
  }

  Options options_;
};

}  // namespace

std::unique_ptr<Estimator> make_hessian(const Options& options) {
  return std::make_unique<Hessian>(options);
}

}  // namespace laconic::curvature
