#include <fmt/format.h>

#include "context.h"
#include "laconic/error.h"
#include "laconic/model.h"
#include "laconic/onnx.h"

namespace laconic::cli {
namespace {

struct Request {
  std::filesystem::path input, output;
  std::string form = "dequantize";
};

void export_model(const Context& context, const Request& request) {
  check_output(context, request.output);
  std::error_code ignored;
  if (std::filesystem::equivalent(request.input, request.output, ignored)) {
    fail(ErrorCode::invalid_argument, "\"{}\" is the file to be exported; -o names another",
         request.output.string());
  }
  const auto network = load(request.input);
  std::map<std::string, Tensor, std::less<>> tensors;
  for (const auto& [name, parameter] : network.tensors) tensors.emplace(name, parameter.tensor);
  write_onnx(network.graph, request.output, tensors,
             request.form == "dense" ? QuantizedForm::dense : QuantizedForm::dequantize);
  const auto bytes = std::filesystem::file_size(request.output);
  print_result(
      context, {{"file", request.output.string()}, {"bytes", bytes}},
      fmt::format("{}: {}", request.output.string(), human_bytes(static_cast<double>(bytes))));
}

}  // namespace

void add_export(CLI::App& app, Context& context) {
  add_common(app, context);
  auto request = std::make_shared<Request>();
  app.add_option("file", request->input, "A .lac file")->required();
  add_output(app, context, request->output);
  app.add_option("--form", request->form,
                 "dense: float weights, for every runtime; dequantize: DequantizeLinear where "
                 "levels are evenly spaced, "
                 "Gather from the codebook where they are not")
      ->check(CLI::IsMember({"dense", "dequantize"}))
      ->capture_default_str();
  app.callback([&context, request] {
    context.run = [&context, request] { export_model(context, *request); };
  });
}

}  // namespace laconic::cli
