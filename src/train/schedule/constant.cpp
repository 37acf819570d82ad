#include "train/schedule/members.h"

namespace laconic {
namespace {

class ConstantSchedule : public Schedule {
 public:
  explicit ConstantSchedule(const Options& options)
      : spec_(options.spec()), warmup_(options.number("warmup")) {}

  double factor(double epoch, double) const override { return warmup_factor(epoch, warmup_); }
  std::string spec() const override { return spec_; }

 private:
  std::string spec_;
  double warmup_;
};

}  // namespace

double warmup_factor(double epoch, double warmup) noexcept {
  return epoch < warmup ? epoch / warmup : 1;
}

std::unique_ptr<Schedule> make_constant_schedule(const Options& options) {
  return std::make_unique<ConstantSchedule>(options);
}

}  // namespace laconic
