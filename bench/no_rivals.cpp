#include "rivals.h"

namespace laconic {

void register_rivals() {}

}  // namespace laconic
