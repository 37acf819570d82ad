#include "graph/onnx/tensor.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "graph/checked_count.h"
#include "graph/half.h"
#include "laconic/error.h"

namespace laconic {
namespace {

using onnx::TensorProto;

/// Bytes of an element as it is stored in the file; 0 for types that are none of ours.
std::size_t stored_bytes(int type) {
  switch (type) {
    case TensorProto::UINT8:
    case TensorProto::INT8:
    case TensorProto::BOOL:
      return 1;
    case TensorProto::UINT16:
    case TensorProto::INT16:
    case TensorProto::FLOAT16:
    case TensorProto::BFLOAT16:
      return 2;
    case TensorProto::FLOAT:
    case TensorProto::INT32:
    case TensorProto::UINT32:
      return 4;
    case TensorProto::DOUBLE:
    case TensorProto::INT64:
    case TensorProto::UINT64:
      return 8;
    default:
      return 0;
  }
}

std::string type_name(int type) {
  return TensorProto::DataType_IsValid(type)
             ? TensorProto::DataType_Name(static_cast<TensorProto::DataType>(type))
             : std::to_string(type);
}

bool of_nibbles(int type) {
  return type == int4_type || type == uint4_type;
}

/// A byte for each of two elements in a byte.
std::vector<std::byte> split_nibbles(std::span<const std::byte> pairs, std::size_t count,
                                     bool is_signed) {
  std::vector<std::byte> out(count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto nibble = pairs[i / 2] >> (i % 2 == 0 ? 0 : 4) & std::byte{15};
    const bool negative = is_signed && (nibble & std::byte{8}) != std::byte{0};
    out[i] = negative ? nibble | std::byte{0xf0} : nibble;
  }
  return out;
}

/// The low bytes of each element of a repeated field.
template <typename Stored, typename Field>
std::vector<std::byte> narrow(const Field& field) {
  std::vector<std::byte> out(static_cast<std::size_t>(field.size()) * sizeof(Stored));
  std::size_t at = 0;
  for (const auto element : field) {
    const auto value = static_cast<Stored>(element);
    std::memcpy(out.data() + at, &value, sizeof value);
    at += sizeof value;
  }
  return out;
}

/// The field that ONNX prescribes for values of that type.
std::vector<std::byte> typed_field(const TensorProto& tensor) {
  switch (tensor.data_type()) {
    case TensorProto::FLOAT:
      return narrow<float>(tensor.float_data());
    case TensorProto::DOUBLE:
      return narrow<double>(tensor.double_data());
    case TensorProto::INT64:
      return narrow<std::int64_t>(tensor.int64_data());
    case TensorProto::UINT64:
      return narrow<std::uint64_t>(tensor.uint64_data());
    case TensorProto::UINT32:
      return narrow<std::uint32_t>(tensor.uint64_data());
    case TensorProto::INT32:
      return narrow<std::int32_t>(tensor.int32_data());
    case TensorProto::INT16:
    case TensorProto::UINT16:
    case TensorProto::FLOAT16:
    case TensorProto::BFLOAT16:
      return narrow<std::uint16_t>(tensor.int32_data());
    default:
      return narrow<std::uint8_t>(tensor.int32_data());
  }
}

template <typename Stored, typename Convert>
std::vector<std::byte> to_float32(std::span<const std::byte> bytes, Convert convert) {
  std::vector<std::byte> out(bytes.size() / sizeof(Stored) * sizeof(float));
  for (std::size_t i = 0; i < bytes.size() / sizeof(Stored); ++i) {
    Stored stored;
    std::memcpy(&stored, bytes.data() + i * sizeof stored, sizeof stored);
    const float value = convert(stored);
    std::memcpy(out.data() + i * sizeof value, &value, sizeof value);
  }
  return out;
}

std::vector<std::byte> to_float32(int type, std::vector<std::byte> bytes) {
  switch (type) {
    case TensorProto::FLOAT16:
      return to_float32<std::uint16_t>(bytes, from_float16);
    case TensorProto::BFLOAT16:
      return to_float32<std::uint16_t>(bytes, from_bfloat16);
    case TensorProto::DOUBLE:
      return to_float32<double>(bytes, [](double value) { return static_cast<float>(value); });
    default:
      return bytes;
  }
}

}  // namespace

ElementType element_type(int number, const TensorReading& reading, const std::string& who) {
  if (stored_bytes(number) == 0 || (number == TensorProto::BFLOAT16 && !reading.single_precision)) {
    fail(ErrorCode::invalid_data, "{} has elements of type {}, which are not supported", who,
         type_name(number));
  }
  const bool widened = number == TensorProto::FLOAT16 || number == TensorProto::BFLOAT16 ||
                       number == TensorProto::DOUBLE;
  return reading.single_precision && widened ? ElementType::float32
                                             : static_cast<ElementType>(number);
}

Constant read_tensor(TensorProto& tensor, const TensorReading& reading, const std::string& who) {
  const int stored = tensor.data_type();
  const bool nibbles = of_nibbles(stored);
  const auto byte_type = stored == int4_type ? ElementType::int8 : ElementType::uint8;
  const auto type = nibbles ? byte_type : element_type(stored, reading, who);
  if (tensor.has_segment()) {
    fail(ErrorCode::invalid_data, "{} is stored in segments, which are not supported", who);
  }
  Shape shape(tensor.dims().begin(), tensor.dims().end());
  std::size_t count = 0;
  try {
    count = static_cast<std::size_t>(checked_count(shape));
  } catch (const Error& error) {
    fail(ErrorCode::invalid_data, "{}: {}", who, error.what());
  }
  const std::size_t wanted = nibbles ? (count + 1) / 2 : count * stored_bytes(stored);

  std::vector<std::byte> bytes;
  if (tensor.data_location() == TensorProto::EXTERNAL) {
    bytes = read_external(tensor, wanted, reading, who);
  } else if (tensor.has_raw_data()) {
    const auto raw = std::as_bytes(std::span(tensor.raw_data()));
    bytes.assign(raw.begin(), raw.end());
    std::string().swap(*tensor.mutable_raw_data());
  } else {
    bytes = typed_field(tensor);
  }
  if (bytes.size() != wanted) {
    fail(ErrorCode::invalid_data, "{} of shape [{}] holds {} bytes of {}, not {}", who,
         fmt::join(shape, ", "), bytes.size(), type_name(stored), wanted);
  }
  if (type == ElementType::boolean) {
    for (auto& value : bytes) value = value == std::byte{0} ? value : std::byte{1};
  }
  tensor.Clear();
  if (nibbles) bytes = split_nibbles(bytes, count, stored == int4_type);
  if (type == ElementType::float32) bytes = to_float32(stored, std::move(bytes));
  return {type, std::move(shape), std::move(bytes)};
}

}  // namespace laconic
