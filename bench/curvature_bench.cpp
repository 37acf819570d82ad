// Cost of each importance estimator on ResNet-20 and 1,000 images of 32 x 32, beside a plain
// gradient pass over the same images ("passes": how many of those it takes).
//
// By default with random weights and images; LACONIC_BENCH_MODEL (an ONNX file) and
// LACONIC_BENCH_DATA (a data set's spec) name real ones.

#include <benchmark/benchmark.h>
#include <torch/autograd.h>
#include <torch/types.h>

#include <chrono>
#include <cstdlib>
#include <numeric>

#include "importance_testing.h"
#include "laconic/onnx.h"
#include "laconic/zoo.h"
#include "train/torch_threads.h"

namespace laconic {
namespace {

constexpr std::int64_t samples = 1000;
constexpr std::int64_t batch = 50;

const Dataset& data() {
  static const auto made = []() -> std::unique_ptr<Dataset> {
    if (const char* spec = std::getenv("LACONIC_BENCH_DATA")) return make_dataset(spec);
    return std::make_unique<testing::MemoryDataset>(
        testing::MemoryDataset::random({3, 32, 32}, 10, samples));
  }();
  return *made;
}

const Network& network() {
  static const Network made([] {
    if (const char* path = std::getenv("LACONIC_BENCH_MODEL")) return read_onnx(path);
    return make_network("resnet20", {3, 32, 32}, 10, 0);
  }());
  return made;
}

/// Loss and gradient of all parameters, batch by batch in parallel as estimators run.
void gradient_pass() {
  torch_parallel_for(samples / batch, [](std::int64_t b) {
    std::vector<std::int64_t> indices(batch), labels(batch);
    std::iota(indices.begin(), indices.end(), b * batch);
    Shape shape = data().sample_shape();
    shape.insert(shape.begin(), batch);
    const auto x = at::empty(shape);
    data().read(Part::train, indices, {x.data_ptr<float>(), static_cast<std::size_t>(x.numel())},
                labels);
    std::map<std::string, at::Tensor, std::less<>> parameters;
    std::vector<at::Tensor> leaves;
    for (const auto& info : network().parameters()) {
      const auto& parameter = network().parameter(info.name);
      parameters[info.name] = parameter.detach().set_requires_grad(parameter.requires_grad());
      if (parameter.requires_grad()) leaves.push_back(parameters[info.name]);
    }
    RunOptions options;
    options.overrides = &parameters;
    const auto scores = network().run({&x, 1}, options)[0];
    const auto loss = at::nll_loss(at::log_softmax(scores, 1), at::tensor(labels));
    benchmark::DoNotOptimize(torch::autograd::grad({loss}, leaves, {}, false, false, true));
  });
}

double seconds_of_gradient_pass() {
  static const double seconds = [] {
    gradient_pass();
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < 3; ++i) gradient_pass();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() / 3;
  }();
  return seconds;
}

void run_gradient_pass(benchmark::State& state) {
  for (auto _ : state) gradient_pass();
  state.SetItemsProcessed(state.iterations() * samples);
}

void run_estimator(benchmark::State& state, const std::string& spec) {
  const auto estimator = make_estimator(spec);
  const double pass = seconds_of_gradient_pass();
  const auto start = std::chrono::steady_clock::now();
  for (auto _ : state) benchmark::DoNotOptimize(estimator->estimate(network(), data()));
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
  state.SetItemsProcessed(state.iterations() * samples);
  state.counters["passes"] = taken.count() / static_cast<double>(state.iterations()) / pass;
}

const int registered = [] {
  benchmark::RegisterBenchmark("gradient_pass", run_gradient_pass)
      ->Unit(benchmark::kSecond)
      ->UseRealTime();
  for (const std::string spec :
       {"ones", "hessian", "gauss_newton:mode=sampled", "gauss_newton:mode=exact",
        "gauss_newton:mode=recursion", "fisher", "fisher:batch=1", "fisher:all=true", "adam"}) {
    benchmark::RegisterBenchmark(spec.c_str(), run_estimator, spec)
        ->Unit(benchmark::kSecond)
        ->UseRealTime();
  }
  return 0;
}();

}  // namespace
}  // namespace laconic
