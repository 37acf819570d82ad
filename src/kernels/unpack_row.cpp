#include "kernels/codes.h"
#include "kernels/pack.h"
#include "kernels/places.h"

namespace laconic {

void unpack_row(const PackedWeights& packed, std::int64_t row, float* out) {
  const Reduction& reduction = packed.reduction;
  const WeightForm form = packed.kernel->form;
  const bool int8 = packed.kernel->activations == Activations::int8;
  const int quads = chunk_quads(form);
  const std::int64_t group = row / packed.group_rows, in_group = row % packed.group_rows;
  const std::int64_t panel = group * packed.group_panels() + in_group / panel_rows;
  const std::int64_t lane_row = in_group % panel_rows;
  const std::byte* chunk = packed.data.data() + panel * packed.panel_bytes;
  const std::int64_t segment_weights = reduction.segment_chunks(quads) * quads * 4;

  const auto where = places(reduction, quads);
  for (std::size_t i = 0; i < where.size(); ++i) {
    const auto quad = static_cast<int>(i / 4 % static_cast<std::size_t>(quads));
    const std::byte byte = chunk[4 * lane_row + static_cast<std::int64_t>(i % 4)];
    if (where[i] >= 0) {
      const std::int64_t code = code_in(form, byte, quad);
      const std::int64_t segment = static_cast<std::int64_t>(i) / segment_weights;
      const std::int64_t lane = (panel * reduction.segments + segment) * panel_rows + lane_row;
      std::int64_t entry = code;
      if (packed.tables == Tables::per_row) entry += lane * packed.table_size;
      if (packed.tables == Tables::per_block) {
        const std::int64_t weight = row * reduction.weights() + where[i];
        entry += weight / packed.block_size * packed.table_size;
      }
      float& weight = out[where[i]];
      if (!int8) {
        weight = packed.float_tables[static_cast<std::size_t>(entry)];
      } else {
        const int multiple = form == WeightForm::bits8
                                 ? static_cast<std::int8_t>(code)
                                 : packed.int8_tables[static_cast<std::size_t>(entry)];
        weight = packed.scales[static_cast<std::size_t>(lane)] * static_cast<float>(multiple);
      }
    }
    if (quad == quads - 1 && i % 4 == 3) chunk += chunk_bytes;
  }
}

}  // namespace laconic
