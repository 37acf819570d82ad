// Feeds bytes to the readers of annotations. What they accept must give boxes within the image.

#include <array>
#include <cstdlib>
#include <string>

#include "data/annotations.h"
#include "laconic/error.h"

namespace {

using namespace laconic;

/// Every object is added or counted, and what is added can be trained on.
void check(std::span<const WrittenObject> objects) {
  const std::array<std::string, 2> names{"RBC", "WBC"};
  AnnotatedImage image;
  image.file = "x.jpg";
  image.height = 480;
  image.width = 640;
  SkippedAnnotations skipped;
  for (const auto& object : objects) add_object(object, names, image, skipped);
  if (std::ssize(image.objects) + skipped.boxes() != std::ssize(objects)) std::abort();
  if (describe(skipped).empty() != (skipped.boxes() == 0)) std::abort();
  for (const auto& [box, label, difficult, crowd] : image.objects) {
    const bool within = box.x1 >= 0 && box.y1 >= 0 && box.x2 <= 640 && box.y2 <= 480;
    if (!within || !(box.width() > 0 && box.height() > 0) || label < 0 || label > 1) std::abort();
    if (crowd && !difficult) std::abort();
  }
}

template <typename Read>
void read(const Read& read_bytes) {
  try {
    read_bytes();
  } catch (const Error& error) {
    if (error.code() != ErrorCode::invalid_data) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  read([&] { check(parse_voc(bytes)); });
  read([&] {
    for (const auto& image : parse_coco(bytes, "x.json").images) {
      if (image.file.find('/') != std::string::npos) std::abort();
      check(image.objects);
    }
  });
  return 0;
}
