// The options of verbs that look at widths: which there are, and what an error is worth.

#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <filesystem>
#include <string>

#include "laconic/analyze.h"

namespace laconic::cli {

struct WidthRequest {
  std::string choices = "kmeans", widths = "1..8", importance = "sensitivity";
  double temper = 0.5;
  std::int64_t samples = 256;
  std::filesystem::path table;
};

void add_widths(CLI::App& app, WidthRequest& request);

/// Throws Error(invalid_argument) for words and ranges that are none.
[[nodiscard]] DamageSource damage_source(const WidthRequest& request, std::uint64_t seed);

}  // namespace laconic::cli
