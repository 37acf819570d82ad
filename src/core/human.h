// Numbers as people read them.

#pragma once

#include <cstdint>
#include <string>

namespace laconic {

/// "12,345".
[[nodiscard]] std::string grouped(std::int64_t number);

/// "1.20 MB", "68.4 KB"; powers of 1000.
[[nodiscard]] std::string human_bytes(double bytes);

}  // namespace laconic
