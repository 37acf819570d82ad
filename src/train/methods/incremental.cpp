// Quantization share by share: what is quantized freezes, what is left trains on and makes up for
// it (INQ, SLQ, MLQ, DNQ's quantizer).

#include <torch/types.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "laconic/error.h"
#include "laconic/evaluate.h"
#include "train/methods/make_up.h"
#include "train/methods/members.h"
#include "train/methods/partial_tensor.h"
#include "train/methods/stretches.h"
#include "train/post/sensitivity.h"

namespace laconic {
namespace {

/// Enough to rank levels; the order, not the loss, is what matters.
constexpr std::int64_t calibration_samples = 1000;
constexpr std::int64_t calibration_batch = 125;
constexpr std::uint64_t calibration_seed = 1;

enum class GroupOrder { forward, backward, sensitivity, plan };

ShareRule rule_of(const Options& options) {
  const auto& criterion = options.text("criterion");
  const auto& levels = options.text("levels");
  return {.by_level = options.text("by") == "level",
          .criterion = criterion == "magnitude"  ? Criterion::magnitude
                       : criterion == "distance" ? Criterion::distance
                       : criterion == "damage"   ? Criterion::damage
                                                 : Criterion::cluster_loss,
          .large_first = options.text("order") == "large_first",
          .levels = levels == "keep"    ? LevelPolicy::keep
                    : levels == "refit" ? LevelPolicy::refit
                                        : LevelPolicy::fixed,
          .pin_zero = options.text("zero") == "pinned"};
}

GroupOrder order_of(std::string_view text) {
  return text == "forward"       ? GroupOrder::forward
         : text == "backward"    ? GroupOrder::backward
         : text == "sensitivity" ? GroupOrder::sensitivity
                                 : GroupOrder::plan;
}

std::vector<double> shares_of(const Options& options) {
  const auto shares = options.numbers("shares");
  double before = 0;
  for (const double share : shares) {
    if (!(share > before)) {
      fail(ErrorCode::invalid_argument,
           "shares are {}, but must rise from above 0 to 1: {} does not lie above {}",
           options.text("shares"), share, before);
    }
    before = share;
  }
  if (before != 1) {
    fail(ErrorCode::invalid_argument, "shares are {}, but must rise to 1, not to {}",
         options.text("shares"), before);
  }
  return shares;
}

class Incremental final : public Method {
 public:
  Incremental(const Options& options, MethodSetup setup)
      : spec_(options.spec()),
        setup_(std::move(setup)),
        rule_(rule_of(options)),
        shares_(shares_of(options)),
        groups_wanted_(static_cast<std::size_t>(options.integer("groups"))),
        group_order_(order_of(options.text("group_order"))),
        makes_up_(options.flag("make_up")),
        restart_(options.flag("restart")),
        settle_(options.flag("settle")) {
    if (options.text("until") == "plateau") gain_ = options.number("gain");
    if (gain_ && setup_.data == nullptr) {
      fail(ErrorCode::invalid_argument,
           "method \"incremental\": until=plateau measures losses, so it needs data");
    }
    if (rule_.criterion == Criterion::cluster_loss && !rule_.by_level) {
      fail(ErrorCode::invalid_argument,
           "method \"incremental\": criterion=cluster_loss ranks levels, so it needs by=level");
    }
    if (rule_.criterion == Criterion::cluster_loss && setup_.data == nullptr) {
      fail(ErrorCode::invalid_argument,
           "method \"incremental\": criterion=cluster_loss measures losses, so it needs data");
    }
    if (makes_up_ && setup_.data == nullptr) {
      fail(ErrorCode::invalid_argument,
           "method \"incremental\": make_up=true looks at layers' inputs, so it needs data");
    }
  }

  void begin(Network& network) override {
    planned_.emplace(setup_.plan, network);
    tensors_.clear();
    for (const auto& tensor : planned_->tensors()) {
      tensors_.emplace_back(tensor, importance_of(setup_, tensor));
    }
    masks_.assign(tensors_.size(), {});
    groups_ = group(network);
    done_ = 0;
    stretches_ = Stretches(settle_ || freezes() == 1 ? freezes() : freezes() - 1, gain_);
  }

  void before_forward(Network& network, const Progress& at) override {
    if (std::exchange(restored_, false)) remember_all(network);
    while (stretches_.ends(at, [&] { return loss_with(network, {}); })) {
      freeze_next(network);
      stretches_.begin(at);
    }
  }

  void after_update(Network& network, const Progress&) override {
    const at::NoGradGuard no_gradients;
    for (std::size_t t = 0; t < tensors_.size(); ++t) {
      auto& [mask, values] = masks_[t];
      if (!mask.defined()) continue;
      auto& parameter = network.parameter(tensors_[t].name());
      parameter.copy_(at::where(mask, values, parameter));
    }
  }

  StepRange period(const Progress& at) const override {
    return restart_ ? stretches_.period(at) : Method::period(at);
  }

  QuantizedModel finish(Network& network) override {
    if (!planned_) begin(network);
    // Nothing trains between the shares that are left: they are one, unless what is free makes up
    // for what is not.
    while (makes_up_ && done_ + 1 < freezes()) freeze_next(network);
    if (done_ < freezes()) freeze(network, all_tensors(), 1);
    done_ = freezes();
    std::vector<QuantizedTensor> quantized;
    for (const auto& tensor : tensors_) quantized.push_back(tensor.quantized());
    return assemble(network, *planned_, std::move(quantized));
  }

  MethodState state() const override {
    MethodState state;
    stretches_.save(state);
    for (const auto& tensor : tensors_) tensor.save(state);
    return state;
  }

  void restore(const MethodState& state) override {
    stretches_.restore(state);
    done_ = stretches_.begun();
    for (std::size_t t = 0; t < tensors_.size(); ++t) {
      tensors_[t].restore(state);
      masks_[t] = {};
    }
    restored_ = true;
  }

  const MethodSetup* setup() const override { return &setup_; }

  std::string spec() const override { return spec_; }

 private:
  /// Where frozen weights are, and their values, on the network's device.
  struct Mask {
    at::Tensor mask, values;
  };

  [[nodiscard]] std::size_t freezes() const { return groups_.size() * shares_.size(); }

  [[nodiscard]] std::vector<std::size_t> all_tensors() const {
    std::vector<std::size_t> all(tensors_.size());
    std::iota(all.begin(), all.end(), std::size_t{0});
    return all;
  }

  /// Cuts the tensors, in the order asked for, into groups of about equal numbers.
  std::vector<std::vector<std::size_t>> group(Network& network) {
    auto order = all_tensors();
    if (group_order_ == GroupOrder::backward) std::reverse(order.begin(), order.end());
    if (group_order_ == GroupOrder::plan) {
      std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        return planned_->tensors()[a].row < planned_->tensors()[b].row;
      });
    }
    if (group_order_ == GroupOrder::sensitivity && groups_wanted_ > 1) {
      const auto rises = sensitivities(network);
      std::stable_sort(order.begin(), order.end(),
                       [&](std::size_t a, std::size_t b) { return rises[a] > rises[b]; });
    }
    const std::size_t count = std::min(groups_wanted_, order.size());
    std::vector<std::vector<std::size_t>> groups(count);
    for (std::size_t i = 0; i < order.size(); ++i)
      groups[i * count / order.size()].push_back(order[i]);
    return groups;
  }

  /// How much each tensor, quantized alone, raises the loss; without data, its predicted damage.
  std::vector<double> sensitivities(const Network& network) {
    std::vector<double> rises;
    for (const auto& tensor : planned_->tensors()) {
      PartialTensor alone(tensor, importance_of(setup_, tensor));
      const auto weights = elements_of(network, tensor.name);
      alone.fit(weights, rule_);
      if (setup_.data == nullptr) {
        rises.push_back(alone.damage(weights));
        continue;
      }
      auto values = weights;
      alone.freeze(weights, 1, ShareRule{});
      alone.put_frozen_in(values);
      rises.push_back(loss_with(network, {{tensor.name, std::move(values)}}));
    }
    return rises;
  }

  double loss_with(const Network& network,
                   const std::map<std::string, std::vector<float>>& values) const {
    std::map<std::string, at::Tensor, std::less<>> overrides;
    for (const auto& [name, floats] : values) {
      const auto& parameter = network.parameter(name);
      const auto on_cpu = at::from_blob(const_cast<float*>(floats.data()), parameter.sizes());
      overrides.emplace(name, on_cpu.clone().to(parameter.device()));
    }
    return evaluate(network, *setup_.data, Part::train,
                    {.limit = calibration_samples, .overrides = &overrides})
        .loss;
  }

  void freeze_next(Network& network) {
    freeze(network, groups_[done_ / shares_.size()], shares_[done_ % shares_.size()]);
    ++done_;
  }

  void freeze(Network& network, const std::vector<std::size_t>& chosen, double share) {
    const at::NoGradGuard no_gradients;
    std::map<std::size_t, std::vector<float>> weights;
    for (const auto t : chosen) {
      auto& own = weights[t] = elements_of(network, tensors_[t].name());
      tensors_[t].fit(own, rule_);
    }
    const auto losses = share < 1 ? losses_of_ranks(network, weights) : std::vector<double>();
    std::map<std::string, at::Tensor, std::less<>> moments;
    if (makes_up_ && share < 1) {
      moments = input_moments(network, draw_batches(*setup_.data, calibration_samples,
                                                    calibration_batch, calibration_seed));
    }
    for (auto& [t, own] : weights) {
      const auto before = own;
      tensors_[t].freeze(own, share, rule_, losses);
      tensors_[t].put_frozen_in(own);
      if (const auto found = moments.find(tensors_[t].name()); found != moments.end()) {
        make_up(own, before, tensors_[t].frozen(), found->second);
      }
      auto& parameter = network.parameter(tensors_[t].name());
      parameter.copy_(at::from_blob(own.data(), parameter.sizes()));
      remember(t, parameter);
    }
  }

  /// The loss with the levels of each rank alone put in, in all of these tensors at once.
  std::vector<double> losses_of_ranks(
      const Network& network, const std::map<std::size_t, std::vector<float>>& weights) const {
    if (rule_.criterion != Criterion::cluster_loss) return {};
    std::size_t ranks = 0;
    for (const auto& [t, own] : weights) ranks = std::max(ranks, tensors_[t].ranks());
    std::vector<double> losses;
    for (std::size_t rank = 0; rank < ranks; ++rank) {
      std::map<std::string, std::vector<float>> values;
      for (const auto& [t, own] : weights) {
        values.emplace(tensors_[t].name(), tensors_[t].with_rank_replaced(own, rank, rule_));
      }
      losses.push_back(loss_with(network, values));
    }
    return losses;
  }

  void remember_all(const Network& network) {
    for (std::size_t t = 0; t < tensors_.size(); ++t) {
      if (tensors_[t].frozen_count() > 0) remember(t, network.parameter(tensors_[t].name()));
    }
  }

  /// Keeps a tensor's frozen values where updates are undone from.
  void remember(std::size_t t, const at::Tensor& parameter) {
    const auto frozen = tensors_[t].frozen();
    const auto mask = at::from_blob(const_cast<char*>(frozen.data()), parameter.sizes(), at::kChar);
    masks_[t] = {mask.to(at::kBool).to(parameter.device()), parameter.detach().clone()};
  }

  std::string spec_;
  MethodSetup setup_;
  ShareRule rule_;
  std::vector<double> shares_;  ///< Cumulative.
  std::size_t groups_wanted_;
  GroupOrder group_order_;
  bool makes_up_, restart_, settle_;
  std::optional<double> gain_;  ///< Of an epoch, below which a stretch of training ends.

  std::optional<PlannedTensors> planned_;
  std::vector<PartialTensor> tensors_;  ///< In the order of planned_.
  std::vector<Mask> masks_;             ///< Of each tensor; undefined before its first share.
  std::vector<std::vector<std::size_t>> groups_;
  Stretches stretches_;    ///< One after each share, but for the last where nothing settles.
  std::size_t done_ = 0;   ///< Shares frozen, over all groups.
  bool restored_ = false;  ///< Frozen values are to be read from the network again.
};

}  // namespace

std::unique_ptr<Method> make_incremental(const Options& options, MethodSetup setup) {
  return std::make_unique<Incremental>(options, std::move(setup));
}

}  // namespace laconic
