// The agent against enumeration, and its gradient against finite differences.

#include "laconic/policy_gradient.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "allocation.h"
#include "errors.h"
#include "laconic/threads.h"
#include "train/allocate/policy.h"

namespace laconic {
namespace {

using testing::HasSubstr;

/// Five layers of four widths: 1,024 plans.
Tensors toy() {
  return layers(5, 4, 7, 100);
}

double most_bits(const Tensors& tensors) {
  return ends(tensors).second;
}

/// R = -sum damage / reference - lambda * size / largest size, at its largest.
double best_reward(const Tensors& tensors, double lambda, double reference) {
  double best = -infinity;
  std::vector<std::size_t> picks(tensors.size());
  for (;;) {
    best = std::max(best, -total_damage(tensors, picks) / reference -
                              lambda * total_bits(tensors, picks) / most_bits(tensors));
    std::size_t t = 0;
    while (t < picks.size() && ++picks[t] == tensors[t].choices.size()) picks[t++] = 0;
    if (t == picks.size()) return best;
  }
}

TEST(PolicyGradient, FindsTheOptimumOfTheSeparableToyInNineOfTenSeeds) {
  const auto tensors = toy();
  std::vector<std::size_t> smallest(tensors.size(), 0);
  const double reference = total_damage(tensors, smallest);
  const double best = best_reward(tensors, 0.3, reference);
  int found = 0;
  for (int seed = 1; seed <= 10; ++seed) {
    const auto report = search_by_policy(
        fmt::format("policy_gradient:reward=linear,lambda=0.3,hidden=16,seed={}", seed), tensors,
        infinity);
    EXPECT_LE(report.reward, best + 1e-12);
    // Far fewer than all plans were looked at.
    EXPECT_LT(report.evaluations, 700);
    found += report.reward >= best - 1e-12;
  }
  EXPECT_GE(found, 9);
}

TEST(PolicyGradient, KeepsABudgetAndComesCloseToTheOptimum) {
  const auto tensors = toy();
  const auto [least, most] = ends(tensors);
  const double budget = 0.5 * (least + most);
  const auto agent = make_any_allocator("policy_gradient:hidden=16");
  const auto allocation = agent->allocate(tensors, budget);
  EXPECT_LE(allocation.bits, budget);
  EXPECT_GE(allocation.damage, allocation.bound);
  EXPECT_LE(allocation.damage, 1.5 * by_enumeration(tensors, budget).damage);
}

TEST(PolicyGradient, TakesTheLargestWhereBitsAreFreeAndTheSmallestWhereTheyAreDear) {
  const auto tensors = toy();
  const auto [least, most] = ends(tensors);
  const auto bits = [&](std::string_view lambda) {
    return search_by_policy(
               fmt::format("policy_gradient:reward=linear,hidden=16,lambda={}", lambda), tensors,
               infinity)
        .best.bits;
  };
  EXPECT_EQ(bits("0"), most);
  EXPECT_EQ(bits("1000"), least);
}

TEST(PolicyGradient, IsTheSameForAnyNumberOfThreads) {
  const auto tensors = toy();
  const std::string spec = "policy_gradient:updates=20,hidden=32";
  set_threads(1);
  const auto one = search_by_policy(spec, tensors, 0.6 * most_bits(tensors));
  at::set_num_threads(2);
  set_threads(4);
  const auto four = search_by_policy(spec, tensors, 0.6 * most_bits(tensors));
  set_threads(0);
  EXPECT_EQ(one.best.picks, four.best.picks);
  EXPECT_EQ(one.entropy, four.entropy);
  EXPECT_EQ(one.evaluations, four.evaluations);
}

TEST(PolicyGradient, AsksForEveryPlanOnce) {
  const auto tensors = toy();
  std::set<std::vector<std::size_t>> seen;
  const auto report =
      search_by_policy("policy_gradient:updates=60,hidden=16", tensors, infinity,
                       [&](std::span<const std::size_t> picks) {
                         EXPECT_TRUE(seen.emplace(picks.begin(), picks.end()).second);
                         return -total_damage(tensors, {picks.begin(), picks.end()});
                       });
  EXPECT_EQ(static_cast<std::int64_t>(seen.size()), report.evaluations);
  EXPECT_GT(report.episodes, report.evaluations);
}

TEST(PolicyGradient, IsNeverWorseThanThePlanItStartsFrom) {
  const auto tensors = toy();
  const auto [least, most] = ends(tensors);
  const double budget = 0.4 * least + 0.6 * most;
  for (const char* const start : {"fixed", "rate", "knapsack"}) {
    const auto from = make_allocator(start)->allocate(tensors, budget);
    const auto search = [&](std::string_view updates) {
      return search_by_policy(
          fmt::format("policy_gradient:hidden=8,start={},updates={}", start, updates), tensors,
          budget);
    };
    const auto report = search("20");
    EXPECT_LE(report.best.bits, budget);
    EXPECT_LE(report.best.damage, from.damage);
    // What is drawn first lies about it.
    const auto first = search("1");
    EXPECT_LE(first.best.damage, from.damage);
    EXPECT_LT(first.entropy, 1.3);
    EXPECT_NEAR(search_by_policy("policy_gradient:hidden=8,updates=1", tensors, budget).entropy,
                std::log(4.0), 0.01);
  }
}

/// An agent that hardly learned leaves much of a budget, which then goes where it is worth most.
TEST(PolicyGradient, LeavesNoBitsOfTheBudgetThatAreWorthAnything) {
  const auto tensors = toy();
  const auto [least, most] = ends(tensors);
  const double budget = 0.5 * (least + most);
  const auto best = search_by_policy("policy_gradient:hidden=16,updates=1", tensors, budget).best;
  for (std::size_t t = 0; t < tensors.size(); ++t) {
    for (std::size_t a = 0; a < tensors[t].choices.size(); ++a) {
      auto picks = best.picks;
      picks[t] = a;
      if (total_bits(tensors, picks) > budget) continue;
      EXPECT_GE(total_damage(tensors, picks), best.damage) << t << ", " << a;
    }
  }
}

TEST(PolicyGradient, SaysThatItStayedWhereAllPlansAreAlike) {
  const auto tensors = toy();
  const auto report = search_by_policy("policy_gradient:updates=5,hidden=8", tensors, infinity,
                                       [](std::span<const std::size_t>) { return 1.0; });
  EXPECT_TRUE(report.stayed);
  EXPECT_EQ(report.reward, 1);
}

TEST(PolicyGradient, HasAPlanWhereNoneDrawnFits) {
  const auto tensors = toy();
  const auto least = ends(tensors).first;
  const auto report =
      search_by_policy("policy_gradient:updates=1,episodes=1,hidden=8", tensors, least);
  EXPECT_EQ(report.best.bits, least);
}

TEST(PolicyGradient, RefusesWhatItCannotDo) {
  const auto tensors = toy();
  EXPECT_THAT(
      error_of([&] { (void)make_any_allocator("policy_gradiend"); }, ErrorCode::invalid_argument),
      HasSubstr("policy_gradient"));
  EXPECT_THAT(error_of([&] { (void)search_by_policy("policy_gradient", tensors, 1); },
                       ErrorCode::out_of_reach),
              HasSubstr("bits"));
  const std::vector<TensorDescription> one(1);
  EXPECT_THAT(
      error_of([&] { (void)search_by_policy("policy_gradient", tensors, infinity, {}, one); },
               ErrorCode::invalid_argument),
      HasSubstr("1 descriptions for 5 tensors"));
}

TEST(Policy, GradientsAreThoseOfFiniteDifferences) {
  Random random(3);
  auto features = at::empty({4, 3}, at::kFloat);
  for (std::int64_t i = 0; i < 12; ++i) {
    features.data_ptr<float>()[i] = static_cast<float>(random.normal());
  }
  auto prior = at::zeros({4, 3});
  prior[1][2] = -infinity;
  prior[2][0] = 0.5;
  const Policy policy(features, prior, 5, random);
  const auto objective = [&] {
    const auto log_p = policy.log_probabilities();
    return log_p[0][1] + 2 * log_p[1][0] - log_p[3][2];
  };
  EXPECT_EQ(policy.log_probabilities()[1][2].exp().item<float>(), 0);
  objective().backward();
  for (const auto& [name, parameter] : policy.parameters()) {
    auto* values = parameter.data_ptr<float>();
    const auto* gradient = parameter.grad().data_ptr<float>();
    for (std::int64_t i = 0; i < parameter.numel(); i += 7) {
      const float saved = values[i], step = 1e-2F;
      values[i] = saved + step;
      const double above = objective().item<double>();
      values[i] = saved - step;
      const double below = objective().item<double>();
      values[i] = saved;
      EXPECT_NEAR(gradient[i], (above - below) / (2 * static_cast<double>(step)), 2e-3)
          << name << " " << i;
    }
  }
}

TEST(Policy, TheEstimatorsMeanIsTheExactGradientWhateverTheBaseline) {
  // Two tensors of two choices: by enumeration, sum p(a) grad log p(a) (R(a) - b) = grad E[R].
  Random random(5);
  const Policy policy(at::ones({2, 1}), at::zeros({2, 2}), 3, random);
  const double rewards[2][2] = {{1, -2}, {0.5, 3}};
  std::vector<at::Tensor> parameters;
  for (const auto& [name, parameter] : policy.parameters()) parameters.push_back(parameter);
  const auto gradient = [&](const at::Tensor& objective) {
    for (auto& parameter : parameters) parameter.mutable_grad() = at::Tensor();
    objective.backward();
    return policy.parameters().find("head")->second.grad().clone();
  };
  const auto log_p = [&] { return policy.log_probabilities(); };
  at::Tensor expected = at::zeros({}), estimated[2];
  for (int a = 0; a < 2; ++a) {
    for (int b = 0; b < 2; ++b) {
      expected = expected + (log_p()[0][a] + log_p()[1][b]).exp() * rewards[a][b];
    }
  }
  const auto exact = gradient(expected);
  for (const int shift : {0, 1}) {
    at::Tensor sum = at::zeros({});
    for (int a = 0; a < 2; ++a) {
      for (int b = 0; b < 2; ++b) {
        const auto both = log_p()[0][a] + log_p()[1][b];
        sum = sum + both.detach().exp() * both * (rewards[a][b] - 10.0 * shift);
      }
    }
    estimated[shift] = gradient(sum);
    EXPECT_TRUE(at::allclose(estimated[shift], exact, 1e-3, 1e-6)) << shift;
  }
}

}  // namespace
}  // namespace laconic
