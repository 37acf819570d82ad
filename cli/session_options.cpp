#include "session_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "laconic/error.h"
#include "laconic/model.h"
#include "laconic/onnx.h"

namespace laconic::cli {
namespace {

constexpr std::array choices = {LayerKernels::fastest, LayerKernels::int8, LayerKernels::packed,
                                LayerKernels::dense};

LayerKernels parse_kernels(const std::string& word) {
  return *std::ranges::find_if(choices, [&](LayerKernels k) { return name(k) == word; });
}

std::vector<std::string> words() {
  std::vector<std::string> out;
  for (const auto kernels : choices) out.emplace_back(name(kernels));
  return out;
}

/// "NODE=dense", split at the last equals sign, as names may have some.
std::pair<std::string, LayerKernels> parse_layer(const std::string& text) {
  const auto equals = text.rfind('=');
  const auto word = equals == std::string::npos ? "" : text.substr(equals + 1);
  const auto valid = words();
  if (equals == 0 || std::ranges::find(valid, word) == valid.end()) {
    fail(ErrorCode::invalid_argument, "layer kernels \"{}\" are not NODE=KERNELS with one of: {}",
         text, fmt::join(valid, ", "));
  }
  return {text.substr(0, equals), parse_kernels(word)};
}

/// "1x3x32x32".
Shape parse_shape(std::string_view text) {
  Shape shape;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at != end) {
    std::int64_t extent = 0;
    const auto [next, error] = std::from_chars(at, end, extent);
    const bool ends = next == end || (*next == 'x' && next + 1 != end);
    if (error != std::errc{} || extent < 0 || !ends) {
      fail(ErrorCode::invalid_argument, "shape \"{}\" is not extents like 1x3x32x32", text);
    }
    shape.push_back(extent);
    at = next == end ? end : next + 1;
  }
  return shape;
}

double microseconds(const LayerReport::Tried& tried) {
  return static_cast<double>(tried.time.count()) / 1e3;
}

/// The float path.
bool is_dense(const LayerReport::Tried& tried) {
  return tried.kernel.starts_with("floats");
}

}  // namespace

void add_session_options(CLI::App& app, SessionChoice& choice) {
  app.add_option("--kernels", choice.kernels,
                 "What runs layers with weights. fastest: what measures fastest at load; int8: "
                 "packed weights, activations rounded to 8 bits; packed: packed weights, float "
                 "activations; dense: float weights")
      ->check(CLI::IsMember(words()))
      ->capture_default_str();
  add_layer_options(app, choice);
  app.add_option("--at-once", choice.samples_at_once,
                 "Samples of a batch to run at once; 0: as many as measure fastest, with other "
                 "kernels than the fastest all")
      ->check(CLI::Range(0, 65536))
      ->capture_default_str();
  app.add_option("--shape", choice.shapes,
                 "Shape of an input to measure with, NAME=1x3x32x32; open extents are 1 otherwise");
}

void add_layer_options(CLI::App& app, SessionChoice& choice, CLI::Option* needs) {
  auto* layer_kernels =
      app.add_option("--layer-kernels", choice.layer_kernels,
                     "The same for one layer, NODE=KERNELS, by the name that laconic run --explain "
                     "prints; once for each layer")
          ->allow_extra_args(false);
  auto* file = app.add_option("--choices", choice.choices,
                              "File (.json) that keeps which kernels measured fastest: taken from "
                              "it, measured and written where it is not there or for another "
                              "network or machine");
  if (needs == nullptr) return;
  layer_kernels->needs(needs);
  file->needs(needs);
}

SessionOptions read_options(const SessionChoice& choice) {
  SessionOptions options{.kernels = parse_kernels(choice.kernels)};
  options.samples_at_once = choice.samples_at_once;
  options.choices = choice.choices;
  for (const auto& text : choice.layer_kernels) {
    auto [node, kernels] = parse_layer(text);
    options.layer_kernels.insert_or_assign(std::move(node), kernels);
  }
  for (const auto& text : choice.shapes) {
    const auto equals = text.rfind('=');
    if (equals == std::string::npos) {
      fail(ErrorCode::invalid_argument, "shape \"{}\" is not NAME=1x3x32x32", text);
    }
    options.shapes.insert_or_assign(text.substr(0, equals),
                                    parse_shape(std::string_view(text).substr(equals + 1)));
  }
  return options;
}

Session open_session(const std::filesystem::path& model, const SessionChoice& choice) {
  const SessionOptions options = read_options(choice);
  if (is_compressed_file(model)) return Session::open(model, options);
  return Session(read_onnx(model), options);
}

Json layers_json(const Session& session) {
  Json layers = Json::array();
  for (const auto& layer : session.layers()) {
    Json tried = Json::array();
    for (const auto& one : layer.tried) {
      tried.push_back({{"kernel", one.kernel},
                       {"microseconds", microseconds(one)},
                       {"bytes", one.bytes},
                       {"weight_error", one.weight_error}});
    }
    layers.push_back({{"node", layer.node}, {"weights", layer.weights}, {"tried", tried}});
  }
  return layers;
}

std::string layers_table(const Session& session) {
  std::string out = fmt::format("{:<34} {:>14} {:<22} {:>10} {:>10} {:>9}", "layer", "weights",
                                "kernel", "us", "float us", "bytes");
  for (const auto& layer : session.layers()) {
    const auto& chosen = layer.tried.front();
    const auto dense = std::ranges::find_if(layer.tried, is_dense);
    out += fmt::format(
        "\n{:<34} {:>14} {:<22} {:>10.1f} {:>10} {:>9}", layer.node,
        fmt::format("{}", fmt::join(layer.weights, "x")), chosen.kernel, microseconds(chosen),
        dense == layer.tried.end() ? "-" : fmt::format("{:.1f}", microseconds(*dense)),
        chosen.bytes);
  }
  return out;
}

Json choices_json(const Session& session, const SessionChoice& choice) {
  if (choice.choices.empty()) return nullptr;
  const auto& report = session.choices();
  return {{"file", choice.choices.string()},
          {"taken", report.taken},
          {"chosen", report.chosen},
          {"stale", report.stale},
          {"written", report.writings > 0}};
}

std::string choices_text(const Session& session, const SessionChoice& choice) {
  if (choice.choices.empty()) return "";
  const auto& report = session.choices();
  return fmt::format("choices      {} of {} layers from {}{}{}", report.taken,
                     report.taken + report.chosen, choice.choices.string(),
                     report.stale.empty() ? "" : " (" + report.stale + ")",
                     report.writings > 0 ? ", which was written" : "");
}

void tell_stale_choices(const Context& context, const Session& session,
                        const SessionChoice& choice) {
  const auto& stale = session.choices().stale;
  if (stale.empty() || context.quiet || !context.is_first()) return;
  fmt::print(stderr, "laconic: \"{}\" is written anew: {}\n", choice.choices.string(), stale);
}

Json rounding_json(std::span<const LayerRounding> layers) {
  Json out = Json::array();
  for (const auto& layer : layers) {
    out.push_back({{"node", layer.node}, {"kernel", layer.kernel}, {"error", layer.error}});
  }
  return out;
}

std::string rounding_table(std::span<const LayerRounding> layers) {
  std::string out = fmt::format("{:<34} {:<22} {:>10}", "layer", "kernel", "error");
  for (const auto& layer : layers) {
    out += fmt::format("\n{:<34} {:<22} {:>8.3f} %", layer.node, layer.kernel, 100 * layer.error);
  }
  return out;
}

}  // namespace laconic::cli
