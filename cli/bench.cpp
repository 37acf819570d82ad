#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <fstream>
#include <optional>

#include "bench_image.h"
#include "bench_kernels.h"
#include "laconic/error.h"
#include "laconic/kernels.h"
#include "laconic/random.h"
#include "laconic/threads.h"
#include "rival.h"
#include "session_options.h"

namespace laconic::cli {
namespace {

using Clock = std::chrono::steady_clock;

struct Request {
  std::filesystem::path model;
  SessionChoice choice;
  std::int64_t batch = 32;
  double seconds = 2;
  std::string against;
  std::filesystem::path image;
};

constexpr std::string_view onnx_runtime = "onnxruntime";

/// The folder behind "onnxruntime:", or none.
std::filesystem::path modules_of(const std::string& against) {
  if (against == onnx_runtime) return {};
  if (!against.starts_with(onnx_runtime) || against[onnx_runtime.size()] != ':') {
    fail(ErrorCode::invalid_argument,
         "--against is \"{}\", but must be onnxruntime or onnxruntime:FOLDER", against);
  }
  return against.substr(onnx_runtime.size() + 1);
}

double milliseconds(Clock::duration time) {
  return std::chrono::duration<double, std::milli>(time).count();
}

/// The most memory that the process has held, in bytes; 0 where the system does not say.
std::int64_t peak_memory() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::stoll(line.substr(6)) * 1024;
  }
  return 0;
}

/// Normal random numbers, or zeros for integers, of the shapes that the network wants.
std::vector<Constant> make_inputs(const Session& session, std::int64_t batch,
                                  const SessionOptions& options) {
  std::vector<Constant> out;
  Random random(1, "bench");
  for (const auto& info : session.inputs()) {
    const auto given = options.shapes.find(info.name);
    Shape shape = given != options.shapes.end() ? given->second : info.shape;
    for (std::size_t i = 0; i < shape.size(); ++i) {
      const bool open = info.ranked && info.shape[i] < 0;
      if (open && i == 0) shape[i] = batch;
      if (shape[i] < 0) shape[i] = 1;
    }
    const auto count = static_cast<std::size_t>(element_count(shape));
    std::vector<std::byte> bytes(count * element_bytes(info.type));
    for (std::size_t i = 0; info.type == ElementType::float32 && i < count; ++i) {
      const auto value = static_cast<float>(random.normal());
      std::memcpy(bytes.data() + i * sizeof value, &value, sizeof value);
    }
    out.emplace_back(info.type, std::move(shape), std::move(bytes));
  }
  return out;
}

/// Adds times of single runs, in milliseconds, and sorts them all.
void time_runs(Session& session, const std::vector<Constant>& inputs, double seconds,
               std::vector<double>& times) {
  std::vector<TensorView> views;
  for (const Constant& input : inputs) {
    views.emplace_back(input.type(), input.shape(), input.bytes());
  }
  (void)session.run(views);
  const auto end = Clock::now() + std::chrono::duration<double>(seconds);
  do {
    throw_if_interrupted();
    const auto start = Clock::now();
    (void)session.run(views);
    times.push_back(milliseconds(Clock::now() - start));
  } while (Clock::now() < end);
  std::ranges::sort(times);
}

double percentile(const std::vector<double>& sorted, double share) {
  return sorted[static_cast<std::size_t>(share * static_cast<double>(sorted.size() - 1))];
}

struct Measured {
  double load = 0;  ///< Milliseconds.
  std::int64_t peak_before_load = 0, peak_of_load = 0;
  std::vector<double> one, many;  ///< Times of single runs, ascending.
  SessionMemory memory;
  std::int64_t at_once = 0;  ///< Samples, of a batch in parts.
  int one_threads = 1, many_threads = 1;
  bool measured = false;  ///< Kernels, at load.
};

Json rival_json(const Measured& ours, const Rival& rival) {
  Json out{{"name", "ONNX Runtime"}, {"version", rival.version()}, {"forms", Json::object()}};
  for (const auto& times : rival.times()) {
    out["forms"][times.form] = {
        {"batch_1_ms", {{"least", times.one[0]}, {"median", percentile(times.one, 0.5)}}},
        {"batch_ms", {{"least", times.many[0]}, {"median", percentile(times.many, 0.5)}}},
        {"ratio_batch_1", times.one[0] / ours.one[0]},
        {"ratio_batch", times.many[0] / ours.many[0]}};
  }
  return out;
}

/// Ratios are of the least times: what else runs on the machine only adds to times.
std::string rival_text(const Measured& ours, const Rival& rival, std::int64_t batch) {
  std::string out = fmt::format("\nONNX Runtime {}, in turns with the above", rival.version());
  for (const auto& times : rival.times()) {
    out += fmt::format(
        "\n  {:<10} batch 1: {:.3f} ms median, {:.3f} least, {:.2f}x ours; batch {}: {:.3f} ms "
        "median, {:.3f} least, {:.2f}x ours",
        times.form, percentile(times.one, 0.5), times.one[0], times.one[0] / ours.one[0], batch,
        percentile(times.many, 0.5), times.many[0], times.many[0] / ours.many[0]);
  }
  return out;
}

Json measured_json(const Measured& ours, const Json& choices, const Request& request) {
  const double rate = 1000 * static_cast<double>(request.batch) / percentile(ours.many, 0.5);
  return {{"model", request.model.string()},
          {"kernels", request.choice.kernels},
          {"layer_kernels", request.choice.layer_kernels},
          {"choices", choices},
          {"threads", threads()},
          {"isa", name(active_isa())},
          {"load_ms", ours.load},
          {"latency_ms",
           {{"least", ours.one.front()},
            {"median", percentile(ours.one, 0.5)},
            {"p90", percentile(ours.one, 0.9)},
            {"p99", percentile(ours.one, 0.99)},
            {"threads", ours.one_threads},
            {"runs", ours.one.size()}}},
          {"batch", request.batch},
          {"batch_ms",
           {{"least", ours.many.front()},
            {"median", percentile(ours.many, 0.5)},
            {"threads", ours.many_threads}}},
          {"samples_per_second", rate},
          {"samples_at_once", ours.at_once > 0 ? ours.at_once : request.batch},
          {"weight_bytes", ours.memory.weights},
          {"value_bytes", ours.memory.values},
          {"scratch_bytes", ours.memory.scratch},
          {"peak_bytes_before_load", ours.peak_before_load},
          {"peak_bytes_after_load", ours.peak_of_load},
          {"peak_bytes", peak_memory()}};
}

/// Nothing where there is but one.
std::string on_threads(int used) {
  return threads() > 1 ? fmt::format(", on {} of {} threads", used, threads()) : "";
}

/// "fastest", "fastest (conv1=dense)".
std::string kernels_text(const SessionChoice& choice) {
  if (choice.layer_kernels.empty()) return choice.kernels;
  return fmt::format("{} ({})", choice.kernels, fmt::join(choice.layer_kernels, ", "));
}

std::string measured_text(const Measured& ours, const Request& request) {
  const auto bytes = [](auto number) { return human_bytes(static_cast<double>(number)); };
  const double median = percentile(ours.many, 0.5);
  return fmt::format(
      "{}: {} kernels, {} threads\n"
      "load         {:.2f} ms{}; {} more in the process at most\n"
      "batch 1      {:.3f} ms median, {:.3f} least, {:.3f} p90, {:.3f} p99, {} runs{}\n"
      "batch {:<6} {:.3f} ms median, {:.3f} least: {:.0f} samples a second{}{}\n"
      "memory       weights {}, values {}, scratch {}; the process {} at most",
      request.model.string(), kernels_text(request.choice), threads(), ours.load,
      ours.measured ? ", kernels measured within" : "",
      bytes(ours.peak_of_load - ours.peak_before_load), percentile(ours.one, 0.5), ours.one.front(),
      percentile(ours.one, 0.9), percentile(ours.one, 0.99), ours.one.size(),
      on_threads(ours.one_threads), request.batch, median, ours.many.front(),
      1000 * static_cast<double>(request.batch) / median,
      ours.at_once > 0 ? fmt::format(", {} at once", ours.at_once) : "",
      on_threads(ours.many_threads), bytes(ours.memory.weights), bytes(ours.memory.values),
      bytes(ours.memory.scratch), bytes(peak_memory()));
}

void bench(const Context& context, const Request& request) {
  const SessionOptions options = read_options(request.choice);
  const bool compare = !request.against.empty();
  const auto modules = compare ? modules_of(request.against) : std::filesystem::path();
  Measured ours;
  ours.peak_before_load = peak_memory();
  const auto begin = Clock::now();
  Session session = open_session(request.model, request.choice);
  ours.load = milliseconds(Clock::now() - begin);
  ours.peak_of_load = peak_memory();
  ours.measured = request.choice.kernels == "fastest" &&
                  (request.choice.choices.empty() || session.choices().chosen > 0);
  const auto one = make_inputs(session, 1, options);
  const auto many = make_inputs(session, request.batch, options);
  std::optional<ImageBench> images;
  if (!request.image.empty()) images.emplace(request.model, request.choice, request.image);
  std::optional<Rival> rival;
  if (compare) rival.emplace(request.model, modules);
  const int turns = rival ? 3 : 1;
  const double seconds = request.seconds / turns;
  for (int turn = 0; turn < turns; ++turn) {
    time_runs(session, one, seconds, ours.one);
    ours.one_threads = session.threads_used();
    time_runs(session, many, seconds, ours.many);
    ours.many_threads = session.threads_used();
    if (images) images->measure(seconds);
    if (rival) {
      const std::vector<ValueInfo> inputs(session.inputs().begin(), session.inputs().end());
      rival->measure(inputs, one, many, threads(), seconds);
    }
  }
  ours.memory = session.memory();
  ours.at_once = session.samples_at_once();
  Json json = measured_json(ours, choices_json(session, request.choice), request);
  std::string text = measured_text(ours, request);
  if (!request.choice.choices.empty()) text += "\n" + choices_text(session, request.choice);
  tell_stale_choices(context, session, request.choice);
  if (rival) {
    json["against"] = rival_json(ours, *rival);
    text += rival_text(ours, *rival, request.batch);
  }
  if (images) {
    const Rival* other = rival ? &*rival : nullptr;
    json["images"] = images->json(other);
    text += images->text(other);
  }
  print_result(context, json, text);
}

}  // namespace

void add_bench(CLI::App& app, Context& context) {
  add_common(app, context);
  auto request = std::make_shared<Request>();
  // Not required() as with other verbs: `bench kernels` has none.
  app.add_option("model", request->model, "A .lac or .onnx file; ./kernels, if it is named so");
  auto* kernels = app.add_subcommand(
      "kernels", "Time the packed kernels alone, beside what the machine can do at most");
  add_bench_kernels(*kernels, context);
  add_session_options(app, request->choice);
  app.add_option("--batch", request->batch, "Samples of a run when throughput is measured")
      ->check(CLI::Range(1, 65536))
      ->capture_default_str();
  app.add_option("--seconds", request->seconds, "How long each is measured")
      ->check(CLI::Range(0.01, 3600.0))
      ->capture_default_str();
  app.add_option("--image", request->image,
                 "Detectors: a JPEG or PNG file, to measure from the file to boxes as well");
  app.add_option("--against", request->against,
                 "onnxruntime, or onnxruntime:FOLDER of its node_modules: measure ONNX Runtime in "
                 "turns, on the float model and on the DequantizeLinear export; needs node");
  app.callback([&context, request, kernels] {
    if (kernels->parsed() && !request->model.empty())
      throw CLI::ExtrasError("bench", {request->model.string()});
    if (kernels->parsed()) return;
    if (request->model.empty()) throw CLI::RequiredError("model");
    context.run = [&context, request] { bench(context, *request); };
  });
}

}  // namespace laconic::cli
