// ONNX files in and out. Opsets 7 to 17 at least; later ones where every operator is known.

#pragma once

#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "laconic/graph.h"

namespace laconic {

/// Reads a model. Initializers may be inline or external (any size, beside the model; a path that
/// leaves the model's folder is refused). Constant nodes become constants; subexpressions of
/// constants alone (shapes, mostly) are folded where later nodes need them as constants. Gemm
/// weights are brought to transB = 1, and weights of MatMul and ConvTranspose that are read once
/// are stored with the output channel first, behind a Transpose node: axis 0 of every weight is its
/// output channel.
///
/// Throws Error(invalid_data) for a missing, truncated or malformed file (naming it), for external
/// data that is missing or too short, and for NaN or infinite weights (naming the tensor);
/// Error(unsupported_operator) naming operator, domain, version and node.
[[nodiscard]] Graph read_onnx(const std::filesystem::path& path);

/// Likewise from memory; external data is refused.
[[nodiscard]] Graph read_onnx(std::span<const std::byte> bytes);

/// How export writes quantized tensors.
enum class QuantizedForm {
  dense,       ///< As float initializers: every runtime reads them.
  dequantize,  ///< DequantizeLinear where levels are evenly spaced and fit 8 bits, else Gather from
               ///< the codebook where that is smaller than floats.
};

/// Writes a model that ONNX's checker accepts. `tensors` replaces constants of the same name (dense
/// or quantized); the others are written as they are. Input and output names are the graph's.
/// Writes to a temporary file first: the file appears whole or not at all. Throws
/// Error(cannot_write).
void write_onnx(const Graph& graph, const std::filesystem::path& path,
                const std::map<std::string, Tensor, std::less<>>& tensors = {},
                QuantizedForm form = QuantizedForm::dense);

/// Operator types that the import accepts, sorted, each with the opset version from which and up to
/// which its meaning is implemented.
struct OperatorInfo {
  std::string_view op;
  int since;    ///< Oldest opset whose form of the operator is understood.
  int through;  ///< Latest.
};
[[nodiscard]] std::span<const OperatorInfo> operators() noexcept;

}  // namespace laconic
