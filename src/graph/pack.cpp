#include <algorithm>
#include <bit>
#include <cstring>
#include <unordered_map>

#include "core/bytes.h"
#include "graph/evaluate.h"
#include "graph/packed_form.h"
#include "laconic/error.h"

namespace laconic {
namespace {

using packed::Source;
using packed::Storage;

template <std::size_t n>
void write_word(ByteWriter& writer, const std::array<std::string_view, n>& words,
                std::string_view word) {
  const auto found = std::ranges::find(words, word);
  writer.varint(found == words.end() ? 0 : static_cast<std::uint64_t>(found - words.begin()) + 1);
  if (found == words.end()) writer.text(word);
}

void write_info(ByteWriter& writer, const ValueInfo& value) {
  writer.text(value.name);
  writer.varint(static_cast<std::uint64_t>(value.type));
  writer.varint(value.ranked ? value.shape.size() + 1 : 0);
  for (const auto extent : value.shape) writer.varint(static_cast<std::uint64_t>(extent + 1));
}

class Packer {
 public:
  Packer(const Graph& graph, std::span<const std::string> tensors) : graph_(graph) {
    for (const auto& name : tensors) tensors_.emplace(name, tensors_.size());
  }

  std::vector<std::byte> pack() {
    ByteWriter head;
    head.varint(packed::version);
    head.text(graph_.name);
    head.varint(static_cast<std::uint64_t>(graph_.opset));
    head.varint(graph_.inputs.size());
    for (const auto& input : graph_.inputs) {
      write_info(head, input);
      activations_.emplace(input.name, activations_.size());
    }
    for (const auto& node : graph_.nodes) add(node);
    ByteWriter outputs;
    for (const auto& output : graph_.outputs) {
      write_info(outputs, output);
      outputs.varint(reference(output.name));
    }
    head.varint(named_tensors_.size());
    for (const auto name : named_tensors_) head.text(name);
    head.varint(constants_.size());
    for (const auto* constant : constants_) write(head, *constant);
    head.varint(templates_.size());
    head.append(definitions_.bytes());
    head.varint(graph_.nodes.size());
    head.append(nodes_.bytes());
    head.varint(graph_.outputs.size());
    head.append(outputs.bytes());
    return head.take();
  }

 private:
  std::uint64_t reference(const std::string& name) {
    const auto make = [](Source source, std::uint64_t which) {
      return which << 2 | static_cast<std::uint64_t>(source);
    };
    if (name.empty()) return 0;
    if (const auto found = activations_.find(name); found != activations_.end()) {
      return make(Source::activation, activations_.size() - 1 - found->second);
    }
    const bool listed = tensors_.contains(name);
    if (!listed && graph_.constants.contains(name)) {
      return make(Source::constant, constant_number(name));
    }
    const auto number =
        static_cast<std::int64_t>(tensors_.emplace(name, tensors_.size()).first->second);
    if (!listed) named_tensors_.push_back(name);
    const auto step = number - next_tensor_;
    next_tensor_ = number + 1;
    return make(Source::tensor, zigzag(step));
  }

  /// Equal constants are kept once, unless they are floats, which may come to differ in training.
  std::uint64_t constant_number(const std::string& name) {
    const auto [place, is_new] = numbers_.try_emplace(name, constants_.size());
    if (!is_new) return place->second;
    const Constant& constant = graph_.constants.find(name)->second;
    const auto equal = std::ranges::find_if(constants_, [&](const auto* other) {
      return constant.type() != ElementType::float32 && *other == constant;
    });
    place->second = static_cast<std::uint64_t>(equal - constants_.begin());
    if (equal == constants_.end()) constants_.push_back(&constant);
    return place->second;
  }

  void add(const Node& node) {
    ByteWriter definition;
    write_word(definition, packed::operator_words, node.op);
    definition.varint(node.inputs.size());
    for (const auto& input : node.inputs) definition.varint(reference(input));
    definition.varint(node.outputs.size());
    for (const auto& output : node.outputs) {
      if (node.outputs.size() > 1) definition.varint(output.empty() ? 0 : 1);
      if (!output.empty() && !activations_.emplace(output, activations_.size()).second) {
        fail(ErrorCode::invalid_data, "value '{}' is written twice, the second time by {}", output,
             describe(node));
      }
    }
    definition.varint(node.attributes.size());
    for (const auto& [key, value] : node.attributes) {
      write_word(definition, packed::attribute_words, key);
      definition.varint(value.index());
      std::visit([&](const auto& held) { write(definition, held); }, value);
    }
    const auto bytes = definition.bytes();
    node_bytes_ += bytes.size();
    if (node_bytes_ > packed::most_node_bytes) {
      fail(ErrorCode::invalid_argument,
           "graph '{}' is too large to be packed: its nodes take more than {} bytes", graph_.name,
           packed::most_node_bytes);
    }
    const std::string key(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    const auto [place, is_new] = templates_.try_emplace(key, templates_.size());
    if (is_new) definitions_.append(bytes);
    nodes_.varint(place->second);
  }

  void write(ByteWriter& writer, std::int64_t value) { writer.varint(zigzag(value)); }
  void write(ByteWriter& writer, float value) { writer.u32(std::bit_cast<std::uint32_t>(value)); }
  void write(ByteWriter& writer, const std::string& value) { writer.text(value); }
  template <typename T>
  void write(ByteWriter& writer, const std::vector<T>& values) {
    writer.varint(values.size());
    for (const auto& value : values) write(writer, value);
  }

  void write(ByteWriter& writer, const Constant& constant) {
    const auto count = static_cast<std::uint64_t>(constant.count());
    ByteWriter integers;
    if (is_integer(constant.type())) {
      for (std::size_t i = 0; i < count && integers.size() < constant.bytes().size(); ++i) {
        integers.varint(zigzag(integer_at(constant, i)));
      }
    }
    Storage storage = Storage::plain;
    if (is_integer(constant.type()) && integers.size() < constant.bytes().size())
      storage = Storage::integers;
    if (is_uniform(constant) && count <= packed::most_uniform_elements - uniform_elements_) {
      storage = Storage::uniform;
      uniform_elements_ += count;
    }
    writer.varint(static_cast<std::uint64_t>(constant.type()) << 2 |
                  static_cast<std::uint64_t>(storage));
    writer.varint(constant.shape().size());
    for (const auto extent : constant.shape()) writer.varint(static_cast<std::uint64_t>(extent));
    switch (storage) {
      case Storage::plain:
        writer.append(constant.bytes());
        break;
      case Storage::uniform:
        writer.append(constant.bytes().first(element_bytes(constant.type())));
        break;
      case Storage::integers:
        writer.append(integers.bytes());
        break;
    }
  }

  const Graph& graph_;
  std::unordered_map<std::string_view, std::size_t> tensors_;
  std::vector<std::string_view> named_tensors_;  ///< Those that the caller has not listed.
  std::int64_t next_tensor_ = 0;
  std::unordered_map<std::string_view, std::size_t> activations_;
  std::unordered_map<std::string_view, std::uint64_t> numbers_;
  std::vector<const Constant*> constants_;
  std::uint64_t uniform_elements_ = 0;
  std::unordered_map<std::string, std::uint64_t> templates_;
  ByteWriter definitions_, nodes_;
  std::uint64_t node_bytes_ = 0;
};

}  // namespace

std::vector<std::byte> pack_graph(const Graph& graph, std::span<const std::string> tensors) {
  return Packer(graph, tensors).pack();
}

}  // namespace laconic
