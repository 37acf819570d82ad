// The table of the allocator family.

#include "core/family.h"

#include "allocate/members.h"

namespace laconic {
namespace {

constexpr std::array knapsack_options = {
    OptionInfo{"states", "33554432", "1..268435456",
               "Partial plans to look at before it settles for the best plan seen."},
};

constexpr std::array table = {
    FamilyRow<Allocator>{
        {"fixed", "The same choice for every tensor: the best one that fits.", "", {}}, make_fixed},
    FamilyRow<Allocator>{
        {"rate",
         "One slope for all tensors, damage against bits; what is left is spent greedily.",
         "Shoham and Gersho, Efficient bit allocation for an arbitrary set of quantizers, 1988",
         {}},
        make_rate},
    FamilyRow<Allocator>{
        {"knapsack", "The least damage that fits, proven where its work allows.",
         "Pisinger, A minimal algorithm for the multiple-choice knapsack problem, 1995",
         knapsack_options},
        make_knapsack},
};

constexpr auto rows = infos(table);

}  // namespace

std::span<const MemberInfo> allocators() noexcept {
  return rows;
}

std::unique_ptr<Allocator> make_allocator(std::string_view spec) {
  return make_member("allocator", spec, table, rows);
}

}  // namespace laconic
