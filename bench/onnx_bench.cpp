// Reading and writing a model of 60 million parameters, made on the fly: time, bytes per second,
// and the most memory that it took beyond what was there before, in units of the weights' size.

#include <benchmark/benchmark.h>
#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "laconic/onnx.h"

namespace laconic {
namespace {

constexpr std::int64_t width = 2000, layers = 15;
constexpr double weight_bytes = 4.0 * width * width * layers;

std::string layer_weight(std::int64_t layer) {
  return "fc" + std::to_string(layer) + ".weight";
}

/// Fully connected layers in a row.
Graph deep_graph() {
  Graph graph;
  graph.name = "deep";
  graph.inputs = {{"x0", ElementType::float32, {-1, width}}};
  std::vector<float> values(static_cast<std::size_t>(width * width));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 1000) * 1e-3f;
  for (std::int64_t i = 0; i < layers; ++i) {
    const std::string weight = layer_weight(i);
    graph.constants.emplace(weight, Constant::of({width, width}, std::span<const float>(values)));
    graph.nodes.push_back({"fc" + std::to_string(i),
                           "Gemm",
                           {"x" + std::to_string(i), weight},
                           {"x" + std::to_string(i + 1)},
                           {{"transB", std::int64_t{1}}}});
  }
  graph.outputs = {{"x" + std::to_string(layers), ElementType::float32, {-1, width}}};
  return graph;
}

/// The same weights over 256 levels.
std::map<std::string, Tensor, std::less<>> quantized_weights(bool evenly) {
  std::vector<float> odd(256);
  for (std::size_t i = 0; i < odd.size(); ++i) odd[i] = static_cast<float>(i * i);
  const Codebook codebook = evenly ? Codebook::evenly_spaced(0.01f, -128, 256) : Codebook(odd);
  QuantizedTensor tensor{{width, width}, width * width, {codebook}, {}};
  for (std::int64_t i = 0; i < width * width; ++i)
    tensor.indices.push_back(static_cast<Index>(i % 256));
  std::map<std::string, Tensor, std::less<>> out;
  for (std::int64_t i = 0; i < layers; ++i) out.emplace(layer_weight(i), tensor);
  return out;
}

class Folder {
 public:
  Folder()
      : path_(std::filesystem::temp_directory_path() /
              ("laconic-bench-" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(path_);
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  [[nodiscard]] std::filesystem::path model() const { return path_ / "deep.onnx"; }

 private:
  std::filesystem::path path_;
};

/// Bytes of memory that the process has now.
double resident() {
  std::ifstream status("/proc/self/statm");
  double pages = 0;
  status >> pages >> pages;
  return pages * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

/// Looks at the memory every millisecond; not every system lets a process reset its peak.
class PeakWatch {
 public:
  PeakWatch() {
    ::malloc_trim(0);  // Or what an earlier step has freed would count as there before.
    before_ = resident();
  }

  /// Bytes beyond what was there at first. Ends the watch.
  [[nodiscard]] double finish() {
    thread_.request_stop();
    thread_.join();
    return peak_ - before_;
  }

 private:
  double before_ = 0, peak_ = 0;
  std::jthread thread_{[this](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      peak_ = std::max(peak_, resident());
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }};
};

/// Runs `work` for each iteration and reports speed, peak and the file's size.
template <typename Work>
void measure(benchmark::State& state, const Folder& folder, Work work) {
  PeakWatch watch;
  for (auto _ : state) work();
  state.counters["peak/weights"] = watch.finish() / weight_bytes;
  state.counters["file_MB"] =
      static_cast<double>(std::filesystem::file_size(folder.model())) * 1e-6;
  state.counters["weight_bytes/s"] = benchmark::Counter(
      weight_bytes, benchmark::Counter::kIsIterationInvariantRate, benchmark::Counter::kIs1000);
}

void read(benchmark::State& state, bool quantized, bool evenly) {
  const Folder folder;
  {
    const auto tensors =
        quantized ? quantized_weights(evenly) : std::map<std::string, Tensor, std::less<>>{};
    write_onnx(deep_graph(), folder.model(), tensors, QuantizedForm::dequantize);
  }
  std::size_t constants = 0;
  measure(state, folder, [&] { constants = read_onnx(folder.model()).constants.size(); });
  if (constants != static_cast<std::size_t>(layers))
    state.SkipWithError("not the model that was written");
}

void write(benchmark::State& state, bool quantized, bool evenly) {
  const Folder folder;
  const Graph graph = deep_graph();
  const auto tensors =
      quantized ? quantized_weights(evenly) : std::map<std::string, Tensor, std::less<>>{};
  measure(state, folder,
          [&] { write_onnx(graph, folder.model(), tensors, QuantizedForm::dequantize); });
}

BENCHMARK_CAPTURE(read, dense, false, false)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(read, dequantize_linear, true, true)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(read, gather, true, false)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(write, dense, false, false)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(write, dequantize_linear, true, true)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(write, gather, true, false)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace laconic
