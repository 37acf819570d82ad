// What comes after a detector's convolutions, on one thread: boxes from its maps, and suppression
// of boxes that overlap, which is most of that.

#include <benchmark/benchmark.h>

#include <vector>

#include "detection/boxes.h"
#include "laconic/detection.h"
#include "laconic/random.h"

namespace laconic {
namespace {

/// As many boxes as proposals are made of, of a few sizes, on 240 x 320 pixels.
void suppress_boxes(benchmark::State& state) {
  Random random(1, "bench");
  std::vector<Box> boxes;
  std::vector<float> scores;
  for (int i = 0; i < 1000; ++i) {
    const auto x = static_cast<float>(290 * random.uniform());
    const auto y = static_cast<float>(210 * random.uniform());
    const auto side = static_cast<float>(10 + 50 * random.uniform());
    boxes.push_back({x, y, x + side, y + side});
    scores.push_back(static_cast<float>(random.uniform()));
  }
  for (auto _ : state) benchmark::DoNotOptimize(suppress(boxes, scores, 0.7, state.range(0)));
}
BENCHMARK(suppress_boxes)->Arg(150)->Arg(1000);

/// From maps of 30 x 40 cells, 12 anchors, 3 bins and 3 classes: those of rfcn-small.
void boxes_from_maps(benchmark::State& state) {
  const DetectorForm form{.classes = {"a", "b", "c"},
                          .stride = 8,
                          .bins = 3,
                          .sizes = {16, 32, 64, 96},
                          .ratios = {0.5, 1, 2}};
  Random random(1, "bench");
  const auto map = [&](std::int64_t channels) {
    std::vector<float> out(static_cast<std::size_t>(channels * 30 * 40));
    for (float& value : out) value = static_cast<float>(random.normal());
    return out;
  };
  const auto objectness = map(12), shifts = map(48), classes = map(36), boxes = map(36);
  const DetectorMaps maps{30, 40, objectness, shifts, classes, boxes};
  for (auto _ : state) benchmark::DoNotOptimize(detect(form, maps, 240, 320));
}
BENCHMARK(boxes_from_maps);

}  // namespace
}  // namespace laconic
