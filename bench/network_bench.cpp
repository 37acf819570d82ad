// Networks on LibTorch, one thread: answers alone (as evaluation runs them), and answers with
// gradients (as training does). Items are samples. LeNet is the small case, ResNet-20 the typical
// one, ResNet-56 the deep one.

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <benchmark/benchmark.h>

#include <array>

#include "laconic/network.h"
#include "laconic/zoo.h"

namespace laconic {
namespace {

constexpr std::int64_t batch = 100;

struct Subject {
  const char* network;
  Shape sample;
};

const std::array<Subject, 3> subjects = {Subject{"lenet5", {1, 28, 28}},
                                         Subject{"resnet20", {3, 32, 32}},
                                         Subject{"resnet56", {3, 32, 32}}};

Network make(const Subject& subject) {
  return Network(make_network(subject.network, subject.sample, 10, 1));
}

at::Tensor samples(const Subject& subject) {
  auto shape = subject.sample;
  shape.insert(shape.begin(), batch);
  return at::linspace(-1, 1, element_count(shape)).reshape(shape);
}

void finish(benchmark::State& state, const Subject& subject, const at::Tensor& answer) {
  if (!answer.isfinite().all().item<bool>()) state.SkipWithError("the answer is not finite");
  state.SetItemsProcessed(state.iterations() * batch);
  state.SetLabel(subject.network);
}

void BM_Answer(benchmark::State& state) {
  at::set_num_threads(1);
  const at::NoGradGuard guard;
  const Subject& subject = subjects[static_cast<std::size_t>(state.range(0))];
  const Network network = make(subject);
  const at::Tensor x = samples(subject);
  at::Tensor y;
  for (auto _ : state) y = network.run(std::array{x})[0];
  finish(state, subject, y);
}
BENCHMARK(BM_Answer)->DenseRange(0, 2)->Unit(benchmark::kMillisecond);

void BM_Gradient(benchmark::State& state) {
  at::set_num_threads(1);
  const Subject& subject = subjects[static_cast<std::size_t>(state.range(0))];
  const Network network = make(subject);
  const at::Tensor x = samples(subject);
  RunOptions options;
  options.training = true;
  at::Tensor y;
  for (auto _ : state) {
    y = network.run(std::array{x}, options)[0];
    at::log_softmax(y, 1).mean().backward();
  }
  finish(state, subject, y);
}
BENCHMARK(BM_Gradient)->DenseRange(0, 2)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace laconic
