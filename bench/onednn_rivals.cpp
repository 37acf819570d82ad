#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <cstring>
#include <oneapi/dnnl/dnnl.hpp>
#include <unordered_map>
#include <vector>

#include "rivals.h"

namespace laconic {
namespace {

using dnnl::memory;
using Type = memory::data_type;
using Extents = memory::dims;

/// What an operand holds does not change its time, but must be no denormal.
memory filled(const memory::desc& description, const dnnl::engine& engine) {
  memory out(description, engine);
  std::memset(out.get_data_handle(), 0, description.get_size());
  return out;
}

memory::desc any(const Extents& extents, Type type) {
  return {extents, type, memory::format_tag::any};
}

template <typename Primitive>
void time(benchmark::State& state, const typename Primitive::primitive_desc& chosen,
          const dnnl::engine& engine, double operations) {
  const Primitive primitive(chosen);
  dnnl::stream stream(engine);
  std::unordered_map<int, memory> operands = {
      {DNNL_ARG_SRC, filled(chosen.src_desc(), engine)},
      {DNNL_ARG_WEIGHTS, filled(chosen.weights_desc(), engine)},
      {DNNL_ARG_DST, filled(chosen.dst_desc(), engine)}};
  for (auto _ : state) {
    primitive.execute(stream, operands);
    stream.wait();
  }
  state.counters["ops"] =
      benchmark::Counter(operations, benchmark::Counter::kIsIterationInvariantRate);
}

/// 4096x4096 weights in oneDNN's own order; activations are quantized already.
void multiply(benchmark::State& state, std::int64_t rows, bool int8) {
  constexpr std::int64_t features = 4096;
  const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  const dnnl::matmul::desc wanted(any({rows, features}, int8 ? Type::u8 : Type::f32),
                                  any({features, features}, int8 ? Type::s8 : Type::f32),
                                  any({rows, features}, Type::f32));
  time<dnnl::matmul>(state, {wanted, engine}, engine,
                     2.0 * static_cast<double>(rows * features * features));
}

/// 3x3, stride 1, padded.
void convolve(benchmark::State& state, std::int64_t channels, std::int64_t size, bool int8) {
  const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  const Extents image = {1, channels, size, size};
  const dnnl::convolution_forward::desc wanted(
      dnnl::prop_kind::forward_inference, dnnl::algorithm::convolution_direct,
      any(image, int8 ? Type::u8 : Type::f32),
      any({channels, channels, 3, 3}, int8 ? Type::s8 : Type::f32), any(image, Type::f32),
      Extents{1, 1}, Extents{1, 1}, Extents{1, 1});
  time<dnnl::convolution_forward>(state, {wanted, engine}, engine,
                                  18.0 * static_cast<double>(channels * channels * size * size));
}

}  // namespace

void register_rivals() {
  using benchmark::RegisterBenchmark;
  for (const bool int8 : {false, true}) {
    const auto* type = int8 ? "int8" : "floats";
    for (const std::int64_t rows : {1, 128}) {
      RegisterBenchmark(fmt::format("onednn/matmul{}/{}/1", rows, type).c_str(),
                        [=](benchmark::State& state) { multiply(state, rows, int8); });
    }
    for (const auto& [channels, size] : {std::pair<int, int>{64, 56}, {512, 7}, {16, 32}}) {
      RegisterBenchmark(fmt::format("onednn/conv/3x3_{}_{}/{}/1", channels, size, type).c_str(),
                        [=, channels = channels, size = size](benchmark::State& state) {
                          convolve(state, channels, size, int8);
                        });
    }
  }
}

}  // namespace laconic
