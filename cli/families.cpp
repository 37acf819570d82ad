#include "families.h"

#include "laconic/allocator.h"
#include "laconic/coder.h"
#include "laconic/quantizer.h"
#include "laconic/zoo.h"

namespace laconic::cli {

std::vector<Family> families() {
  std::vector<Family> all = {
      {"allocators", "how many bits each tensor gets", allocators()},
      {"coders", "how indices become bytes", coders()},
      {"quantizers", "which values weights may take, and which each takes", quantizers()},
      {"networks", "what training starts from", networks()},
  };
  const auto more = train_families();
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

}  // namespace laconic::cli
