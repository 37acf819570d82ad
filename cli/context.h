// What all verbs share: the common options, where results and words go, exit statuses.

#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/human.h"
#include "laconic/existing.h"
#include "laconic/plan.h"
#include "laconic/progress.h"

namespace laconic::cli {

/// Exit statuses.
enum Status : int { done = 0, could_not = 1, usage = 2, bad_input = 3 };

using Json = nlohmann::ordered_json;

/// Options that verbs share, and what the chosen verb does.
struct Context {
  bool json = false;   ///< One JSON object on standard output instead of text.
  bool quiet = false;  ///< No words on standard error but errors.
  int verbose = 0;
  bool force = false;  ///< Overwrite the output.
  int threads = 0;
  std::uint64_t seed = 1;
  std::filesystem::path record;      ///< Where to keep the result; empty: nowhere.
  std::vector<std::string> command;  ///< The command line.
  int rank = 0;       ///< Of several processes the first, 0, alone speaks and writes,
  int processes = 1;  ///< of which there are so many.
  std::function<void()> run;

  [[nodiscard]] bool is_first() const noexcept { return rank == 0; }
};

/// Adds --json, --record, -q, -v, --threads.
void add_common(CLI::App& app, Context& context);

/// Adds -o/--output (required) and -f/--force.
void add_output(CLI::App& app, Context& context, std::filesystem::path& path);

/// Adds --seed.
void add_seed(CLI::App& app, Context& context);

/// Where a run keeps what it can be continued from.
struct CheckpointRequest {
  std::filesystem::path folder;
  bool resume = false;
};

/// Adds --checkpoint and --resume.
void add_checkpoint(CLI::App& app, CheckpointRequest& request);

/// What is to become of a checkpoint that is there. Throws Error(invalid_argument) if one is to be
/// continued but no folder is given.
[[nodiscard]] Existing existing(const Context& context, const CheckpointRequest& request);

/// Throws Error(cannot_write) if `path` exists and may not be overwritten, or if its folder is not
/// there: before hours of work, not after. Only where this process is to write it.
void check_output(const Context& context, const std::filesystem::path& path);

/// A progress bar with rate and time left on a terminal, plain lines now and then elsewhere,
/// nothing if quiet, or not the first process. All on standard error.
[[nodiscard]] ProgressSink progress_printer(const Context& context);

/// Throws Error(cannot_write) if a record is to be kept where none can be: before hours of work.
void check_record(const Context& context);

/// Prints `json` if asked for, or else `text`, on standard output; then adds `json` to the record,
/// if one is kept. The first process does.
void print_result(const Context& context, const Json& json, const std::string& text);

/// The plan in a file. Throws Error(invalid_argument) naming the line that is wrong.
[[nodiscard]] Plan read_plan(const std::filesystem::path& path);

/// One function per verb: adds its subcommand, which sets context.run.
void add_list(CLI::App& app, Context& context);
void add_train(CLI::App& app, Context& context);
void add_compress(CLI::App& app, Context& context);
void add_plan(CLI::App& app, Context& context);
void add_analyze(CLI::App& app, Context& context);
void add_eval(CLI::App& app, Context& context);
void add_inspect(CLI::App& app, Context& context);
void add_export(CLI::App& app, Context& context);
void add_report(CLI::App& app, Context& context);

}  // namespace laconic::cli
