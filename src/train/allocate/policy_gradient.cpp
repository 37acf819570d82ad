// REINFORCE over a policy (DNQ; the recipe of its time where the paper leaves it open).

#include "laconic/policy_gradient.h"

#include <ATen/Parallel.h>
#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>

#include "allocate/problem.h"
#include "laconic/error.h"
#include "laconic/optimizer.h"
#include "laconic/threads.h"
#include "train/allocate/members.h"
#include "train/allocate/policy.h"

namespace laconic {
namespace {

constexpr double baseline_decay = 0.95;
constexpr double largest_gradient = 2;    ///< Norm that gradients are clipped to.
constexpr double settled_entropy = 0.02;  ///< Nats per tensor: the policy has made up its mind.
constexpr double pull = 1.5;  ///< Of a plan to start from: one size further is e^pull less likely.

enum class Reward { linear, product, budget };

struct Settings {
  explicit Settings(const Options& options)
      : reward(options.text("reward") == "linear"    ? Reward::linear
               : options.text("reward") == "product" ? Reward::product
                                                     : Reward::budget),
        start(options.text("start")),
        lambda(options.number("lambda")),
        penalty(options.number("penalty")),
        updates(options.integer("updates")),
        episodes(options.integer("episodes")),
        hidden(options.integer("hidden")),
        learning_rate(options.number("lr")),
        entropy(options.number("entropy")),
        seed(static_cast<std::uint64_t>(options.integer("seed"))) {}

  Reward reward;
  std::string start;  ///< Allocator whose plan is near what is drawn first; or "even".
  double lambda, penalty;
  std::int64_t updates, episodes, hidden;
  double learning_rate, entropy;
  std::uint64_t seed;
};

/// LibTorch's sums depend on how many threads take part in them.
class OneTorchThread {
 public:
  OneTorchThread() { at::set_num_threads(1); }
  ~OneTorchThread() { at::set_num_threads(before_); }
  OneTorchThread(const OneTorchThread&) = delete;
  OneTorchThread& operator=(const OneTorchThread&) = delete;

 private:
  int before_ = at::get_num_threads();
};

/// What is known of the tensors without looking at data: size, place, and the choices themselves.
std::vector<TensorDescription> describe(std::span<const TensorChoices> tensors) {
  std::vector<TensorDescription> out;
  double most = 0;
  for (const auto& tensor : tensors) {
    for (const auto& choice : tensor.choices) most = std::max(most, choice.bits);
  }
  for (std::size_t t = 0; t < tensors.size(); ++t) {
    const auto& choices = tensors[t].choices;
    const auto [low, high] =
        std::minmax_element(choices.begin(), choices.end(),
                            [](const auto& a, const auto& b) { return a.damage < b.damage; });
    const double place = static_cast<double>(t) / static_cast<double>(tensors.size());
    const auto log = [](double x) { return std::log(x + 1e-12) / 10; };
    out.push_back({{2 * place - 1, log(choices.back().bits / std::max(most, 1.0)), log(low->damage),
                    log(high->damage)}});
  }
  return out;
}

class Search {
  using Picks = std::vector<std::size_t>;

 public:
  Search(const Settings& settings, std::span<const TensorChoices> tensors, double budget,
         const PlanQuality& quality, std::span<const TensorDescription> descriptions,
         const ProgressSink& progress)
      : settings_(settings),
        problem_(make_problem(tensors)),
        quality_(quality),
        progress_(progress),
        random_(settings.seed, "policy gradient"),
        start_(start(settings, tensors, budget)),
        policy_(features(tensors, descriptions), prior(tensors, start_), settings.hidden, random_) {
    set_budget(problem_, budget);
    optimizer_ = make_optimizer("adam:lr=" + print_number(settings.learning_rate));
    optimizer_->begin(policy_.parameters(), 0);
    smallest_ = smallest();
    reference_ = std::max(measured(smallest_).damage, 1e-300);
    // Whatever the agent does, one plan fits.
    try_plan(smallest_);
    if (!start_.empty()) try_plan(start_);
  }

  PolicyReport run() {
    std::optional<double> baseline;
    double first_best = 0;
    std::int64_t update = 0;
    for (; update < settings_.updates; ++update) {
      throw_if_interrupted();
      const auto log_p = policy_.log_probabilities();
      const auto entropy = entropy_of(log_p);
      report_.entropy = entropy.item<double>();
      if (report_.entropy < settled_entropy) break;
      const auto episodes = draw(log_p);
      std::vector<double> rewards;
      for (const auto& picks : episodes) rewards.push_back(try_plan(picks));
      double mean = 0, square = 0;
      for (const double r : rewards) mean += r / static_cast<double>(rewards.size());
      for (const double r : rewards) square += (r - mean) * (r - mean);
      baseline = baseline ? baseline_decay * *baseline + (1 - baseline_decay) * mean : mean;
      // Rewards come in any unit: in that of their own spread, one learning rate serves all.
      spread_ = baseline_decay * spread_ +
                (1 - baseline_decay) * std::sqrt(square / static_cast<double>(rewards.size()));
      const double unit = std::max(spread_ / (1 - std::pow(baseline_decay, update + 1)), 1e-12);
      learn(log_p, entropy, episodes, rewards, *baseline, unit);
      if (update == 0) first_best = report_.reward;
      tell(update);
    }
    try_plan(greedy());
    report_.stayed = !(report_.reward > first_best);
    spend_rest();
    report_.best = measured(best_);
    const double hull_bound =
        problem_.plan.damage -
        static_cast<double>(problem_.budget - problem_.plan.units) * problem_.plan.slope;
    report_.best.bound = std::min(hull_bound, report_.best.damage);
    report_.best.lambda = problem_.plan.slope / problem_.bits_per_unit();
    return report_;
  }

 private:
  static at::Tensor features(std::span<const TensorChoices> tensors,
                             std::span<const TensorDescription> given) {
    const auto own = describe(tensors);
    const auto more = given.empty() ? 0 : given[0].features.size();
    const auto count = own[0].features.size() + more;
    auto out =
        at::empty({static_cast<std::int64_t>(tensors.size()), static_cast<std::int64_t>(count)});
    auto* values = out.data_ptr<float>();
    for (std::size_t t = 0; t < tensors.size(); ++t) {
      for (const double f : own[t].features) *values++ = static_cast<float>(f);
      for (std::size_t i = 0; i < more; ++i) *values++ = static_cast<float>(given[t].features[i]);
    }
    return out;
  }

  /// The plan to start from; empty if there is none.
  static Picks start(const Settings& settings, std::span<const TensorChoices> tensors,
                     double budget) {
    if (settings.start == "even") return {};
    return make_allocator(settings.start)->allocate(tensors, budget).picks;
  }

  /// Even, or highest at `start`.
  static at::Tensor prior(std::span<const TensorChoices> tensors, const Picks& start) {
    std::size_t most = 0;
    for (const auto& tensor : tensors) most = std::max(most, tensor.choices.size());
    auto out =
        at::full({static_cast<std::int64_t>(tensors.size()), static_cast<std::int64_t>(most)},
                 -std::numeric_limits<float>::infinity(), at::kFloat);
    for (std::size_t t = 0; t < tensors.size(); ++t) {
      const auto& choices = tensors[t].choices;
      float* const row = out.data_ptr<float>() + t * most;
      std::fill_n(row, choices.size(), 0.0F);
      if (start.empty() || choices.size() < 2) continue;
      const auto bits = [](const auto& choice) { return choice.bits; };
      const auto [low, high] = std::ranges::minmax(choices, {}, bits);
      const double step =
          std::max((high.bits - low.bits) / static_cast<double>(choices.size() - 1), 1e-9);
      for (std::size_t a = 0; a < choices.size(); ++a) {
        row[a] =
            static_cast<float>(-pull * std::abs(choices[a].bits - choices[start[t]].bits) / step);
      }
    }
    return out;
  }

  [[nodiscard]] Picks smallest() const {
    Picks picks;
    for (const auto& tensor : problem_.choices) {
      const auto least =
          std::min_element(tensor.choices.begin(), tensor.choices.end(),
                           [](const auto& a, const auto& b) { return a.bits < b.bits; });
      picks.push_back(static_cast<std::size_t>(least - tensor.choices.begin()));
    }
    return picks;
  }

  [[nodiscard]] Allocation measured(const Picks& picks) const {
    Allocation allocation;
    allocation.picks = picks;
    measure(problem_, allocation);
    return allocation;
  }

  static at::Tensor entropy_of(const at::Tensor& log_p) {
    const auto finite = at::isfinite(log_p);
    const auto safe = at::where(finite, log_p, at::zeros_like(log_p));
    return -(at::where(finite, safe.exp() * safe, at::zeros_like(log_p))).sum(1).mean();
  }

  std::vector<Picks> draw(const at::Tensor& log_p) {
    const auto p = log_p.detach().exp().contiguous();
    const auto* values = p.data_ptr<float>();
    const auto actions = static_cast<std::size_t>(p.size(1));
    std::vector<Picks> episodes(static_cast<std::size_t>(settings_.episodes));
    for (auto& picks : episodes) {
      for (std::size_t t = 0; t < problem_.choices.size(); ++t) {
        const auto* row = values + t * actions;
        double left = random_.uniform();
        std::size_t a = 0;
        const std::size_t last = problem_.choices[t].choices.size() - 1;
        while (a < last && left >= row[a]) left -= row[a++];
        picks.push_back(a);
      }
    }
    report_.episodes += settings_.episodes;
    return episodes;
  }

  [[nodiscard]] Picks greedy() const {
    const auto best = policy_.log_probabilities().argmax(1);
    Picks picks;
    for (std::int64_t t = 0; t < best.size(0); ++t) {
      picks.push_back(static_cast<std::size_t>(best[t].item<std::int64_t>()));
    }
    return picks;
  }

  /// The reward of a plan, from memory where it was tried before. Remembers the best that fits.
  double try_plan(const Picks& picks) {
    const auto found = rewards_.find(picks);
    if (found != rewards_.end()) return found->second;
    const auto allocation = measured(picks);
    const double quality = quality_ ? quality_(picks) : -allocation.damage / reference_;
    const double reward = reward_of(quality, allocation.bits);
    ++report_.evaluations;
    rewards_.emplace(picks, reward);
    if (fits(allocation) && (best_.empty() || reward > report_.reward)) {
      report_.reward = reward;
      best_ = picks;
      best_quality_ = quality;
    }
    return reward;
  }

  [[nodiscard]] bool fits(const Allocation& allocation) const {
    return problem_.limit >= problem_.most || allocation.bits <= problem_.budget_bits;
  }

  /// What the best plan leaves of the budget goes to single tensors, one size at a time: to the one
  /// whose reward is highest, as long as any is higher than before.
  void spend_rest() {
    double before;
    do {
      before = report_.reward;
      const Picks from = best_;
      for (std::size_t t = 0; t < from.size(); ++t) {
        throw_if_interrupted();
        Picks wider = from;
        wider[t] = next_wider(t, from[t]);
        if (fits(measured(wider))) try_plan(wider);
      }
    } while (report_.reward > before);
  }

  /// The choice of fewest bits among those of more bits than one; itself if it has most.
  [[nodiscard]] std::size_t next_wider(std::size_t tensor, std::size_t than) const {
    const auto& choices = problem_.choices[tensor].choices;
    std::size_t next = than;
    for (std::size_t a = 0; a < choices.size(); ++a) {
      const bool nearer = next == than || choices[a].bits < choices[next].bits;
      if (choices[a].bits > choices[than].bits && nearer) next = a;
    }
    return next;
  }

  [[nodiscard]] double reward_of(double quality, double bits) const {
    const double share = bits / problem_.bits(problem_.most);
    switch (settings_.reward) {
      case Reward::linear:
        return quality - settings_.lambda * share;
      case Reward::product: {
        const double saved = 1 - share;
        return saved * (2 - saved) * quality;
      }
      case Reward::budget:
        break;
    }
    const double over = bits / problem_.budget_bits - 1;
    return over <= 0 ? quality : quality - settings_.penalty * over;
  }

  void learn(const at::Tensor& log_p, const at::Tensor& entropy, const std::vector<Picks>& episodes,
             const std::vector<double>& rewards, double baseline, double unit) {
    auto gain = at::zeros_like(log_p);
    auto* values = gain.data_ptr<float>();
    const auto actions = static_cast<std::size_t>(log_p.size(1));
    for (std::size_t m = 0; m < episodes.size(); ++m) {
      const double advantage =
          (rewards[m] - baseline) / unit / static_cast<double>(episodes.size());
      for (std::size_t t = 0; t < episodes[m].size(); ++t) {
        values[t * actions + episodes[m][t]] += static_cast<float>(advantage);
      }
    }
    const auto chosen = at::where(gain != 0, log_p, at::zeros_like(log_p));
    const auto objective = (chosen * gain).sum() + settings_.entropy * entropy;
    (-objective).backward();
    clip();
    optimizer_->step(1);
    for (const auto& [name, parameter] : policy_.parameters()) {
      at::Tensor tensor = parameter;
      tensor.mutable_grad().zero_();
    }
  }

  void clip() {
    const at::NoGradGuard no_gradients;
    double square = 0;
    for (const auto& [name, parameter] : policy_.parameters()) {
      square += parameter.grad().square().sum().item<double>();
    }
    const double norm = std::sqrt(square);
    if (norm <= largest_gradient) return;
    for (const auto& [name, parameter] : policy_.parameters()) {
      at::Tensor tensor = parameter;
      tensor.mutable_grad().mul_(largest_gradient / norm);
    }
  }

  void tell(std::int64_t update) const {
    if (!progress_) return;
    progress_(
        {"policy", update + 1, settings_.updates,
         fmt::format("best {:.5g} at {:.4g} bits, entropy {:.2f} nats, {} plans tried",
                     best_quality_, measured(best_).bits, report_.entropy, report_.evaluations),
         false});
  }

  const Settings& settings_;
  AllocationProblem problem_;
  const PlanQuality& quality_;
  const ProgressSink& progress_;
  Random random_;
  Picks start_;
  Policy policy_;
  std::unique_ptr<Optimizer> optimizer_;
  std::map<Picks, double> rewards_;
  Picks smallest_, best_;
  double reference_ = 1, spread_ = 0, best_quality_ = 0;
  PolicyReport report_;
};

class PolicyGradient final : public Allocator {
 public:
  explicit PolicyGradient(const Options& options) : spec_(options.spec()), settings_(options) {}
  std::string spec() const override { return spec_; }

  PolicyReport search(std::span<const TensorChoices> tensors, double budget,
                      const PlanQuality& quality, std::span<const TensorDescription> descriptions,
                      const ProgressSink& progress) const {
    const OneTorchThread one;
    return Search(settings_, tensors, budget, quality, descriptions, progress).run();
  }

 private:
  Allocation solve(const AllocationProblem& problem) const override {
    return search(problem.choices, problem.budget_bits, {}, {}, {}).best;
  }

  std::string spec_;
  Settings settings_;
};

}  // namespace

std::unique_ptr<Allocator> make_policy_gradient(const Options& options) {
  return std::make_unique<PolicyGradient>(options);
}

PolicyReport search_by_policy(std::string_view spec, std::span<const TensorChoices> tensors,
                              double budget_bits, const PlanQuality& quality,
                              std::span<const TensorDescription> descriptions,
                              const ProgressSink& progress) {
  for (const auto& description : descriptions) {
    if (descriptions.size() == tensors.size() &&
        description.features.size() == descriptions[0].features.size()) {
      continue;
    }
    fail(ErrorCode::invalid_argument,
         "{} descriptions for {} tensors: there must be one each, all with as many features",
         descriptions.size(), tensors.size());
  }
  const PolicyGradient agent(parse_policy_spec(spec));
  return agent.search(tensors, budget_bits, quality, descriptions, progress);
}

}  // namespace laconic
