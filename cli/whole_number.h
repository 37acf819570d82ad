// Whole numbers on the command line: the parser of options itself wraps what is negative or too
// large around.

#pragma once

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdint>
#include <limits>
#include <string>

namespace laconic::cli {

class WholeNumber : public CLI::Validator {
 public:
  explicit WholeNumber(std::int64_t least,
                       std::int64_t most = std::numeric_limits<std::int64_t>::max())
      : Validator(fmt::format("{}..{}", least, most)) {
    func_ = [least, most](const std::string& text) -> std::string {
      std::int64_t value = 0;
      const auto* end = text.data() + text.size();
      const auto [at, error] = std::from_chars(text.data(), end, value);
      if (error == std::errc{} && at == end && value >= least && value <= most) return {};
      return fmt::format("\"{}\" is no whole number from {} to {}", text, least, most);
    };
  }
};

}  // namespace laconic::cli
