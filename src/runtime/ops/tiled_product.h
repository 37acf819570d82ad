// Products of values that only a run knows, by the kernels' tiles of floats: one operand is packed
// at each run as weights are packed once.

#pragma once

#include "kernels/code.h"
#include "runtime/ops/plain_products.h"

namespace laconic::runtime {

class TiledProduct {
 public:
  /// For the active instruction set. Products too small for tiles run by plain loops.
  explicit TiledProduct(const PlainProduct& product);

  /// Bytes that a run needs, aligned to 64 as they are.
  [[nodiscard]] std::size_t scratch() const;

  void run(const float* a, const float* b, float* c, std::byte* scratch) const;

 private:
  [[nodiscard]] std::int64_t panels() const;
  void pack(const float* b, float* packed) const;
  void multiply_rows(const float* a, const float* packed, std::int64_t first, std::int64_t last,
                     float* c) const;

  PlainProduct product_;
  const IsaCode* code_;
};

}  // namespace laconic::runtime
