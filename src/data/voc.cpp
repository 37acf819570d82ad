// PASCAL VOC's layout: JPEGImages, Annotations, ImageSets/Main.

#include <fmt/format.h>

#include <sstream>

#include "core/atomic_file.h"
#include "data/annotated_images.h"
#include "data/members.h"
#include "data/sample_dataset.h"
#include "laconic/error.h"
#include "laconic/threads.h"

namespace laconic {
namespace {

namespace fs = std::filesystem;

/// No name on a list leads out of the folders.
bool is_plain_name(const std::string& name) {
  return !name.empty() && name.front() != '.' && name.find_first_of("/\\") == std::string::npos;
}

/// The first word of each line: lists of one class have a second.
std::vector<std::string> read_list(const fs::path& path) {
  const auto bytes = read_file(path);
  std::istringstream lines(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  std::vector<std::string> names;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string name;
    if (!(words >> name)) continue;
    if (!is_plain_name(name))
      fail(ErrorCode::invalid_data, "\"{}\" lists \"{}\", which is no name of an image",
           path.string(), name);
    names.push_back(std::move(name));
  }
  return names;
}

WrittenImage read_annotation(const fs::path& folder, const std::string& name) {
  WrittenImage image;
  image.file = folder / "JPEGImages" / (name + ".jpg");
  const auto path = folder / "Annotations" / (name + ".xml");
  std::vector<std::byte> bytes;
  try {
    bytes = read_file(path);
  } catch (const Error& error) {
    image.problem = error.what();
    return image;
  }
  try {
    image.objects = parse_voc(bytes);
  } catch (const Error& error) {
    image.problem = fmt::format("\"{}\" {}", path.string(), error.what());
  }
  return image;
}

/// A part's list. `usual` is one that a data set may lack; one that was asked for is an error.
std::vector<WrittenImage> read_part(const fs::path& folder, const std::string& list,
                                    std::string_view usual) {
  if (list == "none") return {};
  const auto path = folder / "ImageSets" / "Main" / (list + ".txt");
  if (!is_plain_name(list))
    fail(ErrorCode::invalid_argument, "\"{}\" is no name of a list of images", list);
  std::error_code ignored;
  if (list == usual && !fs::exists(path, ignored)) return {};
  const auto names = read_list(path);
  std::vector<WrittenImage> images(names.size());
  parallel_for(std::ssize(names), [&](std::int64_t i) {
    const auto at = static_cast<std::size_t>(i);
    images[at] = read_annotation(folder, names[at]);
  });
  return images;
}

}  // namespace

std::unique_ptr<Dataset> make_voc(const Options& options) {
  const fs::path folder = existing_folder(options);
  const auto train = read_part(folder, options.text("train"), "");
  const auto class_names = class_names_of(options, train);
  AnnotatedParts parts;
  parts[0] = check_images(train, class_names);
  parts[1] = check_images(read_part(folder, options.text("validation"), "val"), class_names);
  parts[2] = check_images(read_part(folder, options.text("test"), "test"), class_names);
  return make_detection_dataset(options, class_names, std::move(parts));
}

}  // namespace laconic
