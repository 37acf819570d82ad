// Runs a network on the CPU, without LibTorch: straight from a .lac file with its weights packed,
// or from a graph with float weights. Everything is planned once for inputs of given shapes; a run
// then takes no memory.

#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "laconic/container.h"
#include "laconic/graph.h"
#include "laconic/model.h"

namespace laconic {

/// Elements that live elsewhere, row-major, with their type and shape.
struct TensorView {
  ElementType type = ElementType::float32;
  std::span<const std::int64_t> shape;
  std::span<const std::byte> bytes;

  TensorView() = default;
  TensorView(ElementType t, std::span<const std::int64_t> s, std::span<const std::byte> b)
      : type(t), shape(s), bytes(b) {}
  TensorView(std::span<const std::int64_t> s, std::span<const float> values)
      : shape(s), bytes(std::as_bytes(values)) {}

  /// The elements; throws Error(invalid_argument) unless they are float32.
  [[nodiscard]] std::span<const float> floats() const;
};

/// Which kernels run layers with weights.
enum class LayerKernels : std::uint8_t {
  fastest,  ///< Whichever measured fastest when the session was made; results may differ by it.
  int8,     ///< Packed, activations rounded to 8 bits; where that does not apply, as `packed`.
  packed,   ///< Packed, exact levels and float activations; where that does not apply, `dense`.
  dense,    ///< Weights expanded to floats.
};

[[nodiscard]] std::string_view name(LayerKernels kernels) noexcept;

struct SessionOptions {
  LayerKernels kernels = LayerKernels::fastest;

  /// For single layers instead, by the name of the node, or of the value that it writes where it
  /// has none, or by LayerReport::node. Error(invalid_argument) for what names no layer with
  /// weights is thrown when the session is made, or by the first run() where only that tells
  /// shapes.
  std::map<std::string, LayerKernels, std::less<>> layer_kernels = {};

  /// Shapes to plan for at once, by input; extents that the network leaves open and that are not
  /// given here are taken to be 1. Other shapes are planned for when run() meets them.
  std::map<std::string, Shape, std::less<>> shapes = {};

  /// A file that keeps what was measured: a session takes from it the kernels of layers that are to
  /// have the fastest (of none: it stays untouched), measures those that it lacks, and adds them. A
  /// file for another network, shapes, CPU or instruction set is written anew. So is what a run
  /// measures when shapes first come, if all layers may have the fastest. Error(invalid_data) for a
  /// file that is damaged or of another kind, which stays as it is; Error(cannot_write). None: "".
  std::filesystem::path choices = {};

  /// Samples of a batch to run at once, where the network keeps samples apart: what few need stays
  /// in the caches. 0: with kernels `fastest` as many as measure fastest when a batch first comes,
  /// else as many as each thread gets. Throws Error(invalid_argument) if negative.
  std::int64_t samples_at_once = 0;

  ReadLimits limits = {};  ///< Of Session::open().

  /// Elements that one value may have: a network that asks for more is refused.
  std::int64_t max_value_elements = std::int64_t{1} << 31;
};

/// What runs one layer with weights, and what else was tried for it.
struct LayerReport {
  struct Tried {
    std::string kernel;               ///< "bits4_int8_avx512".
    std::chrono::nanoseconds time{};  ///< Of one run, the least of a few.
    std::size_t bytes = 0;            ///< Of the weights.
    float weight_error = 0;           ///< Largest difference from the file's weights.
  };
  std::string node;
  std::string op;
  Shape weights;
  std::vector<Tried> tried;  ///< The first is the one that runs.
};

/// What became of SessionOptions::choices.
struct ChoicesReport {
  std::int64_t taken = 0;     ///< Layers whose kernels were in the file,
  std::int64_t chosen = 0;    ///< and those whose were not.
  std::string stale;          ///< "it is for another CPU, ...": why what it held did not count.
  std::int64_t writings = 0;  ///< How often the file was written so far.
};

/// Memory that a session holds.
struct SessionMemory {
  std::size_t weights = 0;  ///< Packed layers and other constants.
  std::size_t values = 0;   ///< Buffers for the values of a run.
  std::size_t scratch = 0;  ///< Of operators and kernels.
};

/// One thread at a time may use a session; it runs on threads() threads, and what it answers does
/// not depend on how many.
class Session {
 public:
  /// Loads a .lac file. Throws what load() throws, and what the constructors throw.
  [[nodiscard]] static Session open(const std::filesystem::path& path,
                                    const SessionOptions& options = {});

  /// Throws Error(unsupported_operator) that names operator and node if one cannot run here,
  /// Error(invalid_data) if nodes and shapes do not fit together.
  explicit Session(CompressedNetwork network, const SessionOptions& options = {});
  explicit Session(Graph graph, const SessionOptions& options = {});

  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;
  ~Session();

  [[nodiscard]] std::span<const ValueInfo> inputs() const noexcept;
  [[nodiscard]] std::span<const ValueInfo> outputs() const noexcept;

  /// Runs on inputs in the order of inputs(); answers in the order of outputs(). What it returns is
  /// valid until the next run, and as long as the inputs are. Throws Error(invalid_data) for a
  /// wrong number, type or shape, naming the input, what came and what is wanted, and for indices
  /// out of range. After the first run with inputs of some shapes, further ones allocate nothing,
  /// apart from operators on integers and booleans. That first run is planned, and takes some runs
  /// more where there is something to measure: parts of a batch, and steps on several threads.
  std::span<const TensorView> run(std::span<const TensorView> inputs);

  /// Layers with weights, in the order in which they run. Measures now what was not measured when
  /// the session was made: layers whose kernels were not chosen by it.
  [[nodiscard]] std::vector<LayerReport> layers() const;

  /// All zero without a file, and until shapes are known.
  [[nodiscard]] const ChoicesReport& choices() const noexcept;

  [[nodiscard]] SessionMemory memory() const noexcept;

  /// Samples of the last batch that are run at once; 0 where the batch is run as one.
  [[nodiscard]] std::int64_t samples_at_once() const noexcept;

  /// Threads that the last batch has work for, of threads(): one where its layers were measured to
  /// be faster so than with others to wake, or where threads() is.
  [[nodiscard]] int threads_used() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace laconic
