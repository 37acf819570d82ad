// The bytes of a model file: the structure as protobuf writes it, with the initializers written one
// by one into the place where their field belongs. The whole model is never in memory.

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <algorithm>

#include "core/atomic_file.h"
#include "graph/onnx/tensor.h"
#include "graph/onnx/write.h"
#include "laconic/error.h"
#include "laconic/threads.h"

namespace laconic {
namespace {

using google::protobuf::io::CodedOutputStream;

/// Begins where mapping files into memory wants it.
constexpr std::uint64_t alignment = 4096;
/// Smaller tensors stay in the model, where shape inference can see them.
constexpr std::uint64_t least_external_bytes = 1024;

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

/// A field of bytes: its number and its length, which the bytes follow.
std::string field_header(int number, std::uint64_t length) {
  std::string out;
  google::protobuf::io::StringOutputStream stream(&out);
  CodedOutputStream coded(&stream);
  coded.WriteVarint32(static_cast<std::uint32_t>(number) << 3 | 2);
  coded.WriteVarint64(length);
  coded.Trim();
  return out;
}

std::string serialized(const google::protobuf::Message& message) {
  std::string out;
  google::protobuf::io::StringOutputStream stream(&out);
  CodedOutputStream coded(&stream);
  coded.SetSerializationDeterministic(true);
  message.SerializeToCodedStream(&coded);
  coded.Trim();
  return out;
}

onnx::TensorProto description(const Initializer& initializer) {
  onnx::TensorProto tensor;
  tensor.set_name(initializer.name);
  const int nibble = initializer.type == ElementType::int8 ? int4_type : uint4_type;
  tensor.set_data_type(initializer.nibbles ? nibble : static_cast<int>(initializer.type));
  for (const auto extent : initializer.shape) tensor.add_dims(extent);
  return tensor;
}

/// What stands in the model before an inline tensor's bytes.
std::string inline_header(const Initializer& initializer) {
  std::string tensor = serialized(description(initializer));
  if (initializer.size() > 0) {
    tensor += field_header(onnx::TensorProto::kRawDataFieldNumber, initializer.size());
  }
  return field_header(onnx::GraphProto::kInitializerFieldNumber,
                      tensor.size() + initializer.size()) +
         tensor;
}

void write_values(AtomicFile& file, const Initializer& initializer) {
  throw_if_interrupted();
  const auto bytes = initializer.bytes();
  if (bytes.size() != initializer.size()) {
    fail(ErrorCode::invalid_argument, "tensor '{}' has {} bytes, not {}", initializer.name,
         bytes.size(), initializer.size());
  }
  file.write(bytes);
}

/// Where external tensors go, in a file beside the model.
class DataFile {
 public:
  explicit DataFile(std::filesystem::path path)
      : name_(path.filename().string()), file_(std::move(path)) {}

  onnx::TensorProto add(const Initializer& initializer) {
    const std::uint64_t begin = (end_ + alignment - 1) / alignment * alignment;
    file_.write(std::vector<std::byte>(begin - end_));
    write_values(file_, initializer);
    end_ = begin + initializer.size();
    auto tensor = description(initializer);
    tensor.set_data_location(onnx::TensorProto::EXTERNAL);
    const auto entry = [&](const std::string& key, const std::string& value) {
      auto* added = tensor.add_external_data();
      added->set_key(key);
      added->set_value(value);
    };
    entry("location", name_);
    entry("offset", std::to_string(begin));
    entry("length", std::to_string(initializer.size()));
    return tensor;
  }

  void commit() { file_.commit(); }

 private:
  std::string name_;
  AtomicFile file_;
  std::uint64_t end_ = 0;
};

}  // namespace

void write_model(onnx::ModelProto& model, const std::vector<Initializer>& initializers,
                 const std::filesystem::path& path, std::uint64_t most_inline) {
  std::uint64_t total = 0;
  for (const auto& initializer : initializers)
    total += initializer.size() + initializer.name.size() + 64;
  std::vector<const Initializer*> inside;
  std::optional<DataFile> data;
  if (total > most_inline) data.emplace(path.string() + ".data");
  for (const auto& initializer : initializers) {
    if (data && initializer.size() >= least_external_bytes) {
      *model.mutable_graph()->add_initializer() = data->add(initializer);
    } else {
      inside.push_back(&initializer);
    }
  }
  const std::string graph = serialized(model.graph());
  std::uint64_t graph_bytes = graph.size();
  for (const auto* initializer : inside)
    graph_bytes += inline_header(*initializer).size() + initializer->size();
  if (graph_bytes > most_inline_bytes) {
    fail(
        ErrorCode::cannot_write,
        "cannot write \"{}\": its structure alone has more than 2 GB, which ONNX files cannot have",
        path.string());
  }
  model.clear_graph();

  AtomicFile file(path);
  file.write(bytes_of(serialized(model)));
  file.write(bytes_of(field_header(onnx::ModelProto::kGraphFieldNumber, graph_bytes)));
  file.write(bytes_of(graph));
  for (const auto* initializer : inside) {
    file.write(bytes_of(inline_header(*initializer)));
    if (initializer->size() > 0) write_values(file, *initializer);
  }
  if (data) data->commit();
  file.commit();
}

}  // namespace laconic
