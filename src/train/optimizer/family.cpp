#include "core/family.h"

#include "train/optimizer/members.h"

namespace laconic {
namespace {

constexpr std::array sgd_options = {
    OptionInfo{"lr", "0.1", ">0", "Learning rate."},
    OptionInfo{"momentum", "0.9", "0..1 real", "Share of the last step that is kept."},
    OptionInfo{"nesterov", "false", "true|false", "Gradient as if that share were already gone."},
};
constexpr std::array adam_options = {
    OptionInfo{"lr", "1e-3", ">0", "Learning rate."},
    OptionInfo{"beta1", "0.9", "0..1 real", "Memory of the mean gradient; below 1."},
    OptionInfo{"beta2", "0.999", "0..1 real", "Memory of the mean squared gradient; below 1."},
    OptionInfo{"epsilon", "1e-8", ">0", "Added to the root of the mean squared gradient."},
};

constexpr std::array table = {
    FamilyRow<Optimizer>{{"sgd", "Stochastic gradient descent with momentum.",
                          "Sutskever et al. 2013, in LibTorch's form", sgd_options},
                         make_sgd},
    FamilyRow<Optimizer>{{"adam", "Steps scaled by running moments of the gradient.",
                          "Kingma and Ba 2015, arXiv:1412.6980", adam_options},
                         make_adam},
};
constexpr auto rows = infos(table);

}  // namespace

std::span<const MemberInfo> optimizers() noexcept {
  return rows;
}

std::unique_ptr<Optimizer> make_optimizer(std::string_view spec) {
  return make_member("optimizer", spec, table, std::span<const MemberInfo>(rows));
}

}  // namespace laconic
