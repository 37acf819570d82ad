// The options that choose a method and its plan: of the verbs that train.

#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <string>

#include "laconic/methods.h"

namespace laconic::cli {

struct MethodRequest {
  std::string method;  ///< Spec; empty: none was asked for.
  std::string quantizer = "scaled", granularity = "tensor";
  std::filesystem::path plan;  ///< In place of the two.
};

/// Adds --method, --plan, --quantizer and --granularity.
void add_method_options(CLI::App& app, MethodRequest& request);

/// The plan that was asked for: the file's, or one for all weights of the graph.
[[nodiscard]] Plan requested_plan(const MethodRequest& request, const Graph& graph);

}  // namespace laconic::cli
