// What verbs that run a session share: its options, and the table of its layers.

#pragma once

#include <filesystem>
#include <string>

#include "context.h"
#include "laconic/layer_rounding.h"
#include "laconic/session.h"

namespace laconic::cli {

struct SessionChoice {
  std::string kernels = "fastest";
  std::int64_t samples_at_once = 0;
  std::vector<std::string> layer_kernels;  ///< "NODE=dense".
  std::filesystem::path choices;           ///< File that keeps what was measured; or none.
  std::vector<std::string> shapes;         ///< "NAME=1x3x32x32".
};

/// Adds --kernels, --at-once and --shape, and the options below.
void add_session_options(CLI::App& app, SessionChoice& choice);

/// Adds --layer-kernels and --choices; with `needs`, for those alone who give that option, too.
void add_layer_options(CLI::App& app, SessionChoice& choice, CLI::Option* needs = nullptr);

/// Throws Error(invalid_argument) for a layer's kernels or a shape that are not written as they
/// must be.
[[nodiscard]] SessionOptions read_options(const SessionChoice& choice);

/// Opens a .lac or .onnx file.
[[nodiscard]] Session open_session(const std::filesystem::path& model, const SessionChoice& choice);

/// Per layer: the kernel that runs it, what it costs, and what the others would.
[[nodiscard]] Json layers_json(const Session& session);
[[nodiscard]] std::string layers_table(const Session& session);

/// What became of --choices: null, or "", without.
[[nodiscard]] Json choices_json(const Session& session, const SessionChoice& choice);
[[nodiscard]] std::string choices_text(const Session& session, const SessionChoice& choice);

/// Says on standard error if what the file held did not count.
void tell_stale_choices(const Context& context, const Session& session,
                        const SessionChoice& choice);

/// Per layer: what rounding its activations changes of its outputs.
[[nodiscard]] Json rounding_json(std::span<const LayerRounding> layers);
[[nodiscard]] std::string rounding_table(std::span<const LayerRounding> layers);

/// The verbs.
void add_bench(CLI::App& app, Context& context);
void add_run(CLI::App& app, Context& context);

}  // namespace laconic::cli
