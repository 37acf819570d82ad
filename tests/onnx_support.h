// ONNX models for tests, written as protobuf's text.

#pragma once

#include <google/protobuf/text_format.h>
#include <onnx/onnx_pb.h>

#include <span>
#include <stdexcept>
#include <string>

#include "errors.h"
#include "laconic/onnx.h"

namespace laconic {

/// `graph` holds the fields of GraphProto. Its values x (input) and y (output) of float32 [2, 2]
/// are declared here unless it declares its own.
inline onnx::ModelProto parse_model(const std::string& graph, int opset = 13) {
  onnx::ModelProto model;
  model.set_ir_version(8);
  auto* import = model.add_opset_import();
  import->set_domain("");
  import->set_version(opset);
  if (!google::protobuf::TextFormat::MergeFromString(graph, model.mutable_graph())) {
    throw std::runtime_error("not a graph: " + graph);
  }
  const std::string value =
      "type { tensor_type { elem_type: 1 shape { dim { dim_value: 2 } dim { dim_value: 2 } } } }";
  if (!model.graph().has_name()) model.mutable_graph()->set_name("test");
  if (model.graph().input_size() == 0) {
    google::protobuf::TextFormat::ParseFromString("name: 'x' " + value,
                                                  model.mutable_graph()->add_input());
  }
  if (model.graph().output_size() == 0) {
    google::protobuf::TextFormat::ParseFromString("name: 'y' " + value,
                                                  model.mutable_graph()->add_output());
  }
  return model;
}

inline Graph read_model(const onnx::ModelProto& model) {
  const std::string bytes = model.SerializeAsString();
  return read_onnx(std::as_bytes(std::span(bytes)));
}

inline Graph read_text(const std::string& graph, int opset = 13) {
  return read_model(parse_model(graph, opset));
}

inline std::string read_error(const std::string& graph, int opset = 13,
                              ErrorCode code = ErrorCode::invalid_data) {
  return error_of([&] { static_cast<void>(read_text(graph, opset)); }, code);
}

}  // namespace laconic
