#include "data/annotated_images.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string_view>

#include "data/decode_image.h"
#include "laconic/error.h"
#include "laconic/threads.h"

namespace laconic {
namespace {

constexpr std::string_view voc_classes =
    "aeroplane/bicycle/bird/boat/bottle/bus/car/cat/chair/cow/diningtable/dog/horse/motorbike/"
    "person/pottedplant/sheep/sofa/train/tvmonitor";

struct Checked {
  AnnotatedImage image;
  SkippedAnnotations skipped;
};

void drop(Checked& checked, std::int64_t& count, std::string why) {
  ++count;
  checked.skipped.first = std::move(why);
}

Checked check_image(const WrittenImage& written, std::span<const std::string> class_names) {
  Checked checked;
  auto& [image, skipped] = checked;
  image.file = written.file;
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(written.file, ignored)) {
    drop(checked, skipped.missing_images,
         fmt::format("there is no image \"{}\"", written.file.string()));
    return checked;
  }
  if (!written.problem.empty()) {
    drop(checked, skipped.bad_annotations, written.problem);
    return checked;
  }
  try {
    // What cannot be decoded is known before a training or an evaluation begins.
    const EncodedImage file(written.file);
    (void)file.decode(Channels::bgr, 1, 1);
    image.height = file.height();
    image.width = file.width();
  } catch (const Error& error) {
    drop(checked, skipped.damaged_images, error.what());
    return checked;
  }
  for (const auto& object : written.objects) add_object(object, class_names, image, skipped);
  return checked;
}

std::vector<std::string> split_names(std::string_view text) {
  std::vector<std::string> names(1);
  for (const char c : text) {
    if (c == '/') {
      names.emplace_back();
    } else {
      names.back() += c;
    }
  }
  return names;
}

}  // namespace

AnnotatedPart check_images(std::span<const WrittenImage> images,
                           std::span<const std::string> class_names, SkippedAnnotations skipped) {
  std::vector<Checked> checked(images.size());
  parallel_for(std::ssize(images), [&](std::int64_t i) {
    const auto at = static_cast<std::size_t>(i);
    checked[at] = check_image(images[at], class_names);
  });
  AnnotatedPart part{{}, std::move(skipped)};
  for (auto& one : checked) {
    part.skipped += one.skipped;
    if (one.skipped.images() == 0) part.images.push_back(std::move(one.image));
  }
  return part;
}

std::vector<std::string> class_names_of(const Options& options,
                                        std::span<const WrittenImage> images) {
  const auto& text = options.text("classes");
  if (text != "auto") {
    auto names = split_names(text == "voc" ? voc_classes : std::string_view(text));
    if (std::set(names.begin(), names.end()).size() < names.size())
      fail(ErrorCode::invalid_argument, "classes is \"{}\", but names must differ", text);
    return names;
  }
  std::set<std::string> found;
  for (const auto& image : images)
    for (const auto& object : image.objects) found.insert(object.name);
  found.erase("");
  if (found.empty())
    fail(ErrorCode::invalid_data, "data set \"{}\": no annotation has an object",
         options.member().name);
  return {found.begin(), found.end()};
}

}  // namespace laconic
