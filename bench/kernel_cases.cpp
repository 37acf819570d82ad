// gemv rotates over so many layers of 4096x4096 that their weights take 24 MB, or 256 MB, in all.

#include "kernel_cases.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "kernels/aligned.h"
#include "kernels/code.h"
#include "laconic/kernels.h"
#include "laconic/random.h"
#include "laconic/threads.h"

namespace laconic {
namespace {

constexpr std::int64_t features = 4096;

struct Packing {
  const char* name;
  WeightForm form;
  bool powers;         ///< Levels are powers of two, not evenly spaced.
  std::int64_t group;  ///< Weights to a scale; 0: a row.
};

constexpr Packing packings[] = {
    {"bits1/row", WeightForm::bits1, false, 0},
    {"trits5/row", WeightForm::trits5, false, 0},
    {"trits5/128", WeightForm::trits5, false, 128},
    {"bits2/row", WeightForm::bits2, false, 0},
    {"bits2/128", WeightForm::bits2, false, 128},
    {"bits4/row", WeightForm::bits4, false, 0},
    {"bits4/128", WeightForm::bits4, false, 128},
    {"bits4_powers/128", WeightForm::bits4, true, 128},
    {"bits8/row", WeightForm::bits8, false, 0},
};

std::int64_t levels_of(const Packing& packing) {
  switch (packing.form) {
    case WeightForm::bits1:
      return 2;
    case WeightForm::trits5:
      return 3;
    case WeightForm::bits2:
      return 4;
    case WeightForm::bits4:
      return packing.powers ? 15 : 16;
    default:
      return 255;
  }
}

Codebook codebook_of(const Packing& packing, float scale) {
  const std::int64_t count = levels_of(packing);
  if (!packing.powers) return Codebook::evenly_spaced(scale, -count / 2, count);
  std::vector<float> levels;
  for (int i = 6; i >= 0; --i) levels.push_back(std::ldexp(-scale, i));
  levels.push_back(0);
  for (int i = 0; i <= 6; ++i) levels.push_back(std::ldexp(scale, i));
  return Codebook(levels);
}

QuantizedTensor tensor_of(const Packing& packing, const Shape& shape) {
  Random random(1);
  QuantizedTensor out;
  out.shape = shape;
  const std::int64_t weights = element_count(shape);
  out.block_size = packing.group > 0 ? packing.group : weights / shape[0];
  for (std::int64_t i = 0; i < weights; i += out.block_size) {
    out.codebooks.push_back(
        codebook_of(packing, static_cast<float>(0.01 + 0.01 * random.uniform())));
  }
  const std::int64_t levels = levels_of(packing);
  for (std::int64_t i = 0; i < weights; ++i) {
    out.indices.push_back(static_cast<Index>(random.below(levels)));
  }
  return out;
}

std::vector<float> activations(std::int64_t count) {
  Random random(2);
  std::vector<float> out(static_cast<std::size_t>(count));
  for (float& value : out) value = static_cast<float>(random.normal());
  return out;
}

/// Layers that take about so many bytes; packed once, since packing takes longer than multiplying.
const std::vector<PackedLinear>& layers(const Packing& packing, Activations kind,
                                        std::int64_t bytes) {
  static std::map<std::string, std::vector<PackedLinear>> made;
  const auto key = fmt::format("{} {}", packing.name, name(kind));
  if (!made.contains(key)) made.clear();  // One kind at a time in memory.
  auto& out = made[key];
  const QuantizedTensor tensor =
      out.empty() ? tensor_of(packing, {features, features}) : QuantizedTensor{};
  do {
    if (out.empty()) {
      out.push_back(PackedLinear::pack(tensor, {.activations = kind, .form = packing.form}));
    }
    const auto wanted = static_cast<std::size_t>(bytes) / out.front().bytes();
    if (out.size() >= wanted) break;
    const auto again = tensor_of(packing, {features, features});
    out.push_back(PackedLinear::pack(again, {.activations = kind, .form = packing.form}));
  } while (true);
  return out;
}

void linear(benchmark::State& state, const Packing& packing, Activations kind, std::int64_t bytes,
            std::int64_t batch, int threads) {
  set_threads(threads);
  const auto& all = layers(packing, kind, bytes);
  const auto count = std::max<std::size_t>(1, static_cast<std::size_t>(bytes) / all[0].bytes());
  const auto x = activations(batch * features);
  std::vector<float> y(x.size());
  Workspace workspace;
  std::size_t next = 0;
  for (auto _ : state) {
    all[next].run({x.data(), batch, features, features}, {y.data(), batch, features, features}, {},
                  workspace);
    benchmark::DoNotOptimize(y.data());
    next = (next + 1) % count;
  }
  using benchmark::Counter;
  const double weights = features * features;
  const auto rate = Counter::kIsIterationInvariantRate;
  state.counters["weights"] = Counter(weights, rate);
  state.counters["ops"] = Counter(2 * weights * static_cast<double>(batch), rate);
  state.counters["read"] = Counter(static_cast<double>(all[0].bytes()), rate);
  set_threads(0);
}

void pack(benchmark::State& state, const Packing& packing, int threads) {
  set_threads(threads);
  const auto tensor = tensor_of(packing, {features, features});
  for (auto _ : state) {
    const auto layer =
        PackedLinear::pack(tensor, {.activations = Activations::int8, .form = packing.form});
    benchmark::DoNotOptimize(layer.bytes());
  }
  state.counters["weights"] =
      benchmark::Counter(features * features, benchmark::Counter::kIsIterationInvariantRate);
  set_threads(0);
}

struct ConvCase {
  const char* name;
  Shape shape;
  ConvGeometry geometry;
  std::int64_t size;
};

const ConvCase conv_cases[] = {
    {"3x3_64_56", {64, 64, 3, 3}, {.pad_begin = {1, 1}, .pad_end = {1, 1}}, 56},
    {"3x3_512_7", {512, 512, 3, 3}, {.pad_begin = {1, 1}, .pad_end = {1, 1}}, 7},
    {"3x3_16_32", {16, 16, 3, 3}, {.pad_begin = {1, 1}, .pad_end = {1, 1}}, 32},
    {"1x1_256_14", {256, 256, 1, 1}, {}, 14},
    {"7x7_3_224", {64, 3, 7, 7}, {.stride = {2, 2}, .pad_begin = {3, 3}, .pad_end = {3, 3}}, 224},
    {"depthwise_256_28",
     {256, 1, 3, 3},
     {.groups = 256, .pad_begin = {1, 1}, .pad_end = {1, 1}},
     28},
    {"depthwise_144_56",
     {144, 1, 3, 3},
     {.groups = 144, .pad_begin = {1, 1}, .pad_end = {1, 1}},
     56},
    {"depthwise_96_112",
     {96, 1, 3, 3},
     {.groups = 96, .stride = {2, 2}, .pad_begin = {1, 1}, .pad_end = {1, 1}},
     112},
};

void convolve(benchmark::State& state, const PackedConv& conv, const ConvCase& c, Layout layout,
              int threads) {
  set_threads(threads);
  const auto [height, width] = conv.output_size(c.size, c.size);
  const auto x = activations(conv.in_channels() * c.size * c.size);
  std::vector<float> y(static_cast<std::size_t>(conv.out_channels() * height * width));
  Workspace workspace;
  for (auto _ : state) {
    conv.run({x.data(), 1, conv.in_channels(), c.size, c.size, layout},
             {y.data(), 1, conv.out_channels(), height, width, layout}, {.then = {.alpha = 0}},
             workspace);
    benchmark::DoNotOptimize(y.data());
  }
  const double products = static_cast<double>(element_count(c.shape) * height * width);
  state.counters["ops"] =
      benchmark::Counter(2 * products, benchmark::Counter::kIsIterationInvariantRate);
  set_threads(0);
}

/// Runs `work` on so many threads at once, all of the time; what the pool of the library does, with
/// nothing to wait for.
template <typename Work>
void on_threads(int threads, const Work& work) {
  std::vector<std::thread> others;
  for (int t = 1; t < threads; ++t) others.emplace_back([&work, t] { work(t); });
  work(0);
  for (auto& other : others) other.join();
}

/// Of the strongest instruction set that has such kernels and may be used.
const Kernel& kernel_of(Activations kind) {
  const Kernel* best = nullptr;
  for (const Kernel& kernel : kernels()) {
    const bool fits = kernel.activations == kind && kernel.form == WeightForm::bits8 &&
                      kernel.isa <= active_isa() && supported(kernel.isa);
    if (fits && (best == nullptr || best->isa < kernel.isa)) best = &kernel;
  }
  return *best;  // Plain C++ has them all.
}

/// The roof of products: a tile of the strongest instruction set on weights and activations that
/// stay in the first cache.
void peak_of_tiles(benchmark::State& state, Activations kind, int threads) {
  constexpr std::int64_t length = 64;
  const IsaCode& code = *code_of(kernel_of(kind)).isa;
  constexpr int repeats = 2000;
  for (auto _ : state) {
    on_threads(threads, [&](int) {
      constexpr int most_rows = max_tile_panels * panel_rows;
      AlignedVector<std::byte> weights(most_rows * length * 4), x(max_tile_columns * length * 4);
      AlignedVector<float> scales(most_rows), sums(max_tile_columns * most_rows);
      const std::int64_t runs[] = {0};
      TileState tiles;
      TileJob job;
      job.state = &tiles;
      job.weights = weights.data();
      job.panel_stride = job.run_stride = job.segment_stride = length * 64;
      job.x = x.data();
      job.column_stride = length * 4;
      job.runs = runs;
      job.run_length = length;
      job.scales = scales.data();
      job.largest = 1;
      job.sums = sums.data();
      for (int i = 0; i < repeats; ++i) {
        (kind == Activations::int8 ? code.tile_int8 : code.tile_floats)(job, code.tile_panels,
                                                                        code.tile_columns);
        benchmark::ClobberMemory();
      }
      if (code.leave != nullptr) code.leave(tiles);
    });
  }
  const double products = double{repeats} * length * 16 * code.tile_panels * code.tile_columns *
                          (kind == Activations::int8 ? 4 : 1);
  state.counters["ops"] =
      benchmark::Counter(2 * products * threads, benchmark::Counter::kIsIterationInvariantRate);
}

/// The roof of memory: a pass over a buffer that lies as weights do, in four streams as kernels
/// read four panels, with next to nothing done to what is read; each thread has a part of its own.
void read_memory(benchmark::State& state, std::int64_t bytes, int threads) {
  const AlignedVector<std::uint64_t> buffer(static_cast<std::size_t>(bytes) / 8, 1);
  for (auto _ : state) {
    on_threads(threads, [&](int t) {
      const std::int64_t stream = std::ssize(buffer) / threads / 4;
      const std::uint64_t* first = buffer.data() + 4 * stream * t;
      std::uint64_t all = 0;
      for (std::int64_t line = 0; line < stream; line += 8) {
        for (int s = 0; s < 4; ++s) {
          const std::uint64_t* from = first + s * stream + line;
          __builtin_prefetch(from + 256);
          for (int i = 0; i < 8; ++i) all ^= from[i];
        }
      }
      benchmark::DoNotOptimize(all);
    });
  }
  state.counters["read"] =
      benchmark::Counter(static_cast<double>(bytes), benchmark::Counter::kIsIterationInvariantRate);
}

std::string roof_of_products(Activations kind, int threads) {
  return fmt::format("roof/products/{}/{}", name(kind), threads);
}

std::string roof_of_reads(std::int64_t megabytes, int threads) {
  return fmt::format("roof/read/{}MB/{}", megabytes, threads);
}

void add_roofs(std::span<const int> all_threads, std::vector<KernelCase>& cases) {
  for (const int threads : all_threads) {
    for (const auto kind : {Activations::int8, Activations::floats}) {
      cases.push_back({roof_of_products(kind, threads), threads, "ops", "", "",
                       [=](benchmark::State& state) { peak_of_tiles(state, kind, threads); }});
    }
    for (const std::int64_t megabytes : {4, 24, 256}) {
      cases.push_back(
          {roof_of_reads(megabytes, threads), threads, "read", "", "",
           [=](benchmark::State& state) { read_memory(state, megabytes << 20, threads); }});
    }
  }
}

void add_products(std::span<const int> all_threads, std::vector<KernelCase>& cases) {
  for (const Packing& packing : packings) {
    for (const std::int64_t megabytes : {24, 256}) {
      for (const int threads : all_threads) {
        cases.push_back({fmt::format("gemv/int8/{}/{}MB/{}", packing.name, megabytes, threads),
                         threads, "weights", roof_of_reads(megabytes, threads), "read",
                         [=, &packing](benchmark::State& state) {
                           linear(state, packing, Activations::int8, megabytes << 20, 1, threads);
                         }});
      }
    }
  }
  for (const auto kind : {Activations::int8, Activations::floats}) {
    for (const Packing& packing : packings) {
      for (const int threads : all_threads) {
        cases.push_back({fmt::format("gemm128/{}/{}/{}", name(kind), packing.name, threads),
                         threads, "ops", roof_of_products(kind, threads), "ops",
                         [=, &packing](benchmark::State& state) {
                           linear(state, packing, kind, 1, 128, threads);
                         }});
      }
    }
  }
  for (const Packing& packing : packings) {
    for (const int threads : all_threads) {
      cases.push_back({fmt::format("pack/{}/{}", packing.name, threads), threads, "weights", "", "",
                       [=, &packing](benchmark::State& state) { pack(state, packing, threads); }});
    }
  }
}

void add_convolution(const ConvCase& c, const Packing& packing, Activations kind, int threads,
                     std::vector<KernelCase>& cases) {
  for (const Layout layout : {Layout::channels_first, Layout::channels_last}) {
    const auto* order = layout == Layout::channels_first ? "first" : "last";
    // Depthwise ones multiply floats whatever the activations.
    const auto products = c.geometry.groups > 1 ? Activations::floats : kind;
    cases.push_back(
        {fmt::format("conv/{}/{}/{}/{}/{}", c.name, name(kind), packing.name, order, threads),
         threads, "ops", roof_of_products(products, threads), "ops",
         [=, &packing, &c](benchmark::State& state) {
           Packing by_row = packing;
           by_row.group = 0;
           const auto conv =
               PackedConv::pack(tensor_of(by_row, c.shape), c.geometry, {.activations = kind});
           convolve(state, conv, c, layout, threads);
         }});
  }
}

void add_convolutions(std::span<const int> all_threads, std::vector<KernelCase>& cases) {
  for (const ConvCase& c : conv_cases) {
    for (const auto kind : {Activations::int8, Activations::floats}) {
      for (const Packing& packing : packings) {
        if (packing.group != 0 && !packing.powers) continue;
        for (const int threads : all_threads) add_convolution(c, packing, kind, threads, cases);
      }
    }
    for (const int threads : all_threads) {
      cases.push_back({fmt::format("conv/{}/dense/{}", c.name, threads), threads, "ops",
                       roof_of_products(Activations::floats, threads), "ops",
                       [=, &c](benchmark::State& state) {
                         const auto conv = PackedConv::pack(
                             DenseTensor{c.shape, activations(element_count(c.shape))}, c.geometry);
                         convolve(state, conv, c, Layout::channels_last, threads);
                       }});
    }
  }
}

}  // namespace

std::vector<KernelCase> kernel_cases(std::span<const int> threads) {
  std::vector<KernelCase> cases;
  add_roofs(threads, cases);
  add_products(threads, cases);
  add_convolutions(threads, cases);
  return cases;
}

benchmark::internal::Benchmark* register_case(const KernelCase& one) {
  auto* added = benchmark::RegisterBenchmark(one.name.c_str(), one.run);
  if (one.threads != 1) added->UseRealTime();
  return added;
}

}  // namespace laconic
