#include <array>

#include "graph/passes.h"
#include "laconic/error.h"

namespace laconic {

Constant constant_value(const Node& node) {
  const auto find = [&]<typename T>(std::string_view key) -> const T* {
    const auto found = node.attributes.find(key);
    return found != node.attributes.end() ? std::get_if<T>(&found->second) : nullptr;
  };
  if (const auto* value = find.operator()<Constant>("value")) return *value;
  if (const auto* value = find.operator()<float>("value_float")) {
    return Constant::of({}, std::span(value, 1));
  }
  if (const auto* value = find.operator()<std::int64_t>("value_int")) {
    return Constant::of({}, std::span(value, 1));
  }
  const auto length = [](const auto& values) {
    return Shape{static_cast<std::int64_t>(values.size())};
  };
  if (const auto* values = find.operator()<std::vector<float>>("value_floats")) {
    return Constant::of(length(*values), std::span<const float>(*values));
  }
  if (const auto* values = find.operator()<std::vector<std::int64_t>>("value_ints")) {
    return Constant::of(length(*values), std::span<const std::int64_t>(*values));
  }
  fail(ErrorCode::invalid_data, "{} has no value, or one of a type that is not supported",
       describe(node));
}

}  // namespace laconic
