#include <charconv>
#include <limits>
#include <pugixml.hpp>
#include <string>
#include <string_view>

#include "data/annotations.h"
#include "laconic/error.h"

namespace laconic {
namespace {

constexpr double none = std::numeric_limits<double>::quiet_NaN();

/// The whole text as a number; not a number where it is anything else.
double number_in(std::string_view text) {
  constexpr std::string_view blank = " \t\r\n";
  const auto first = text.find_first_not_of(blank);
  if (first == std::string_view::npos) return none;
  text = text.substr(first, text.find_last_not_of(blank) + 1 - first);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? value : none;
}

/// Nothing if it is no UTF-8: reports could not be written. (pugixml leaves out what is none.)
std::string name_in(const char* text) {
  return pugi::as_utf8(pugi::as_wide(text)) == text ? text : "";
}

/// VOC counts pixels from 1 and includes the last.
WrittenObject read_object(const pugi::xml_node& node) {
  const auto box = node.child("bndbox");
  const auto side = [&](const char* name) { return number_in(box.child_value(name)); };
  WrittenObject object;
  object.name = name_in(node.child_value("name"));
  object.difficult = node.child("difficult").text().as_bool();
  object.x1 = side("xmin") - 1;
  object.y1 = side("ymin") - 1;
  object.x2 = side("xmax");
  object.y2 = side("ymax");
  // In data of this layout a box of equal sides stands for none, not for one pixel.
  if (object.x2 - object.x1 <= 1) object.x2 = object.x1;
  if (object.y2 - object.y1 <= 1) object.y2 = object.y1;
  return object;
}

}  // namespace

std::vector<WrittenObject> parse_voc(std::span<const std::byte> xml) {
  pugi::xml_document document;
  const auto result = document.load_buffer(xml.data(), xml.size());
  const auto root = document.child("annotation");
  if (!result || !root) {
    fail(ErrorCode::invalid_data, "is no VOC annotation: {}",
         result ? "it has no element \"annotation\"" : result.description());
  }
  std::vector<WrittenObject> objects;
  for (const auto& node : root.children("object")) objects.push_back(read_object(node));
  return objects;
}

}  // namespace laconic
