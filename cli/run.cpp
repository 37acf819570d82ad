#include <fmt/format.h>

#include <chrono>
#include <cstring>

#include "context.h"
#include "core/npy.h"
#include "laconic/error.h"
#include "laconic/model.h"
#include "run_image.h"
#include "session_options.h"

namespace laconic::cli {
namespace {

struct Request {
  std::filesystem::path model;
  std::vector<std::string> inputs, outputs;
  SessionChoice choice;
  bool explain = false, rounding = false;
  std::filesystem::path image, drawing;
  double least_score = usual_least_score;
};

/// "NAME=FILE", or "FILE" where there is only one value it can be.
std::pair<std::size_t, std::filesystem::path> resolve(const std::string& text,
                                                      std::span<const ValueInfo> values,
                                                      std::string_view what) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::string start = values[i].name + "=";
    if (text.starts_with(start)) return {i, text.substr(start.size())};
  }
  if (values.size() == 1 && text.find('=') == std::string::npos) return {0, text};
  std::string names;
  for (const auto& value : values) names += (names.empty() ? "" : ", ") + value.name;
  fail(ErrorCode::invalid_argument, "{} \"{}\" is not NAME=FILE with a name of: {}", what, text,
       names);
}

/// The array in the element type that the network wants, exactly.
Constant read_input(const std::filesystem::path& path, const ValueInfo& info) {
  const NpyArray array = read_npy(path);
  const auto count = static_cast<std::size_t>(array.count());
  std::vector<std::byte> bytes(count * element_bytes(info.type));
  const auto fill = [&]<typename T>(T) {
    for (std::size_t i = 0; i < count; ++i) {
      const double number = array.at(static_cast<std::int64_t>(i));
      const T value = static_cast<T>(number);
      if (!std::is_same_v<T, float> && static_cast<double>(value) != number) {
        fail(ErrorCode::invalid_data, "\"{}\" has {}, which is no {} for input \"{}\"",
             path.string(), number, name(info.type), info.name);
      }
      std::memcpy(bytes.data() + i * sizeof(T), &value, sizeof(T));
    }
  };
  switch (info.type) {
    case ElementType::float32:
      fill(0.0F);
      break;
    case ElementType::int64:
      fill(std::int64_t{0});
      break;
    case ElementType::int32:
      fill(std::int32_t{0});
      break;
    case ElementType::uint8:
    case ElementType::boolean:
      fill(std::uint8_t{0});
      break;
    default:
      fail(ErrorCode::invalid_data, "input \"{}\" is {}, which .npy files are not read as",
           info.name, name(info.type));
  }
  return {info.type, array.shape, std::move(bytes)};
}

std::vector<Constant> read_inputs(const Request& request, std::span<const ValueInfo> infos) {
  std::vector<Constant> values(infos.size());
  std::vector<bool> given(infos.size());
  for (const auto& text : request.inputs) {
    const auto [at, path] = resolve(text, infos, "input");
    values[at] = read_input(path, infos[at]);
    given[at] = true;
  }
  for (std::size_t i = 0; i < infos.size(); ++i) {
    if (!given[i]) {
      fail(ErrorCode::invalid_argument, "input \"{}\" is missing: --input {}=FILE.npy",
           infos[i].name, infos[i].name);
    }
  }
  return values;
}

Json summary(const TensorView& answer, const ValueInfo& info) {
  Json shape = Json::array();
  for (const auto extent : answer.shape) shape.push_back(extent);
  return {{"name", info.name}, {"type", std::string(name(answer.type))}, {"shape", shape}};
}

/// The values of an answer as floats, which .npy files are written in.
std::vector<float> as_floats(const TensorView& answer) {
  if (answer.type == ElementType::float32) {
    return {answer.floats().begin(), answer.floats().end()};
  }
  const Constant constant(answer.type, {answer.shape.begin(), answer.shape.end()},
                          {answer.bytes.begin(), answer.bytes.end()});
  const auto integers = constant.integers();
  return {integers.begin(), integers.end()};
}

std::string describe(const TensorView& answer, const ValueInfo& info) {
  const auto values = as_floats(answer);
  const auto shown = std::min<std::size_t>(values.size(), 10);
  return fmt::format(
      "{}: {} of {}: {}{}", info.name, name(answer.type), fmt::join(answer.shape, "x"),
      fmt::join(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(shown), " "),
      shown < values.size() ? " ..." : "");
}

/// Inputs from arrays, or one from an image.
void check(const Request& request) {
  if (request.inputs.empty() == request.image.empty())
    fail(ErrorCode::invalid_argument, "one of --input and --image is needed");
  if (request.image.empty() && !request.drawing.empty())
    fail(ErrorCode::invalid_argument, "--draw needs --image");
  if (!request.image.empty() && request.rounding)
    fail(ErrorCode::invalid_argument, "--rounding needs --input");
  if (!request.image.empty() && request.outputs.size() > 1)
    fail(ErrorCode::invalid_argument, "--image has one output, not {}", request.outputs.size());
}

std::vector<LayerRounding> rounding(const Request& request, std::span<const TensorView> inputs) {
  if (!is_compressed_file(request.model)) {
    fail(ErrorCode::invalid_argument, "--rounding is of packed layers, but \"{}\" has none",
         request.model.string());
  }
  return rounding_of_layers(load(request.model), inputs);
}

void run(const Context& context, const Request& request) {
  check(request);
  if (!request.image.empty()) {
    return run_on_image(
        context, {request.model, request.image, request.outputs.empty() ? "" : request.outputs[0],
                  request.drawing, request.least_score, request.choice});
  }
  Session session = open_session(request.model, request.choice);
  std::vector<std::pair<std::size_t, std::filesystem::path>> targets;
  for (const auto& text : request.outputs) {
    targets.push_back(resolve(text, session.outputs(), "output"));
    check_output(context, targets.back().second);
  }
  const auto inputs = read_inputs(request, session.inputs());
  std::vector<TensorView> views;
  for (const Constant& input : inputs) {
    views.emplace_back(input.type(), input.shape(), input.bytes());
  }
  const auto answers = session.run(views);
  for (const auto& [at, path] : targets) {
    write_npy(path, {answers[at].shape.begin(), answers[at].shape.end()}, as_floats(answers[at]));
  }
  Json outputs = Json::array();
  std::string text;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    outputs.push_back(summary(answers[i], session.outputs()[i]));
    text += (i == 0 ? "" : "\n") + describe(answers[i], session.outputs()[i]);
  }
  Json json{{"model", request.model.string()}, {"outputs", outputs}};
  if (request.explain) {
    json["layers"] = layers_json(session);
    const auto choices = choices_text(session, request.choice);
    if (!choices.empty()) json["choices"] = choices_json(session, request.choice);
    text = layers_table(session) + "\n" + (choices.empty() ? "" : choices + "\n") + text;
  }
  tell_stale_choices(context, session, request.choice);
  if (request.rounding) {
    const auto layers = rounding(request, views);
    json["rounding"] = rounding_json(layers);
    text = rounding_table(layers) + "\n" + text;
  }
  print_result(context, json, text);
}

}  // namespace

void add_run(CLI::App& app, Context& context) {
  add_common(app, context);
  auto request = std::make_shared<Request>();
  app.add_option("model", request->model, "A .lac or .onnx file")->required();
  app.add_option("--input", request->inputs,
                 "An input, FILE.npy or NAME=FILE.npy; once for each that the network has");
  app.add_option("--image", request->image, "Detectors: a JPEG or PNG file to find objects in");
  app.add_option("--draw", request->drawing, "With --image: a PNG file to draw what was found in");
  app.add_option("--least-score", request->least_score,
                 "With --image: detections of a lower probability are left out")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  app.add_option("-o,--output", request->outputs,
                 "Where to write an output, FILE.npy or NAME=FILE.npy; float32. With --image: "
                 "FILE.json");
  app.add_flag("-f,--force", context.force, "Overwrite outputs that exist");
  app.add_flag("--explain", request->explain,
               "Print what runs each layer, what it costs, and what else was tried");
  app.add_flag("--rounding", request->rounding,
               "Print what rounding activations to 8 bits changes of each layer's outputs on this "
               "input");
  add_session_options(app, request->choice);
  app.callback(
      [&context, request] { context.run = [&context, request] { run(context, *request); }; });
}

}  // namespace laconic::cli
