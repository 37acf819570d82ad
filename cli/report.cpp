#include <fmt/format.h>

#include "context.h"
#include "core/atomic_file.h"
#include "laconic/error.h"
#include "report/collect.h"
#include "report/markup.h"
#include "report/page.h"

namespace laconic::cli {
namespace {

struct Request {
  std::vector<std::filesystem::path> paths;
  std::filesystem::path output;
};

bool is_empty(const Findings& findings) {
  return findings.records == 0 && findings.files.empty() && findings.tables.empty() &&
         findings.skipped.empty();
}

std::string names_of(const std::vector<std::filesystem::path>& paths) {
  std::string out;
  for (const auto& path : paths) out += (out.empty() ? "" : ", ") + path.string();
  return out;
}

/// The first few, for who reads no page.
void tell_skipped(const Context& context, const Findings& findings) {
  constexpr std::size_t most = 5;
  if (context.quiet) return;
  for (std::size_t i = 0; i < std::min(findings.skipped.size(), most); ++i) {
    fmt::print(stderr, "laconic: skipped {}: {}\n", findings.skipped[i].path,
               findings.skipped[i].reason);
  }
  if (findings.skipped.size() > most) {
    fmt::print(
        stderr, "laconic: skipped {} more: the report tells\n",
        grouped(static_cast<std::int64_t>(findings.skipped.size() - most) + findings.not_listed));
  }
}

void report(const Context& context, const Request& request) {
  check_output(context, request.output);
  const auto findings = collect(request.paths);
  if (is_empty(findings)) {
    fail(ErrorCode::invalid_data,
         "{} holds nothing to report: no .lac file, no record (.jsonl of --record, .json of "
         "--json), no table of results (.csv)",
         names_of(request.paths));
  }
  const auto page =
      make_page(findings, {names_of(request.paths), shell_line(context.command), LACONIC_VERSION});
  write_file(request.output, std::as_bytes(std::span(page)));
  tell_skipped(context, findings);
  const auto skipped = static_cast<std::int64_t>(findings.skipped.size()) + findings.not_listed;
  print_result(
      context,
      {{"output", request.output.string()},
       {"bytes", page.size()},
       {"files", findings.files.size()},
       {"records", findings.records},
       {"tables", findings.tables.size()},
       {"skipped", skipped}},
      fmt::format("{}: {}; {} compressed files, {} records, {} tables of results; {} "
                  "skipped",
                  request.output.string(), human_bytes(static_cast<double>(page.size())),
                  findings.files.size(), findings.records, findings.tables.size(), skipped));
}

}  // namespace

void add_report(CLI::App& app, Context& context) {
  add_common(app, context);
  auto request = std::make_shared<Request>();
  app.add_option("paths", request->paths,
                 "Folders, or files: .lac files, records (.jsonl, .json), results (.csv)")
      ->required();
  add_output(app, context, request->output);
  app.footer("Verbs leave records with --record FILE.jsonl; see docs/report.md.");
  app.callback(
      [&context, request] { context.run = [&context, request] { report(context, *request); }; });
}

}  // namespace laconic::cli
