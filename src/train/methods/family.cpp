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

constexpr std::array centroids_options = {
    OptionInfo{"gradient", "mean", "mean|sum",
               "Of a shared level: the mean of its weights' gradients, or their sum, which is the "
               "loss's own."},
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
    OptionInfo{"make_up", "false", "true|false",
               "Whether free weights first move to where their layer's outputs suffer least from "
               "what was frozen, in closed form."},
    OptionInfo{"until", "budget", "budget|plateau",
               "When the next share freezes: after its part of the steps, or before that once the "
               "loss on training samples falls too little in an epoch."},
    OptionInfo{"gain", "0.01", "0..1 real",
               "How much, relative to the least of the stretch, is not too little."},
    OptionInfo{"restart", "true", "true|false",
               "Whether the learning rate's schedule begins anew after each share."},
    OptionInfo{"settle", "true", "true|false",
               "Whether a stretch of training follows the last share, for biases and "
               "normalisation."},
};
constexpr std::array projected_options = {
    OptionInfo{
        "importance", "moment", "moment|given|ones",
        "What weighs errors: the root of the mean squared gradient, which Adam keeps anyway; "
        "the importance given beforehand; nothing."},
    OptionInfo{"clip", "0", ">=0", "Shadow weights are kept within this magnitude; 0: wherever."},
    OptionInfo{
        "relax", "0", ">=0",
        "Forward runs on (shadow + r quantized) / (1 + r), r beginning here; 0: on quantized "
        "weights alone."},
    OptionInfo{"growth", "1.5", ">=1", "Of r, from epoch to epoch."},
    OptionInfo{"levels", "fitted", "fitted|trained",
               "Levels fitted at every step, or their scales learnt from the sums of their "
               "weights' gradients (TTQ); of scaled:scale=real."},
    OptionInfo{"gradient", "straight", "straight|tanh",
               "Of shadows: that at the quantized weights, or through tanh (DoReFa-Net)."},
    OptionInfo{"hard", "0.8", "0..1 real",
               "Share of the training after which forward runs on quantized weights alone."},
};

constexpr std::array table = {
    MethodRow{{"centroids",
               "Quantizes once, at the start; then the shared levels train, while each weight "
               "keeps its own.",
               "Han, Mao, Dally 2016, Deep compression, section 3.3; Choi et al. 2017, section 4",
               centroids_options},
              make_centroids},
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
    MethodRow{{"projected",
               "Forward and backward run on quantized weights, which are made anew from float "
               "shadows after every update.",
               "Hou, Kwok 2018, section 3; Yin et al. 2019; relax: Yin et al. 2018, BinaryRelax",
               projected_options},
              make_projected},
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
