#include <vector>

#include "laconic/error.h"
#include "train/schedule/members.h"

namespace laconic {
namespace {

class StepSchedule : public Schedule {
 public:
  explicit StepSchedule(const Options& options)
      : spec_(options.spec()),
        at_(options.numbers("at")),
        factor_(options.number("factor")),
        warmup_(options.number("warmup")) {
    for (std::size_t i = 0; i < at_.size(); ++i) {
      if (at_[i] <= (i == 0 ? 0 : at_[i - 1])) {
        fail(ErrorCode::invalid_argument,
             "schedule \"step\": at is \"{}\", but must be positive epochs in ascending order",
             options.text("at"));
      }
    }
  }

  double factor(double epoch, double) const override {
    double value = warmup_factor(epoch, warmup_);
    for (const double at : at_) {
      if (epoch >= at) value *= factor_;
    }
    return value;
  }
  std::string spec() const override { return spec_; }

 private:
  std::string spec_;
  std::vector<double> at_;
  double factor_;
  double warmup_;
};

}  // namespace

std::unique_ptr<Schedule> make_step_schedule(const Options& options) {
  return std::make_unique<StepSchedule>(options);
}

}  // namespace laconic
