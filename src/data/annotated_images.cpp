#include "data/annotated_images.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "data/decode_image.h"
#include "detection/boxes.h"
#include "laconic/error.h"
#include "laconic/threads.h"

namespace laconic {
namespace {

struct Checked {
  AnnotatedImage image;
  SkippedAnnotations skipped;
};

void note(SkippedAnnotations& skipped, std::int64_t& count, std::string what) {
  ++count;
  if (skipped.first.empty()) skipped.first = std::move(what);
}

void check_object(const WrittenObject& object, std::span<const std::string> class_names,
                  Checked& checked) {
  auto& [image, skipped] = checked;
  const auto file = image.file.string();
  const auto name = std::ranges::find(class_names, object.name);
  if (name == class_names.end()) {
    note(skipped, skipped.unknown_classes,
         fmt::format("\"{}\" has an object of class \"{}\", which is not among the classes", file,
                     object.name));
    return;
  }
  const auto text = [&] {
    return fmt::format("the box {} {} {} {} in \"{}\"", object.x1, object.y1, object.x2, object.y2,
                       file);
  };
  // Written so that a NaN is caught, too.
  if (!(object.x2 > object.x1 && object.y2 > object.y1)) {
    note(skipped, skipped.empty_boxes, text() + " has no area");
    return;
  }
  const auto height = static_cast<double>(image.height), width = static_cast<double>(image.width);
  const auto inside = [](double v, double most) {
    return static_cast<float>(std::clamp(v, 0.0, most));
  };
  const Box box{inside(object.x1, width), inside(object.y1, height), inside(object.x2, width),
                inside(object.y2, height)};
  if (!(box.width() > 0 && box.height() > 0)) {
    note(skipped, skipped.outside_boxes, text() + " lies outside the image");
    return;
  }
  image.objects.push_back({box, name - class_names.begin(), object.difficult});
}

Checked check_image(const WrittenImage& written, std::span<const std::string> class_names) {
  Checked checked;
  auto& [image, skipped] = checked;
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(written.file, ignored)) {
    note(skipped, skipped.missing_images,
         fmt::format("there is no image \"{}\"", written.file.string()));
    return checked;
  }
  if (!written.problem.empty()) {
    note(skipped, skipped.bad_annotations, written.problem);
    return checked;
  }
  image.file = written.file;
  try {
    const auto extent = image_extent(written.file);
    image.height = extent.height;
    image.width = extent.width;
  } catch (const Error& error) {
    note(skipped, skipped.damaged_images, error.what());
    return checked;
  }
  for (const auto& object : written.objects) check_object(object, class_names, checked);
  return checked;
}

void add(SkippedAnnotations& all, const SkippedAnnotations& more) {
  all.missing_images += more.missing_images;
  all.damaged_images += more.damaged_images;
  all.bad_annotations += more.bad_annotations;
  all.empty_boxes += more.empty_boxes;
  all.outside_boxes += more.outside_boxes;
  all.unknown_classes += more.unknown_classes;
  if (all.first.empty()) all.first = more.first;
}

std::string counted(std::int64_t count, std::string_view one, std::string_view many) {
  return fmt::format("{} {}", count, count == 1 ? one : many);
}

}  // namespace

std::string describe(const SkippedAnnotations& skipped) {
  std::string what;
  const auto part = [&](std::int64_t count, std::string_view one, std::string_view many) {
    if (count > 0) what += (what.empty() ? "" : ", ") + counted(count, one, many);
  };
  part(skipped.missing_images, "missing image", "missing images");
  part(skipped.damaged_images, "damaged image", "damaged images");
  part(skipped.bad_annotations, "image without a readable annotation",
       "images without a readable annotation");
  part(skipped.empty_boxes, "box without an area", "boxes without an area");
  part(skipped.outside_boxes, "box outside its image", "boxes outside their images");
  part(skipped.unknown_classes, "object of an unknown class", "objects of unknown classes");
  return what.empty() ? what : fmt::format("skipped {}; the first: {}", what, skipped.first);
}

std::vector<AnnotatedImage> check_images(std::span<const WrittenImage> images,
                                         std::span<const std::string> class_names,
                                         SkippedAnnotations& skipped) {
  std::vector<Checked> checked(images.size());
  parallel_for(std::ssize(images), [&](std::int64_t i) {
    const auto at = static_cast<std::size_t>(i);
    checked[at] = check_image(images[at], class_names);
  });
  std::vector<AnnotatedImage> good;
  for (auto& one : checked) {
    add(skipped, one.skipped);
    if (one.skipped.images() == 0) good.push_back(std::move(one.image));
  }
  return good;
}

std::vector<std::string> class_names_of(const Options& options,
                                        std::span<const WrittenImage> images) {
  std::vector<std::string> names;
  if (const auto& text = options.text("classes"); text != "auto") {
    std::string name;
    for (const char c : text + "/") {
      if (c != '/') {
        name += c;
        continue;
      }
      names.push_back(std::move(name));
      name.clear();
    }
    if (std::set(names.begin(), names.end()).size() < names.size())
      fail(ErrorCode::invalid_argument, "classes is \"{}\", but names must differ", text);
  } else {
    std::set<std::string> found;
    for (const auto& image : images)
      for (const auto& object : image.objects) found.insert(object.name);
    names.assign(found.begin(), found.end());
  }
  if (names.empty())
    fail(ErrorCode::invalid_data, "data set \"{}\": no annotation has an object",
         options.member().name);
  return names;
}

}  // namespace laconic
