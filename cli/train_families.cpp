// Families of laconic::train; without_train.cpp stands in its place where that is not built.

#include "families.h"
#include "laconic/dataset.h"
#include "laconic/importance.h"
#include "laconic/methods.h"
#include "laconic/optimizer.h"
#include "laconic/policy_gradient.h"
#include "laconic/schedule.h"

namespace laconic::cli {

std::vector<Family> train_families() {
  return {
      {"allocators", "how many bits each tensor gets", all_allocators()},
      {"data", "samples and labels", datasets()},
      {"estimators", "how much an error in a weight hurts", estimators()},
      {"methods", "when weights are quantized, and what trains in between", methods()},
      {"optimizers", "how gradients change weights", optimizers()},
      {"schedules", "how the learning rate changes", schedules()},
  };
}

}  // namespace laconic::cli
