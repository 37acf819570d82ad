#include "families.h"

#include "laconic/coder.h"
#include "laconic/prune.h"
#include "laconic/quantizer.h"
#include "laconic/zoo.h"

namespace laconic::cli {

std::vector<Family> families() {
  auto all = train_families();
  const std::vector<Family> others = {
      {"coders", "how indices become bytes", coders()},
      {"pruners", "which weights become zero first", pruners()},
      {"quantizers", "which values weights may take, and which each takes", quantizers()},
      {"networks", "what training starts from", networks()},
  };
  all.insert(all.begin() + 1, others.begin(), others.end());
  return all;
}

}  // namespace laconic::cli
