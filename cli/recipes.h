// How networks of the zoo are trained unless options say otherwise.

#pragma once

#include <cstdint>
#include <string_view>

#include "laconic/train.h"

namespace laconic::cli {

struct Recipe {
  std::string_view network;  ///< What a spec's name starts with; empty: any other.
  std::int64_t epochs;
  std::int64_t batch;
  std::string_view optimizer;
  std::string_view schedule;
  double weight_decay;
  Loss loss = Loss::cross_entropy;
  double clip_gradients = 0;
};

[[nodiscard]] const Recipe& recipe_for(std::string_view network);

}  // namespace laconic::cli
