#include "laconic/importance.h"

#include <cmath>

#include "curvature/accumulator.h"
#include "laconic/error.h"

namespace laconic {

ImportanceMap importance_from_moments(const ImportanceMap& second_moments, double power,
                                      double floor) {
  ImportanceMap out;
  for (const auto& [name, moments] : second_moments) {
    auto& values = out[name];
    values.reserve(moments.size());
    for (const float moment : moments) {
      if (!(moment >= 0) || !std::isfinite(moment)) {
        fail(ErrorCode::invalid_data, "the second moment of '{}' is {}, but must be at least 0",
             name, moment);
      }
      values.push_back(static_cast<float>(std::pow(static_cast<double>(moment), power)));
    }
  }
  curvature::apply_floor(out, floor);
  return out;
}

ImportanceMap temper(const ImportanceMap& importance, double power) {
  if (!(power >= 0 && power <= 1)) {
    fail(ErrorCode::invalid_argument, "the power of a tempered importance is {}, but must be 0..1",
         power);
  }
  double sum = 0, tempered_sum = 0;
  for (const auto& [name, values] : importance) {
    for (const float value : values) {
      if (!(value >= 0) || !std::isfinite(value)) {
        fail(ErrorCode::invalid_argument, "the importance of '{}' is {}, but must be at least 0",
             name, value);
      }
      sum += value;
      tempered_sum += std::pow(static_cast<double>(value), power);
    }
  }
  if (tempered_sum == 0) return importance;
  ImportanceMap out;
  for (const auto& [name, values] : importance) {
    auto& tempered = out[name];
    tempered.reserve(values.size());
    for (const float value : values) {
      tempered.push_back(
          static_cast<float>(std::pow(static_cast<double>(value), power) * (sum / tempered_sum)));
    }
  }
  return out;
}

}  // namespace laconic
