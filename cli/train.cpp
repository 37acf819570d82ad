#include "laconic/train.h"

#include <fmt/format.h>

#include <chrono>
#include <memory>
#include <optional>

#include "context.h"
#include "detection.h"
#include "laconic/detection_data.h"
#include "laconic/error.h"
#include "laconic/importance.h"
#include "laconic/model.h"
#include "laconic/onnx.h"
#include "laconic/prune.h"
#include "laconic/zoo.h"
#include "methods.h"
#include "recipes.h"
#include "together.h"

namespace laconic::cli {
namespace {

struct Request {
  std::string model, data, device = "cpu", teacher;
  std::filesystem::path output, init;
  std::optional<std::int64_t> epochs, batch;
  std::optional<std::string> optimizer, schedule;
  std::optional<double> weight_decay;
  std::string pruning, importance;
  double temper = 1;
  std::optional<double> clip_gradients;
  std::optional<std::string> loss;
  double temperature = Distillation{}.temperature, teacher_weight = Distillation{}.weight, mix = 0;
  bool hard_examples = false;
  CheckpointRequest checkpoint;
  MethodRequest method;
};

bool is_file(const std::string& model) {
  return model.ends_with(".onnx");
}

/// A detector's name begins with what it is, wherever it comes from.
std::string_view recipe_name(const Request& request, const Graph& graph) {
  if (!is_file(request.model)) return request.model;
  return is_detector(graph) ? std::string_view(graph.name) : "";
}

TrainOptions options_of(const Context& context, const Request& request, const Graph& start) {
  const auto& recipe = recipe_for(recipe_name(request, start));
  TrainOptions options;
  options.epochs = request.epochs.value_or(recipe.epochs);
  options.batch = request.batch.value_or(recipe.batch);
  options.optimizer = request.optimizer.value_or(std::string(recipe.optimizer));
  options.schedule = request.schedule.value_or(std::string(recipe.schedule));
  options.weight_decay = request.weight_decay.value_or(recipe.weight_decay);
  options.clip_gradients = request.clip_gradients.value_or(recipe.clip_gradients);
  options.pruning = request.pruning;
  options.loss = !request.loss                               ? recipe.loss
                 : *request.loss == name(Loss::square_hinge) ? Loss::square_hinge
                                                             : Loss::cross_entropy;
  options.hard_examples = request.hard_examples;
  options.seed = context.seed;
  options.checkpoint = request.checkpoint.folder;
  options.existing = existing(context, request.checkpoint);
  return options;
}

Json to_json(const Score& score) {
  return {{"accuracy", score.accuracy}, {"loss", score.loss}, {"samples", score.samples}};
}

Json to_json(const EpochReport& epoch) {
  Json json = {{"epoch", epoch.epoch},
               {"loss", epoch.loss},
               {"accuracy", epoch.accuracy},
               {"learning_rate", epoch.learning_rate}};
  if (epoch.validation) json["validation"] = to_json(*epoch.validation);
  return json;
}

std::int64_t count_weights(const Graph& graph) {
  std::int64_t count = 0;
  for (const auto& info : parameters(graph))
    count += graph.constants.find(info.name)->second.count();
  return count;
}

void check(const Context& context, const Request& request) {
  if (!request.init.empty() && is_file(request.model)) {
    fail(ErrorCode::invalid_argument,
         "--init is for a network of the zoo: \"{}\" has parameters of its own", request.model);
  }
  if (request.method.method.empty() && request.output.extension() == ".lac") {
    fail(ErrorCode::invalid_argument,
         "a .lac file holds quantized weights: --method says when they are quantized");
  }
  if (!request.pruning.empty()) (void)parse_pruning(request.pruning);
  if (!request.importance.empty()) (void)make_estimator(request.importance);
  (void)existing(context, request.checkpoint);
  check_output(context, request.output);
}

/// What the estimator that was asked for says of the network as it is at the start.
ImportanceMap estimate_importance(const Request& request, const Network& network,
                                  const Dataset& data, const ProgressSink& progress) {
  if (request.importance.empty()) return {};
  const auto estimate = make_estimator(request.importance)->estimate(network, data, progress);
  return temper(estimate.values, request.temper);
}

/// Writes the trained network, quantized if there is a method; what the file decodes to.
Graph write(const Context& context, const Request& request, Network& network, Method* method,
            Json& json) {
  if (method == nullptr) {
    const auto graph = network.to_graph();
    if (context.is_first()) write_onnx(graph, request.output);
    return graph;
  }
  CompressedNetwork compressed{network.graph(), method->finish(network), {}};
  for (const auto& info : network.parameters()) compressed.graph.constants.erase(info.name);
  const auto graph = to_graph(compressed);
  json["method"] = method->spec();
  if (!context.is_first()) return graph;
  if (request.output.extension() == ".lac") {
    (void)save(compressed, request.output);
  } else {
    write_onnx(graph, request.output);
  }
  return graph;
}

/// What the run is worth: its accuracy on the test part, or on the validation part if there is
/// none.
std::optional<std::pair<Part, Score>> final_score(const Network& network, const Dataset& data,
                                                  const ProgressSink& progress) {
  for (const Part part : {Part::test, Part::validation}) {
    if (data.size(part) > 0) return std::pair{part, evaluate(network, data, part, {}, progress)};
  }
  return {};
}

/// Takes over parameters of the same name and shape from another network: a detector's backbone
/// from a classifier. Says how many: a backbone of another make shares few names.
void take_parameters(const Context& context, Graph& graph, const std::filesystem::path& path) {
  const Graph source = read_onnx(path);
  const auto wanted = parameters(graph);
  std::int64_t taken = 0;
  for (const auto& info : wanted) {
    const auto found = source.constants.find(info.name);
    auto& constant = graph.constants.find(info.name)->second;
    if (found == source.constants.end() || found->second.type() != constant.type() ||
        found->second.shape() != constant.shape())
      continue;
    constant = found->second;
    ++taken;
  }
  if (taken == 0) {
    fail(ErrorCode::invalid_data,
         "\"{}\" has no parameter of the same name and shape as one of the network's",
         path.string());
  }
  if (!context.quiet) {
    fmt::print(stderr, "laconic: {} of {} parameters begin as in \"{}\"\n", taken, wanted.size(),
               path.string());
  }
}

/// The network to begin with. A detector is told what its classes are called.
Graph first_graph(const Context& context, const Request& request, const Dataset& data) {
  if (is_file(request.model)) return read_onnx(request.model);
  Graph graph = make_network(request.model, data.sample_shape(), data.classes(), context.seed);
  if (!request.init.empty()) take_parameters(context, graph, request.init);
  const auto* detection = as_detection(data);
  if (detection != nullptr && is_detector(graph))
    graph.name = detection->with_form(detector_form(graph)).spec();
  return graph;
}

/// Each of a machine's processes takes a GPU of its own, unless told which.
std::string device(const Context& context, const Request& request) {
  if (context.processes == 1 || request.device != "cuda") return request.device;
  return fmt::format("cuda:{}", local_rank_from_environment());
}

void train(const Context& context, const Request& request) {
  check(context, request);
  const auto data = open_data(context, request.data);
  Network network(first_graph(context, request, *data));
  network.to(device(context, request));
  auto options = options_of(context, request, network.graph());
  std::optional<Network> teacher;
  if (!request.teacher.empty()) {
    teacher.emplace(read_onnx(request.teacher));
    check_fits(teacher->graph(), *data);
    teacher->to(device(context, request));
    options.distillation = {&*teacher, request.temperature, request.teacher_weight, request.mix};
  }

  const auto progress = progress_printer(context);
  options.importance = estimate_importance(request, network, *data, progress);
  std::unique_ptr<Method> method;
  if (!request.method.method.empty()) {
    method = make_method(request.method.method, {requested_plan(request.method, network.graph()),
                                                 options.importance, data.get()});
    options.method = method.get();
  }

  const auto start = std::chrono::steady_clock::now();
  const auto report = laconic::train(network, *data, options, progress);
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();

  Json json = {{"output", request.output.string()},
               {"model", request.model},
               {"data", data->spec()},
               {"weights", count_weights(network.graph())},
               {"seed", context.seed},
               {"steps", report.steps},
               {"resumed_at", report.resumed_at},
               {"seconds", seconds}};
  const auto graph = write(context, request, network, method.get(), json);
  if (context.is_first()) json["bytes"] = std::filesystem::file_size(request.output);
  for (const auto& epoch : report.epochs) json["epochs"].push_back(to_json(epoch));
  std::string text =
      fmt::format("{}: {} weights, trained for {} epochs in {:.0f} s", request.output.string(),
                  grouped(count_weights(graph)), report.epochs.size(), seconds);
  if (const auto score = final_score(Network(graph), *data, progress)) {
    const auto& [part, figures] = *score;
    json["part"] = name(part);
    json.update(to_json(figures));
    text +=
        fmt::format("; {} {:.2f} %, loss {:.4f}, on {} samples of the {} part", figure_name(*data),
                    100 * figures.accuracy, figures.loss, grouped(figures.samples), name(part));
  }
  print_result(context, json, text);
}

void add_recipe_options(CLI::App& app, Request& request) {
  app.add_option("--epochs", request.epochs, "Passes over the training part")
      ->check(CLI::Range(1, 1'000'000));
  app.add_option("--batch", request.batch, "Samples in a step")->check(CLI::Range(1, 1'000'000));
  app.add_option("--optimizer", request.optimizer, "See laconic list optimizers");
  app.add_option("--schedule", request.schedule, "See laconic list schedules");
  app.add_option("--clip-gradients", request.clip_gradients,
                 "Largest magnitude of an element of a gradient; 0: any")
      ->check(CLI::Range(0.0, 1e6));
  app.add_option("--weight-decay", request.weight_decay, "Times the weights, added to gradients")
      ->check(CLI::Range(0.0, 1.0));
  app.add_option("--prune", request.pruning,
                 "Weights become zero as it trains, and stay so: see laconic list pruners");
  app.add_option(
      "--importance", request.importance,
      "Weighs weights of the network as given, for pruners and methods: see laconic list "
      "estimators");
  app.add_option("--temper", request.temper, "Power of these importances")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  app.add_option("--loss", request.loss, "What is minimised")
      ->check(CLI::IsMember({name(Loss::cross_entropy), name(Loss::square_hinge)}));
  app.add_flag("--hard-examples", request.hard_examples,
               "Detectors: train on the regions of highest loss, not on random ones");
  auto* teacher =
      app.add_option("--teacher", request.teacher, "An .onnx file whose answers are learned too");
  app.add_option("--temperature", request.temperature, "Softens the teacher's answers")
      ->check(CLI::Range(0.01, 1000.0))
      ->capture_default_str();
  app.add_option("--teacher-weight", request.teacher_weight, "Share of the teacher in the loss")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  app.add_option("--mix", request.mix,
                 "Share of samples that are mixed in pairs, for the teacher alone to answer")
      ->needs(teacher)
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
}

}  // namespace

void add_train(CLI::App& app, Context& context) {
  add_common(app, context);
  auto request = std::make_shared<Request>();
  app.add_option("model", request->model,
                 "A network of the zoo (laconic list networks), or an .onnx file to go on from")
      ->required();
  app.add_option("--data", request->data, "Data set: see laconic list data")->required();
  add_output(app, context, request->output);
  add_seed(app, context);
  add_recipe_options(app, *request);
  add_method_options(app, request->method);
  app.add_option("--init", request->init,
                 "An .onnx file: initial parameters where names and shapes are the same");
  app.add_option("--device", request->device, "cpu, cuda or cuda:N")->capture_default_str();
  add_checkpoint(app, request->checkpoint);
  app.footer(
      fmt::format("Options that are left out are the network's recipe: see docs/training.md.\n{}",
                  together_footer));
  app.callback([&context, request] {
    context.run = together(context, [&context, request] { train(context, *request); });
  });
}

}  // namespace laconic::cli
