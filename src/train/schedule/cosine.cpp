#include <algorithm>
#include <cmath>
#include <numbers>

#include "train/schedule/members.h"

namespace laconic {
namespace {

class CosineSchedule : public Schedule {
 public:
  explicit CosineSchedule(const Options& options)
      : spec_(options.spec()), end_(options.number("end")), warmup_(options.number("warmup")) {}

  double factor(double epoch, double epochs) const override {
    if (epoch < warmup_) return warmup_factor(epoch, warmup_);
    const double share = std::clamp((epoch - warmup_) / std::max(epochs - warmup_, 1e-9), 0.0, 1.0);
    return end_ + (1 - end_) * (1 + std::cos(std::numbers::pi * share)) / 2;
  }
  std::string spec() const override { return spec_; }

 private:
  std::string spec_;
  double end_;
  double warmup_;
};

}  // namespace

std::unique_ptr<Schedule> make_cosine_schedule(const Options& options) {
  return std::make_unique<CosineSchedule>(options);
}

}  // namespace laconic
