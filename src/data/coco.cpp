// COCO's layout: a folder of images for each part, and annotations/instances_PART.json.

#include <map>
#include <nlohmann/json.hpp>

#include "core/atomic_file.h"
#include "data/annotated_images.h"
#include "data/members.h"
#include "data/sample_dataset.h"
#include "laconic/error.h"

namespace laconic {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

Json parse(const fs::path& path) {
  const auto bytes = read_file(path);
  const auto* text = reinterpret_cast<const char*>(bytes.data());
  auto json = Json::parse(text, text + bytes.size(), nullptr, false);
  for (const char* const key : {"images", "annotations", "categories"}) {
    if (json.is_object() && json.contains(key) && json[key].is_array()) continue;
    fail(ErrorCode::invalid_data, "\"{}\" is no COCO annotation: it has no list \"{}\"",
         path.string(), key);
  }
  return json;
}

/// Whether the entry is an object whose `key` is a whole number.
bool has_number(const Json& entry, const char* key) {
  return entry.is_object() && entry.contains(key) && entry[key].is_number_integer();
}

bool has_text(const Json& entry, const char* key) {
  return entry.is_object() && entry.contains(key) && entry[key].is_string();
}

bool has_box(const Json& entry) {
  if (!entry.contains("bbox") || !entry["bbox"].is_array() || entry["bbox"].size() != 4)
    return false;
  for (const auto& number : entry["bbox"]) {
    if (!number.is_number()) return false;
  }
  return true;
}

WrittenObject read_object(const Json& entry, const std::map<std::int64_t, std::string>& names) {
  WrittenObject object;
  const auto name = names.find(entry["category_id"].get<std::int64_t>());
  object.name = name != names.end() ? name->second : "?";
  const auto& box = entry["bbox"];
  object.x1 = box[0].get<double>();
  object.y1 = box[1].get<double>();
  object.x2 = object.x1 + box[2].get<double>();
  object.y2 = object.y1 + box[3].get<double>();
  // A crowd is not judged, and nothing in it is wrong.
  object.difficult = has_number(entry, "iscrowd") && entry["iscrowd"].get<std::int64_t>() != 0;
  return object;
}

[[noreturn]] void bad_entry(const fs::path& path, const char* list, std::size_t number) {
  fail(ErrorCode::invalid_data, "entry {} of \"{}\" in \"{}\" is not as COCO's are", number, list,
       path.string());
}

std::vector<WrittenImage> read_part(const fs::path& folder, const std::string& part) {
  if (part == "none") return {};
  const auto path = folder / "annotations" / ("instances_" + part + ".json");
  const Json json = parse(path);
  std::map<std::int64_t, std::string> names;
  for (std::size_t i = 0; i < json["categories"].size(); ++i) {
    const auto& entry = json["categories"][i];
    if (!has_number(entry, "id") || !has_text(entry, "name")) bad_entry(path, "categories", i);
    names.emplace(entry["id"].get<std::int64_t>(), entry["name"].get<std::string>());
  }
  std::vector<WrittenImage> images;
  std::map<std::int64_t, std::size_t> places;
  for (std::size_t i = 0; i < json["images"].size(); ++i) {
    const auto& entry = json["images"][i];
    if (!has_number(entry, "id") || !has_text(entry, "file_name")) bad_entry(path, "images", i);
    // The name alone: no entry leads out of the folder.
    const auto file = fs::path(entry["file_name"].get<std::string>()).filename();
    places.emplace(entry["id"].get<std::int64_t>(), images.size());
    images.push_back({folder / part / file, {}, {}});
  }
  for (std::size_t i = 0; i < json["annotations"].size(); ++i) {
    const auto& entry = json["annotations"][i];
    if (!has_number(entry, "image_id") || !has_number(entry, "category_id") || !has_box(entry))
      bad_entry(path, "annotations", i);
    const auto place = places.find(entry["image_id"].get<std::int64_t>());
    if (place != places.end()) images[place->second].objects.push_back(read_object(entry, names));
  }
  return images;
}

}  // namespace

std::unique_ptr<Dataset> make_coco(const Options& options) {
  const fs::path folder = existing_folder(options);
  const auto train = read_part(folder, options.text("train"));
  const auto class_names = class_names_of(options, train);
  SkippedAnnotations skipped;
  AnnotatedParts parts;
  parts[0] = check_images(train, class_names, skipped);
  parts[1] = check_images(read_part(folder, options.text("validation")), class_names, skipped);
  parts[2] = check_images(read_part(folder, options.text("test")), class_names, skipped);
  return make_detection_dataset(options, class_names, std::move(parts), std::move(skipped));
}

}  // namespace laconic
