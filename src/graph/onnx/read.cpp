#include <fcntl.h>
#include <google/protobuf/io/zero_copy_stream_impl.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <set>

#include "graph/onnx/tensor.h"
#include "graph/operators.h"
#include "graph/packed_form.h"
#include "graph/passes.h"
#include "laconic/error.h"
#include "laconic/onnx.h"

namespace laconic {
namespace {

using onnx::AttributeProto;
using onnx::TensorProto;

bool is_default_domain(const std::string& domain) {
  return domain.empty() || domain == "ai.onnx";
}

std::int64_t opset_of(const onnx::ModelProto& model) {
  for (const auto& import : model.opset_import()) {
    if (!is_default_domain(import.domain())) continue;
    if (import.version() < 1 || import.version() >= packed::opsets) {
      fail(ErrorCode::invalid_data,
           "it follows version {} of ONNX's operators, which must be 1 to {}", import.version(),
           packed::opsets - 1);
    }
    return import.version();
  }
  fail(ErrorCode::invalid_data, "it does not say which version of ONNX's operators it follows");
}

std::string domain_version(const onnx::ModelProto& model, const std::string& domain) {
  for (const auto& import : model.opset_import()) {
    if (import.domain() == domain) return fmt::format("version {}", import.version());
  }
  return "no version";
}

/// Whether weights that nodes multiply with are stored in another floating-point type than float32.
/// Then so are the activations, and the whole model is read in single precision.
bool has_unusual_weights(const onnx::GraphProto& graph) {
  const auto unusual = [](const TensorProto& tensor) {
    return tensor.data_type() == TensorProto::FLOAT16 ||
           tensor.data_type() == TensorProto::BFLOAT16 || tensor.data_type() == TensorProto::DOUBLE;
  };
  std::set<std::string_view> names;
  for (const auto& tensor : graph.initializer()) {
    if (unusual(tensor)) names.insert(tensor.name());
  }
  for (const auto& node : graph.node()) {
    if (node.op_type() != "Constant" || node.output_size() != 1) continue;
    for (const auto& attribute : node.attribute()) {
      if (attribute.has_t() && unusual(attribute.t())) names.insert(node.output(0));
    }
  }
  return std::ranges::any_of(graph.node(), [&](const onnx::NodeProto& node) {
    for (int i = 0; i < node.input_size(); ++i) {
      if (is_weight_input(node.op_type(), static_cast<std::size_t>(i)) &&
          names.contains(node.input(i)))
        return true;
    }
    return false;
  });
}

/// The type of an attribute; models from before it was stored have only the value.
AttributeProto::AttributeType attribute_type(const AttributeProto& attribute) {
  if (attribute.type() != AttributeProto::UNDEFINED) return attribute.type();
  if (attribute.has_f()) return AttributeProto::FLOAT;
  if (attribute.has_i()) return AttributeProto::INT;
  if (attribute.has_s()) return AttributeProto::STRING;
  if (attribute.has_t()) return AttributeProto::TENSOR;
  if (attribute.floats_size() > 0) return AttributeProto::FLOATS;
  if (attribute.strings_size() > 0) return AttributeProto::STRINGS;
  return AttributeProto::INTS;
}

class Reader {
 public:
  Reader(onnx::ModelProto& model, std::optional<std::filesystem::path> folder)
      : model_(model), reading_{std::move(folder), has_unusual_weights(model.graph())} {}

  Graph read() {
    auto& source = *model_.mutable_graph();
    graph_.name = source.name();
    graph_.opset = opset_of(model_);
    // Operators come first, so that an unknown one is named before gigabytes are read.
    for (const auto& node : source.node()) check_operator(node);
    if (source.sparse_initializer_size() > 0) {
      fail(ErrorCode::invalid_data, "it has sparse initializers, which are not supported");
    }
    for (auto& tensor : *source.mutable_initializer()) {
      const std::string name = tensor.name();
      add_constant(name, read_tensor(tensor, reading_, fmt::format("tensor '{}'", name)));
    }
    for (const auto& value : source.input()) {
      if (!graph_.constants.contains(value.name()))
        graph_.inputs.push_back(value_info(value, "input"));
    }
    for (const auto& value : source.output()) graph_.outputs.push_back(value_info(value, "output"));
    for (auto& node : *source.mutable_node()) add_node(node);
    validate(graph_);
    fold_constants(graph_);
    put_output_channels_first(graph_);
    drop_unread_constants(graph_);
    check_finite(graph_);
    return std::move(graph_);
  }

 private:
  void check_operator(const onnx::NodeProto& node) const {
    const auto who = describe(
        {node.name(), node.op_type(), {}, {node.output().begin(), node.output().end()}, {}});
    if (!is_default_domain(node.domain())) {
      fail(ErrorCode::unsupported_operator,
           "operator {} of domain '{}', {}, is not supported ({}); only ONNX's default domain is",
           node.op_type(), node.domain(), domain_version(model_, node.domain()), who);
    }
    const auto* info = find_operator(node.op_type());
    if (info == nullptr) {
      fail(ErrorCode::unsupported_operator,
           "operator {} of ONNX's default domain, opset {}, is not supported ({})", node.op_type(),
           graph_.opset, who);
    }
    if (graph_.opset < info->since || graph_.opset > info->through) {
      fail(ErrorCode::unsupported_operator,
           "operator {} of ONNX's default domain is supported in opsets {} to {}, not in opset {} "
           "({})",
           node.op_type(), info->since, info->through, graph_.opset, who);
    }
  }

  void add_constant(const std::string& name, Constant constant) {
    if (name.empty()) fail(ErrorCode::invalid_data, "a constant has no name");
    if (!graph_.constants.emplace(name, std::move(constant)).second) {
      fail(ErrorCode::invalid_data, "there are two constants named '{}'", name);
    }
  }

  ValueInfo value_info(const onnx::ValueInfoProto& value, std::string_view what) const {
    const auto who = fmt::format("{} '{}'", what, value.name());
    if (!value.type().has_tensor_type()) {
      fail(ErrorCode::invalid_data, "{} is not a tensor, which alone is supported", who);
    }
    const auto& tensor = value.type().tensor_type();
    ValueInfo out{value.name(), element_type(tensor.elem_type(), reading_, who), {}};
    out.ranked = tensor.has_shape();
    for (const auto& dim : tensor.shape().dim()) {
      out.shape.push_back(dim.has_dim_value() && dim.dim_value() >= 0 ? dim.dim_value() : -1);
    }
    return out;
  }

  Attribute attribute(AttributeProto& source, const std::string& who) {
    switch (attribute_type(source)) {
      case AttributeProto::FLOAT:
        return source.f();
      case AttributeProto::INT:
        return source.i();
      case AttributeProto::STRING:
        return source.s();
      case AttributeProto::TENSOR:
        return read_tensor(*source.mutable_t(), reading_,
                           fmt::format("attribute '{}' of {}", source.name(), who));
      case AttributeProto::FLOATS:
        return std::vector<float>(source.floats().begin(), source.floats().end());
      case AttributeProto::INTS:
        return std::vector<std::int64_t>(source.ints().begin(), source.ints().end());
      case AttributeProto::STRINGS:
        return std::vector<std::string>(source.strings().begin(), source.strings().end());
      default:
        fail(ErrorCode::invalid_data, "attribute '{}' of {} is of a type that is not supported",
             source.name(), who);
    }
  }

  void add_node(onnx::NodeProto& source) {
    Node node;
    node.name = source.name();
    node.op = source.op_type();
    node.inputs.assign(source.input().begin(), source.input().end());
    node.outputs.assign(source.output().begin(), source.output().end());
    const auto who = describe(node);
    for (auto& item : *source.mutable_attribute()) {
      if (!node.attributes.emplace(item.name(), attribute(item, who)).second) {
        fail(ErrorCode::invalid_data, "{} has two attributes '{}'", who, item.name());
      }
    }
    if (reading_.single_precision && node.op == "Cast" && node.has("to")) {
      const auto to = element_type(static_cast<int>(node.integer("to", 0)), reading_, who);
      node.attributes["to"] = static_cast<std::int64_t>(to);
    }
    if (node.op == "Constant") {
      if (node.outputs.size() != 1) {
        fail(ErrorCode::invalid_data, "{} has {} outputs, not one", who, node.outputs.size());
      }
      add_constant(node.outputs[0], constant_value(node));
    } else {
      check_form(node);
      graph_.nodes.push_back(std::move(node));
    }
  }

  onnx::ModelProto& model_;
  TensorReading reading_;
  Graph graph_;
};

/// Throws Error(invalid_data) without naming the file, which the caller adds.
Graph read_model(google::protobuf::io::ZeroCopyInputStream& stream,
                 std::optional<std::filesystem::path> folder) {
  onnx::ModelProto model;
  if (!model.ParseFromZeroCopyStream(&stream)) {
    fail(ErrorCode::invalid_data, "it is not an ONNX model, or not a whole one");
  }
  if (!model.has_graph())
    fail(ErrorCode::invalid_data, "it is not an ONNX model: it holds no graph");
  return Reader(model, std::move(folder)).read();
}

}  // namespace

Graph read_onnx(const std::filesystem::path& path) {
  const auto unreadable = [&](const char* reason) {
    fail(ErrorCode::invalid_data, "cannot read \"{}\": {}", path.string(), reason);
  };
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) unreadable(std::strerror(errno));
  google::protobuf::io::FileInputStream stream(descriptor);
  stream.SetCloseOnDelete(true);
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) unreadable(std::strerror(errno));
  if (S_ISDIR(status.st_mode)) unreadable(std::strerror(EISDIR));
  if (status.st_size > INT_MAX) {
    unreadable("an ONNX file is at most 2 GB, larger models keep their weights in files beside it");
  }
  try {
    return read_model(stream, path.parent_path());
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("cannot read \"{}\": {}", path.string(), error.what()));
  }
}

Graph read_onnx(std::span<const std::byte> bytes) {
  if (bytes.size() > INT_MAX) {
    fail(ErrorCode::invalid_data, "an ONNX model in memory is at most 2 GB");
  }
  google::protobuf::io::ArrayInputStream stream(bytes.data(), static_cast<int>(bytes.size()));
  try {
    return read_model(stream, std::nullopt);
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("cannot read the ONNX model: {}", error.what()));
  }
}

}  // namespace laconic
