#include <algorithm>
#include <cstring>
#include <utility>

#include "graph/checked_count.h"
#include "laconic/error.h"
#include "laconic/graph.h"

namespace laconic {
namespace {

template <typename T>
std::vector<std::byte> bytes_of(std::span<const T> values) {
  const auto bytes = std::as_bytes(values);
  return {bytes.begin(), bytes.end()};
}

template <typename T>
std::vector<std::int64_t> widen(std::span<const std::byte> bytes) {
  std::vector<std::int64_t> out(bytes.size() / sizeof(T));
  for (std::size_t i = 0; i < out.size(); ++i) {
    T value;
    std::memcpy(&value, bytes.data() + i * sizeof(T), sizeof(T));
    out[i] = static_cast<std::int64_t>(value);
  }
  return out;
}

}  // namespace

std::size_t element_bytes(ElementType type) noexcept {
  switch (type) {
    case ElementType::uint8:
    case ElementType::int8:
    case ElementType::boolean:
      return 1;
    case ElementType::uint16:
    case ElementType::int16:
    case ElementType::float16:
      return 2;
    case ElementType::float32:
    case ElementType::int32:
    case ElementType::uint32:
      return 4;
    case ElementType::int64:
    case ElementType::float64:
    case ElementType::uint64:
      return 8;
  }
  return 0;
}

std::string_view name(ElementType type) noexcept {
  switch (type) {
    case ElementType::float32:
      return "float32";
    case ElementType::uint8:
      return "uint8";
    case ElementType::int8:
      return "int8";
    case ElementType::uint16:
      return "uint16";
    case ElementType::int16:
      return "int16";
    case ElementType::int32:
      return "int32";
    case ElementType::int64:
      return "int64";
    case ElementType::boolean:
      return "boolean";
    case ElementType::float16:
      return "float16";
    case ElementType::float64:
      return "float64";
    case ElementType::uint32:
      return "uint32";
    case ElementType::uint64:
      return "uint64";
  }
  return "unknown";
}

std::int64_t checked_count(const Shape& shape, std::int64_t limit) {
  std::int64_t count = 1;
  bool empty = false;
  for (const auto extent : shape) {
    if (extent < 0) {
      fail(ErrorCode::invalid_data, "shape [{}] has a negative extent", fmt::join(shape, ", "));
    }
    if (extent == 0) {
      empty = true;
    } else if (count > limit / extent) {
      fail(ErrorCode::invalid_data, "shape [{}] has more than {} elements", fmt::join(shape, ", "),
           limit);
    } else {
      count *= extent;
    }
  }
  return empty ? 0 : count;
}

Constant::Constant(ElementType type, Shape shape, std::vector<std::byte> bytes)
    : type_(type), shape_(std::move(shape)) {
  const auto count = static_cast<std::size_t>(checked_count(shape_));
  if (count != bytes.size() / element_bytes(type) || bytes.size() % element_bytes(type) != 0) {
    fail(ErrorCode::invalid_data, "a {} constant of shape [{}] has {} bytes, not {}", name(type),
         fmt::join(shape_, ", "), bytes.size(), count * element_bytes(type));
  }
  bytes_ = std::make_shared<const std::vector<std::byte>>(std::move(bytes));
}

Constant Constant::of(Shape shape, std::span<const float> values) {
  return {ElementType::float32, std::move(shape), bytes_of(values)};
}

Constant Constant::of(Shape shape, std::span<const std::int64_t> values) {
  return {ElementType::int64, std::move(shape), bytes_of(values)};
}

std::span<const float> Constant::floats() const {
  if (type_ != ElementType::float32) {
    fail(ErrorCode::invalid_data, "a constant is {}, not float32", name(type_));
  }
  return {reinterpret_cast<const float*>(bytes_->data()), bytes_->size() / sizeof(float)};
}

std::vector<std::int64_t> Constant::integers() const {
  switch (type_) {
    case ElementType::uint8:
    case ElementType::boolean:
      return widen<std::uint8_t>(*bytes_);
    case ElementType::int8:
      return widen<std::int8_t>(*bytes_);
    case ElementType::uint16:
      return widen<std::uint16_t>(*bytes_);
    case ElementType::int16:
      return widen<std::int16_t>(*bytes_);
    case ElementType::int32:
      return widen<std::int32_t>(*bytes_);
    case ElementType::uint32:
      return widen<std::uint32_t>(*bytes_);
    case ElementType::int64:
      return widen<std::int64_t>(*bytes_);
    case ElementType::uint64:
      return widen<std::uint64_t>(*bytes_);
    case ElementType::float32:
    case ElementType::float16:
    case ElementType::float64:
      break;
  }
  fail(ErrorCode::invalid_data, "a constant is {}, not of an integer type", name(type_));
}

bool is_uniform(const Constant& constant) noexcept {
  const auto bytes = constant.bytes();
  const std::size_t width = element_bytes(constant.type());
  return !bytes.empty() &&
         std::memcmp(bytes.data(), bytes.data() + width, bytes.size() - width) == 0;
}

bool Constant::operator==(const Constant& other) const {
  return type_ == other.type_ && shape_ == other.shape_ &&
         (bytes_ == other.bytes_ || *bytes_ == *other.bytes_);
}

}  // namespace laconic
