// Matrix products and convolutions on the CPU, with weights that stay packed.
//
// A layer is packed once; that fixes the kernel that runs it. Weights are kept as indices of 1, 2,
// 4 or 8 bits, or as five ternary digits a byte, with the levels they stand for beside them; a
// kernel expands a few rows at a time into cache, never the layer. Activations come in as floats:
//
// - Activations::floats multiplies them by the exact levels. Each y differs from the same sum in
//   exact arithmetic by at most gamma * (|x| |W|^T + |bias| + |residual|), gamma = n u / (1 - n u),
//   n = (weights of an output) + 2, u = 2^-24.
// - Activations::int8 rounds each row of x (each image of a convolution) to 256 evenly spaced
//   values, zero among them, and levels to multiples of one step per codebook, as far as they are
//   not such multiples already; sums are exact integers. docs/kernels.md derives its error.
//
// Equal input gives equal bytes for any number of threads; of Activations::int8, also for every
// instruction set. NaN makes NaN of every output that it takes part in; so does an infinity under
// Activations::int8, which leaves the outputs out of its reach as they were.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "laconic/quantized_tensor.h"
#include "laconic/streamed_tensor.h"

namespace laconic {

/// Instruction sets that kernels are written for, weakest first within an architecture. avx512
/// means F, BW, VL, VBMI and VNNI, amx these and tiles of bytes, for which Linux is asked to keep
/// tiles for the process; neon is AArch64's, with dot products.
enum class Isa : std::uint8_t { scalar, avx2, avx512, amx, neon };

[[nodiscard]] std::string_view name(Isa isa) noexcept;

/// Whether kernels for `isa` were compiled in and this CPU runs them. Always true of Isa::scalar.
[[nodiscard]] bool supported(Isa isa) noexcept;

/// The strongest supported, unless the environment variable LACONIC_ISA or a ScopedIsa names
/// another. Throws Error(unsupported_hardware) if that one is not supported, so that no test passes
/// unrun, and Error(invalid_argument) if the variable names none.
[[nodiscard]] Isa active_isa();

/// Makes `isa` active on this thread until destroyed; throws Error(unsupported_hardware) if it is
/// not supported. For tests and benchmarks.
class ScopedIsa {
 public:
  explicit ScopedIsa(Isa isa);
  ~ScopedIsa();
  ScopedIsa(const ScopedIsa&) = delete;
  ScopedIsa& operator=(const ScopedIsa&) = delete;

 private:
  std::optional<Isa> previous_;
};

/// How a packed layer keeps its weights.
enum class WeightForm : std::uint8_t {
  bits1,   ///< Indices of up to 2 levels.
  trits5,  ///< Indices of up to 3 levels, five to a byte.
  bits2,   ///< Indices of up to 4 levels.
  bits4,   ///< Indices of up to 16 levels.
  bits8,   ///< Indices of up to 256 levels; with Activations::int8, the rounded levels themselves.
  floats,  ///< Weights that were never quantized. Activations::floats only.
};

[[nodiscard]] std::string_view name(WeightForm form) noexcept;

enum class Activations : std::uint8_t { floats, int8 };

[[nodiscard]] std::string_view name(Activations activations) noexcept;

/// A row of the kernel table, src/kernels/kernels.inc: one line there declares a kernel, offers it
/// to packing, tests it and benchmarks it.
struct Kernel {
  std::string_view name;  ///< "bits2_int8_avx512"
  WeightForm form;
  Activations activations;
  Isa isa;
};

/// All kernels compiled in, whether or not this CPU runs them.
[[nodiscard]] std::span<const Kernel> kernels() noexcept;

struct PackOptions {
  Activations activations = Activations::floats;
  std::optional<Isa> isa = {};          ///< active_isa() if not set; an error if not supported.
  std::optional<WeightForm> form = {};  ///< The narrowest fast one that fits if not set.
};

/// Scratch memory of the calls below: grows to what the largest needs, then is reused. One call at
/// a time may use it.
class Workspace {
 public:
  /// Makes room for calls that need so many bytes, so that they allocate nothing.
  void reserve(std::size_t bytes);
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::byte* data() noexcept { return data_.get(); }

 private:
  struct Free {
    void operator()(std::byte* memory) const noexcept;
  };
  std::unique_ptr<std::byte[], Free> data_;
  std::size_t size_ = 0;
};

/// A function that kernels apply to each value by itself, named as ONNX's operators are. NaN stays
/// NaN. Equal input gives equal bytes for every instruction set. Those made of exp are within 4
/// units in the last place (gelu, whose terms cancel, of 1), but for what rounding alpha x costs.
struct Nonlinearity {
  enum class Kind : std::uint8_t {
    clip,          ///< Within alpha (0 for Relu) and beta (6 for Relu6).
    leaky_relu,    ///< alpha x below 0.
    hard_sigmoid,  ///< clip(alpha x + beta, 0, 1).
    hard_swish,    ///< x clip(x / 6 + 1 / 2, 0, 1).
    sigmoid,
    swish,  ///< x sigmoid(alpha x); with alpha 1 also known as SiLU.
    tanh,
    exp,  ///< 0 below -87.3, infinity above 88.3.
    erf,
    gelu,  ///< x (1 + erf(x / sqrt(2))) / 2.
  };
  Kind kind = Kind::clip;
  float alpha = -std::numeric_limits<float>::infinity();
  float beta = std::numeric_limits<float>::infinity();
};

/// y[i] = function(x[i]), on the calling thread; y may be x. As active_isa() is, for the best time.
using NonlinearityCode = void (*)(const Nonlinearity& function, const float* x, std::int64_t count,
                                  float* y);
[[nodiscard]] NonlinearityCode nonlinearity_code();

/// What is done to each sum before it is stored: y = then(sum + bias + residual).
struct Epilogue {
  std::span<const float> bias = {};  ///< Empty, or one per output feature or channel.
  const float* residual = nullptr;   ///< Null, or values laid out as y is; may be y itself.
  Nonlinearity then = {};            ///< Nothing unless set.
};

struct PackedWeights;  // src/kernels/packed_weights.h

/// What packed linear layers and packed convolutions have in common. Immutable; copies share it.
class PackedLayer {
 public:
  [[nodiscard]] const Kernel& kernel() const noexcept;

  /// Memory that the weights take, with all that belongs to them.
  [[nodiscard]] std::size_t bytes() const noexcept;

  /// The weights that are multiplied by, in the order of the tensor that was packed: its own, or,
  /// with Activations::int8, what they were rounded to.
  [[nodiscard]] std::vector<float> weights() const;

  /// The largest difference between a weight and what is multiplied by; 0 for Activations::floats.
  [[nodiscard]] float weight_error() const noexcept;

 protected:
  explicit PackedLayer(std::shared_ptr<const PackedWeights> packed) : packed_(std::move(packed)) {}
  std::shared_ptr<const PackedWeights> packed_;
};

/// A row-major matrix that lives elsewhere. `stride` counts elements from row to row.
template <typename T>
struct MatrixView {
  T* data = nullptr;
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  std::int64_t stride = 0;
};

/// The weights of a linear layer: y = x W^T.
class PackedLinear : public PackedLayer {
 public:
  /// `weights` has shape [out, in] and is valid. Throws Error(invalid_argument) for another rank,
  /// an empty matrix, or options that cannot be had: more than 256 levels with exact weights (make
  /// such a tensor dense), a form too narrow for the levels, WeightForm::floats for a quantized
  /// tensor or Activations::int8 for a dense one. A streamed tensor is read once, some rows at a
  /// time.
  [[nodiscard]] static PackedLinear pack(const QuantizedTensor& weights,
                                         const PackOptions& options = {});
  [[nodiscard]] static PackedLinear pack(const StreamedTensor& weights,
                                         const PackOptions& options = {});
  [[nodiscard]] static PackedLinear pack(const DenseTensor& weights,
                                         const PackOptions& options = {});

  [[nodiscard]] std::int64_t out_features() const noexcept;
  [[nodiscard]] std::int64_t in_features() const noexcept;

  /// Bytes of Workspace that a call with so many rows of x needs with threads() as it is now.
  [[nodiscard]] std::size_t workspace_bytes(std::int64_t rows) const noexcept;

  /// x is [batch, in], y is [batch, out]; they must not overlap. Throws Error(invalid_argument) if
  /// the extents do not fit.
  void run(MatrixView<const float> x, MatrixView<float> y, const Epilogue& epilogue,
           Workspace& workspace) const;

 private:
  using PackedLayer::PackedLayer;
};

/// Extents along height and width; a one-dimensional convolution has height 1.
struct ConvGeometry {
  std::int64_t groups = 1;
  std::array<std::int64_t, 2> stride = {1, 1};
  std::array<std::int64_t, 2> dilation = {1, 1};
  std::array<std::int64_t, 2> pad_begin = {0, 0};
  std::array<std::int64_t, 2> pad_end = {0, 0};
};

/// Order of an image's values: N, C, H, W as in ONNX, or N, H, W, C, which kernels like better.
enum class Layout : std::uint8_t { channels_first, channels_last };

/// A batch of images that lives elsewhere, without gaps.
template <typename T>
struct ImageView {
  T* data = nullptr;
  std::int64_t batch = 0;
  std::int64_t channels = 0;
  std::int64_t height = 1;
  std::int64_t width = 0;
  Layout layout = Layout::channels_first;
};

/// The weights of a convolution. The input is copied once, padded, with channels last (as bytes
/// under Activations::int8); products read their windows out of that copy.
class PackedConv : public PackedLayer {
 public:
  /// `weights` has shape [out, in / groups, height, width], or [out, in / groups, width]. Throws as
  /// PackedLinear::pack() does, and for a geometry that makes no sense.
  [[nodiscard]] static PackedConv pack(const QuantizedTensor& weights, const ConvGeometry& geometry,
                                       const PackOptions& options = {});
  [[nodiscard]] static PackedConv pack(const StreamedTensor& weights, const ConvGeometry& geometry,
                                       const PackOptions& options = {});
  [[nodiscard]] static PackedConv pack(const DenseTensor& weights, const ConvGeometry& geometry,
                                       const PackOptions& options = {});

  [[nodiscard]] std::int64_t out_channels() const noexcept;
  [[nodiscard]] std::int64_t in_channels() const noexcept;

  /// Height and width of the output for an input of that height and width. Throws
  /// Error(invalid_argument) if the window does not fit into the padded input.
  [[nodiscard]] std::array<std::int64_t, 2> output_size(std::int64_t height,
                                                        std::int64_t width) const;

  /// Bytes of Workspace that a call for images of that size needs with threads() as it is now.
  [[nodiscard]] std::size_t workspace_bytes(std::int64_t height, std::int64_t width) const;

  /// x and y must not overlap and may differ in layout. Throws Error(invalid_argument) if the
  /// extents do not fit.
  void run(ImageView<const float> x, ImageView<float> y, const Epilogue& epilogue,
           Workspace& workspace) const;

 private:
  using PackedLayer::PackedLayer;
};

}  // namespace laconic
