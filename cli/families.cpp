#include "families.h"

#include "laconic/coder.h"

namespace laconic::cli {

std::vector<Family> families() {
  std::vector<Family> all = {
      {"coders", "how indices become bytes", coders()},
  };
  const auto more = train_families();
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

}  // namespace laconic::cli
