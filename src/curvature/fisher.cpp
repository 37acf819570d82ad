#include "curvature/accumulator.h"
#include "curvature/loss.h"
#include "curvature/members.h"
#include "curvature/per_sample.h"

namespace laconic::curvature {
namespace {

/// Mean squared per-sample gradient of the log-likelihood, by labels that the model draws (the true
/// Fisher information) or that the data has (the empirical one).
class Fisher final : public Estimator {
 public:
  explicit Fisher(const Options& options) : options_(options) {}

  Importance estimate(const Network& network, const Dataset& data,
                      const ProgressSink& progress) const override {
    const auto targets = targets_of(network, options_.flag("all"));
    if (targets.empty()) return {};
    require_classes(data, options_);
    const Samples samples(network, data, options_);
    const Loss loss = loss_of(options_);
    const bool drawn = options_.text("labels") == "model";
    const auto seed = static_cast<std::uint64_t>(options_.integer("seed"));
    const PerSampleSquares squares(
        network, samples, targets, loss, [=](const at::Tensor& scores, const Batch& batch) {
          const auto column =
              drawn ? drawn_residual(loss, scores, batch, seed) : residual(loss, scores, batch);
          return column.unsqueeze(0);
        });
    Accumulator sums(targets);
    for_each_batch(samples, progress, squares,
                   [&](const Batch&, const BatchSums& batch) { sums.add(batch); });
    return sums.finish(1.0 / static_cast<double>(samples.size()), options_.number("floor"));
  }

  std::string spec() const override { return options_.spec(); }

 private:
  Options options_;
};

}  // namespace

std::unique_ptr<Estimator> make_fisher(const Options& options) {
  return std::make_unique<Fisher>(options);
}

}  // namespace laconic::curvature
