#include "image_detector.h"

#include <fmt/format.h>

#include <chrono>

#include "laconic/detection_data.h"
#include "laconic/error.h"
#include "laconic/model.h"
#include "laconic/onnx.h"

namespace laconic::cli {
namespace {

using Clock = std::chrono::steady_clock;

double milliseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

}  // namespace

ImageDetector open_image_detector(const std::filesystem::path& model, const SessionChoice& choice) {
  const Graph graph = is_compressed_file(model) ? load(model).graph : read_onnx(model);
  if (!is_detector(graph)) {
    fail(ErrorCode::invalid_data, "\"{}\" is no detector, which --image asks for", model.string());
  }
  const auto form = detector_form(graph);
  const auto& shape = graph.inputs[0].shape;
  if (shape[1] != 3 || shape[2] < 1 || shape[3] < 1) {
    fail(ErrorCode::invalid_data,
         "\"{}\" does not say how large an image it takes: its input is [{}]", model.string(),
         fmt::join(shape, ", "));
  }
  return {form, shape[2], shape[3], open_session(model, choice)};
}

ImageRun find_in_image(ImageDetector& detector, const std::filesystem::path& image,
                       const DetectOptions& options) {
  ImageRun run;
  auto start = Clock::now();
  const auto prepared = prepare_image(image, detector.form, detector.height, detector.width);
  run.image = milliseconds_since(start);
  start = Clock::now();
  const Shape shape{1, 3, detector.height, detector.width};
  const TensorView input(shape, prepared.pixels);
  const auto maps = detector.session.run({&input, 1});
  run.network = milliseconds_since(start);
  start = Clock::now();
  const auto& shown = prepared.shown;
  run.found = detect(detector.form, maps_of(maps), shown.height, shown.width, options);
  run.boxes = milliseconds_since(start);
  for (auto& one : run.found) {
    for (float* const side : {&one.box.x1, &one.box.y1, &one.box.x2, &one.box.y2})
      *side = static_cast<float>(static_cast<double>(*side) / shown.factor);
  }
  return run;
}

}  // namespace laconic::cli
