#include "context.h"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <memory>

#include "core/atomic_file.h"
#include "laconic/error.h"
#include "record.h"
#include "whole_number.h"

namespace laconic::cli {
namespace {

using Clock = std::chrono::steady_clock;

std::string duration(double seconds) {
  const auto whole = static_cast<std::int64_t>(seconds + 0.5);
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{}:{:02} min", whole / 60, whole % 60);
  return fmt::format("{}:{:02} h", whole / 3600, whole / 60 % 60);
}

/// Draws the bar over itself on a terminal; prints a line every few seconds elsewhere.
class Printer {
 public:
  Printer() : terminal_(::isatty(STDERR_FILENO) != 0) {}
  ~Printer() { clear(); }

  void operator()(const ProgressEvent& event) {
    const auto now = Clock::now();
    if (event.stage != stage_) {
      stage_ = event.stage;
      begun_ = now;
      first_done_ = event.done;
      printed_ = now - std::chrono::hours(1);
    }
    if (event.lasting) {
      clear();
      fmt::print(stderr, "{}: {}\n", event.stage, event.message);
      std::fflush(stderr);
      return;
    }
    const bool last = event.total > 0 && event.done >= event.total;
    const auto pause =
        terminal_ ? std::chrono::milliseconds(100) : std::chrono::milliseconds(10000);
    if (now - printed_ < pause && !(terminal_ && last)) return;
    if (!terminal_ && now - begun_ < pause) return;  // Short stages need no line in a log.
    printed_ = now;
    const std::string text = line(event, std::chrono::duration<double>(now - begun_).count());
    if (terminal_) {
      fmt::print(stderr, "\r\x1b[K{}", text);
      drawn_ = true;
    } else {
      fmt::print(stderr, "{}\n", text);
    }
    std::fflush(stderr);
  }

 private:
  [[nodiscard]] std::string line(const ProgressEvent& event, double seconds) const {
    std::string text = fmt::format("{:<12}", event.stage);
    const auto fresh = event.done - first_done_;
    const double rate = seconds > 0 ? static_cast<double>(fresh) / seconds : 0;
    if (event.total > 0) {
      const double share = static_cast<double>(event.done) / static_cast<double>(event.total);
      if (terminal_) {
        const auto filled = static_cast<std::size_t>(share * 24);
        text += fmt::format("[{:<24}] ", std::string(std::min<std::size_t>(filled, 24), '#'));
      }
      text += fmt::format("{:3.0f} %", 100 * share);
      if (rate > 0) {
        text += fmt::format("  {:.1f}/s  {} left", rate,
                            duration(static_cast<double>(event.total - event.done) / rate));
      }
    } else if (event.done > 0) {
      text += fmt::format("{}", event.done);
    }
    if (!event.message.empty()) text += "  " + event.message;
    return text;
  }

  void clear() {
    if (!drawn_) return;
    fmt::print(stderr, "\r\x1b[K");
    std::fflush(stderr);
    drawn_ = false;
  }

  bool terminal_;
  bool drawn_ = false;
  std::string stage_;
  std::int64_t first_done_ = 0;
  Clock::time_point begun_{}, printed_{};
};

}  // namespace

void add_common(CLI::App& app, Context& context) {
  app.add_flag("--json", context.json, "Print one JSON object on standard output");
  app.add_option("--record", context.record,
                 "File (.jsonl) to add the result to, with the command line: laconic report shows "
                 "it");
  app.add_flag("-q,--quiet", context.quiet, "Say nothing but errors on standard error");
  app.add_flag("-v,--verbose", context.verbose, "Say more on standard error");
  app.add_option("--threads", context.threads,
                 "Threads to use; 0: one per processor. Never changes results")
      ->check(CLI::Range(0, 4096))
      ->capture_default_str();
}

void add_output(CLI::App& app, Context& context, std::filesystem::path& path) {
  app.add_option("-o,--output", path, "File to write")->required();
  app.add_flag("-f,--force", context.force, "Overwrite the output if it exists");
}

void add_seed(CLI::App& app, Context& context) {
  app.add_option("--seed", context.seed, "Seed of all random choices: equal seed, equal bytes")
      ->check(WholeNumber(0))
      ->capture_default_str();
}

void add_checkpoint(CLI::App& app, CheckpointRequest& request) {
  app.add_option("--checkpoint", request.folder, "Folder to keep the run's state in");
  app.add_flag("--resume", request.resume, "Go on from the state in that folder, if there is one");
}

Existing existing(const Context& context, const CheckpointRequest& request) {
  if (request.resume && request.folder.empty()) {
    fail(ErrorCode::invalid_argument,
         "--resume needs --checkpoint, the folder of the run to go on with");
  }
  if (request.resume) return Existing::resume;
  return context.force ? Existing::replace : Existing::refuse;
}

void check_output(const Context& context, const std::filesystem::path& path) {
  if (!context.is_first()) return;
  std::error_code ignored;
  if (!context.force && std::filesystem::exists(path, ignored)) {
    fail(ErrorCode::cannot_write, "\"{}\" exists; -f overwrites it", path.string());
  }
  if (path.has_parent_path() && !std::filesystem::is_directory(path.parent_path(), ignored)) {
    fail(ErrorCode::cannot_write, "cannot write \"{}\": there is no folder \"{}\"", path.string(),
         path.parent_path().string());
  }
  // Known before the work is done, not after.
  AtomicFile(path).write(std::as_bytes(std::span("try")));
}

ProgressSink progress_printer(const Context& context) {
  if (context.quiet || !context.is_first()) return {};
  return [printer = std::make_shared<Printer>()](const ProgressEvent& event) { (*printer)(event); };
}

void print_result(const Context& context, const Json& json, const std::string& text) {
  if (!context.is_first()) return;
  fmt::print("{}\n", context.json ? dump(json, 2) : text);
  std::fflush(stdout);
  if (!context.record.empty()) add_to_record(context, json);
}

Plan read_plan(const std::filesystem::path& path) {
  const auto bytes = read_file(path);
  return parse_plan({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

}  // namespace laconic::cli
