// How long coders take for 4 million indices of about 2.2 bits on one thread, and how many bits an
// index they need. zstd on the same indices, a byte each, is what most tools would do.

#include <benchmark/benchmark.h>
#include <zstd.h>

#include "entropy_samples.h"
#include "laconic/coder.h"

namespace laconic {
namespace {

constexpr std::int64_t count = 4'000'000;
const IndexLayout layout{{1000, 4000}, 16, 8};

const std::vector<Index>& indices() {
  static const auto made = testing::gaussian_indices(count, layout.alphabet, 1.1);
  return made;
}

void report(benchmark::State& state, std::size_t bytes) {
  state.SetItemsProcessed(count * static_cast<std::int64_t>(state.iterations()));
  state.counters["bits"] = 8.0 * static_cast<double>(bytes) / count;
  state.counters["entropy"] = testing::entropy(indices());
}

/// The indices, moved onto paths of the trellis where nothing else can be coded.
const std::vector<Index>& indices_for(std::string_view coder) {
  static const auto moved = [] {
    auto copy = indices();
    testing::put_on_paths(copy, layout.shape, static_cast<Index>(layout.zero));
    return copy;
  }();
  return coder == "trellis" ? moved : indices();
}

void encode_with(benchmark::State& state, const std::string& spec) {
  const auto coder = make_coder(spec);
  const auto& symbols = indices_for(spec);
  std::vector<std::byte> bytes;
  for (auto _ : state) {
    bytes = coder->encode(symbols, layout);
    benchmark::DoNotOptimize(bytes.data());
  }
  report(state, bytes.size());
}

void decode_with(benchmark::State& state, const std::string& spec) {
  const auto coder = make_coder(spec);
  const auto& symbols = indices_for(spec);
  const auto bytes = coder->encode(symbols, layout);
  std::vector<Index> decoded(count);
  for (auto _ : state) {
    coder->decode(bytes, layout, decoded);
    benchmark::DoNotOptimize(decoded.data());
  }
  if (decoded != symbols) state.SkipWithError("decoded indices differ");
  report(state, bytes.size());
}

std::vector<char> index_bytes() {
  return {indices().begin(), indices().end()};
}

std::vector<char> zstd_encode(const std::vector<char>& in, int level) {
  std::vector<char> out(ZSTD_compressBound(in.size()));
  out.resize(ZSTD_compress(out.data(), out.size(), in.data(), in.size(), level));
  return out;
}

void zstd_encode_with(benchmark::State& state, int level) {
  const auto in = index_bytes();
  std::vector<char> out;
  for (auto _ : state) out = zstd_encode(in, level);
  report(state, out.size());
}

void zstd_decode_with(benchmark::State& state, int level) {
  const auto packed = zstd_encode(index_bytes(), level);
  std::vector<char> out(count);
  for (auto _ : state) {
    ZSTD_decompress(out.data(), out.size(), packed.data(), packed.size());
    benchmark::DoNotOptimize(out.data());
  }
  if (out != index_bytes()) state.SkipWithError("decoded bytes differ");
  report(state, packed.size());
}

const bool registered = [] {
  for (const auto& row : coders()) {
    const std::string name(row.name);
    benchmark::RegisterBenchmark(("encode/" + name).c_str(), encode_with, name)
        ->Unit(benchmark::kMillisecond);
    benchmark::RegisterBenchmark(("decode/" + name).c_str(), decode_with, name)
        ->Unit(benchmark::kMillisecond);
  }
  for (const int level : {3, 19}) {
    const std::string name = "zstd-" + std::to_string(level);
    benchmark::RegisterBenchmark(("encode/" + name).c_str(), zstd_encode_with, level)
        ->Unit(benchmark::kMillisecond);
    benchmark::RegisterBenchmark(("decode/" + name).c_str(), zstd_decode_with, level)
        ->Unit(benchmark::kMillisecond);
  }
  return true;
}();

}  // namespace
}  // namespace laconic
