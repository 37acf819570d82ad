// Small numbers in few bytes: 7 bits a byte, low first, the top bit set in all but the last.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "laconic/error.h"

namespace laconic {

inline void put_varint(std::vector<std::byte>& out, std::uint64_t value) {
  for (; value >= 128; value >>= 7) out.push_back(static_cast<std::byte>(value | 128));
  out.push_back(static_cast<std::byte>(value));
}

/// Takes a number from the front of `bytes`. Throws Error(corrupt_data), naming `what`, where it is
/// cut off, longer than needed, or above `largest`.
inline std::uint64_t take_varint(std::span<const std::byte>& bytes, std::uint64_t largest,
                                 std::string_view what) {
  std::uint64_t value = 0;
  for (int shift = 0; shift < 63 && !bytes.empty(); shift += 7) {
    const auto byte = std::to_integer<std::uint64_t>(bytes.front());
    bytes = bytes.subspan(1);
    value |= (byte & 127) << shift;
    if (byte >= 128) continue;
    if (byte == 0 && shift > 0) break;
    if (value > largest) {
      fail(ErrorCode::corrupt_data, "{}: {} where at most {} is allowed", what, value, largest);
    }
    return value;
  }
  fail(ErrorCode::corrupt_data, "{}: a number is cut off or badly formed", what);
}

}  // namespace laconic
