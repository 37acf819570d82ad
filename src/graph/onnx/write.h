// The parts of writing an ONNX model.

#pragma once

#include <onnx/onnx_pb.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "graph/fresh_names.h"
#include "laconic/onnx.h"

namespace laconic {

/// A tensor to be stored; its bytes are made when they are written, so that they are never all in
/// memory at once.
struct Initializer {
  std::string name;
  ElementType type = ElementType::float32;
  Shape shape;
  std::function<std::vector<std::byte>()> bytes;
  bool nibbles =
      false;  ///< Bytes hold two elements each, the first one lowest: ONNX's 4-bit types.

  [[nodiscard]] std::uint64_t size() const {
    const auto count = static_cast<std::uint64_t>(element_count(shape));
    return nibbles ? (count + 1) / 2 : count * element_bytes(type);
  }
};

/// Nodes that compute a tensor, and what they read.
struct Computation {
  std::vector<Initializer> initializers;
  std::vector<Node> nodes;
};

/// How `name` is computed from small integers by DequantizeLinear, which must exist in `opset`: of
/// 4 bits where that knows them and levels fit; nothing if its levels are not evenly spaced, do not
/// fit 8 bits, or its blocks are neither the whole tensor nor its channels. `tensor` must outlive
/// the result.
[[nodiscard]] std::optional<Computation> dequantize_linear(const std::string& name,
                                                           const QuantizedTensor& tensor,
                                                           std::int64_t opset, FreshNames& names);

/// How `name` is computed by Gather from its codebooks; nothing if that takes as many bytes as
/// floats. `tensor` must outlive the result.
[[nodiscard]] std::optional<Computation> gather_levels(const std::string& name,
                                                       const QuantizedTensor& tensor,
                                                       FreshNames& names);

/// No protobuf message may be larger; this leaves room for what is not weights.
inline constexpr std::uint64_t most_inline_bytes = (std::uint64_t{1} << 31) - (1 << 20);

/// Writes `model`, whose graph has no initializers yet, with these. Where all together have more
/// than `most_inline`, large ones go to a file of the model's name with ".data" appended. Throws
/// Error(cannot_write).
void write_model(onnx::ModelProto& model, const std::vector<Initializer>& initializers,
                 const std::filesystem::path& path, std::uint64_t most_inline = most_inline_bytes);

/// The model without its initializers.
[[nodiscard]] onnx::ModelProto structure_of(const Graph& graph, const std::vector<Node>& before);

}  // namespace laconic
