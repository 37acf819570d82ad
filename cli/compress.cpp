#include "laconic/compress.h"

#include <fmt/format.h>

#include <fstream>
#include <iterator>

#include "context.h"
#include "detection.h"
#include "laconic/error.h"
#include "laconic/onnx.h"
#include "together.h"
#include "whole_number.h"

namespace laconic::cli {
namespace {

struct Request {
  std::filesystem::path input, output, plan;
  std::string data;
  std::optional<double> max_drop, ratio;
  std::optional<std::uint64_t> size;
  bool no_training = false, no_compensation = false, no_recalibration = false, no_teacher = false;
  CheckpointRequest checkpoint;
  CompressOptions options;
};

Json to_json(const CompressResult& result, const Request& request, const SizeReport& sizes,
             const Dataset& data) {
  Json json = {{"file", request.output.string()},
               {"model", request.input.string()},
               {"data", data.spec()},
               {"bytes", sizes.total},
               {"ratio", result.ratio},
               {"validation",
                {{"before", result.before.accuracy},
                 {"after", result.after.accuracy},
                 {"samples", result.after.samples}}},
               {"seed", request.options.seed}};
  json["trials"] = Json::array();
  for (const auto& trial : result.trials) {
    json["trials"].push_back({{"choice", trial.choice},
                              {"bytes", trial.bytes},
                              {"ratio", trial.ratio},
                              {"drop", trial.drop},
                              {"margin", trial.margin},
                              {"fits", trial.fits}});
  }
  return json;
}

void compress_model(const Context& context, Request request) {
  auto& options = request.options;
  options.budget = {request.max_drop, request.ratio, request.size};
  options.seed = context.seed;
  if (request.no_training) options.epochs = 0;
  options.compensate = !request.no_compensation;
  options.recalibrate = !request.no_recalibration;
  options.teach = !request.no_teacher;
  options.checkpoint = request.checkpoint.folder;
  options.existing = existing(context, request.checkpoint);
  if (!request.max_drop && !request.ratio && !request.size) {
    fail(ErrorCode::invalid_argument,
         "a budget is needed: --max-drop POINTS, --ratio R or --size BYTES");
  }
  if (!request.plan.empty()) options.plan = read_plan(request.plan);
  check(options);
  check_output(context, request.output);
  const Graph graph = read_onnx(request.input);
  const auto data = open_data(context, request.data);
  const auto result = compress(graph, *data, options, progress_printer(context));
  if (!context.is_first()) return;
  const auto sizes = save(result.network, request.output);
  print_result(
      context, to_json(result, request, sizes, *data),
      fmt::format("{}: {}, {:.2f}x smaller; {} {:.2f} % of {:.2f} % on {} "
                  "validation samples (seed {})",
                  request.output.string(), human_bytes(static_cast<double>(sizes.total)),
                  result.ratio, figure_name(*data), 100 * result.after.accuracy,
                  100 * result.before.accuracy, grouped(result.after.samples), options.seed));
}

}  // namespace

void add_compress(CLI::App& app, Context& context) {
  add_common(app, context);
  auto request = std::make_shared<Request>();
  auto& options = request->options;
  app.add_option("model", request->input, "An .onnx file")->required();
  add_output(app, context, request->output);
  app.add_option("--data", request->data, "Data set: see laconic list data")->required();
  app.add_option(
      "--max-drop", request->max_drop,
      "Budget: points of accuracy that may be lost, e.g. 0.5; the smallest file within is sought");
  app.add_option("--ratio", request->ratio,
                 "Budget: times smaller than the parameters as 32-bit floats");
  app.add_option("--size", request->size, "Budget: bytes of the whole file")->check(WholeNumber(1));
  auto* no_training =
      app.add_flag("--no-training", request->no_training,
                   "No step of an optimizer; recalibration and error compensation only");
  app.add_option("--epochs", options.epochs,
                 "At most so many passes over the training part, all stages together")
      ->check(WholeNumber(0, 1'000'000))
      ->excludes(no_training)
      ->capture_default_str();
  app.add_option("--samples", options.samples, "Training samples for curvature and recalibration")
      ->check(WholeNumber(1))
      ->capture_default_str();
  app.add_flag("--no-compensation", request->no_compensation,
               "Each weight is rounded by itself; others do not make up for its error");
  app.add_flag("--no-recalibration", request->no_recalibration,
               "Scales and biases stay as the float network has them");
  app.add_flag("--no-teacher", request->no_teacher,
               "Training learns labels, not what the float network answers to mixtures of samples");
  app.add_option("--plan", request->plan,
                 "File that decides for the tensors that it names: see laconic plan");
  app.add_option("--method", options.method,
                 "Spec: see laconic list methods; makes one file, which the budget accepts or not")
      ->capture_default_str();
  app.add_option("--importance", options.importance, "Spec: see laconic list estimators")
      ->capture_default_str();
  app.add_option("--temper", options.temper, "Power of importance in the steps of tensors, 0 to 1")
      ->capture_default_str();
  app.add_option("--allocator", options.allocator,
                 "Spec: see laconic list allocators; shares out the bits that the search allows")
      ->capture_default_str();
  app.add_option("--quantizer", options.quantizer,
                 "Spec: see laconic list quantizers; a bare name leaves its levels to the search")
      ->capture_default_str();
  app.add_option("--granularity", options.granularity, "joint, tensor, channel or group:SIZE")
      ->capture_default_str();
  app.add_option("--coder", options.coder, "Spec: see laconic list coders")->capture_default_str();
  add_checkpoint(app, request->checkpoint);
  add_seed(app, context);
  app.footer(together_footer);
  app.callback([&context, request] {
    context.run = together(context, [&context, request] { compress_model(context, *request); });
  });
}

}  // namespace laconic::cli
