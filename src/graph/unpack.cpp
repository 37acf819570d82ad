#include <algorithm>
#include <unordered_set>
#include <utility>

#include "graph/packed_fields.h"
#include "graph/packed_form.h"

namespace laconic {
namespace {

using packed::Source;

constexpr std::string_view part = packed_part;

/// A node before its references are followed.
struct Template {
  Node node;                          ///< Without names.
  std::vector<std::uint64_t> inputs;  ///< References.
  std::vector<bool> outputs;          ///< Whether each is there.
  std::uint64_t bytes = 0;
};

/// Where a value comes from, counted from the beginning.
struct Value {
  Source source = Source::none;
  std::size_t number = 0;
};

class Unpacker {
 public:
  Unpacker(std::span<const std::byte> bytes, std::span<const std::string> tensors)
      : fields_(bytes), tensors_(tensors.begin(), tensors.end()) {}

  Graph unpack() {
    const auto version = reader_.varint("its version");
    if (version > packed::version) {
      fail(ErrorCode::unsupported_version,
           "{} has version {} of its form; this program knows versions 1 to {}", part, version,
           packed::version);
    }
    if (version == 0) corrupt("{} is damaged: its version is 0", part);
    graph_.name = reader_.text("its name");
    graph_.opset = static_cast<std::int64_t>(reader_.below(packed::opsets, "its opset"));
    for (auto left = reader_.count("the number of inputs"); left > 0; --left) {
      graph_.inputs.push_back(fields_.info());
      activations_.push_back(graph_.inputs.back().name);
    }
    for (auto left = reader_.count("the number of names of tensors"); left > 0; --left) {
      tensors_.emplace_back(reader_.text("the name of a tensor"));
    }
    for (auto left = reader_.count("the number of constants"); left > 0; --left) {
      constants_.push_back(fields_.constant());
    }
    for (auto left = reader_.count("the number of templates"); left > 0; --left) read_template();
    std::vector<std::vector<Value>> inputs;
    for (auto left = reader_.count("the number of nodes"); left > 0; --left) read_node(inputs);
    std::vector<Value> outputs;
    for (auto left = reader_.count("the number of outputs"); left > 0; --left) {
      graph_.outputs.push_back(fields_.info());
      outputs.push_back(follow(reader_.varint("a reference")));
    }
    reader_.end();
    name_values(outputs);
    connect(inputs);
    return std::move(graph_);
  }

 private:
  void read_template() {
    const auto begin = reader_.position();
    Template out;
    out.node.op = fields_.word(packed::operator_words, "an operator");
    if (out.node.op.empty()) corrupt("{} is damaged: an operator has no name", part);
    out.inputs.resize(reader_.count("the number of a node's inputs"));
    for (auto& input : out.inputs) input = reader_.varint("a reference");
    out.outputs.assign(reader_.count("the number of a node's outputs"), true);
    if (out.outputs.size() > 1) {
      for (std::size_t i = 0; i < out.outputs.size(); ++i) {
        out.outputs[i] = reader_.below(2, "whether an output is there") == 1;
      }
    }
    for (auto left = reader_.count("the number of a node's attributes"); left > 0; --left) {
      auto key = fields_.word(packed::attribute_words, "the name of an attribute");
      if (!out.node.attributes.emplace(key, fields_.attribute()).second) {
        corrupt("{} is damaged: a node has two attributes '{}'", part, key);
      }
    }
    out.bytes = reader_.position() - begin;
    templates_.push_back(std::move(out));
  }

  void read_node(std::vector<std::vector<Value>>& inputs) {
    const auto& from = templates_[reader_.below(templates_.size(), "the template of a node")];
    node_bytes_ += from.bytes;
    if (node_bytes_ > packed::most_node_bytes) {
      corrupt("{} is damaged: its nodes take more than {} bytes", part, packed::most_node_bytes);
    }
    graph_.nodes.push_back(from.node);
    inputs.emplace_back();
    for (const auto input : from.inputs) inputs.back().push_back(follow(input));
    outputs_.push_back(activations_.size());
    for (const bool there : from.outputs) {
      graph_.nodes.back().outputs.emplace_back(there ? "v" : "");
      if (there) activations_.emplace_back();
    }
  }

  Value follow(std::uint64_t reference) {
    const auto which = reference >> 2;
    const auto check = [&](std::uint64_t number, std::size_t size, std::string_view what) {
      if (number >= size)
        corrupt("{} is damaged: it refers to {} {} of {}", part, what, number, size);
      return static_cast<std::size_t>(number);
    };
    switch (static_cast<Source>(reference & 3)) {
      case Source::none:
        if (which != 0) corrupt("{} is damaged: a reference to nothing is {}", part, reference);
        return {};
      case Source::activation:
        return {Source::activation,
                activations_.size() - 1 - check(which, activations_.size(), "value")};
      case Source::constant:
        return {Source::constant, check(which, constants_.size(), "constant")};
      case Source::tensor:
        break;
    }
    // Modulo 2^64: what leaves the list on either side is a large number.
    const auto number = check(next_tensor_ + static_cast<std::uint64_t>(unzigzag(which)),
                              tensors_.size(), "tensor");
    next_tensor_ = number + 1;
    return {Source::tensor, number};
  }

  std::string& name_of(Value value) {
    return value.source == Source::activation ? activations_[value.number]
                                              : constant_names_[value.number];
  }

  /// Outputs of the graph have names of their own; other values get short ones.
  void name_values(const std::vector<Value>& outputs) {
    constant_names_.resize(constants_.size());
    std::unordered_set<std::string> taken{""};
    const auto take = [&](const std::string& name) {
      if (!taken.insert(name).second)
        corrupt("{} is damaged: two values are named '{}'", part, name);
    };
    std::ranges::for_each(tensors_, take);
    for (const auto& input : graph_.inputs) take(input.name);
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      const auto& name = graph_.outputs[i].name;
      if (outputs[i].source == Source::none)
        corrupt("{} is damaged: nothing writes output '{}'", part, name);
      if (outputs[i].source == Source::tensor) {
        if (tensors_[outputs[i].number] == name) continue;
      } else if (name_of(outputs[i]) == name) {
        continue;
      } else if (name_of(outputs[i]).empty() && taken.insert(name).second) {
        name_of(outputs[i]) = name;
        continue;
      }
      corrupt("{} is damaged: output '{}' is a value of another name", part, name);
    }
    const auto number = [&](std::vector<std::string>& names, char letter) {
      std::size_t next = 0;
      for (auto& name : names) {
        while (name.empty()) {
          std::string candidate = letter + std::to_string(next++);
          if (!taken.contains(candidate)) name = std::move(candidate);
        }
      }
    };
    number(activations_, 'v');
    number(constant_names_, 'c');
  }

  /// Writes the names into the nodes, and the constants into the graph.
  void connect(const std::vector<std::vector<Value>>& inputs) {
    for (std::size_t n = 0; n < inputs.size(); ++n) {
      auto& node = graph_.nodes[n];
      for (const auto value : inputs[n]) {
        if (value.source == Source::none)
          node.inputs.emplace_back();
        else
          node.inputs.push_back(value.source == Source::tensor ? tensors_[value.number]
                                                               : name_of(value));
      }
      std::size_t next = outputs_[n];
      for (auto& output : node.outputs) {
        if (!output.empty()) output = activations_[next++];
      }
    }
    for (std::size_t c = 0; c < constants_.size(); ++c) {
      graph_.constants.emplace(std::move(constant_names_[c]), std::move(constants_[c]));
    }
  }

  PackedFields fields_;
  ByteReader& reader_ = fields_.bytes();
  std::vector<std::string> tensors_;
  Graph graph_;
  std::vector<Constant> constants_;
  std::vector<Template> templates_;
  std::vector<std::string> activations_, constant_names_;  ///< Names, empty until they are known.
  std::vector<std::size_t> outputs_;  ///< Of each node: its first output among the activations.
  std::uint64_t next_tensor_ = 0, node_bytes_ = 0;
};

}  // namespace

Graph unpack_graph(std::span<const std::byte> bytes, std::span<const std::string> tensors) {
  return Unpacker(bytes, tensors).unpack();
}

}  // namespace laconic
