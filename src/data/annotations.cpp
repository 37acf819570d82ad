#include "data/annotations.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace laconic {
namespace {

void note(SkippedAnnotations& skipped, std::int64_t& count, std::string what) {
  ++count;
  if (skipped.first.empty()) skipped.first = std::move(what);
}

void note_class(const WrittenObject& object, const std::string& file, SkippedAnnotations& skipped) {
  note(skipped, skipped.unknown_classes,
       object.name.empty()
           ? fmt::format("\"{}\" has an object that names no class", file)
           : fmt::format("\"{}\" has an object of class \"{}\", which is not among the classes",
                         file, object.name));
}

}  // namespace

SkippedAnnotations& SkippedAnnotations::operator+=(const SkippedAnnotations& more) {
  missing_images += more.missing_images;
  damaged_images += more.damaged_images;
  bad_annotations += more.bad_annotations;
  unreadable_boxes += more.unreadable_boxes;
  empty_boxes += more.empty_boxes;
  outside_boxes += more.outside_boxes;
  unknown_classes += more.unknown_classes;
  stray_boxes += more.stray_boxes;
  if (first.empty()) first = more.first;
  return *this;
}

std::string describe(const SkippedAnnotations& skipped) {
  struct Count {
    std::int64_t count;
    std::string_view one, many;
  };
  const std::array counts{
      Count{skipped.missing_images, "missing image", "missing images"},
      Count{skipped.damaged_images, "damaged image", "damaged images"},
      Count{skipped.bad_annotations, "image without a readable annotation",
            "images without a readable annotation"},
      Count{skipped.unreadable_boxes, "box that cannot be read", "boxes that cannot be read"},
      Count{skipped.empty_boxes, "box without an area", "boxes without an area"},
      Count{skipped.outside_boxes, "box outside its image", "boxes outside their images"},
      Count{skipped.unknown_classes, "object of an unknown class", "objects of unknown classes"},
      Count{skipped.stray_boxes, "object of an image that is not listed",
            "objects of images that are not listed"},
  };
  std::string what;
  for (const auto& [count, one, many] : counts) {
    if (count > 0)
      what += fmt::format("{}{} {}", what.empty() ? "" : ", ", count, count == 1 ? one : many);
  }
  return what.empty() ? what : fmt::format("skipped {}; the first: {}", what, skipped.first);
}

void add_object(const WrittenObject& object, std::span<const std::string> class_names,
                AnnotatedImage& image, SkippedAnnotations& skipped) {
  const auto file = image.file.string();
  const auto name = std::ranges::find(class_names, object.name);
  if (object.name.empty() || name == class_names.end()) return note_class(object, file, skipped);
  const auto text = [&] {
    return fmt::format("the box {} {} {} {} in \"{}\"", object.x1, object.y1, object.x2, object.y2,
                       file);
  };
  const std::array sides{object.x1, object.y1, object.x2, object.y2};
  if (!std::ranges::all_of(sides, [](double side) { return std::isfinite(side); }))
    return note(skipped, skipped.unreadable_boxes, text() + " has a side that is no number");
  if (!(object.x2 > object.x1 && object.y2 > object.y1))
    return note(skipped, skipped.empty_boxes, text() + " has no area");
  const auto height = static_cast<double>(image.height), width = static_cast<double>(image.width);
  const auto inside = [](double v, double most) {
    return static_cast<float>(std::clamp(v, 0.0, most));
  };
  const Box box{inside(object.x1, width), inside(object.y1, height), inside(object.x2, width),
                inside(object.y2, height)};
  if (!(box.width() > 0 && box.height() > 0))
    return note(skipped, skipped.outside_boxes, text() + " lies outside the image");
  image.objects.push_back({box, name - class_names.begin(), object.difficult, object.crowd});
}

}  // namespace laconic
