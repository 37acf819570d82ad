// ONNX's tensors to constants.

#pragma once

#include <onnx/onnx_pb.h>

#include <filesystem>
#include <optional>

#include "laconic/graph.h"

namespace laconic {

/// ONNX's numbers for elements of four bits, which older headers of it lack. They are read as
/// bytes.
inline constexpr int uint4_type = 21, int4_type = 22;

/// How the values of one model are read.
struct TensorReading {
  /// The folder that external data may lie in; nullopt refuses external data.
  std::optional<std::filesystem::path> folder;

  /// float16, bfloat16 and float64 become float32 throughout the model.
  bool single_precision = false;
};

/// ONNX's number of an element type as ours. `who` is what messages call its bearer.
[[nodiscard]] ElementType element_type(int number, const TensorReading& reading,
                                       const std::string& who);

/// Empties `tensor` of its values to bound the memory that a model takes twice. Throws
/// Error(invalid_data) naming `who` if its parts contradict each other, its type is none of ours,
/// or its external data cannot be had.
[[nodiscard]] Constant read_tensor(onnx::TensorProto& tensor, const TensorReading& reading,
                                   const std::string& who);

/// The bytes that `tensor` has in a file beside the model. Throws as read_tensor() does.
[[nodiscard]] std::vector<std::byte> read_external(const onnx::TensorProto& tensor,
                                                   std::size_t bytes, const TensorReading& reading,
                                                   const std::string& who);

}  // namespace laconic
