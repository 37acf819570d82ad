#include "run_image.h"

#include <fmt/format.h>

#include "core/atomic_file.h"
#include "laconic/detection_data.h"

namespace laconic::cli {
namespace {

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
  auto detector = open_image_detector(request.model, request.choice);
  const auto& form = detector.form;
  const DetectOptions options{.least_score = request.least_score};
  // The first takes memory and loads libraries; the second is what an image costs.
  (void)find_in_image(detector, request.image, options);
  const auto [found, preparing, running, detecting] =
      find_in_image(detector, request.image, options);
  tell_stale_choices(context, detector.session, request.choice);

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
