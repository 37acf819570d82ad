// The result of every quantizer: levels (codebooks) and the level each weight takes (indices).
//
// A tensor's weights, in row-major order, are cut into equal consecutive blocks, each with a
// codebook. One block is per-tensor quantization; a block per row of axis 0 is per-channel; shorter
// blocks are per-group; and a codebook for the whole network is one that all tensors hold. Nothing
// here knows which method chose the levels.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <variant>
#include <vector>

namespace laconic {

/// Extents, outermost first. Axis 0 of a weight is its output channel: importers see to that.
using Shape = std::vector<std::int64_t>;

/// Product of the extents; 1 for a scalar, the largest std::int64_t where the product exceeds it.
[[nodiscard]] std::int64_t element_count(const Shape& shape) noexcept;

/// Position of a level in its codebook.
using Index = std::uint16_t;

/// The values a block of weights may take: finite and strictly ascending, 1 to 65,536 of them.
/// Immutable; copies share storage, and a container stores equal codebooks once.
class Codebook {
 public:
  /// Throws Error(invalid_argument) unless `levels` are as described above.
  explicit Codebook(std::vector<float> levels);

  /// The multiples first*step, ..., (first+count-1)*step of a positive step, each rounded to float.
  /// Throws Error(invalid_argument) unless they lie within 65,535 steps of zero.
  static Codebook evenly_spaced(float step, std::int64_t first, std::int64_t count);

  [[nodiscard]] std::span<const float> levels() const noexcept { return *levels_; }
  [[nodiscard]] std::size_t size() const noexcept { return levels_->size(); }

  /// Index of the level nearest to `value`; of two equally near, that of smaller magnitude.
  [[nodiscard]] Index nearest(float value) const noexcept;

  /// Index of the level 0, or -1.
  [[nodiscard]] std::int64_t zero_index() const noexcept;

  /// Bits of a fixed-length index: 0 for one level, 4 for 9 to 16 levels.
  [[nodiscard]] int index_bits() const noexcept;

  friend bool operator==(const Codebook& a, const Codebook& b) noexcept {
    return a.levels_ == b.levels_ || *a.levels_ == *b.levels_;
  }

 private:
  std::shared_ptr<const std::vector<float>> levels_;
};

/// The form of a codebook whose levels are multiples of one step, exactly (each level equals
/// float(step * k)); stored in a few bytes, and exported as DequantizeLinear.
struct EvenSpacing {
  float step = 0;          ///< Positive.
  std::int64_t first = 0;  ///< The lowest level is first*step.
};

/// Finds the spacing of `codebook`, if it has one: true of every codebook of one level, and of all
/// that Codebook::evenly_spaced() makes. Other codebooks have none, {-1, 1} for instance.
[[nodiscard]] bool find_even_spacing(const Codebook& codebook, EvenSpacing& spacing) noexcept;

struct QuantizedTensor {
  Shape shape;
  std::int64_t block_size = 0;      ///< Weights per codebook; only the last block may be shorter.
  std::vector<Codebook> codebooks;  ///< One per block.
  std::vector<Index> indices;       ///< One per weight, each less than its codebook's size.

  bool operator==(const QuantizedTensor&) const = default;
};

/// A tensor left in floating point: biases, normalisation parameters.
struct DenseTensor {
  Shape shape;
  std::vector<float> values;

  bool operator==(const DenseTensor&) const = default;
};

using Tensor = std::variant<DenseTensor, QuantizedTensor>;

[[nodiscard]] const Shape& shape_of(const Tensor& tensor) noexcept;

/// Throws Error(invalid_argument) naming the first broken invariant of those stated above.
void validate(const QuantizedTensor& tensor);

/// The weights that `tensor` stands for, in row-major order.
[[nodiscard]] std::vector<float> dequantize(const QuantizedTensor& tensor);
[[nodiscard]] std::vector<float> dequantize(const Tensor& tensor);

/// How far a quantized tensor lies from its original. All sums are accumulated in double.
struct Distortion {
  double mse = 0;            ///< Mean of squared errors.
  double weighted = 0;       ///< Sum of importance times squared error: the quantizers' objective.
  double sqnr_db = 0;        ///< 10 log10(signal energy / error energy); +inf when exact.
  float max_abs = 0;         ///< Largest absolute error.
  std::int64_t zeroed = 0;   ///< Nonzero weights that became zero.
  std::int64_t flipped = 0;  ///< Weights that changed sign without becoming zero.
};

/// `importance` is empty (all ones) or has one non-negative entry per weight.
[[nodiscard]] Distortion distortion(std::span<const float> weights, const QuantizedTensor& tensor,
                                    std::span<const float> importance = {});

/// Zeroth-order entropy of the indices, block by block, in bits per weight; codebooks not counted.
[[nodiscard]] double index_entropy(const QuantizedTensor& tensor);

}  // namespace laconic
