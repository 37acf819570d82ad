#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <fstream>
#include <optional>

#include "laconic/error.h"
#include "laconic/random.h"
#include "laconic/threads.h"
#include "session_options.h"

namespace laconic::cli {
namespace {

using Clock = std::chrono::steady_clock;

struct Request {
  std::filesystem::path model;
  SessionChoice choice;
  std::int64_t batch = 32;
  double seconds = 2;
};

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

/// Times of single runs, ascending, in milliseconds.
std::vector<double> time_runs(Session& session, const std::vector<Constant>& inputs,
                              double seconds) {
  std::vector<TensorView> views;
  for (const Constant& input : inputs) {
    views.emplace_back(input.type(), input.shape(), input.bytes());
  }
  (void)session.run(views);
  std::vector<double> times;
  const auto end = Clock::now() + std::chrono::duration<double>(seconds);
  do {
    throw_if_interrupted();
    const auto start = Clock::now();
    (void)session.run(views);
    times.push_back(milliseconds(Clock::now() - start));
  } while (Clock::now() < end);
  std::ranges::sort(times);
  return times;
}

double percentile(const std::vector<double>& sorted, double share) {
  return sorted[static_cast<std::size_t>(share * static_cast<double>(sorted.size() - 1))];
}

void bench(const Context& context, const Request& request) {
  const SessionOptions options = read_options(request.choice);
  const auto begin = Clock::now();
  std::optional<Session> session = open_session(request.model, request.choice);
  const double load = milliseconds(Clock::now() - begin);
  const auto peak_of_load = peak_memory();
  const auto one = time_runs(*session, make_inputs(*session, 1, options), request.seconds);
  const auto inputs = make_inputs(*session, request.batch, options);
  const auto many = time_runs(*session, inputs, request.seconds);
  const double rate = 1000 * static_cast<double>(request.batch) / percentile(many, 0.5);
  const auto memory = session->memory();
  const Json json{{"model", request.model.string()},
                  {"kernels", request.choice.kernels},
                  {"threads", threads()},
                  {"load_ms", load},
                  {"latency_ms",
                   {{"least", one.front()},
                    {"median", percentile(one, 0.5)},
                    {"p90", percentile(one, 0.9)},
                    {"p99", percentile(one, 0.99)},
                    {"runs", one.size()}}},
                  {"batch", request.batch},
                  {"batch_ms", {{"least", many.front()}, {"median", percentile(many, 0.5)}}},
                  {"samples_per_second", rate},
                  {"weight_bytes", memory.weights},
                  {"value_bytes", memory.values},
                  {"scratch_bytes", memory.scratch},
                  {"peak_bytes_after_load", peak_of_load},
                  {"peak_bytes", peak_memory()}};
  const auto bytes = [](auto number) { return human_bytes(static_cast<double>(number)); };
  print_result(
      context, json,
      fmt::format("{}: {} kernels, {} threads\n"
                  "load         {:.2f} ms, kernels measured within\n"
                  "batch 1      {:.3f} ms median, {:.3f} least, {:.3f} p90, {:.3f} p99, {} runs\n"
                  "batch {:<6} {:.3f} ms median, {:.3f} least: {:.0f} samples a second\n"
                  "memory       weights {}, values {}, scratch {}; the process {} at most",
                  request.model.string(), request.choice.kernels, threads(), load,
                  percentile(one, 0.5), one.front(), percentile(one, 0.9), percentile(one, 0.99),
                  one.size(), request.batch, percentile(many, 0.5), many.front(), rate,
                  bytes(memory.weights), bytes(memory.values), bytes(memory.scratch),
                  bytes(peak_memory())));
}

}  // namespace

void add_bench(CLI::App& app, Context& context) {
  add_common(app, context);
  auto request = std::make_shared<Request>();
  app.add_option("model", request->model, "A .lac or .onnx file")->required();
  add_session_options(app, request->choice);
  app.add_option("--batch", request->batch, "Samples of a run when throughput is measured")
      ->check(CLI::Range(1, 65536))
      ->capture_default_str();
  app.add_option("--seconds", request->seconds, "How long each of the two is measured")
      ->check(CLI::Range(0.01, 3600.0))
      ->capture_default_str();
  app.callback(
      [&context, request] { context.run = [&context, request] { bench(context, *request); }; });
}

}  // namespace laconic::cli
