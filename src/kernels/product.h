// Columns of x against expanded panels: what linear layers and convolutions share.

#pragma once

#include <cstdint>

#include "kernels/packed_weights.h"

namespace laconic {

/// Consecutive columns, and where their outputs go.
struct Columns {
  const std::byte* x = nullptr;
  std::int64_t stride = 0;  ///< Bytes from column to column.
  std::int64_t count = 0;
  const std::int64_t* runs = nullptr;  ///< Where runs begin in a column, in bytes,
  std::int64_t joined = 1;        ///< every so many: these follow one another as they do in panels.
  const float* scales = nullptr;  ///< int8, as in FinishJob.
  const float* zeros = nullptr;
  std::int64_t scale_step = 1;
  float* y = nullptr;               ///< Output 0 of the first column.
  const float* residual = nullptr;  ///< The same.
  std::int64_t y_row_stride = 1, y_column_stride = 0;
};

/// What the CPU keeps for a task between products; gone when the task ends.
class TileScope {
 public:
  explicit TileScope(const PackedWeights& packed) : isa_(*packed.code->isa) {}
  ~TileScope() {
    if (isa_.leave != nullptr) isa_.leave(state_);
  }
  TileScope(const TileScope&) = delete;
  TileScope& operator=(const TileScope&) = delete;

  [[nodiscard]] TileState* state() { return &state_; }

 private:
  const IsaCode& isa_;
  TileState state_;
};

/// Panels are expanded two at a time, within a group.
struct PanelPair {
  std::int64_t first = 0;  ///< Of all panels.
  int panels = 0;
  std::int64_t first_row = 0;  ///< Of all outputs.
  std::int64_t rows = 0;
  std::int64_t group = 0;
};

[[nodiscard]] std::int64_t pair_count(const PackedWeights& packed);
[[nodiscard]] PanelPair pair_at(const PackedWeights& packed, std::int64_t index);

/// Bytes that a task needs to expand a pair into.
[[nodiscard]] std::size_t pair_bytes(const PackedWeights& packed);

/// The panels of a pair, expanded into `scratch` unless they are floats already.
[[nodiscard]] const std::byte* expand(const PackedWeights& packed, const PanelPair& pair,
                                      std::byte* scratch);

/// What expands one panel.
[[nodiscard]] UnpackJob unpack_job(const PackedWeights& packed, std::int64_t panel, std::byte* out);

void multiply(const PackedWeights& packed, const PanelPair& pair, const std::byte* expanded,
              const Columns& columns, const Epilogue& epilogue, TileScope& scope);

/// Fills what FinishJob takes from weights and epilogue for outputs from `first_row` on.
[[nodiscard]] FinishJob finish_job(const PackedWeights& packed, std::int64_t first_panel,
                                   std::int64_t first_row, const Columns& columns,
                                   const Epilogue& epilogue);

/// How many tasks to share so many products among: each must be worth waking a thread.
[[nodiscard]] std::int64_t task_count(std::int64_t products);

/// The scale that spreads a range over all bytes, zero among them.
[[nodiscard]] ByteScale byte_scale(const Range& range);

/// Throws Error(invalid_argument) unless the epilogue fits so many outputs.
void check_epilogue(const Epilogue& epilogue, std::int64_t out);

}  // namespace laconic
