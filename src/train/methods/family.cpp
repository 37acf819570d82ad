#include "core/family.h"

#include <utility>

#include "train/methods/members.h"

namespace laconic {
namespace {

/// Methods are made for a plan, which is not part of their spec.
struct MethodRow {
  MemberInfo info;
  std::unique_ptr<Method> (*make)(const Options&, MethodSetup);
};

constexpr std::array incremental_options = {
    OptionInfo{"shares", "0.5/0.75/0.875/1", "list",
               "Shares that are frozen after each step, cumulative, rising to 1."},
    OptionInfo{"by", "weight", "weight|level",
               "What they are shares of: a block's weights, or its levels."},
    OptionInfo{"criterion", "magnitude", "magnitude|distance|damage|cluster_loss",
               "What ranks them: magnitude, distance to the level, importance x distance^2, or the "
               "measured loss with that level's weights alone quantized."},
    OptionInfo{"order", "large_first", "large_first|small_first", "Which end freezes first."},
    OptionInfo{
        "levels", "keep", "keep|refit|fixed",
        "Levels of frozen weights: they stay and the others are fitted again; all are fitted "
        "again, and frozen weights move along; or the first codebook serves to the end."},
    OptionInfo{"zero", "free", "free|pinned",
               "Whether zero is a level, and the first to freeze where levels do."},
    OptionInfo{"groups", "1", "1..100000",
               "Groups of tensors, each taken through all shares before the next begins."},
    OptionInfo{"group_order", "forward", "forward|backward|sensitivity|plan",
               "Order in which tensors are grouped: of the network, its reverse, falling rise of "
               "loss when quantized alone, or of the plan's rows."},
    OptionInfo{"restart", "true", "true|false",
               "Whether the learning rate's schedule begins anew after each share."},
    OptionInfo{"settle", "true", "true|false",
               "Whether a stretch of training follows the last share, for biases and "
               "normalisation."},
};

constexpr std::array table = {
    MethodRow{
        {"incremental", "Quantizes and freezes share by share; what is left trains on in between.",
         "Zhou et al. 2017, INQ, arXiv 1702.03044; Xu et al. 2018, SLQ/MLQ, arXiv 1803.03289",
         incremental_options},
        make_incremental},
    MethodRow{{"post",
               "Nothing while the network trains; quantizes its weights once, at the end.",
               "Han, Mao, Dally 2016, Deep compression, section 3",
               {}},
              make_post},
};
constexpr auto rows = infos(table);

}  // namespace

std::span<const MemberInfo> methods() noexcept {
  return rows;
}

std::unique_ptr<Method> make_method(std::string_view spec, MethodSetup setup) {
  const Options options = parse_spec("method", spec, rows);
  const auto index = static_cast<std::size_t>(&options.member() - rows.data());
  return table[index].make(options, std::move(setup));
}

}  // namespace laconic
