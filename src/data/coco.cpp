// COCO's layout: a folder of images for each part, and annotations/instances_PART.json.

#include "core/atomic_file.h"
#include "data/annotated_images.h"
#include "data/members.h"
#include "data/sample_dataset.h"
#include "laconic/error.h"

namespace laconic {
namespace {

namespace fs = std::filesystem;

struct WrittenPart {
  std::vector<WrittenImage> images;
  SkippedAnnotations skipped;
};

WrittenPart read_part(const fs::path& folder, const std::string& part) {
  if (part == "none") return {};
  const auto path = folder / "annotations" / ("instances_" + part + ".json");
  auto annotation = parse_coco(read_file(path), path.string());
  WrittenPart read{{}, std::move(annotation.skipped)};
  for (auto& image : annotation.images)
    read.images.push_back({folder / part / image.file, std::move(image.objects), {}});
  return read;
}

}  // namespace

std::unique_ptr<Dataset> make_coco(const Options& options) {
  const fs::path folder = existing_folder(options);
  const std::array<const char*, 3> keys{"train", "validation", "test"};
  std::vector<std::string> class_names;
  AnnotatedParts parts;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto read = read_part(folder, options.text(keys[i]));
    if (i == 0) class_names = class_names_of(options, read.images);
    parts[i] = check_images(read.images, class_names, read.skipped);
  }
  return make_detection_dataset(options, class_names, std::move(parts));
}

}  // namespace laconic
