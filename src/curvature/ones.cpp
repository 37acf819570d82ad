#include "curvature/members.h"

namespace laconic::curvature {
namespace {

/// The baseline: an error hurts equally wherever it is.
class Ones final : public Estimator {
 public:
  explicit Ones(const Options& options) : options_(options) {}

  Importance estimate(const Network& network, const Dataset&, const ProgressSink&) const override {
    Importance out;
    for (const auto& info : network.parameters()) {
      if (options_.flag("all") || info.role == Role::weight) out.values[info.name];
    }
    return out;
  }

  std::string spec() const override { return options_.spec(); }

 private:
  Options options_;
};

}  // namespace

std::unique_ptr<Estimator> make_ones(const Options& options) {
  return std::make_unique<Ones>(options);
}

}  // namespace laconic::curvature
