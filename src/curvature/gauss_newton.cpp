#include "curvature/accumulator.h"
#include "curvature/loss.h"
#include "curvature/members.h"
#include "curvature/per_sample.h"
#include "curvature/recursion.h"

namespace laconic::curvature {
namespace {

/// The diagonal of J' H J, for the Jacobian J of the scores and the Hessian H of the loss in them:
/// exact per sample, by random signs, or by the layer-wise recursion.
class GaussNewton final : public Estimator {
 public:
  explicit GaussNewton(const Options& options) : options_(options) {}

  Importance estimate(const Network& network, const Dataset& data,
                      const ProgressSink& progress) const override {
    const auto targets = targets_of(network, options_.flag("all"));
    if (targets.empty()) return {};
    require_classes(data, options_);
    const Samples samples(network, data, options_);
    Accumulator sums(targets);
    for_each_batch(samples, progress, work(network, samples, targets),
                   [&](const Batch&, const BatchSums& batch) { sums.add(batch); });
    return sums.finish(1.0 / static_cast<double>(samples.size()), options_.number("floor"));
  }

  std::string spec() const override { return options_.spec(); }

 private:
  std::function<BatchSums(const Batch&)> work(const Network& network, const Samples& samples,
                                              const std::vector<Target>& targets) const {
    const Loss loss = loss_of(options_);
    const std::string& mode = options_.text("mode");
    if (mode == "recursion") return Recursion(network, targets, loss);
    if (mode == "sampled") {
      const auto seed = static_cast<std::uint64_t>(options_.integer("seed"));
      return PerSampleSquares(network, samples, targets, loss,
                              [=](const at::Tensor& scores, const Batch& batch) {
                                return signed_factor(loss, scores, batch, seed).unsqueeze(0);
                              });
    }
    // Nothing is drawn here: no totals, hence no interval.
    return [squares = PerSampleSquares(network, samples, targets, loss,
                                       [=](const at::Tensor& scores, const Batch&) {
                                         return hessian_factor(loss, scores);
                                       })](const Batch& batch) {
      BatchSums sums = squares(batch);
      sums.totals.clear();
      return sums;
    };
  }

  Options options_;
};

}  // namespace

std::unique_ptr<Estimator> make_gauss_newton(const Options& options) {
  return std::make_unique<GaussNewton>(options);
}

}  // namespace laconic::curvature
