// What an operator's function sees when its node is planned for inputs of known shapes, what it
// answers, and the table of those functions. Planning checks and measures everything once; what is
// left for a run is a function on memory.

#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "laconic/error.h"
#include "laconic/graph.h"
#include "laconic/kernels.h"
#include "laconic/session.h"
#include "laconic/streamed_tensor.h"

namespace laconic::runtime {

using Integers = std::vector<std::int64_t>;

/// Weights of a layer, as they are before they are packed.
using Weights = std::variant<DenseTensor, StreamedTensor>;

[[nodiscard]] const Shape& shape_of(const Weights& weights) noexcept;
[[nodiscard]] std::vector<float> dequantize(const Weights& weights);

struct Signature {
  ElementType type = ElementType::float32;
  Shape shape;  ///< ONNX's, whatever the order of the elements.
  Layout layout = Layout::channels_first;

  [[nodiscard]] std::int64_t count() const noexcept { return element_count(shape); }
  [[nodiscard]] std::size_t bytes() const noexcept {
    return static_cast<std::size_t>(count()) * element_bytes(type);
  }
  [[nodiscard]] std::int64_t rank() const noexcept {
    return static_cast<std::int64_t>(shape.size());
  }
  bool operator==(const Signature&) const = default;
};

/// A value as planning knows it.
struct Value {
  Signature signature;
  std::optional<Constant> known = {};  ///< Its elements, where they do not wait for a run.
  std::shared_ptr<const StreamedTensor> quantized = {};  ///< Instead, for weights that stay so.
  bool packed = false;  ///< Instead, for weights that live on in a layer alone.

  [[nodiscard]] bool constant() const { return known || quantized || packed; }
};

/// Where a step's values lie during a run. Null for what is left out or not asked for.
struct Memory {
  std::span<const std::byte* const> inputs;
  std::span<std::byte* const> outputs;
  std::byte* scratch = nullptr;    ///< Aligned to 64 bytes; so is all that the plan provides.
  Workspace* workspace = nullptr;  ///< Of kernels.

  template <typename T = float>
  [[nodiscard]] const T* in(std::size_t i) const {
    return i < inputs.size() ? reinterpret_cast<const T*>(inputs[i]) : nullptr;
  }
  template <typename T = float>
  [[nodiscard]] T* out(std::size_t i = 0) const {
    return i < outputs.size() ? reinterpret_cast<T*>(outputs[i]) : nullptr;
  }
};

/// How a node will run.
struct Planned {
  std::vector<Signature> outputs;
  std::function<void(const Memory&)> run;  ///< None: output 0 has the bytes of input 0.
  std::size_t scratch = 0;                 ///< Bytes that a run needs beside inputs and outputs.
  std::size_t workspace = 0;               ///< Likewise of the kernels' workspace.
  int in_place = -1;  ///< Output 0 may be written over this input, if that has as many bytes.
  std::shared_ptr<const Constant> known = {};  ///< Output 0, where it does not depend on elements.
  bool deferred = false;                       ///< Call::only_shapes left it at that.
  bool packs = false;                          ///< Its weights are constant, and packed.
  bool optional_first = false;                 ///< A run does without memory for output 0.
};

/// What an operator makes of its constant inputs, once: packed weights.
struct Prepared {
  struct Part {
    LayerReport report;
    LayerKernels kernels = LayerKernels::dense;      ///< Of those it was chosen from.
    std::function<std::chrono::nanoseconds()> time;  ///< Of a run, where that was not measured.
  };
  virtual ~Prepared() = default;
  std::vector<Part> parts = {};
  std::size_t bytes = 0;
};

/// Packs a node's weights; and what decides how, by measuring if need be, before any are packed.
using MakePrepared = std::function<std::shared_ptr<const Prepared>()>;
using ChoosePrepared = std::function<MakePrepared()>;

/// Packs the weights of one node, later than its turn.
struct PackingJob {
  std::int64_t weights = 0;
  ChoosePrepared choose;
  std::shared_ptr<const Prepared>* to = nullptr;
};

/// The turn of one node.
struct Call {
  const Node& node;
  std::int64_t opset;
  std::span<const Value* const> inputs;       ///< Null where left out.
  std::shared_ptr<const Prepared>& prepared;  ///< Kept for plans for other shapes.
  std::int64_t max_elements;                  ///< That a value may have.
  LayerKernels kernels = LayerKernels::fastest;
  std::span<const LayerKernels> recorded = {};  ///< As ChosenKernels has them.
  bool only_shapes = false;  ///< Only Planned::outputs are asked for: nothing is packed.
  std::vector<PackingJob>* jobs = nullptr;  ///< But for what is to be packed, which goes here.

  [[nodiscard]] bool has(std::size_t i) const { return i < inputs.size() && inputs[i] != nullptr; }

  /// Of the node's layer of that number: the one that is recorded, or else `kernels`.
  [[nodiscard]] LayerKernels kernels_of(std::size_t layer) const {
    return layer < recorded.size() ? recorded[layer] : kernels;
  }

  /// Throws Error(invalid_data) if the input is left out.
  [[nodiscard]] const Signature& operator[](std::size_t i) const;

  /// As above, of a float32 value: throws Error(unsupported_operator) for another type.
  [[nodiscard]] const Signature& floats(std::size_t i) const;

  /// The input's elements, or null if they are not known before a run.
  [[nodiscard]] const Constant* known(std::size_t i) const {
    return has(i) && inputs[i]->known ? &*inputs[i]->known : nullptr;
  }

  /// The elements of an input that says what to do (extents, bounds): throws
  /// Error(unsupported_operator) if they are computed from what only a run knows.
  [[nodiscard]] const Constant& told(std::size_t i) const;
  [[nodiscard]] Integers integers(std::size_t i) const { return numbers_as_integers(i); }
  [[nodiscard]] std::vector<double> numbers(std::size_t i) const;

  /// What was an attribute and became input i with opset `since`; empty if absent.
  [[nodiscard]] Integers integers(std::string_view key, std::size_t i, std::int64_t since) const;

  /// The attribute as an axis of a value of that rank, 0 <= axis < rank (<= rank if `end`).
  [[nodiscard]] std::int64_t axis(std::string_view key, std::int64_t fallback, std::int64_t rank,
                                  bool end = false) const;
  [[nodiscard]] std::int64_t wrap_axis(std::int64_t axis, std::int64_t rank,
                                       bool end = false) const;

  /// True if the node's output i is asked for.
  [[nodiscard]] bool wants(std::size_t i) const {
    return i < node.outputs.size() && !node.outputs[i].empty();
  }

  /// Has the node's weights packed, now or later, unless another plan has them packed.
  void prepare(std::int64_t weights, ChoosePrepared choose) const;

  /// Throws Error(invalid_data) naming the node, or Error(unsupported_operator).
  [[noreturn]] void fail(std::string_view what) const;
  [[noreturn]] void unsupported(std::string_view what) const;

  /// The signature, after a check that a network might need a value of that shape.
  [[nodiscard]] Signature sized(ElementType type, Shape shape) const;

 private:
  [[nodiscard]] Integers numbers_as_integers(std::size_t i) const;
};

using PlanFunction = Planned (*)(const Call&);

struct Row {
  std::string_view op;
  PlanFunction plan;
  /// Bit i: input i says what to do, and its elements must be known when the node is planned.
  std::uint32_t told = 0;
};

/// Bits of Row::told for inputs from `first` on.
inline constexpr std::uint32_t from_input(int first) {
  return ~std::uint32_t{0} << first;
}

/// The table's parts, by kind of operator.
std::span<const Row> arithmetic() noexcept;
std::span<const Row> activations() noexcept;
std::span<const Row> shapes() noexcept;
std::span<const Row> selections() noexcept;
std::span<const Row> creations() noexcept;
std::span<const Row> reductions() noexcept;
std::span<const Row> products() noexcept;
std::span<const Row> convolutions() noexcept;
std::span<const Row> pools() noexcept;
std::span<const Row> normalizations() noexcept;
std::span<const Row> resizes() noexcept;
std::span<const Row> recurrences() noexcept;
std::span<const Row> quantizations() noexcept;

/// Plans Pad, which has a source of its own.
Planned plan_pad(const Call& call);

/// The row of an operator, or null.
[[nodiscard]] const Row* find_operator(std::string_view op) noexcept;

/// A step by the functions that fold constants: for integers and booleans, which are shapes and
/// masks, not for speed.
[[nodiscard]] Planned by_evaluation(const Call& call, Signature output);

/// "1x3x32x32"; "scalar" for no extents.
[[nodiscard]] std::string text(std::span<const std::int64_t> shape);

/// Product of the extents from `first` up to, not including, `last`.
[[nodiscard]] std::int64_t extent_product(const Shape& shape, std::int64_t first,
                                          std::int64_t last);

}  // namespace laconic::runtime
