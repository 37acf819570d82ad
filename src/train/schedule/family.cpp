#include "core/family.h"

#include "train/schedule/members.h"

namespace laconic {
namespace {

constexpr OptionInfo warmup{"warmup", "0", ">=0", "Epochs in which the rate rises from 0."};
constexpr std::array constant_options = {warmup};
constexpr std::array step_options = {
    OptionInfo{"at", "required", "list", "Epochs after which the rate falls."},
    OptionInfo{"factor", "0.1", "0..1 real", "What it is multiplied by each time."}, warmup};
constexpr std::array cosine_options = {
    OptionInfo{"end", "0", "0..1 real", "Share of the rate that is left at the end."}, warmup};

constexpr std::array table = {
    FamilyRow<Schedule>{{"constant", "The same rate all along.", "", constant_options},
                        make_constant_schedule},
    FamilyRow<Schedule>{{"step", "A rate that falls at given epochs.", "", step_options},
                        make_step_schedule},
    FamilyRow<Schedule>{{"cosine", "A rate that falls along half a cosine.",
                         "Loshchilov and Hutter 2017, arXiv:1608.03983", cosine_options},
                        make_cosine_schedule},
};
constexpr auto rows = infos(table);

}  // namespace

std::span<const MemberInfo> schedules() noexcept {
  return rows;
}

std::unique_ptr<Schedule> make_schedule(std::string_view spec) {
  return make_member("schedule", spec, table, std::span<const MemberInfo>(rows));
}

}  // namespace laconic
