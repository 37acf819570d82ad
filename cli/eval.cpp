#include <fmt/format.h>

#include "context.h"
#include "laconic/evaluate.h"
#include "laconic/model.h"
#include "laconic/onnx.h"

namespace laconic::cli {
namespace {

struct Request {
  std::filesystem::path input;
  std::string data, part = "test";
  std::int64_t limit = 0;
};

void eval(const Context& context, const Request& request) {
  const auto graph =
      is_compressed_file(request.input) ? to_graph(load(request.input)) : read_onnx(request.input);
  const auto data = make_dataset(request.data);
  check_fits(graph, *data);
  const Part part = request.part == "test"         ? Part::test
                    : request.part == "validation" ? Part::validation
                                                   : Part::train;
  const auto score =
      evaluate(Network(graph), *data, part, {.limit = request.limit}, progress_printer(context));
  print_result(context,
               {{"file", request.input.string()},
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
  app.add_option("--limit", request->limit, "Only so many samples; 0: all")
      ->check(CLI::NonNegativeNumber);
  app.callback(
      [&context, request] { context.run = [&context, request] { eval(context, *request); }; });
}

}  // namespace laconic::cli
