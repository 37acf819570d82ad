// What quantizing at every step adds to a training step: the VGG-like network, batches of 50, with
// Adam, on as many threads as there are processors. `share` is the method's own hooks' part.

#include <benchmark/benchmark.h>

#include <chrono>
#include <string>

#include "laconic/methods.h"
#include "laconic/train.h"
#include "laconic/zoo.h"
#include "toy_data.h"

namespace laconic {
namespace {

using Clock = std::chrono::steady_clock;

/// Another method, with the time that it takes.
class Timed final : public Method {
 public:
  explicit Timed(std::unique_ptr<Method> inner) : inner_(std::move(inner)) {}

  void begin(Network& network) override { inner_->begin(network); }
  void before_forward(Network& network, const Progress& at) override {
    add([&] { inner_->before_forward(network, at); });
  }
  void after_backward(Network& network, const Progress& at) override {
    add([&] { inner_->after_backward(network, at); });
  }
  void after_update(Network& network, const Progress& at) override {
    add([&] { inner_->after_update(network, at); });
  }
  QuantizedModel finish(Network& network) override { return inner_->finish(network); }
  std::string spec() const override { return inner_->spec(); }

  double seconds = 0;

 private:
  template <typename Hook>
  void add(Hook hook) {
    const auto start = Clock::now();
    hook();
    seconds += std::chrono::duration<double>(Clock::now() - start).count();
  }

  std::unique_ptr<Method> inner_;
};

void train_steps(benchmark::State& state, const char* quantizer) {
  const ToyData data({3, 32, 32}, 10, 100);
  Network network(make_network("vgg_small", {3, 32, 32}, 10, 1));
  Timed method(make_method("projected:clip=1", {plan_weights(network.graph(), quantizer), {}}));
  TrainOptions options;
  options.epochs = 1;
  options.batch = 50;
  options.optimizer = "adam:lr=0.002";
  options.loss = Loss::square_hinge;
  options.method = &method;
  double total = 0;
  for (auto _ : state) {
    const auto start = Clock::now();
    (void)train(network, data, options);
    total += std::chrono::duration<double>(Clock::now() - start).count();
  }
  state.counters["hooks_ms_per_step"] =
      1e3 * method.seconds / (2.0 * static_cast<double>(state.iterations()));
  state.counters["share"] = method.seconds / total;
}

BENCHMARK_CAPTURE(train_steps, late, "scaled:pattern=ternary")
    ->Unit(benchmark::kMillisecond)
    ->Iterations(2);

}  // namespace
}  // namespace laconic
