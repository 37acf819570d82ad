#include <algorithm>
#include <array>

#include "graph/passes.h"
#include "laconic/error.h"

namespace laconic {
namespace {

/// What an attribute must not say, and what messages tell of it.
struct Limit {
  std::string_view op;
  std::string_view attribute;
  bool (*refused)(const Node&, std::string_view attribute);
  std::string_view supported;
};

bool nonzero(const Node& node, std::string_view key) {
  return node.integer(key, 0) != 0;
}
bool zero(const Node& node, std::string_view key) {
  return node.integer(key, 1) == 0;
}
bool not_all_one(const Node& node, std::string_view key) {
  return std::ranges::any_of(node.integers(key), [](auto value) { return value != 1; });
}
bool wrap(const Node& node, std::string_view key) {
  return node.text(key, "constant") == "wrap";
}
bool not_stretch(const Node& node, std::string_view key) {
  return node.text(key, "stretch") != "stretch";
}

constexpr std::array limits{
    Limit{"AveragePool", "dilations", not_all_one, "1"},
    Limit{"BatchNormalization", "spatial", zero, "1"},
    Limit{"DequantizeLinear", "block_size", nonzero, "0"},
    Limit{"Pad", "mode", wrap, "constant, reflect and edge"},
    Limit{"QuantizeLinear", "block_size", nonzero, "0"},
    Limit{"Resize", "antialias", nonzero, "0"},
    Limit{"Resize", "keep_aspect_ratio_policy", not_stretch, "stretch"},
};

}  // namespace

void check_form(const Node& node) {
  for (const auto& limit : limits) {
    if (limit.op == node.op && limit.refused(node, limit.attribute)) {
      fail(ErrorCode::unsupported_operator,
           "attribute '{}' of {} has a value that is not supported; supported is {}",
           limit.attribute, describe(node), limit.supported);
    }
  }
}

}  // namespace laconic
