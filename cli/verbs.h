// The table of verbs.

#pragma once

#include <CLI/CLI.hpp>
#include <span>
#include <string_view>

namespace laconic::cli {

struct Context;

struct Verb {
  std::string_view name;
  std::string_view summary;
  void (*add)(CLI::App&, Context&);  ///< Adds the verb's options; its callback sets context.run.
};

[[nodiscard]] std::span<const Verb> verbs() noexcept;

}  // namespace laconic::cli
