#include <fmt/format.h>

#include <filesystem>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>

#include "data/annotations.h"
#include "laconic/error.h"

namespace laconic {
namespace {

using Json = nlohmann::json;
using Names = std::map<std::int64_t, std::string>;

Json parse(std::span<const std::byte> bytes, const std::string& name) {
  const auto* text = reinterpret_cast<const char*>(bytes.data());
  auto json = Json::parse(text, text + bytes.size(), nullptr, false);
  if (json.is_discarded())
    fail(ErrorCode::invalid_data, "\"{}\" is no COCO annotation: it is no JSON", name);
  for (const char* const key : {"images", "annotations", "categories"}) {
    if (json.is_object() && json.contains(key) && json[key].is_array()) continue;
    fail(ErrorCode::invalid_data, "\"{}\" is no COCO annotation: it has no list \"{}\"", name, key);
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

/// A box's corner and extents; not a number where there is none.
double side(const Json& entry, std::size_t i) {
  const auto box = entry.find("bbox");
  const bool good = box != entry.end() && box->is_array() && box->size() == 4;
  return good && (*box)[i].is_number() ? (*box)[i].get<double>()
                                       : std::numeric_limits<double>::quiet_NaN();
}

WrittenObject read_object(const Json& entry, const Names& names) {
  WrittenObject object;
  const auto name = names.find(entry["category_id"].get<std::int64_t>());
  if (name != names.end()) object.name = name->second;
  object.x1 = side(entry, 0);
  object.y1 = side(entry, 1);
  object.x2 = object.x1 + side(entry, 2);
  object.y2 = object.y1 + side(entry, 3);
  object.crowd = has_number(entry, "iscrowd") && entry["iscrowd"].get<std::int64_t>() != 0;
  object.difficult = object.crowd;
  return object;
}

[[noreturn]] void bad_entry(const std::string& name, const char* list, std::size_t number) {
  fail(ErrorCode::invalid_data, "entry {} of \"{}\" in \"{}\" is not as COCO's are", number, list,
       name);
}

Names read_categories(const Json& list, const std::string& name) {
  Names names;
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (!has_number(list[i], "id") || !has_text(list[i], "name")) bad_entry(name, "categories", i);
    names.emplace(list[i]["id"].get<std::int64_t>(), list[i]["name"].get<std::string>());
  }
  return names;
}

}  // namespace

CocoAnnotation parse_coco(std::span<const std::byte> json_bytes, const std::string& name) {
  const Json json = parse(json_bytes, name);
  const auto names = read_categories(json["categories"], name);
  CocoAnnotation read;
  std::map<std::int64_t, std::size_t> places;
  for (std::size_t i = 0; i < json["images"].size(); ++i) {
    const auto& entry = json["images"][i];
    if (!has_number(entry, "id") || !has_text(entry, "file_name")) bad_entry(name, "images", i);
    places.emplace(entry["id"].get<std::int64_t>(), read.images.size());
    const auto file = std::filesystem::path(entry["file_name"].get<std::string>()).filename();
    read.images.push_back({file.string(), {}});
  }
  for (std::size_t i = 0; i < json["annotations"].size(); ++i) {
    const auto& entry = json["annotations"][i];
    if (!has_number(entry, "image_id") || !has_number(entry, "category_id"))
      bad_entry(name, "annotations", i);
    const auto image = entry["image_id"].get<std::int64_t>();
    if (const auto place = places.find(image); place != places.end()) {
      read.images[place->second].objects.push_back(read_object(entry, names));
      continue;
    }
    ++read.skipped.stray_boxes;
    if (read.skipped.first.empty()) {
      read.skipped.first = fmt::format(
          "entry {} of \"annotations\" in \"{}\" is of image {}, which "
          "is not listed",
          i, name, image);
    }
  }
  return read;
}

}  // namespace laconic
