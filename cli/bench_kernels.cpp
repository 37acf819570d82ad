#include "bench_kernels.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <regex>
#include <set>

#include "kernel_cases.h"
#include "laconic/error.h"
#include "laconic/kernels.h"
#include "laconic/threads.h"

namespace laconic::cli {
namespace {

constexpr std::string_view roofs = "roof/";

struct Request {
  std::string filter;
  int repetitions = 5;
  double min_time = 0.02;
  bool list = false;
};

/// What the repetitions of one case found.
struct Measured {
  std::vector<double> microseconds;     ///< Ascending.
  std::map<std::string, double> rates;  ///< By counter, a second: the best.
};

class Collector : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context& /*context*/) override { return true; }

  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) {
      if (run.run_type != Run::RT_Iteration || run.iterations == 0) continue;
      const bool by_clock = !run.run_name.time_type.empty();
      const double seconds = by_clock ? run.real_accumulated_time : run.cpu_accumulated_time;
      found.microseconds.push_back(1e6 * seconds / static_cast<double>(run.iterations));
      for (const auto& [name, counter] : run.counters) {
        auto& best = found.rates[name];
        best = std::max(best, counter.value);
      }
    }
    std::ranges::sort(found.microseconds);
  }

  Measured found;
};

/// The cases asked for, with the roofs that bound them.
std::vector<KernelCase> chosen_cases(const Request& request, std::span<const int> threads) {
  auto cases = kernel_cases(threads);
  if (request.filter.empty()) return cases;
  std::regex filter;
  try {
    filter.assign(request.filter);
  } catch (const std::regex_error& error) {
    fail(ErrorCode::invalid_argument, "--filter \"{}\" is no regular expression: {}",
         request.filter, error.what());
  }
  std::set<std::string> wanted;
  for (const auto& one : cases) {
    if (std::regex_search(one.name, filter)) wanted.insert({one.name, one.roof});
  }
  std::erase_if(cases, [&](const auto& one) { return !wanted.contains(one.name); });
  if (cases.empty()) {
    fail(ErrorCode::invalid_argument, "no case matches \"{}\"; --list prints their names",
         request.filter);
  }
  return cases;
}

Measured measure(const KernelCase& one, const Request& request) {
  benchmark::ClearRegisteredBenchmarks();
  register_case(one)->Repetitions(request.repetitions)->MinTime(request.min_time);
  Collector collector;
  benchmark::RunSpecifiedBenchmarks(&collector, "all");
  return std::move(collector.found);
}

/// Of the roof that was measured in the same run; not a number where there is none.
double share_of_roof(const KernelCase& one, const std::map<std::string, Measured>& all) {
  const auto roof = all.find(one.roof);
  if (roof == all.end()) return std::numeric_limits<double>::quiet_NaN();
  return all.at(one.name).rates.at(one.bound) / roof->second.rates.at(one.bound);
}

Json to_json(const KernelCase& one, const std::map<std::string, Measured>& all) {
  const Measured& measured = all.at(one.name);
  const auto& times = measured.microseconds;
  Json json{{"name", one.name},
            {"threads", one.threads},
            {"microseconds", {{"least", times.front()}, {"median", times[times.size() / 2]}}}};
  for (const auto& [name, rate] : measured.rates) json[name + "_per_second"] = rate;
  if (!one.roof.empty()) {
    json["roof"] = one.roof;
    json["of_roof"] = share_of_roof(one, all);
  }
  return json;
}

std::string line(const KernelCase& one, const std::map<std::string, Measured>& all) {
  const Measured& measured = all.at(one.name);
  const auto& times = measured.microseconds;
  const auto* unit = one.figure == "weights" ? "G weights/s"
                     : one.figure == "ops"   ? "GOP/s"
                                             : "GB/s";
  const auto of_roof =
      one.roof.empty() ? std::string("-") : fmt::format("{:.0f} %", 100 * share_of_roof(one, all));
  return fmt::format("{:<44} {:>10.1f} {:>10.1f} {:>9.1f} {:<12} {:>7}", one.name, times.front(),
                     times[times.size() / 2], measured.rates.at(one.figure) / 1e9, unit, of_roof);
}

/// What was asked for, or one thread and all.
std::vector<int> numbers_of_threads(const Context& context) {
  if (context.threads > 0) return {context.threads};
  return threads() > 1 ? std::vector{1, threads()} : std::vector{1};
}

void list_cases(const Context& context, const std::vector<KernelCase>& cases) {
  Json names = Json::array();
  std::string text;
  for (const auto& one : cases) {
    names.push_back(one.name);
    text += (text.empty() ? "" : "\n") + one.name;
  }
  print_result(context, {{"cases", names}}, text);
}

void bench(const Context& context, const Request& request) {
  const auto cases = chosen_cases(request, numbers_of_threads(context));
  if (request.list) return list_cases(context, cases);
  const auto progress = progress_printer(context);
  std::map<std::string, Measured> all;
  for (const auto& one : cases) {
    throw_if_interrupted();
    if (progress) progress({"kernels", std::ssize(all), std::ssize(cases), one.name});
    all.emplace(one.name, measure(one, request));
  }
  Json rows = Json::array();
  std::string text =
      fmt::format("{}, best of {}\n{:<44} {:>10} {:>10} {:>22} {:>7}", name(active_isa()),
                  request.repetitions, "case", "us", "median us", "rate        ", "of roof");
  for (const auto& one : cases) {
    rows.push_back(to_json(one, all));
    text += "\n" + line(one, all);
  }
  print_result(context,
               {{"isa", name(active_isa())},
                {"repetitions", request.repetitions},
                {"min_time", request.min_time},
                {"cases", rows}},
               text);
}

}  // namespace

void add_bench_kernels(CLI::App& app, Context& context) {
  add_common(app, context);
  app.get_option("--threads")->description("Threads to measure on; 0: one, and one per processor");
  auto request = std::make_shared<Request>();
  app.add_option("--filter", request->filter,
                 "Cases to measure, a regular expression that their names are searched for: "
                 "'gemv/.*bits2', '^conv/'; the roofs that bound them are measured, too");
  app.add_option("--repetitions", request->repetitions,
                 "How often each is measured; the best counts")
      ->check(CLI::Range(1, 10000))
      ->capture_default_str();
  app.add_option("--min-time", request->min_time, "Seconds that each repetition takes at least")
      ->check(CLI::Range(0.0001, 3600.0))
      ->capture_default_str();
  app.add_flag("--list", request->list, "Print the names of the cases instead");
  app.callback(
      [&context, request] { context.run = [&context, request] { bench(context, *request); }; });
}

}  // namespace laconic::cli
