#include "runtime/operator.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "graph/evaluate.h"

namespace laconic::runtime {
namespace {

Constant constant_at(const Signature& signature, const std::byte* data) {
  return {signature.type, signature.shape, {data, data + signature.bytes()}};
}

}  // namespace

const Shape& shape_of(const Weights& weights) noexcept {
  return std::visit([](const auto& tensor) -> const Shape& { return tensor.shape; }, weights);
}

std::vector<float> dequantize(const Weights& weights) {
  if (const auto* dense = std::get_if<DenseTensor>(&weights)) return dense->values;
  return dequantize(std::get<StreamedTensor>(weights));
}

const Signature& Call::operator[](std::size_t i) const {
  if (!has(i)) fail(fmt::format("input {} is missing", i));
  return inputs[i]->signature;
}

const Signature& Call::floats(std::size_t i) const {
  const Signature& signature = (*this)[i];
  if (signature.type != ElementType::float32) {
    unsupported(fmt::format("input {} is {}; only float32 is supported", i, name(signature.type)));
  }
  return signature;
}

const Constant& Call::told(std::size_t i) const {
  (void)(*this)[i];
  const Constant* constant = known(i);
  if (constant == nullptr) {
    unsupported(fmt::format("input {} (\"{}\") must not depend on the elements of other values", i,
                            node.inputs[i]));
  }
  return *constant;
}

Integers Call::numbers_as_integers(std::size_t i) const {
  const Constant& constant = told(i);
  if (!is_integer(constant.type())) fail(fmt::format("input {} must be of integers", i));
  return constant.integers();
}

std::vector<double> Call::numbers(std::size_t i) const {
  const Constant& constant = told(i);
  if (constant.type() == ElementType::float32) {
    return {constant.floats().begin(), constant.floats().end()};
  }
  if (constant.type() == ElementType::float64) {
    std::vector<double> out(static_cast<std::size_t>(constant.count()));
    if (!out.empty()) std::memcpy(out.data(), constant.bytes().data(), constant.bytes().size());
    return out;
  }
  const auto integers = numbers_as_integers(i);
  return {integers.begin(), integers.end()};
}

Integers Call::integers(std::string_view key, std::size_t i, std::int64_t since) const {
  if (opset < since) return node.integers(key);
  return has(i) ? integers(i) : Integers{};
}

std::int64_t Call::axis(std::string_view key, std::int64_t fallback, std::int64_t rank,
                        bool end) const {
  return wrap_axis(node.integer(key, fallback), rank, end);
}

std::int64_t Call::wrap_axis(std::int64_t axis, std::int64_t rank, bool end) const {
  if (axis < -rank || axis >= rank + (end ? 1 : 0)) {
    fail(fmt::format("axis is {}, but the value has {} axes", axis, rank));
  }
  return axis < 0 ? axis + rank : axis;
}

void Call::prepare(std::int64_t weights, ChoosePrepared choose) const {
  if (prepared || (only_shapes && jobs == nullptr)) return;
  if (jobs == nullptr) {
    prepared = choose()();
  } else {
    jobs->push_back({weights, std::move(choose), &prepared});
  }
}

void Call::fail(std::string_view what) const {
  laconic::fail(ErrorCode::invalid_data, "{}: {}", describe(node), what);
}

void Call::unsupported(std::string_view what) const {
  laconic::fail(ErrorCode::unsupported_operator, "{}: {}", describe(node), what);
}

Signature Call::sized(ElementType type, Shape shape) const {
  std::int64_t count = 1;
  for (const auto extent : shape) {
    if (extent < 0 || __builtin_mul_overflow(count, extent, &count)) count = max_elements + 1;
    if (count > max_elements) {
      fail(fmt::format("asks for a value of shape {}, but at most {} elements are allowed",
                       text(shape), max_elements));
    }
  }
  return {type, std::move(shape)};
}

const Row* find_operator(std::string_view op) noexcept {
  static constexpr std::array parts = {
      arithmetic,   activations, shapes,         selections, creations,   reductions,   products,
      convolutions, pools,       normalizations, resizes,    recurrences, quantizations};
  for (const auto& part : parts) {
    for (const Row& row : part()) {
      if (row.op == op) return &row;
    }
  }
  return nullptr;
}

Planned by_evaluation(const Call& call, Signature output) {
  Planned planned{{output}, {}};
  std::vector<std::optional<Signature>> inputs;
  for (const Value* input : call.inputs) {
    inputs.push_back(input ? std::optional(input->signature) : std::nullopt);
  }
  planned.run = [node = call.node, inputs, output](const Memory& memory) {
    std::vector<Constant> constants(inputs.size());
    std::vector<const Constant*> read(inputs.size());
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (!inputs[i]) continue;
      constants[i] = constant_at(*inputs[i], memory.inputs[i]);
      read[i] = &constants[i];
    }
    const auto result = evaluate({node, read});
    if (!result || result->type() != output.type || result->shape() != output.shape) {
      laconic::fail(ErrorCode::unsupported_operator,
                    "{}: the types or the numbers of its inputs are not supported", describe(node));
    }
    std::memcpy(memory.outputs[0], result->bytes().data(), result->bytes().size());
  };
  return planned;
}

std::string text(std::span<const std::int64_t> shape) {
  if (shape.empty()) return "scalar";
  return fmt::format("{}", fmt::join(shape.begin(), shape.end(), "x"));
}

std::int64_t extent_product(const Shape& shape, std::int64_t first, std::int64_t last) {
  std::int64_t product = 1;
  for (auto i = first; i < last; ++i) product *= shape[static_cast<std::size_t>(i)];
  return product;
}

}  // namespace laconic::runtime
