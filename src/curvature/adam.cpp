// The second moment of gradients as Adam keeps it, here from passes that update nothing, raised to
// a power: the square root in the paper.

#include <torch/autograd.h>

#include <cmath>

#include "curvature/accumulator.h"
#include "curvature/loss.h"
#include "curvature/members.h"
#include "laconic/detection_data.h"
#include "train/detection/detector_loss.h"

namespace laconic::curvature {
namespace {

class Adam final : public Estimator {
 public:
  explicit Adam(const Options& options) : options_(options) {}

  Importance estimate(const Network& network, const Dataset& data,
                      const ProgressSink& progress) const override {
    const auto targets = targets_of(network, options_.flag("all"));
    if (targets.empty()) return {};
    const Samples samples(network, data, options_);
    const double beta2 = options_.number("beta2");
    Accumulator moments(targets);
    for_each_batch(
        samples, progress,
        [&](const Batch& batch) { return squared_gradients(network, data, targets, batch); },
        [&](const Batch&, const BatchSums& batch) { moments.add(batch, beta2, 1 - beta2); });
    const double correction = 1 - std::pow(beta2, static_cast<double>(samples.batches()));
    return moments.finish(1 / correction, options_.number("floor"), options_.number("power"));
  }

  std::string spec() const override { return options_.spec(); }

 private:
  /// Squares of the gradient of the batch's mean loss.
  BatchSums squared_gradients(const Network& network, const Dataset& data,
                              const std::vector<Target>& targets, const Batch& batch) const {
    Overrides parameters = detached_parameters(network);
    const auto leaves = make_leaves(parameters, targets);
    RunOptions run;
    run.overrides = &parameters;
    const auto sum = loss_sum(network, data, batch, run);
    BatchSums out;
    for (const auto& leaf : leaves) out.sums.push_back(at::zeros_like(leaf));
    if (!sum.requires_grad()) return out;
    const auto mean = sum / static_cast<double>(batch.size());
    const auto gradients = torch::autograd::grad({mean}, leaves, {}, false, false,
                                                 /*allow_unused=*/true);
    for (std::size_t t = 0; t < leaves.size(); ++t) {
      if (gradients[t].defined()) out.sums[t] = gradients[t].square();
    }
    return out;
  }

  /// Of a detector: the loss that it is trained on.
  at::Tensor loss_sum(const Network& network, const Dataset& data, const Batch& batch,
                      const RunOptions& run) const {
    if (const auto* detection = as_detection(data)) {
      const auto outputs = network.run({&batch.x, 1}, run);
      return detector_loss(detector_form(network.graph()), {*detection, Part::train, batch.keys},
                           outputs);
    }
    const Loss loss = loss_of(options_);
    return summed_loss(loss, run_scores(network, loss, batch.x, run), batch);
  }

  Options options_;
};

}  // namespace

std::unique_ptr<Estimator> make_adam(const Options& options) {
  return std::make_unique<Adam>(options);
}

}  // namespace laconic::curvature
