#include "run_image.h"

#include <fmt/format.h>

#include <chrono>

#include "core/atomic_file.h"
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

/// A detector ready to run, and what its graph says of it.
struct Detector {
  DetectorForm form;
  std::int64_t height, width;
  Session session;
};

Detector open_detector(const ImageRequest& request) {
  Graph graph =
      is_compressed_file(request.model) ? load(request.model).graph : read_onnx(request.model);
  if (!is_detector(graph)) {
    fail(ErrorCode::invalid_data, "\"{}\" is no detector, which --image asks for",
         request.model.string());
  }
  const auto form = detector_form(graph);
  const auto& shape = graph.inputs[0].shape;
  if (shape[1] != 3 || shape[2] < 1 || shape[3] < 1) {
    fail(ErrorCode::invalid_data,
         "\"{}\" does not say how large an image it takes: its input is [{}]",
         request.model.string(), fmt::join(shape, ", "));
  }
  return {form, shape[2], shape[3], open_session(request.model, request.choice)};
}

Json to_json(const Detection& found, const DetectorForm& form) {
  const auto& [x1, y1, x2, y2] = found.box;
  return {{"class", form.classes[static_cast<std::size_t>(found.label)]},
          {"score", found.score},
          {"box", {x1, y1, x2, y2}}};
}

}  // namespace

void run_on_image(const Context& context, const ImageRequest& request) {
  for (const auto& path : {request.output, request.drawing}) {
    if (!path.empty()) check_output(context, path);
  }
  auto detector = open_detector(request);
  const auto& form = detector.form;
  auto start = Clock::now();
  const auto image = prepare_image(request.image, form, detector.height, detector.width);
  const double preparing = milliseconds_since(start);

  const Shape shape{1, 3, detector.height, detector.width};
  const TensorView input(shape, image.pixels);
  (void)detector.session.run({&input, 1});  // The first takes memory; the second is what it costs.
  start = Clock::now();
  const auto outputs = detector.session.run({&input, 1});
  const double running = milliseconds_since(start);
  tell_stale_choices(context, detector.session, request.choice);
  start = Clock::now();
  auto found = detect(form, maps_of(outputs), detector.height, detector.width,
                      {.least_score = request.least_score});
  const double detecting = milliseconds_since(start);
  for (auto& one : found) {
    for (float* const side : {&one.box.x1, &one.box.y1, &one.box.x2, &one.box.y2})
      *side = static_cast<float>(static_cast<double>(*side) / image.factor);
  }

  Json json{{"image", request.image.string()}, {"detections", Json::array()}};
  std::string text = fmt::format(
      "{}: {} objects; {:.1f} ms to read the image, {:.1f} ms for the "
      "network, {:.1f} ms from maps to boxes",
      request.image.string(), found.size(), preparing, running, detecting);
  for (const auto& one : found) {
    json["detections"].push_back(to_json(one, form));
    text += fmt::format("\n  {:<20} {:.3f}  {:.1f} {:.1f} {:.1f} {:.1f}",
                        form.classes[static_cast<std::size_t>(one.label)], one.score, one.box.x1,
                        one.box.y1, one.box.x2, one.box.y2);
  }
  if (!request.output.empty()) {
    const std::string written = json.dump(1) + "\n";
    write_file(request.output, std::as_bytes(std::span(written)));
  }
  if (!request.drawing.empty())
    draw_detections(request.image, found, form.classes, request.drawing);
  json["milliseconds"] = {{"image", preparing}, {"network", running}, {"boxes", detecting}};
  print_result(context, json, text);
}

}  // namespace laconic::cli
