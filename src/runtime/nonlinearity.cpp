#include "runtime/nonlinearity.h"

#include <algorithm>
#include <array>
#include <limits>
#include <string_view>

namespace laconic::runtime {
namespace {

using Kind = Nonlinearity::Kind;
constexpr float infinity = std::numeric_limits<float>::infinity();

/// An operator, and where it has its parameters; those without a key are always as here.
struct Named {
  std::string_view op;
  Nonlinearity usual;
  std::string_view alpha_key = {}, beta_key = {};
};

constexpr std::array table = {
    Named{"Clip", {Kind::clip, -infinity, infinity}, "min", "max"},
    Named{"Erf", {Kind::erf}},
    Named{"Gelu", {Kind::gelu}},
    Named{"HardSigmoid", {Kind::hard_sigmoid, 0.2F, 0.5F}, "alpha", "beta"},
    Named{"HardSwish", {Kind::hard_swish}},
    Named{"LeakyRelu", {Kind::leaky_relu, 0.01F}, "alpha"},
    Named{"Relu", {Kind::clip, 0, infinity}},
    Named{"Sigmoid", {Kind::sigmoid}},
    Named{"Swish", {Kind::swish, 1}, "alpha"},
    Named{"Tanh", {Kind::tanh}},
};

}  // namespace

std::optional<Nonlinearity> nonlinearity_of(const Node& node) {
  const auto found = std::ranges::find(table, node.op, &Named::op);
  if (found == table.end()) return {};
  Nonlinearity out = found->usual;
  if (!found->alpha_key.empty()) out.alpha = node.number(found->alpha_key, out.alpha);
  if (!found->beta_key.empty()) out.beta = node.number(found->beta_key, out.beta);
  return out;
}

}  // namespace laconic::runtime
