// The table of the quantizer family.

#include "core/family.h"

#include "laconic/quantizer.h"
#include "quantize/members.h"

namespace laconic {
namespace {

constexpr std::array uniform_options = {
    OptionInfo{"step", "0", ">=0", "Distance of levels, which are its multiples; 0 chooses it."},
    OptionInfo{
        "bits", "0", ">=0",
        "Chooses the finest step whose indices have at most so many bits of entropy a weight; "
        "0 chooses it by levels."},
    OptionInfo{
        "levels", "16", "1..4096",
        "Chooses the step and the place of so many levels with the least error, weights beyond "
        "them clipped; without effect where a step or bits are given."},
    OptionInfo{"dead_zone", "0.5", ">=0.5", "Weights up to so many steps from zero become zero."},
    OptionInfo{"value", "weighted_mean", "midpoint|mean|weighted_mean",
               "What stands for the weights of a level: the multiple of the step, or their mean."},
};

constexpr std::array trellis_options = {
    OptionInfo{"step", "0", ">=0", "Distance of levels, which are its multiples; 0 chooses it."},
    OptionInfo{
        "bits", "3", ">0",
        "Chooses the step by which a set's levels, two steps apart, have at most so many bits "
        "of entropy a weight; without effect where a step is given."},
    OptionInfo{"lambda", "0", ">=0",
               "Price of a bit, of what it is worth at high rates: 1 weighs distortion and rate."},
};

constexpr std::array kmeans_options = {
    OptionInfo{"levels", "16", "1..1024",
               "Most levels that a codebook may have, pinned ones included."},
    OptionInfo{
        "solver", "binned", "binned|exact|lloyd",
        "binned: an exact dynamic program over fine bins, settled on the weights; exact: the "
        "same over the sorted weights; lloyd: alternation from the prior or from init."},
    OptionInfo{
        "init", "linear", "linear|powers",
        "Where lloyd begins: evenly between the extreme weights, or at zero and signed powers "
        "of two downwards from the largest weight."},
    OptionInfo{"sweeps", "1000", "1..1000000",
               "Most rounds of lloyd; it stops when assignments do."},
    OptionInfo{
        "empty", "reseed", "keep|reseed",
        "What lloyd does with a level that no weight takes: leave it where it is, or move it "
        "to the weight with the largest error."},
};

constexpr std::array entropy_constrained_options = {
    OptionInfo{"levels", "64", "1..1024",
               "Most levels that a codebook may have, pinned ones included."},
    OptionInfo{"lambda", "0", ">=0",
               "What a bit is worth, in units of importance x weight^2; 0 makes it k-means."},
    OptionInfo{
        "bits", "0", ">=0",
        "Instead of lambda: at most so many bits of entropy a weight; 0 leaves it to lambda."},
};

constexpr std::array dorefa_options = {
    OptionInfo{"bits", "3", "1..8", "2^bits levels, even steps from -1 to 1."},
};

constexpr std::array scaled_options = {
    OptionInfo{
        "pattern", "ternary", "binary|ternary|linear|log|powers",
        "Levels at scale 1: signs; with zero; k even steps or k powers of two a sign, with k = "
        "2^(bits-1) - 1; 2^(bits-2) powers of two a sign."},
    OptionInfo{"bits", "3", "2..6", "Of linear, log and powers; without effect on the others."},
    OptionInfo{"scale", "real", "real|power_of_two|largest|one",
               "Any; a power of two; the one that the largest weight rounds to (INQ); 1."},
    OptionInfo{"signs", "one", "one|two", "One scale, or one for each sign."},
    OptionInfo{"solver", "exact", "exact|alternating",
               "The best scale, or the papers' alternation."},
    OptionInfo{"threshold", "nearest", "nearest|mean|mu",
               "How codes are chosen: nearest levels; magnitudes above factor x their mean (TWN); "
               "relative to mu = factor x the largest (LBW-Net, TTQ)."},
    OptionInfo{"factor", "0.7", ">0", "Of threshold=mean (TWN: 0.7) and mu (LBW-Net: 0.75)."},
    OptionInfo{
        "scale_rule", "least_squares", "least_squares|legacy_abs",
        "Of solver=alternating: divides by sum d b^2, or by sum d |b| as released code does."},
};

constexpr std::array table = {
    FamilyRow<Quantizer>{{"uniform", "Evenly spaced cells around zero.",
                          "Choi, El-Khamy, Lee 2017, section 5.3", uniform_options},
                         make_uniform},
    FamilyRow<Quantizer>{
        {"trellis",
         "Evenly spaced levels of which only some may follow others: as near as twice as many.",
         "Marcellin, Fischer 1990; Schwarz et al. 2019 (dependent quantization of VVC)",
         trellis_options},
        make_trellis},
    FamilyRow<Quantizer>{
        {"kmeans", "Free levels with the least weighted squared error.",
         "Choi, El-Khamy, Lee 2017, eq. 8; optimum by dynamic programming", kmeans_options},
        make_kmeans},
    FamilyRow<Quantizer>{
        {"entropy_constrained",
         "Free levels with the least weighted squared error plus lambda x entropy.",
         "Choi, El-Khamy, Lee 2017, section 5.4; Chou, Lookabaugh, Gray 1989",
         entropy_constrained_options},
        make_entropy_constrained},
    FamilyRow<Quantizer>{
        {"scaled", "A fixed pattern times one scale, or one for each sign.",
         "Hou, Kwok 2018 (LAB, LAT, LAQ); Yin, Zhang, Qi, Xin 2019 (LBW-Net)", scaled_options},
        make_scaled},
    FamilyRow<Quantizer>{
        {"dorefa", "Even steps of tanh(w) over its largest, from -1 to 1.",
         "Zhou et al. 2016, DoReFa-Net, arXiv:1606.06160, equation 9", dorefa_options},
        make_dorefa},
};

constexpr auto rows = infos(table);

}  // namespace

std::span<const MemberInfo> quantizers() noexcept {
  return rows;
}

std::unique_ptr<Quantizer> make_quantizer(std::string_view spec) {
  return make_member("quantizer", spec, table, rows);
}

}  // namespace laconic
