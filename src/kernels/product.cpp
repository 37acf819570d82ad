#include "kernels/product.h"

#include <algorithm>
#include <cmath>

#include "kernels/pack.h"
#include "laconic/error.h"
#include "laconic/threads.h"

namespace laconic {
namespace {

/// Bytes of an expanded weight.
std::int64_t weight_bytes(const PackedWeights& packed) {
  return packed.kernel->activations == Activations::int8 ? 1 : std::int64_t{sizeof(float)};
}

bool dense(const PackedWeights& packed) {
  return packed.kernel->form == WeightForm::floats;
}

/// Whether panels are multiplied by as they are.
bool ready(const PackedWeights& packed) {
  return dense(packed) || packed.code->unpack == nullptr;
}

/// Bytes of an expanded run, segment and panel.
struct Strides {
  std::int64_t run, segment, panel;
};

Strides strides_of(const PackedWeights& packed) {
  const Reduction& reduction = packed.reduction;
  const std::int64_t quad = 4 * panel_rows * weight_bytes(packed);
  Strides out{};
  if (dense(packed)) {
    out.run = reduction.run_length * panel_rows * std::int64_t{sizeof(float)};
    out.segment = reduction.segment_runs * out.run;
  } else {
    const int quads = chunk_quads(packed.kernel->form);
    out.run = reduction.run_quads() * quad;
    out.segment = reduction.segment_chunks(quads) * quads * quad;
  }
  out.panel = reduction.segments * out.segment;
  return out;
}

/// Blocks that end anywhere have no tables that vectors could look up in.
void expand_blocks(const PackedWeights& packed, const PanelPair& pair, int p, std::byte* to) {
  const Reduction& reduction = packed.reduction;
  const Strides strides = strides_of(packed);
  std::vector<float> row(static_cast<std::size_t>(reduction.weights()));
  auto* out = reinterpret_cast<float*>(to);
  const std::int64_t rows = std::min<std::int64_t>(panel_rows, pair.rows - p * panel_rows);
  for (std::int64_t r = 0; r < rows; ++r) {
    unpack_row(packed, pair.first_row + p * panel_rows + r, row.data());
    for (std::int64_t tap = 0; tap < reduction.taps; ++tap) {
      float* run = out + tap * strides.run / std::int64_t{sizeof(float)};
      for (std::int64_t k = 0; k < reduction.channels; ++k) {
        run[k * panel_rows + r] = row[static_cast<std::size_t>(k * reduction.taps + tap)];
      }
    }
  }
}

}  // namespace

std::int64_t pair_count(const PackedWeights& packed) {
  return packed.groups * ((packed.group_panels() + 1) / 2);
}

PanelPair pair_at(const PackedWeights& packed, std::int64_t index) {
  const std::int64_t panels = packed.group_panels(), pairs = (panels + 1) / 2;
  PanelPair out;
  out.group = index / pairs;
  const std::int64_t first = index % pairs * 2;
  out.first = out.group * panels + first;
  out.panels = static_cast<int>(std::min<std::int64_t>(2, panels - first));
  out.first_row = out.group * packed.group_rows + first * panel_rows;
  out.rows = std::min<std::int64_t>(2 * panel_rows, packed.group_rows - first * panel_rows);
  return out;
}

std::size_t pair_bytes(const PackedWeights& packed) {
  return ready(packed) ? 0 : static_cast<std::size_t>(2 * strides_of(packed).panel);
}

const std::byte* expand(const PackedWeights& packed, const PanelPair& pair, std::byte* scratch) {
  const std::byte* data = packed.data.data() + pair.first * packed.panel_bytes;
  if (ready(packed)) return data;
  const Strides strides = strides_of(packed);
  for (int p = 0; p < pair.panels; ++p) {
    std::byte* to = scratch + p * strides.panel;
    if (packed.tables == Tables::per_block) {
      expand_blocks(packed, pair, p, to);
      continue;
    }
    packed.code->unpack(unpack_job(packed, pair.first + p, to));
  }
  return scratch;
}

UnpackJob unpack_job(const PackedWeights& packed, std::int64_t panel, std::byte* out) {
  const Reduction& reduction = packed.reduction;
  UnpackJob job;
  job.packed = packed.data.data() + panel * packed.panel_bytes;
  job.segments = reduction.segments;
  job.segment_chunks = reduction.segment_chunks(chunk_quads(packed.kernel->form));
  job.table_size = packed.table_size;
  job.per_row = packed.tables == Tables::per_row;
  const std::int64_t entry =
      job.per_row ? panel * reduction.segments * panel_rows * packed.table_size : 0;
  job.table = packed.kernel->activations == Activations::int8
                  ? static_cast<const void*>(packed.int8_tables.data() + entry)
                  : static_cast<const void*>(packed.float_tables.data() + entry);
  job.out = out;
  return job;
}

void multiply(const PackedWeights& packed, const PanelPair& pair, const std::byte* expanded,
              const Columns& columns, const Epilogue& epilogue, TileScope& scope) {
  const Reduction& reduction = packed.reduction;
  const IsaCode& isa = *packed.code->isa;
  const bool int8 = packed.kernel->activations == Activations::int8;
  const Strides strides = strides_of(packed);
  alignas(cache_line) float sums[max_tile_panels * max_tile_columns * panel_rows];

  TileJob tile;
  tile.run_stride = strides.run * columns.joined;
  tile.segment_stride = strides.segment;
  tile.panel_stride = strides.panel;
  tile.column_stride = columns.stride;
  tile.runs = columns.runs;
  tile.segments = reduction.segments;
  tile.segment_runs = reduction.segment_runs / columns.joined;
  tile.run_length = columns.joined * (int8 ? reduction.run_quads() : reduction.run_length);
  tile.largest = packed.largest;
  tile.sums = sums;
  tile.state = scope.state();

  // As few stretches as tiles allow, as even as can be.
  const std::int64_t most = packed.depthwise ? max_tile_columns : isa.tile_columns;
  const std::int64_t stretches = (columns.count + most - 1) / most;
  const int panels = packed.depthwise ? 1 : std::min(pair.panels, isa.tile_panels);
  for (int p = 0; p < pair.panels; p += panels) {
    tile.weights = expanded + p * strides.panel;
    if (int8) {
      tile.scales = packed.scales.data() + (pair.first + p) * reduction.segments * panel_rows;
    }
    FinishJob finish =
        finish_job(packed, pair.first + p, pair.first_row + p * panel_rows, columns, epilogue);
    finish.sums = sums;
    finish.panels = panels;
    finish.rows = std::min<std::int64_t>(panels * panel_rows, pair.rows - p * panel_rows);
    for (std::int64_t s = 0; s < stretches; ++s) {
      const std::int64_t first = columns.count * s / stretches;
      const auto count = static_cast<int>(columns.count * (s + 1) / stretches - first);
      tile.x = columns.x + first * columns.stride;
      if (packed.depthwise) {
        tile.x += (pair.first + p) * panel_rows * std::int64_t{sizeof(float)};
        isa.depthwise(tile, count);
      } else if (int8) {
        isa.tile_int8(tile, panels, count);
      } else {
        isa.tile_floats(tile, panels, count);
      }
      FinishJob part = finish;
      part.columns = count;
      part.y += first * columns.y_column_stride;
      if (part.residual != nullptr) part.residual += first * columns.y_column_stride;
      if (int8) {
        part.column_scales += first * columns.scale_step;
        part.column_zeros += first * columns.scale_step;
      }
      isa.finish(part);
    }
  }
}

FinishJob finish_job(const PackedWeights& packed, std::int64_t first_panel, std::int64_t first_row,
                     const Columns& columns, const Epilogue& epilogue) {
  FinishJob out;
  out.column_scales = columns.scales;
  out.column_zeros = columns.zeros;
  out.column_step = columns.scale_step;
  if (columns.scales != nullptr) out.row_sums = packed.sums.data() + first_panel * panel_rows;
  if (!epilogue.bias.empty()) out.bias = epilogue.bias.data() + first_row;
  const std::int64_t to = first_row * columns.y_row_stride;
  if (columns.residual != nullptr) out.residual = columns.residual + to;
  out.then = epilogue.then;
  out.y = columns.y + to;
  out.row_stride = columns.y_row_stride;
  out.column_stride = columns.y_column_stride;
  return out;
}

std::int64_t task_count(std::int64_t products) {
  constexpr std::int64_t worth_a_thread = 1 << 19;  // Some 10 us, the time it takes to wake one.
  return std::clamp<std::int64_t>(products / worth_a_thread, 1, threads());
}

ByteScale byte_scale(const Range& range) {
  // The floor keeps the inverse finite; below it, everything rounds to zero or a few steps.
  constexpr float floor = 0x1p-120F;
  ByteScale out;
  out.scale = std::max(range.high / 255 - range.low / 255, floor);
  out.inverse = 1 / out.scale;
  out.zero = static_cast<std::int32_t>(std::lrint(-range.low * out.inverse));
  return out;
}

void check_epilogue(const Epilogue& epilogue, std::int64_t out) {
  if (!epilogue.bias.empty() && std::ssize(epilogue.bias) != out) {
    fail(ErrorCode::invalid_argument, "a bias has {} values for {} outputs", epilogue.bias.size(),
         out);
  }
}

}  // namespace laconic
