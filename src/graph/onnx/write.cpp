#include "graph/onnx/write.h"

#include <algorithm>
#include <iterator>

#include "laconic/error.h"

namespace laconic {
namespace {

/// The graph with stand-ins for what `tensors` adds or replaces. Checks that they fit.
Graph whole_graph(const Graph& graph, const std::map<std::string, Tensor, std::less<>>& tensors) {
  Graph whole = graph;
  for (const auto& [name, tensor] : tensors) {
    const auto [place, is_new] = whole.constants.try_emplace(name);
    const Constant& replaced = place->second;
    if (!is_new &&
        (replaced.type() != ElementType::float32 || replaced.shape() != shape_of(tensor))) {
      fail(ErrorCode::invalid_argument,
           "tensor '{}' of shape [{}] cannot replace a {} constant of shape [{}]", name,
           fmt::join(shape_of(tensor), ", "), laconic::name(replaced.type()),
           fmt::join(replaced.shape(), ", "));
    }
    if (const auto* quantized = std::get_if<QuantizedTensor>(&tensor)) validate(*quantized);
    const auto* dense = std::get_if<DenseTensor>(&tensor);
    if (dense != nullptr && std::ssize(dense->values) != element_count(dense->shape)) {
      fail(ErrorCode::invalid_argument, "tensor '{}' of shape [{}] has {} values", name,
           fmt::join(dense->shape, ", "), dense->values.size());
    }
  }
  validate(whole);
  return whole;
}

template <typename T>
std::vector<std::byte> copy_bytes(std::span<const T> values) {
  const auto bytes = std::as_bytes(values);
  return {bytes.begin(), bytes.end()};
}

Computation compute(const std::string& name, const Tensor& tensor, QuantizedForm form,
                    std::int64_t opset, FreshNames& names) {
  const auto* quantized = std::get_if<QuantizedTensor>(&tensor);
  if (form == QuantizedForm::dequantize && quantized != nullptr) {
    if (auto linear = dequantize_linear(name, *quantized, opset, names)) return std::move(*linear);
    if (auto gather = gather_levels(name, *quantized, names)) return std::move(*gather);
  }
  const auto values = [&tensor] {
    if (const auto* dense = std::get_if<DenseTensor>(&tensor))
      return copy_bytes(std::span<const float>(dense->values));
    return copy_bytes(std::span<const float>(dequantize(tensor)));
  };
  return {{{name, ElementType::float32, shape_of(tensor), values}}, {}};
}

}  // namespace

void write_onnx(const Graph& graph, const std::filesystem::path& path,
                const std::map<std::string, Tensor, std::less<>>& tensors, QuantizedForm form) {
  FreshNames names(whole_graph(graph, tensors));
  std::vector<Initializer> initializers;
  std::vector<Node> before;
  for (const auto& [name, constant] : graph.constants) {
    if (tensors.contains(name)) continue;
    initializers.push_back({name, constant.type(), constant.shape(),
                            [&kept = constant] { return copy_bytes(kept.bytes()); }});
  }
  for (const auto& [name, tensor] : tensors) {
    auto computation = compute(name, tensor, form, graph.opset, names);
    std::ranges::move(computation.initializers, std::back_inserter(initializers));
    std::ranges::move(computation.nodes, std::back_inserter(before));
  }
  auto model = structure_of(graph, before);
  write_model(model, initializers, path);
}

}  // namespace laconic
