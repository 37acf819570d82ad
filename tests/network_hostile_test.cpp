// Nodes with inputs and attributes drawn at random: every operator answers or refuses with an
// Error, and ends the process in no case.

#include <gtest/gtest.h>

#include <array>
#include <limits>

#include "laconic/error.h"
#include "laconic/network.h"
#include "laconic/onnx.h"
#include "network_graphs.h"

namespace laconic {
namespace {

/// Small numbers mostly; at times one that overflows whatever it is added to or multiplied by.
std::int64_t any_integer(Random& random) {
  constexpr std::array<std::int64_t, 4> extremes = {
      std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max(),
      std::int64_t{1} << 33, -(std::int64_t{1} << 33)};
  if (random.below(12) == 0) return extremes[static_cast<std::size_t>(random.below(4))];
  return random.below(7) - 2;
}

std::vector<std::int64_t> any_integers(Random& random) {
  std::vector<std::int64_t> out(static_cast<std::size_t>(random.below(6)));
  for (auto& value : out) value = any_integer(random);
  return out;
}

at::Tensor any_tensor(Random& random) {
  constexpr std::array types = {at::kFloat, at::kFloat, at::kFloat, at::kFloat,
                                at::kLong,  at::kLong,  at::kBool,  at::kByte,
                                at::kChar,  at::kInt,   at::kDouble};
  const auto type = types[static_cast<std::size_t>(random.below(types.size()))];
  Shape shape(static_cast<std::size_t>(random.below(6)));
  for (auto& extent : shape) extent = random.below(8) == 0 ? 0 : 1 + random.below(4);
  at::Tensor x = at::empty(shape, at::kLong);
  auto* data = x.data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < x.numel(); ++i) data[i] = any_integer(random);
  return type == at::kLong || random.below(2) == 0 ? x.to(type)
                                                   : (x.to(at::kDouble) * 0.3).to(type);
}

struct AnyAttribute {
  std::string_view key;
  Attribute (*draw)(Random&);
};

Attribute integer(Random& random) {
  return any_integer(random);
}
Attribute integer_list(Random& random) {
  return any_integers(random);
}
Attribute number(Random& random) {
  return static_cast<float>(any_integer(random)) * 0.4F;
}

template <const auto& words>
Attribute word(Random& random) {
  return std::string(words[static_cast<std::size_t>(random.below(words.size()))]);
}

template <const auto& words>
Attribute word_list(Random& random) {
  std::vector<std::string> out(static_cast<std::size_t>(random.below(5)));
  for (auto& text : out) text = words[static_cast<std::size_t>(random.below(words.size()))];
  return out;
}

constexpr std::array<std::string_view, 5> auto_pads = {"NOTSET", "VALID", "SAME_UPPER",
                                                       "SAME_LOWER", "?"};
constexpr std::array<std::string_view, 9> modes = {
    "constant", "reflect", "edge", "nearest", "linear", "cubic", "DCR", "CRD", "?"};
constexpr std::array<std::string_view, 4> directions = {"forward", "reverse", "bidirectional", "?"};
constexpr std::array<std::string_view, 4> functions = {"Tanh", "Affine", "Elu", "?"};
constexpr std::array<std::string_view, 4> coordinates = {"align_corners", "asymmetric",
                                                         "tf_crop_and_resize", "?"};

constexpr std::array attributes = {
    AnyAttribute{"activations", word_list<functions>},
    AnyAttribute{"allowzero", integer},
    AnyAttribute{"alpha", number},
    AnyAttribute{"auto_pad", word<auto_pads>},
    AnyAttribute{"axes", integer_list},
    AnyAttribute{"axis", integer},
    AnyAttribute{"beta", number},
    AnyAttribute{"blocksize", integer},
    AnyAttribute{"ceil_mode", integer},
    AnyAttribute{"clip", number},
    AnyAttribute{"coordinate_transformation_mode", word<coordinates>},
    AnyAttribute{"count_include_pad", integer},
    AnyAttribute{"dilations", integer_list},
    AnyAttribute{"direction", word<directions>},
    AnyAttribute{"end", integer},
    AnyAttribute{"ends", integer_list},
    AnyAttribute{"group", integer},
    AnyAttribute{"keepdims", integer},
    AnyAttribute{"kernel_shape", integer_list},
    AnyAttribute{"layout", integer},
    AnyAttribute{"mode", word<modes>},
    AnyAttribute{"output_padding", integer_list},
    AnyAttribute{"output_shape", integer_list},
    AnyAttribute{"pads", integer_list},
    AnyAttribute{"perm", integer_list},
    AnyAttribute{"size", integer},
    AnyAttribute{"split", integer_list},
    AnyAttribute{"start", integer},
    AnyAttribute{"starts", integer_list},
    AnyAttribute{"storage_order", integer},
    AnyAttribute{"strides", integer_list},
    AnyAttribute{"to", integer},
    AnyAttribute{"training_mode", integer},
    AnyAttribute{"transA", integer},
    AnyAttribute{"value", number},
};

struct Trial {
  Graph graph;
  std::vector<at::Tensor> inputs;
};

Trial draw(std::string_view op, Random& random) {
  constexpr std::array opsets = {7, 9, 10, 11, 12, 13, 14, 17, 18, 19};
  Trial trial;
  trial.graph.opset = opsets[static_cast<std::size_t>(random.below(opsets.size()))];
  Node only{"", std::string(op), {}, {}, {}};
  const auto count = 1 + random.below(5);
  for (std::int64_t i = 0; i < count; ++i) {
    const bool left_out = i > 0 && random.below(6) == 0;
    only.inputs.push_back(left_out ? "" : "in" + std::to_string(i));
    if (left_out) continue;
    trial.graph.inputs.push_back({only.inputs.back(), ElementType::float32, {}});
    trial.inputs.push_back(any_tensor(random));
  }
  for (std::int64_t i = 0, outputs = 1 + random.below(3); i < outputs; ++i) {
    only.outputs.push_back("out" + std::to_string(i));
    trial.graph.outputs.push_back({only.outputs.back(), ElementType::float32, {}});
  }
  for (const auto& attribute : attributes) {
    if (random.below(4) == 0) only.attributes.emplace(attribute.key, attribute.draw(random));
  }
  trial.graph.nodes.push_back(std::move(only));
  return trial;
}

TEST(HostileNodes, AreAnsweredOrRefused) {
  constexpr int trials = 60;
  std::size_t rows_answered = 0;
  for (const auto& row : operators()) {
    SCOPED_TRACE(row.op);
    int answered = 0;
    for (std::uint64_t i = 0; i < trials; ++i) {
      Random random(1, row.op, i);
      const Trial trial = draw(row.op, random);
      try {
        (void)Network(trial.graph).run(trial.inputs);
        ++answered;
      } catch (const Error&) {
      }
    }
    rows_answered += answered > 0;
  }
  // Trials that are all refused would test nothing but the first check.
  EXPECT_GT(rows_answered, operators().size() / 2);
}

}  // namespace
}  // namespace laconic
