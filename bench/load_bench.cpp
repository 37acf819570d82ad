// From the bytes of a file to packed panels: what loading a network takes, a core at a time.
// `decode/` alone, and `panels/` with packing behind it, the layer that a session would run.
// `open/` is a session from a file of 60 million weights, by the clock, on all threads; `/choices`
// with kernels that an earlier load measured.

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "laconic/container.h"
#include "laconic/kernels.h"
#include "laconic/model.h"
#include "laconic/random.h"
#include "laconic/session.h"
#include "laconic/threads.h"

namespace laconic {
namespace {

struct Weights {
  const char* name;
  std::int64_t levels;
  bool even;  ///< Multiples of a step, not any levels.
  Shape shape;
};

const Weights samples[] = {
    {"even3", 3, true, {2048, 2048}},     {"even16", 16, true, {2048, 2048}},
    {"even200", 200, true, {2048, 2048}}, {"any16", 16, false, {2048, 2048}},
    {"any64", 64, false, {2048, 2048}},   {"even16/conv", 16, true, {512, 512, 3, 3}},
};

/// Indices as trained weights have them: normal, a level for a third of a deviation or less.
QuantizedTensor tensor_of(const Weights& weights) {
  Random random(1, "load_bench");
  std::vector<float> levels;
  for (std::int64_t i = 0; i < weights.levels; ++i) {
    const auto at = static_cast<float>(i - weights.levels / 2);
    levels.push_back(weights.even ? at : at + 0.3F * std::sin(static_cast<float>(i)));
  }
  QuantizedTensor out{weights.shape, element_count(weights.shape), {Codebook(levels)}, {}};
  out.indices.resize(static_cast<std::size_t>(out.block_size));
  const double deviation = static_cast<double>(weights.levels) / 6;
  for (Index& index : out.indices) {
    const double at = random.normal() * deviation + static_cast<double>(weights.levels / 2);
    index = static_cast<Index>(
        std::clamp<double>(std::round(at), 0, static_cast<double>(weights.levels - 1)));
  }
  return out;
}

std::vector<std::byte> file_of(const Weights& weights, const std::string& coder) {
  ModelWriter writer("");
  writer.add("w", tensor_of(weights), {}, coder);
  return writer.bytes();
}

void count_weights(benchmark::State& state, const Weights& weights) {
  state.SetItemsProcessed(state.iterations() * element_count(weights.shape));
}

void decode(benchmark::State& state, const Weights& weights, const std::string& coder) {
  const auto bytes = file_of(weights, coder);
  const auto reader = ModelReader::from_bytes(bytes);
  std::vector<Index> piece(1 << 16);
  for (auto _ : state) {
    const auto indices = reader.stream(reader.entries()[0]).open();
    for (std::int64_t left = element_count(weights.shape); left > 0;) {
      const auto count = std::min<std::int64_t>(left, std::ssize(piece));
      indices->read(std::span(piece).first(static_cast<std::size_t>(count)));
      left -= count;
    }
    benchmark::DoNotOptimize(piece.data());
  }
  count_weights(state, weights);
}

void panels(benchmark::State& state, const Weights& weights, const std::string& coder,
            Activations activations) {
  const auto bytes = file_of(weights, coder);
  const auto reader = ModelReader::from_bytes(bytes);
  const PackOptions options{.activations = activations};
  set_threads(1);
  for (auto _ : state) {
    const auto tensor = reader.stream(reader.entries()[0]);
    const std::size_t size = weights.shape.size() == 2
                                 ? PackedLinear::pack(tensor, options).bytes()
                                 : PackedConv::pack(tensor, {}, options).bytes();
    benchmark::DoNotOptimize(size);
  }
  set_threads(0);
  count_weights(state, weights);
}

/// Fifteen layers of 2000x2000 in four bits.
CompressedNetwork layers(const std::string& coder) {
  constexpr std::int64_t width = 2000;
  CompressedNetwork network;
  network.graph.opset = 13;
  network.graph.inputs = {{"x0", ElementType::float32, {1, width}, true}};
  const QuantizedTensor tensor = tensor_of({"", 16, true, {width, width}});
  for (int i = 0; i < 15; ++i) {
    const auto weight = fmt::format("w{}", i), from = fmt::format("x{}", i),
               to = fmt::format("x{}", i + 1);
    network.tensors.emplace(weight, QuantizedParameter{tensor, "none", coder});
    network.graph.nodes.push_back(
        {"", "Gemm", {from, weight}, {to}, {{"transB", std::int64_t{1}}}});
  }
  network.graph.outputs = {{"x15", ElementType::float32, {1, width}, true}};
  return network;
}

void open(benchmark::State& state, const std::string& coder, LayerKernels kernels, bool choices) {
  const auto path = std::filesystem::temp_directory_path() / "laconic-load_bench.lac";
  const auto kept = std::filesystem::temp_directory_path() / "laconic-load_bench.json";
  std::filesystem::remove(path);
  std::filesystem::remove(kept);
  (void)save(layers(coder), path);
  SessionOptions options{.kernels = kernels};
  if (choices) {
    options.choices = kept.string();
    (void)Session::open(path, options);
  }
  for (auto _ : state) {
    const Session session = Session::open(path, options);
    benchmark::DoNotOptimize(session.memory().weights);
  }
  std::filesystem::remove(path);
  std::filesystem::remove(kept);
}

void register_open(const std::string& name, const std::string& coder, LayerKernels kernels,
                   bool choices) {
  benchmark::RegisterBenchmark(
      name.c_str(), [=](benchmark::State& state) { open(state, coder, kernels, choices); })
      ->Unit(benchmark::kMillisecond)
      ->UseRealTime();
}

const int registered = [] {
  for (const std::string coder : {"rans", "adaptive_binary"}) {
    for (const auto kernels : {LayerKernels::int8, LayerKernels::packed, LayerKernels::fastest}) {
      register_open(fmt::format("open/{}/{}", coder, name(kernels)), coder, kernels, false);
    }
    register_open(fmt::format("open/{}/fastest/choices", coder), coder, LayerKernels::fastest,
                  true);
  }
  for (const Weights& weights : samples) {
    for (const std::string coder : {"raw", "rans", "huffman", "adaptive_binary"}) {
      benchmark::RegisterBenchmark(
          fmt::format("decode/{}/{}", coder, weights.name).c_str(),
          [=, &weights](benchmark::State& state) { decode(state, weights, coder); })
          ->Unit(benchmark::kMillisecond);
      for (const auto activations : {Activations::int8, Activations::floats}) {
        benchmark::RegisterBenchmark(
            fmt::format("panels/{}/{}/{}", coder, weights.name, name(activations)).c_str(),
            [=, &weights](benchmark::State& state) { panels(state, weights, coder, activations); })
            ->Unit(benchmark::kMillisecond);
      }
    }
  }
  return 0;
}();

}  // namespace
}  // namespace laconic
