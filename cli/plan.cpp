#include <fmt/format.h>

#include <span>

#include "context.h"
#include "core/atomic_file.h"
#include "laconic/analyze.h"
#include "laconic/error.h"
#include "laconic/onnx.h"
#include "whole_number.h"
#include "widths.h"

namespace laconic::cli {
namespace {

struct Request {
  std::filesystem::path input, output;
  std::string data, allocator = "knapsack";
  WeightBudget budget;
  WidthRequest widths;
  std::string quality = "accuracy";
  std::int64_t limit = 500;
  std::filesystem::path memory;
};

/// By damages that add up; by accuracy where an agent has data to measure it on.
Allocation allocate(const Context& context, const Request& request, const Graph& graph,
                    const Dataset* data, std::span<const TensorChoices> table, double budget) {
  const auto spec = make_any_allocator(request.allocator)->spec();
  if (data == nullptr || spec_name(spec) != "policy_gradient") {
    return make_any_allocator(spec)->allocate(table, budget);
  }
  const Network network(graph);
  const auto kind = parse_choice_kind(request.widths.choices);
  const auto report =
      search_by_policy(spec, table, budget,
                       quality_of_plans(network, *data, table, kind,
                                        {.measure = parse_plan_measure(request.quality),
                                         .samples = request.limit,
                                         .memory = request.memory}),
                       describe_layers(graph, table), progress_printer(context));
  if (!context.quiet) {
    fmt::print(stderr, "plan: reward {:.5g} after {} plans tried in {} episodes{}\n", report.reward,
               report.evaluations, report.episodes,
               report.stayed ? "; none beat those of the first step" : "");
  }
  return report.best;
}

/// What the plan does to accuracy before anything is trained or compensated; nothing where there is
/// no validation part to see it on.
std::string measure(const Request& request, const Graph& graph, const Dataset* data,
                    std::span<const TensorChoices> table, const Allocation& allocation,
                    Json& json) {
  if (data == nullptr || data->size(Part::validation) == 0) return {};
  const Network network(graph);
  const auto kind = parse_choice_kind(request.widths.choices);
  const auto before = evaluate(network, *data, Part::validation, {.limit = request.limit});
  const double after =
      quality_of_plans(network, *data, table, kind, {.samples = request.limit})(allocation.picks);
  json["validation"] = {{"before", before.accuracy}, {"after", after}, {"samples", before.samples}};
  return fmt::format("; untrained, accuracy {:.2f} % of {:.2f} % on {} validation samples",
                     100 * after, 100 * before.accuracy, grouped(before.samples));
}

void plan(const Context& context, const Request& request) {
  const auto spec = make_any_allocator(request.allocator)->spec();
  const auto source = damage_source(request.widths, context.seed);
  (void)parse_plan_measure(request.quality);
  check_output(context, request.output);
  const Graph graph = read_onnx(request.input);
  const auto data = request.data.empty() ? nullptr : make_dataset(request.data);
  const auto table = damage_table(graph, data.get(), source, progress_printer(context));
  const auto weights = weight_count(graph);
  const auto allocation = allocate(context, request, graph, data.get(), table,
                                   budget_bits(request.budget, table, weights));
  const double bits = allocation.bits / static_cast<double>(weights);

  std::string text = fmt::format("# {}: {:.4f} bits a weight, {}\n",
                                 request.input.filename().string(), bits, spec);
  text += print_plan(plan_of(table, allocation));
  write_file(request.output, std::as_bytes(std::span(text)));

  Json json = {{"plan", request.output.string()},
               {"model", request.input.string()},
               {"seed", context.seed},
               {"allocator", spec},
               {"weights", weights},
               {"bits", allocation.bits},
               {"bits_per_weight", bits},
               {"damage", allocation.damage},
               {"bound", allocation.bound},
               {"optimal", allocation.optimal()}};
  if (data != nullptr) json["data"] = data->spec();
  for (std::size_t t = 0; t < table.size(); ++t) {
    const auto& choice = table[t].choices[allocation.picks[t]];
    json["tensors"].push_back({{"tensor", table[t].tensor},
                               {"quantizer", choice.what},
                               {"bits", choice.bits},
                               {"damage", choice.damage}});
  }
  const auto measured = measure(request, graph, data.get(), table, allocation, json);
  print_result(
      context, json,
      fmt::format("{}: {} tensors, {:.3f} bits a weight, {:.2f}x smaller; damage {:.4g}{}{}",
                  request.output.string(), table.size(), bits, 32 / bits, allocation.damage,
                  allocation.optimal()
                      ? ", the least within the budget"
                      : fmt::format(", at least {:.4g} for any plan", allocation.bound),
                  measured));
}

}  // namespace

void add_plan(CLI::App& app, Context& context) {
  add_common(app, context);
  auto request = std::make_shared<Request>();
  app.add_option("model", request->input, "An .onnx file")->required();
  add_output(app, context, request->output);
  app.add_option("--data", request->data,
                 "Data set that damage is measured on; without it every weight counts alike");
  app.add_option("--allocator", request->allocator, "Spec: see laconic list allocators")
      ->capture_default_str();
  auto* bits = app.add_option("--budget", request->budget.bits,
                              "Bits per weight on average, codebooks included");
  app.add_option("--ratio", request->budget.ratio, "32-bit weights against quantized ones")
      ->excludes(bits);
  app.add_option("--quality", request->quality,
                 "What policy_gradient is rewarded for: accuracy, or likelihood, exp(-loss), which "
                 "tells plans apart that get the same samples right")
      ->capture_default_str();
  app.add_option("--limit", request->limit, "Validation samples that plans are measured on; 0: all")
      ->check(WholeNumber(0))
      ->capture_default_str();
  app.add_option("--memory", request->memory,
                 "File that policy_gradient keeps its measurements in: the same command goes on "
                 "where one was broken off");
  add_widths(app, request->widths);
  add_seed(app, context);
  app.callback(
      [&context, request] { context.run = [&context, request] { plan(context, *request); }; });
}

}  // namespace laconic::cli
