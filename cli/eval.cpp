#include <fmt/format.h>

#include "context.h"
#include "core/atomic_file.h"
#include "detection.h"
#include "laconic/error.h"
#include "laconic/evaluate.h"
#include "laconic/model.h"
#include "laconic/onnx.h"
#include "laconic/precision_curves.h"
#include "session_options.h"
#include "together.h"
#include "whole_number.h"

namespace laconic::cli {
namespace {

SessionChoice no_kernels() {
  SessionChoice choice;
  choice.kernels.clear();
  return choice;
}

struct Request {
  std::filesystem::path input, curves;
  std::string data, part = "test";
  std::int64_t limit = 0;
  SessionChoice choice = no_kernels();  ///< LibTorch.
};

Part part_of(const Request& request) {
  return request.part == "test"         ? Part::test
         : request.part == "validation" ? Part::validation
                                        : Part::train;
}

/// On LibTorch, or on the kernels that were asked for.
DetectionEvaluation judge(const Context& context, const Request& request, const Graph& graph,
                          const DetectionDataset& data) {
  const auto progress = progress_printer(context);
  if (request.choice.kernels.empty()) {
    return evaluate_detections(Network(graph), data, part_of(request), {.limit = request.limit},
                               progress);
  }
  check_detector_fits(graph, data);
  Session session = open_session(request.input, request.choice);
  auto found = evaluate_detections(session, detector_form(graph), data, part_of(request),
                                   request.limit, progress);
  tell_stale_choices(context, session, request.choice);
  return found;
}

std::string in_words(const SkippedAnnotations& skipped) {
  if (skipped.images() + skipped.boxes() == 0) return "";
  return fmt::format(" (of its list, {} images and {} boxes were skipped)", skipped.images(),
                     skipped.boxes());
}

void eval_detector(const Context& context, const Request& request, const Graph& graph,
                   const DetectionDataset& data) {
  if (!request.curves.empty()) check_output(context, request.curves);
  const auto found = judge(context, request, graph, data);
  if (!request.curves.empty() && context.is_first()) {
    const auto picture = draw_precision_curves(found.images, data.class_names());
    write_file(request.curves, std::as_bytes(std::span(picture)));
  }
  const auto& skipped = data.skipped(part_of(request));
  Json json{{"file", request.input.string()},
            {"bytes", std::filesystem::file_size(request.input)},
            {"data", data.spec()},
            {"part", request.part},
            {"kernels", request.choice.kernels.empty() ? "libtorch" : request.choice.kernels},
            {"samples", found.images.size()},
            {"skipped_images", skipped.images()},
            {"skipped_boxes", skipped.boxes()}};
  json.update(to_json(found.score, data));
  if (request.choice.kernels.empty()) json["loss"] = found.loss;
  print_result(context, json,
               fmt::format("{}: {} samples of the {} part{}: {}", request.input.string(),
                           found.images.size(), request.part, in_words(skipped),
                           describe(found.score, data)));
}

void eval(const Context& context, const Request& request) {
  const auto graph =
      is_compressed_file(request.input) ? to_graph(load(request.input)) : read_onnx(request.input);
  const auto data = open_data(context, request.data);
  if (const auto* detection = as_detection(*data))
    return eval_detector(context, request, graph, *detection);
  if (!request.choice.kernels.empty() || !request.curves.empty()) {
    fail(ErrorCode::invalid_argument, "--kernels and --curves are for data of object detection");
  }
  check_fits(graph, *data);
  const auto score = evaluate(Network(graph), *data, part_of(request), {.limit = request.limit},
                              progress_printer(context));
  print_result(context,
               {{"file", request.input.string()},
                {"bytes", std::filesystem::file_size(request.input)},
                {"data", data->spec()},
                {"part", request.part},
                {"accuracy", score.accuracy},
                {"loss", score.loss},
                {"samples", score.samples}},
               fmt::format("{}: accuracy {:.2f} %, loss {:.4f}, on {} samples of the {} part",
                           request.input.string(), 100 * score.accuracy, score.loss,
                           grouped(score.samples), request.part));
}

}  // namespace

void add_eval(CLI::App& app, Context& context) {
  add_common(app, context);
  auto request = std::make_shared<Request>();
  app.add_option("model", request->input, "A .lac or .onnx file")->required();
  app.add_option("--data", request->data, "Data set: see laconic list data")->required();
  app.add_option("--part", request->part, "Which part to read")
      ->check(CLI::IsMember({"test", "validation", "train"}))
      ->capture_default_str();
  app.add_option("--limit", request->limit, "Only so many samples; 0: all")->check(WholeNumber(0));
  auto* kernels =
      app.add_option("--kernels", request->choice.kernels,
                     "Detectors: run as laconic run does, on these kernels; LibTorch otherwise")
          ->check(CLI::IsMember({"fastest", "int8", "packed", "dense"}));
  add_layer_options(app, request->choice, kernels);
  app.add_option("--curves", request->curves,
                 "Detectors: an SVG file to draw precision against recall in");
  app.add_flag("-f,--force", context.force, "Overwrite a file that exists");
  app.footer(together_footer);
  app.callback([&context, request] {
    context.run = together(context, [&context, request] { eval(context, *request); });
  });
}

}  // namespace laconic::cli
