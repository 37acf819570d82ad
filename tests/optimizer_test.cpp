// Optimizers and schedules against their formulas in double precision.

#include "laconic/optimizer.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "laconic/error.h"
#include "laconic/schedule.h"

namespace laconic {
namespace {

using testing::HasSubstr;

/// Gradients of the steps of a test, the same for all.
double gradient_of(int step) {
  return std::cos(3.0 * step) + 0.2;
}

/// A parameter of one entry, and an optimizer on it.
struct OneWeight {
  explicit OneWeight(std::string_view spec, double weight_decay = 0) : optimizer(make_optimizer(spec)) {
    parameter.mutable_grad() = at::zeros({1});
    optimizer->begin({{"w", parameter}}, weight_decay);
  }
  void step(int number, double factor = 1) {
    parameter.mutable_grad().fill_(gradient_of(number));
    optimizer->step(factor);
  }
  float value() const { return parameter.item<float>(); }

  at::Tensor parameter = at::full({1}, 0.75, at::kFloat);
  std::unique_ptr<Optimizer> optimizer;
};

class Sgd : public testing::TestWithParam<std::tuple<double, bool, double>> {};

TEST_P(Sgd, StepsAsItsFormulaSays) {
  const auto [momentum, nesterov, decay] = GetParam();
  OneWeight run(fmt::format("sgd:lr=0.1,momentum={},nesterov={}", momentum, nesterov), decay);
  double w = 0.75, velocity = 0;
  for (int step = 0; step < 6; ++step) {
    const double factor = 1.0 / (1 + step);
    run.step(step, factor);
    const double gradient = gradient_of(step) + decay * w;
    velocity = momentum * velocity + gradient;
    w -= 0.1 * factor * (nesterov ? gradient + momentum * velocity : velocity);
    EXPECT_NEAR(run.value(), w, 1e-6);
  }
  EXPECT_FALSE(run.optimizer->second_moment("w").defined());
}

INSTANTIATE_TEST_SUITE_P(Forms, Sgd,
                         testing::Values(std::tuple{0.0, false, 0.0}, std::tuple{0.9, false, 0.0},
                                         std::tuple{0.9, true, 0.0}, std::tuple{0.5, false, 0.1}));

TEST(Adam, StepsAsItsFormulaSays) {
  OneWeight run("adam:lr=0.01,beta1=0.8,beta2=0.95,epsilon=1e-6", 0.01);
  double w = 0.75, first = 0, second = 0;
  EXPECT_FALSE(run.optimizer->second_moment("w").defined());
  for (int step = 0; step < 6; ++step) {
    run.step(step);
    const double gradient = gradient_of(step) + 0.01 * w;
    first = 0.8 * first + 0.2 * gradient;
    second = 0.95 * second + 0.05 * gradient * gradient;
    const double corrected = second / (1 - std::pow(0.95, step + 1));
    w -= 0.01 * first / (1 - std::pow(0.8, step + 1)) / (std::sqrt(corrected) + 1e-6);
    EXPECT_NEAR(run.value(), w, 1e-6);
    EXPECT_NEAR(run.optimizer->second_moment("w").item<double>(), corrected, 1e-6);
  }
  EXPECT_THROW((void)run.optimizer->second_moment("v"), Error);
}

TEST(Optimizers, GoOnFromTheirState) {
  for (const auto& member : optimizers()) {
    OneWeight whole(member.name, 0.01), parts(member.name, 0.01);
    for (int step = 0; step < 3; ++step) {
      whole.step(step);
      parts.step(step);
    }
    OneWeight later(member.name, 0.01);
    later.parameter.copy_(parts.parameter);
    later.optimizer->restore(parts.optimizer->state(), 3);
    EXPECT_EQ(later.value(), parts.value());
    for (int step = 3; step < 6; ++step) {
      whole.step(step);
      later.step(step);
    }
    EXPECT_EQ(later.value(), whole.value()) << member.name;
    EXPECT_THROW(later.optimizer->restore({}, 3), Error);
    EXPECT_THROW(later.optimizer->restore(
                     {{"w/momentum", at::zeros({2})}, {"w/first_moment", at::zeros({2})}}, 3),
                 Error);
  }
}

TEST(Optimizers, MakeThemselvesFromTheirSpec) {
  for (const auto& member : optimizers()) {
    const auto spec = make_optimizer(member.name)->spec();
    EXPECT_EQ(make_optimizer(spec)->spec(), spec);
  }
  EXPECT_THROW((void)make_optimizer("sgd:nesterov=true,momentum=0"), Error);
  EXPECT_THROW((void)make_optimizer("adam:beta2=1"), Error);
  EXPECT_THROW((void)make_optimizer("sgd:lr=0"), Error);
}

TEST(Schedules, FollowTheirFormulas) {
  EXPECT_EQ(make_schedule("constant")->factor(7.5, 10), 1);
  const auto step = make_schedule("step:at=3/6,factor=0.5,warmup=2");
  EXPECT_EQ(step->factor(0, 10), 0);
  EXPECT_EQ(step->factor(0.5, 10), 0.25);
  EXPECT_EQ(step->factor(2.99, 10), 1);
  EXPECT_EQ(step->factor(3, 10), 0.5);
  EXPECT_EQ(step->factor(9, 10), 0.25);
  const auto cosine = make_schedule("cosine:end=0.1,warmup=2");
  EXPECT_EQ(cosine->factor(1, 10), 0.5);
  EXPECT_EQ(cosine->factor(2, 10), 1);
  EXPECT_NEAR(cosine->factor(6, 10), 0.55, 1e-15);
  EXPECT_NEAR(cosine->factor(4, 10), 0.1 + 0.9 * (1 + std::cos(std::numbers::pi / 4)) / 2, 1e-15);
  EXPECT_NEAR(cosine->factor(10, 10), 0.1, 1e-15);
  EXPECT_THROW((void)make_schedule("step"), Error);
  EXPECT_THROW((void)make_schedule("step:at=6/3"), Error);
}

TEST(Schedules, StayBetweenZeroAndOne) {
  for (const auto& member : schedules()) {
    const auto schedule = make_schedule(member.name == "step" ? "step:at=1/2" : member.name);
    EXPECT_EQ(make_schedule(schedule->spec())->spec(), schedule->spec());
    for (double epoch = 0; epoch <= 3; epoch += 0.25) {
      EXPECT_GE(schedule->factor(epoch, 3), 0);
      EXPECT_LE(schedule->factor(epoch, 3), 1);
    }
  }
}

}  // namespace
}  // namespace laconic
