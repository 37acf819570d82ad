// The quantizer family: interchangeable ways to choose levels and assign weights to them.
//
// Every member minimises, over codebooks of the form it allows and over all assignments,
//
//     sum_i importance[i] * (weights[i] - level[index[i]])^2  +  lambda * bits(indices)
//
// and differs only in the form (free, evenly spaced, a fixed pattern times one scale), in lambda
// (zero but for entropy-constrained members), and in the search (exact, Lloyd, alternating).
// Curvature enters only as `importance`; training only decides when a quantizer is called.

#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "laconic/quantized_tensor.h"
#include "laconic/spec.h"

namespace laconic {

/// The code of one block: what a quantizer returns.
struct BlockCode {
  Codebook codebook;
  std::vector<Index> indices;  ///< One per weight.
};

/// What becomes of weights that are exactly zero, as after pruning.
enum class Zeros {
  free,  ///< Weights like others.
  keep,  ///< They stay zero, take no part in the choice of levels, and zero is a level.
};

/// What the caller knows of the codebook beforehand.
struct Prior {
  const Codebook* start = nullptr;  ///< Where an iterative search begins; direct solvers ignore it.
  std::span<const float> pinned = {};  ///< Levels that must be in the codebook: frozen ones, zero.
  std::int64_t path = 0;  ///< Weights of an output channel, of whole ones; 0: the block is one.
  Zeros zeros = Zeros::free;
  /// Whether levels stay that no weight takes: a level then has the same place each time. Of
  /// `scaled` alone; others drop them.
  bool whole_pattern = false;
};

struct CheckedBlock;

/// Immutable and safe to use from many threads at once. The same input gives the same output on
/// every machine: ties are broken by rule, and random starts are drawn from the seed in the spec.
class Quantizer {
 public:
  virtual ~Quantizer() = default;

  /// Quantizes one block. `weights` must be finite and not empty. `importance` is empty, meaning
  /// all ones, or as long as `weights`, non-negative; all zero counts as all ones. The codebook may
  /// have fewer levels than the spec allows: unused ones are dropped unless pinned (or needed to
  /// keep an even spacing), coinciding ones merged. Throws Error(invalid_argument) otherwise, or if
  /// the member's form does not admit the pinned levels.
  [[nodiscard]] BlockCode quantize_block(std::span<const float> weights,
                                         std::span<const float> importance = {},
                                         const Prior& prior = {}) const;

  /// Canonical spec, every option written out: make_quantizer(q.spec()) behaves as q does.
  [[nodiscard]] virtual std::string spec() const = 0;

 private:
  /// What members override: quantize_block() with its arguments already checked, the pinned levels
  /// distinct and ascending.
  [[nodiscard]] virtual BlockCode solve(const CheckedBlock& block, const Prior& prior) const = 0;

  /// Whether a weight's level depends on those before it: such members keep zeros by themselves;
  /// the others are given the weights that are not zero.
  [[nodiscard]] virtual bool follows_paths() const noexcept { return false; }
};

/// Which weights share a codebook.
struct Granularity {
  enum class Kind { joint, per_tensor, per_channel, per_group };
  Kind kind = Kind::per_tensor;
  std::int64_t group_size = 0;  ///< Weights in a block; per_group only.

  bool operator==(const Granularity&) const = default;
};

/// "joint", "tensor", "channel" or "group:SIZE", and back. Throws Error(invalid_argument).
[[nodiscard]] Granularity parse_granularity(std::string_view text);
[[nodiscard]] std::string print_granularity(const Granularity& granularity);

/// A tensor to be quantized.
struct WeightsView {
  Shape shape;
  std::span<const float> weights;
  std::span<const float> importance = {};  ///< Empty: all ones.
  /// Where iterative searches begin, block by block: an earlier result of the same shape and
  /// granularity, or null. Ignored where blocks are joint or zeros are kept.
  const QuantizedTensor* start = nullptr;
  bool whole_pattern = false;  ///< As in Prior. Ignored where blocks are joint.
};

/// Quantizes tensors block by block, blocks in parallel; `joint` makes one block of them all.
[[nodiscard]] std::vector<QuantizedTensor> quantize(const Quantizer& quantizer,
                                                    std::span<const WeightsView> tensors,
                                                    Granularity granularity = {},
                                                    Zeros zeros = Zeros::free);

/// All members, in the order of the table in src/quantize/family.cpp.
[[nodiscard]] std::span<const MemberInfo> quantizers() noexcept;

/// Builds a member from "name" or "name:key=value,key=value", e.g. "kmeans:levels=16,solver=exact".
/// Throws Error(invalid_argument) that names the nearest valid name, key or range.
[[nodiscard]] std::unique_ptr<Quantizer> make_quantizer(std::string_view spec);

}  // namespace laconic
