#include "core/family.h"

#include "curvature/members.h"
#include "laconic/importance.h"

namespace laconic {
namespace {

constexpr OptionInfo samples = {"samples", "1000", "0..1000000000",
                                "Training samples, drawn by the seed; 0: all."};
constexpr OptionInfo seed = {"seed", "0", "0..1000000000", "Of all that is drawn."};
constexpr OptionInfo batch = {"batch", "50", "1..1000000",
                              "Samples in a pass; only memory and time depend on it."};
constexpr OptionInfo loss = {"loss", "cross_entropy", "cross_entropy|squared",
                             "Squared error is half of that to the one-hot label."};
constexpr OptionInfo floor = {"floor", "1e-3", "0..1 real",
                              "Least importance, in units of the mean over all tensors."};
constexpr OptionInfo all = {"all", "false", "true|false",
                            "Every float parameter instead of weights only."};

constexpr std::array ones_options = {all};
constexpr std::array hessian_options = {
    samples, OptionInfo{"probes", "1", "1..1000000", "Vectors of random signs for each batch."},
    seed,    OptionInfo{"batch", "50", "1..1000000", "Samples that share their probes."},
    loss,    floor,
    all,
};
constexpr std::array gauss_newton_options = {
    samples,
    OptionInfo{"mode", "sampled", "sampled|exact|recursion",
               "By random signs in one backward pass, by a backward pass for each class, or by one "
               "layer-wise pass without cross terms."},
    seed,
    batch,
    loss,
    floor,
    all,
};
constexpr std::array fisher_options = {
    samples,
    OptionInfo{"labels", "model", "model|data",
               "Drawn from the model's own answer, or those of the data."},
    seed,
    batch,
    loss,
    floor,
    all,
};
constexpr std::array adam_options = {
    samples,
    OptionInfo{"power", "0.5", "0..1 real", "Of the second moment: 0.5 is the paper's root."},
    OptionInfo{"beta2", "0.999", "0..0.999999 real", "Decay of the average from batch to batch."},
    seed,
    OptionInfo{"batch", "50", "1..1000000", "Samples whose mean gradient is squared."},
    loss,
    floor,
    all,
};

constexpr std::array table = {
    FamilyRow<Estimator>{{"ones", "Every error counts alike: the baseline.",
                          "the plain k-means of Choi et al. 2017", ones_options},
                         curvature::make_ones},
    FamilyRow<Estimator>{{"hessian", "Diagonal of the Hessian by Hutchinson's random signs.",
                          "Choi et al. 2017, eq. 7; Hutchinson 1990", hessian_options},
                         curvature::make_hessian},
    FamilyRow<Estimator>{{"gauss_newton", "Diagonal of the Gauss-Newton matrix.",
                          "Choi et al. 2017, eq. 7; Becker and LeCun 1988", gauss_newton_options},
                         curvature::make_gauss_newton},
    FamilyRow<Estimator>{{"fisher", "Mean squared gradient of single samples.",
                          "Amari 1998; in place of eq. 7 of Choi et al. 2017", fisher_options},
                         curvature::make_fisher},
    FamilyRow<Estimator>{{"adam", "Root of the second moment of batch gradients, as Adam keeps it.",
                          "Choi et al. 2017, on Adam; Kingma and Ba 2015", adam_options},
                         curvature::make_adam},
};
constexpr auto rows = infos(table);

}  // namespace

std::span<const MemberInfo> estimators() noexcept {
  return rows;
}

std::unique_ptr<Estimator> make_estimator(std::string_view spec) {
  return make_member("estimator", spec, table, rows);
}

}  // namespace laconic
