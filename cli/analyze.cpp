#include "laconic/analyze.h"

#include <fmt/format.h>

#include <algorithm>

#include "context.h"
#include "detection.h"
#include "laconic/onnx.h"
#include "whole_number.h"
#include "widths.h"

namespace laconic::cli {
namespace {

struct Request {
  std::filesystem::path input;
  std::string data;
  std::int64_t limit = 1000;
  WidthRequest widths;
};

Json to_json(const Analysis& analysis, const Request& request, const Dataset& data,
             std::uint64_t seed) {
  Json json = {{"file", request.input.string()},
               {"data", data.spec()},
               {"seed", seed},
               {"accuracy", analysis.before.accuracy},
               {"loss", analysis.before.loss},
               {"samples", analysis.before.samples}};
  for (const auto& layer : analysis.layers) {
    Json widths = Json::array();
    for (const auto& width : layer.widths) {
      widths.push_back({{"quantizer", width.what},
                        {"bits_per_weight", width.bits},
                        {"damage", width.damage},
                        {"loss_rise", width.loss_rise},
                        {"accuracy_drop", width.accuracy_drop}});
    }
    json["layers"].push_back(
        {{"tensor", layer.tensor}, {"weights", layer.weights}, {"widths", widths}});
  }
  for (const auto l : analysis.most_sensitive) {
    json["most_sensitive"].push_back(analysis.layers[l].tensor);
  }
  return json;
}

/// One row per layer, one column per width, of one figure.
std::string table_of(const Analysis& analysis, std::string_view title,
                     double WidthEffect::*figure) {
  std::size_t width = title.size();
  for (const auto& layer : analysis.layers) width = std::max(width, layer.tensor.size());
  std::string text = fmt::format("{:<{}}  {:>10}", title, width, "weights");
  for (const auto& effect : analysis.layers[0].widths) {
    text += fmt::format("  {:>9}", effect.what.substr(effect.what.find('=') + 1));
  }
  text += '\n';
  for (const auto& layer : analysis.layers) {
    text += fmt::format("{:<{}}  {:>10}", layer.tensor, width, grouped(layer.weights));
    for (const auto& effect : layer.widths) text += fmt::format("  {:>9.3g}", effect.*figure);
    text += '\n';
  }
  return text + '\n';
}

std::string advice(const Analysis& analysis) {
  constexpr std::size_t most = 3;
  std::string text = "protect first: ";
  for (std::size_t i = 0; i < std::min(most, analysis.most_sensitive.size()); ++i) {
    const auto& layer = analysis.layers[analysis.most_sensitive[i]];
    text += fmt::format("{}{} (loss +{:.3g} at {:.2g} bits)", i > 0 ? ", " : "", layer.tensor,
                        layer.widths[0].loss_rise, layer.widths[0].bits);
  }
  return text;
}

void analyze_model(const Context& context, const Request& request) {
  const auto source = damage_source(request.widths, context.seed);
  const Graph graph = read_onnx(request.input);
  const auto data = open_data(context, request.data);
  const auto analysis = analyze(graph, *data, source, request.limit, progress_printer(context));
  const bool uniform = source.widths.kind == ChoiceKind::uniform;
  std::string text = fmt::format(
      "{}: {} {:.2f} %, loss {:.4f}, on {} samples; each tensor quantized alone, by {}\n\n",
      request.input.string(), figure_name(*data), 100 * analysis.before.accuracy,
      analysis.before.loss, grouped(analysis.before.samples), uniform ? "bits" : "levels");
  text += table_of(analysis, "rise of loss", &WidthEffect::loss_rise);
  text += table_of(analysis, fmt::format("points of {} lost", figure_name(*data)),
                   &WidthEffect::accuracy_drop);
  text += table_of(analysis, "predicted damage", &WidthEffect::damage);
  text += advice(analysis);
  print_result(context, to_json(analysis, request, *data, context.seed), text);
}

}  // namespace

void add_analyze(CLI::App& app, Context& context) {
  add_common(app, context);
  auto request = std::make_shared<Request>();
  app.add_option("model", request->input, "An .onnx file")->required();
  app.add_option("--data", request->data, "Data set: see laconic list data")->required();
  app.add_option("--limit", request->limit, "Validation samples for each measurement; 0: all")
      ->check(WholeNumber(0))
      ->capture_default_str();
  add_widths(app, request->widths);
  add_seed(app, context);
  app.callback([&context, request] {
    context.run = [&context, request] { analyze_model(context, *request); };
  });
}

}  // namespace laconic::cli
