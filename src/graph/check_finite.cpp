#include <algorithm>
#include <cmath>

#include "graph/passes.h"
#include "laconic/error.h"

namespace laconic {

void check_finite(const Graph& graph) {
  for (const auto& parameter : parameters(graph)) {
    const auto values = graph.constants.find(parameter.name)->second.floats();
    const bool may_be_infinite = parameter.role == Role::other;
    const auto bad = std::ranges::find_if(values, [&](float value) {
      return std::isnan(value) || (std::isinf(value) && !may_be_infinite);
    });
    if (bad != values.end()) {
      fail(ErrorCode::invalid_data, "tensor '{}' holds {} at element {} of {}", parameter.name,
           std::isnan(*bad) ? "NaN" : "infinity", bad - values.begin(), values.size());
    }
  }
}

}  // namespace laconic
