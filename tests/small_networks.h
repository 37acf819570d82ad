// Every network of the zoo at a size that tests can afford.

#pragma once

#include <fmt/format.h>

#include <string>

#include "laconic/zoo.h"

namespace laconic {

/// The member's spec, narrowed where it has an option for that.
inline std::string narrow(const MemberInfo& row) {
  for (const auto& option : row.options) {
    if (option.key == "width" || option.key == "units")
      return fmt::format("{}:{}=4", row.name, option.key);
  }
  return std::string(row.name);
}

inline bool takes_sequences(const MemberInfo& row) {
  return row.name == "char_lstm";
}

/// Small images, or a short sequence, that the network takes.
inline Shape sample_of(const MemberInfo& row) {
  if (takes_sequences(row)) return {5, 9};
  const std::int64_t side = row.name == "alexnet" || row.name == "googlenet" ? 64 : 32;
  return {3, side, side};
}

}  // namespace laconic
