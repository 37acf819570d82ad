// The operators that the import accepts: the table behind docs/operators.md.

#include "graph/operators.h"

#include <algorithm>
#include <array>

namespace laconic {
namespace {

// Opset 25 came with ONNX 1.20. Operators whose row ends there have not changed what they mean to
// floating-point networks since their row begins, but for forms that nodes say themselves (an
// attribute, another input) and that check_form() looks at.
constexpr int latest = 25;

constexpr std::array table{
    OperatorInfo{"Abs", 6, latest},
    OperatorInfo{"Add", 7, latest},
    OperatorInfo{"And", 7, latest},
    OperatorInfo{"ArgMax", 1, latest},
    OperatorInfo{"AveragePool", 1, latest},
    OperatorInfo{"BatchNormalization", 7, latest},
    OperatorInfo{"Cast", 6, latest},
    OperatorInfo{"Clip", 6, latest},
    OperatorInfo{"Concat", 4, latest},
    OperatorInfo{"Constant", 1, latest},
    OperatorInfo{"ConstantOfShape", 9, latest},
    OperatorInfo{"Conv", 1, latest},
    OperatorInfo{"ConvTranspose", 1, latest},
    OperatorInfo{"DepthToSpace", 1, latest},
    OperatorInfo{"DequantizeLinear", 10, latest},
    OperatorInfo{"Div", 7, latest},
    OperatorInfo{"Dropout", 7, latest},
    OperatorInfo{"Elu", 6, latest},
    OperatorInfo{"Equal", 7, latest},
    OperatorInfo{"Erf", 9, latest},
    OperatorInfo{"Exp", 6, latest},
    OperatorInfo{"Expand", 8, latest},
    OperatorInfo{"Flatten", 1, latest},
    OperatorInfo{"GRU", 7, latest},
    OperatorInfo{"Gather", 1, latest},
    OperatorInfo{"Gemm", 7, latest},
    OperatorInfo{"GlobalAveragePool", 1, latest},
    OperatorInfo{"GlobalMaxPool", 1, latest},
    OperatorInfo{"Greater", 7, latest},
    OperatorInfo{"HardSigmoid", 6, latest},
    OperatorInfo{"HardSwish", 14, latest},
    OperatorInfo{"Identity", 1, latest},
    OperatorInfo{"InstanceNormalization", 6, latest},
    OperatorInfo{"LRN", 1, latest},
    OperatorInfo{"LSTM", 7, latest},
    OperatorInfo{"LayerNormalization", 17, latest},
    OperatorInfo{"LeakyRelu", 6, latest},
    OperatorInfo{"Less", 7, latest},
    OperatorInfo{"Log", 6, latest},
    OperatorInfo{"LogSoftmax", 1, latest},
    OperatorInfo{"MatMul", 1, latest},
    OperatorInfo{"Max", 6, latest},
    OperatorInfo{"MaxPool", 1, latest},
    OperatorInfo{"Mean", 6, latest},
    OperatorInfo{"Min", 6, latest},
    OperatorInfo{"Mul", 7, latest},
    OperatorInfo{"Neg", 6, latest},
    OperatorInfo{"Not", 1, latest},
    OperatorInfo{"Or", 7, latest},
    OperatorInfo{"PRelu", 7, latest},
    OperatorInfo{"Pad", 2, latest},
    OperatorInfo{"Pow", 7, latest},
    OperatorInfo{"QuantizeLinear", 10, latest},
    OperatorInfo{"RNN", 7, latest},
    OperatorInfo{"Range", 11, latest},
    OperatorInfo{"ReduceMax", 1, latest},
    OperatorInfo{"ReduceMean", 1, latest},
    OperatorInfo{"ReduceMin", 1, latest},
    OperatorInfo{"ReduceSum", 1, latest},
    OperatorInfo{"Relu", 6, latest},
    OperatorInfo{"Reshape", 5, latest},
    OperatorInfo{"Resize", 10, latest},
    OperatorInfo{"Selu", 6, latest},
    OperatorInfo{"Shape", 1, latest},
    OperatorInfo{"Sigmoid", 6, latest},
    OperatorInfo{"Slice", 1, latest},
    OperatorInfo{"Softmax", 1, latest},
    OperatorInfo{"Softplus", 1, latest},
    OperatorInfo{"SpaceToDepth", 1, latest},
    OperatorInfo{"Split", 2, latest},
    OperatorInfo{"Sqrt", 6, latest},
    OperatorInfo{"Squeeze", 1, latest},
    OperatorInfo{"Sub", 7, latest},
    OperatorInfo{"Sum", 6, latest},
    OperatorInfo{"Tanh", 6, latest},
    OperatorInfo{"Tile", 6, latest},
    OperatorInfo{"Transpose", 1, latest},
    OperatorInfo{"Unsqueeze", 1, latest},
    OperatorInfo{"Where", 9, latest},
};
static_assert(std::ranges::is_sorted(table, {}, &OperatorInfo::op));

}  // namespace

std::span<const OperatorInfo> operators() noexcept {
  return table;
}

const OperatorInfo* find_operator(std::string_view op) noexcept {
  const auto found = std::ranges::lower_bound(table, op, {}, &OperatorInfo::op);
  return found != table.end() && found->op == op ? &*found : nullptr;
}

}  // namespace laconic
