// Stands in for what needs LibTorch in builds without it.

#include "context.h"
#include "families.h"
#include "laconic/error.h"

namespace laconic::cli {

std::vector<Family> train_families() {
  return {};
}

}  // namespace laconic::cli
