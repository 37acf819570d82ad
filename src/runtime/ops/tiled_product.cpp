#include "runtime/ops/tiled_product.h"

#include <algorithm>

#include "runtime/loops.h"

namespace laconic::runtime {
namespace {

constexpr std::int64_t least_rows = 4;     ///< Below, packing b would take longer than it saves.
constexpr std::int64_t least_columns = 8;  ///< Below, a packed panel would be mostly filling.

}  // namespace

TiledProduct::TiledProduct(const PlainProduct& product)
    : product_(product),
      code_(product.m >= least_rows && product.n >= least_columns && product.a_col == 1 &&
                    product.k > 0
                ? &float_code()
                : nullptr) {}

std::int64_t TiledProduct::panels() const {
  return (product_.n + panel_rows - 1) / panel_rows;
}

std::size_t TiledProduct::scratch() const {
  if (code_ == nullptr) return 0;
  return static_cast<std::size_t>(panels() * panel_rows * product_.k) * sizeof(float);
}

void TiledProduct::run(const float* a, const float* b, float* c, std::byte* scratch) const {
  if (code_ == nullptr) return product_.run(a, b, c);
  auto* packed = reinterpret_cast<float*>(scratch);
  pack(b, packed);
  const auto tile = code_->tile_columns;
  const auto tiles = (product_.m + tile - 1) / tile;
  parallel_ranges(tiles, tile * product_.n * product_.k / 16,
                  [&](std::int64_t first, std::int64_t last) {
                    multiply_rows(a, packed, first * tile, std::min(last * tile, product_.m), c);
                  });
}

/// 16 columns of b to a panel, zeros behind the last.
void TiledProduct::pack(const float* b, float* packed) const {
  parallel_ranges(panels(), panel_rows * product_.k / 4, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t panel = begin; panel < end; ++panel) {
      float* to = packed + panel * panel_rows * product_.k;
      const float* from = b + panel * panel_rows * product_.b_col;
      const auto columns = std::min<std::int64_t>(panel_rows, product_.n - panel * panel_rows);
      for (std::int64_t l = 0; l < product_.k; ++l, to += panel_rows, from += product_.b_row) {
        for (std::int64_t j = 0; j < columns; ++j) to[j] = from[j * product_.b_col];
        std::fill(to + columns, to + panel_rows, 0.0F);
      }
    }
  });
}

void TiledProduct::multiply_rows(const float* a, const float* packed, std::int64_t first,
                                 std::int64_t last, float* c) const {
  alignas(64) float sums[max_tile_columns * max_tile_panels * panel_rows];
  const std::int64_t run_start = 0;
  TileJob job;
  job.panel_stride = product_.k * panel_rows * std::int64_t{sizeof(float)};
  job.column_stride = product_.a_row * std::int64_t{sizeof(float)};
  job.runs = &run_start;
  job.run_length = product_.k;
  job.sums = sums;
  for (std::int64_t panel = 0; panel < panels(); panel += code_->tile_panels) {
    const int wide = static_cast<int>(std::min<std::int64_t>(code_->tile_panels, panels() - panel));
    job.weights = reinterpret_cast<const std::byte*>(packed) + panel * job.panel_stride;
    const auto columns = std::min(wide * std::int64_t{panel_rows}, product_.n - panel * panel_rows);
    for (std::int64_t row = first; row < last; row += code_->tile_columns) {
      const int rows = static_cast<int>(std::min<std::int64_t>(code_->tile_columns, last - row));
      job.x = reinterpret_cast<const std::byte*>(a + row * product_.a_row);
      code_->tile_floats(job, wide, rows);
      for (int i = 0; i < rows; ++i) {
        const float* from = sums + i * wide * panel_rows;
        float* to = c + (row + i) * product_.n + panel * panel_rows;
        for (std::int64_t j = 0; j < columns; ++j) to[j] = product_.factor * from[j];
      }
    }
  }
}

}  // namespace laconic::runtime
