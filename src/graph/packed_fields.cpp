#include "graph/packed_fields.h"

#include <bit>
#include <utility>

#include "graph/checked_count.h"
#include "graph/evaluate.h"
#include "graph/packed_form.h"
#include "laconic/error.h"

namespace laconic {
namespace {

using packed::Storage;
constexpr std::string_view part = packed_part;

/// Booleans are bytes 0 and 1 and nothing else.
Constant checked(Constant constant) {
  const auto above_one = [](std::byte value) { return value > std::byte{1}; };
  if (constant.type() == ElementType::boolean && std::ranges::any_of(constant.bytes(), above_one)) {
    corrupt("{} is damaged: a boolean is neither 0 nor 1", part);
  }
  return constant;
}

std::uint64_t count_of(const Shape& shape) {
  try {
    return static_cast<std::uint64_t>(checked_count(shape));
  } catch (const Error& error) {
    corrupt("{} is damaged: {}", part, error.what());
  }
}

}  // namespace

ElementType PackedFields::type(std::uint64_t number) {
  const auto type = static_cast<ElementType>(number);
  if (number > 13 || element_bytes(type) == 0) {
    corrupt("{} is damaged: there is no element type {}", part, number);
  }
  return type;
}

ValueInfo PackedFields::info() {
  ValueInfo info;
  info.name = reader_.text("the name of a value");
  if (info.name.empty()) corrupt("{} is damaged: a value has no name", part);
  info.type = type(reader_.varint("the type of a value"));
  const auto rank = reader_.varint("the rank of a value");
  if (rank > reader_.remaining()) corrupt("{} is damaged: a value has {} extents", part, rank - 1);
  info.ranked = rank > 0;
  info.shape.resize(info.ranked ? rank - 1 : 0);
  for (auto& extent : info.shape) {
    extent =
        static_cast<std::int64_t>(reader_.below(std::uint64_t{1} << 62, "an extent of a value")) -
        1;
  }
  return info;
}

std::vector<std::byte> PackedFields::repeated(std::span<const std::byte> element,
                                              std::uint64_t count) {
  if (count > packed::most_uniform_elements - uniform_elements_) {
    corrupt("{} is damaged: its uniform constants have more than {} elements", part,
            packed::most_uniform_elements);
  }
  uniform_elements_ += count;
  std::vector<std::byte> bytes;
  bytes.reserve(count * element.size());
  for (std::uint64_t i = 0; i < count; ++i) {
    bytes.insert(bytes.end(), element.begin(), element.end());
  }
  return bytes;
}

Constant PackedFields::constant() {
  const auto kind = reader_.varint("the type of a constant");
  const ElementType element = type(kind >> 2);
  Shape shape(reader_.count("the rank of a constant"));
  for (auto& extent : shape) {
    extent = static_cast<std::int64_t>(reader_.below(most_elements, "an extent of a constant"));
  }
  const std::uint64_t count = count_of(shape);
  const std::size_t width = element_bytes(element);
  const auto storage = static_cast<Storage>(kind & 3);
  if (storage == Storage::plain) {
    const auto bytes = reader_.take(count * width, "a constant");
    return checked({element, std::move(shape), {bytes.begin(), bytes.end()}});
  }
  if (storage == Storage::uniform) {
    const auto bytes = reader_.take(width, "a constant");
    return checked({element, std::move(shape), repeated(bytes, count)});
  }
  if (storage != Storage::integers || !is_integer(element) || count > reader_.remaining()) {
    corrupt("{} is damaged: a constant is stored in a way that its type does not allow", part);
  }
  IntegerWriter out(element, std::move(shape));
  for (std::uint64_t i = 0; i < count; ++i) {
    out.put(unzigzag(reader_.varint("an element of a constant")));
  }
  return checked(out.finish());
}

float PackedFields::number() {
  return std::bit_cast<float>(reader_.u32("an attribute"));
}

template <typename T, typename Read>
std::vector<T> PackedFields::list(Read read) {
  std::vector<T> out(reader_.count("the length of an attribute"));
  for (auto& item : out) item = read();
  return out;
}

Attribute PackedFields::attribute() {
  switch (reader_.below(std::variant_size_v<Attribute>, "the type of an attribute")) {
    case 0:
      return integer();
    case 1:
      return number();
    case 2:
      return text();
    case 3:
      return list<std::int64_t>([&] { return integer(); });
    case 4:
      return list<float>([&] { return number(); });
    case 5:
      return list<std::string>([&] { return text(); });
    default:
      return constant();
  }
}

}  // namespace laconic
