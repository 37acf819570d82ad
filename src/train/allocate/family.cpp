// The table of allocators that need LibTorch, and all of them together.

#include "core/family.h"

#include "laconic/policy_gradient.h"
#include "train/allocate/members.h"

namespace laconic {
namespace {

constexpr std::array policy_options = {
    OptionInfo{"reward", "budget", "budget|linear|product",
               "budget: quality, less a penalty beyond the budget; linear: quality less lambda x "
               "size; product: s(2-s) x quality, s the share of the size that is saved."},
    OptionInfo{"start", "even", "even|fixed|rate|knapsack",
               "What is drawn first: any plan alike, or those close to that allocator's, which is "
               "then tried itself."},
    OptionInfo{"lambda", "1", ">=0", "What the size of the largest plan costs; linear only."},
    OptionInfo{"penalty", "10", ">=0", "For a plan twice as large as the budget; budget only."},
    OptionInfo{"updates", "300", "1..1000000", "Most steps of the policy."},
    OptionInfo{"episodes", "16", "1..100000", "Plans drawn for each step."},
    OptionInfo{"hidden", "64", "1..4096", "Units of the LSTM, in each direction."},
    OptionInfo{"lr", "0.01", ">0", "Of Adam."},
    OptionInfo{"entropy", "1", ">=0",
               "What a nat of entropy, on average over the tensors, is worth, in spreads of the "
               "reward."},
    OptionInfo{"seed", "1", "0..1000000000", "Of all that is drawn."},
};

constexpr std::array table = {
    FamilyRow<Allocator>{
        {"policy_gradient", "An agent that learns by trial: REINFORCE over a bidirectional LSTM.",
         "Xu et al. 2018, DNQ, arXiv 1812.02375; Williams 1992", policy_options},
        make_policy_gradient},
};

constexpr auto rows = infos(table);

}  // namespace

std::span<const MemberInfo> all_allocators() noexcept {
  static const auto all = [] {
    std::vector<MemberInfo> joined(allocators().begin(), allocators().end());
    joined.insert(joined.end(), rows.begin(), rows.end());
    return joined;
  }();
  return all;
}

std::unique_ptr<Allocator> make_any_allocator(std::string_view spec) {
  const auto options = parse_spec("allocator", spec, all_allocators());
  return options.member().name == rows[0].name ? make_member("allocator", spec, table, rows)
                                               : make_allocator(spec);
}

Options parse_policy_spec(std::string_view spec) {
  return parse_spec("allocator", spec, rows);
}

}  // namespace laconic
