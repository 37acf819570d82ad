// A graph as ONNX's messages, without its constants.

#include <algorithm>
#include <array>

#include "graph/onnx/write.h"

namespace laconic {
namespace {

/// The version of the file format that came with a version of the operators, and not less than 4,
/// from which on constants need not be inputs.
int ir_version(std::int64_t opset) {
  struct Row {
    int opset;
    int ir;
  };
  constexpr std::array rows{Row{23, 11}, Row{21, 10}, Row{19, 9}, Row{15, 8},
                            Row{12, 7},  Row{11, 6},  Row{10, 5}};
  const auto row = std::ranges::find_if(rows, [&](const Row& r) { return opset >= r.opset; });
  return row != rows.end() ? row->ir : 4;
}

struct SetAttribute {
  onnx::AttributeProto& out;

  void operator()(std::int64_t value) const {
    out.set_type(onnx::AttributeProto::INT);
    out.set_i(value);
  }
  void operator()(float value) const {
    out.set_type(onnx::AttributeProto::FLOAT);
    out.set_f(value);
  }
  void operator()(const std::string& value) const {
    out.set_type(onnx::AttributeProto::STRING);
    out.set_s(value);
  }
  void operator()(const std::vector<std::int64_t>& values) const {
    out.set_type(onnx::AttributeProto::INTS);
    out.mutable_ints()->Add(values.begin(), values.end());
  }
  void operator()(const std::vector<float>& values) const {
    out.set_type(onnx::AttributeProto::FLOATS);
    out.mutable_floats()->Add(values.begin(), values.end());
  }
  void operator()(const std::vector<std::string>& values) const {
    out.set_type(onnx::AttributeProto::STRINGS);
    out.mutable_strings()->Add(values.begin(), values.end());
  }
  void operator()(const Constant& value) const {
    out.set_type(onnx::AttributeProto::TENSOR);
    auto& tensor = *out.mutable_t();
    tensor.set_data_type(static_cast<int>(value.type()));
    for (const auto extent : value.shape()) tensor.add_dims(extent);
    const auto bytes = value.bytes();
    if (!bytes.empty()) tensor.set_raw_data(bytes.data(), bytes.size());
  }
};

void add(const Node& node, onnx::GraphProto& graph) {
  auto& out = *graph.add_node();
  if (!node.name.empty()) out.set_name(node.name);
  out.set_op_type(node.op);
  for (const auto& input : node.inputs) out.add_input(input);
  for (const auto& output : node.outputs) out.add_output(output);
  for (const auto& [key, value] : node.attributes) {
    auto& attribute = *out.add_attribute();
    attribute.set_name(key);
    std::visit(SetAttribute{attribute}, value);
  }
}

void describe_value(const ValueInfo& value, onnx::ValueInfoProto& out) {
  out.set_name(value.name);
  auto& type = *out.mutable_type()->mutable_tensor_type();
  type.set_elem_type(static_cast<int>(value.type));
  if (!value.ranked) return;
  auto& shape = *type.mutable_shape();
  for (const auto extent : value.shape) {
    auto& dim = *shape.add_dim();
    if (extent >= 0) dim.set_dim_value(extent);
  }
}

}  // namespace

onnx::ModelProto structure_of(const Graph& graph, const std::vector<Node>& before) {
  onnx::ModelProto model;
  model.set_ir_version(ir_version(graph.opset));
  model.set_producer_name("laconic");
  auto& opset = *model.add_opset_import();
  opset.set_domain("");
  opset.set_version(graph.opset);
  auto& out = *model.mutable_graph();
  out.set_name(graph.name.empty() ? "graph" : graph.name);  // ONNX wants one.
  for (const auto& node : before) add(node, out);
  for (const auto& node : graph.nodes) add(node, out);
  for (const auto& value : graph.inputs) describe_value(value, *out.add_input());
  for (const auto& value : graph.outputs) describe_value(value, *out.add_output());
  return model;
}

}  // namespace laconic
