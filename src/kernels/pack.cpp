#include "kernels/pack.h"

#include <algorithm>
#include <memory>
#include <span>

#include "kernels/code_maps.h"
#include "kernels/places.h"
#include "kernels/row_encoder.h"
#include "laconic/error.h"
#include "laconic/threads.h"

namespace laconic {
namespace {

/// Sums of so many products of bytes fit into 32 bits.
constexpr std::int64_t longest_int8_sum = 65536;

/// Shorter blocks of a row would spend more on changing scales than on products.
constexpr std::int64_t shortest_segment = 16;

/// Indices that are decoded at a time, unless a panel has more: few enough for the second cache.
constexpr std::int64_t piece_weights = std::int64_t{1} << 18;

const Kernel& choose_kernel(WeightForm form, const PackOptions& options) {
  const Isa isa = options.isa ? *options.isa : active_isa();
  if (!supported(isa)) {
    fail(ErrorCode::unsupported_hardware, "kernels for '{}' were asked for, which this CPU lacks",
         name(isa));
  }
  const Kernel* best = nullptr;
  for (const Kernel& kernel : kernels()) {
    const bool fits = kernel.form == form && kernel.activations == options.activations;
    if (fits && kernel.isa <= isa && (best == nullptr || kernel.isa > best->isa)) best = &kernel;
  }
  if (best == nullptr) {
    fail(ErrorCode::invalid_argument, "no kernel multiplies weights as {} by activations as {}",
         name(form), name(options.activations));
  }
  return *best;
}

WeightForm choose_form(std::size_t levels, const PackOptions& options) {
  if (options.form) {
    // Bytes hold rounded levels themselves, however many there are.
    const bool any = *options.form == WeightForm::bits8 && options.activations == Activations::int8;
    const auto most = static_cast<std::size_t>(max_codes(*options.form));
    if (*options.form == WeightForm::floats || (!any && levels > most)) {
      fail(ErrorCode::invalid_argument, "weights of {} levels cannot be packed as {}", levels,
           name(*options.form));
    }
    return *options.form;
  }
  for (const auto form : {WeightForm::bits1, WeightForm::bits2, WeightForm::bits4}) {
    if (levels <= static_cast<std::size_t>(max_codes(form))) return form;
  }
  if (levels > 256 && options.activations == Activations::floats) {
    fail(ErrorCode::invalid_argument,
         "weights have {} levels, but must have at most 256 to be packed exactly", levels);
  }
  return WeightForm::bits8;
}

/// A tensor's shape may say more than it holds.
void check_count(std::size_t held, const Shape& shape) {
  if (static_cast<std::int64_t>(held) != element_count(shape)) {
    fail(ErrorCode::invalid_argument, "weights of shape [{}] have {} values",
         fmt::join(shape, ", "), held);
  }
}

/// One run for each tap; or, of a single tap, one for each block of channels. Sums of bytes are cut
/// where they might overflow.
Reduction reduction_of(const WeightExtents& extents, std::int64_t block, bool int8) {
  Reduction out{.channels = extents.channels, .taps = extents.taps};
  out.run_length = extents.channels;
  out.segment_runs = extents.taps;
  if (extents.taps == 1) {
    if (block < extents.channels) out.run_length = block;
    if (int8 && out.run_length > longest_int8_sum) {
      out.segments = (out.run_length + longest_int8_sum - 1) / longest_int8_sum;
      out.run_length = (out.run_length + out.segments - 1) / out.segments;
    }
    out.segments = (extents.channels + out.run_length - 1) / out.run_length;
  } else if (int8) {
    if (out.run_length > longest_int8_sum) {
      fail(ErrorCode::invalid_argument,
           "a convolution over {} channels cannot sum bytes; at most {} can be", out.run_length,
           longest_int8_sum);
    }
    while (out.segment_runs * out.run_length > longest_int8_sum ||
           extents.taps % out.segment_runs != 0) {
      --out.segment_runs;
    }
    out.segments = extents.taps / out.segment_runs;
  }
  return out;
}

void describe(PackedWeights& packed, const WeightExtents& extents, const Kernel& kernel) {
  packed.kernel = &kernel;
  packed.code = &code_of(kernel);
  packed.out = extents.out;
  packed.groups = extents.groups;
  packed.group_rows = extents.out / extents.groups;
}

class Packer {
 public:
  Packer(const StreamedTensor& tensor, const WeightExtents& extents, const PackOptions& options)
      : tensor_(tensor), maps_(tensor.codebooks), int8_(options.activations == Activations::int8) {
    row_ = extents.channels * extents.taps;
    const bool one = maps_.count() == 1;
    block_ = one ? row_ * extents.out : tensor.block_size;
    const bool parts =
        extents.taps == 1 && !extents.one_run && row_ % block_ == 0 && block_ >= shortest_segment;
    whole_ = block_ % row_ == 0 || parts;

    // Blocks that end anywhere within rows leave no common table: bytes then hold rounded levels.
    PackOptions chosen = options;
    if (!whole_ && int8_) chosen.form = WeightForm::bits8;
    form_ = choose_form(maps_.most_levels(), chosen);
    if (int8_ && whole_) maps_.round();
    // Levels that are rounded alike share a code, as many of far powers of two do.
    if (int8_ && form_ == WeightForm::bits8 && !chosen.form &&
        !maps_.number_common(static_cast<std::size_t>(max_codes(WeightForm::bits4))).empty())
      form_ = WeightForm::bits4;
    describe(out_, extents, choose_kernel(form_, chosen));
    out_.reduction = reduction_of(extents, whole_ ? block_ : row_, int8_);
    out_.block_size = block_;
  }

  PackedWeights pack() {
    if (int8_) {
      choose_int8_tables();
    } else {
      choose_float_tables();
    }
    const Reduction& reduction = out_.reduction;
    const int quads = chunk_quads(form_);
    out_.panel_bytes = reduction.segments * reduction.segment_chunks(quads) * chunk_bytes;
    const auto panels = static_cast<std::size_t>(out_.panels());
    out_.data.resize(panels * static_cast<std::size_t>(out_.panel_bytes));
    if (int8_) {
      out_.scales.resize(panels * segments() * panel_rows);
      out_.sums.resize(panels * panel_rows);
    }
    for (std::int64_t run = 0; run < reduction.runs(); ++run) {
      run_places_.push_back(run_place(reduction, quads, run));
    }
    std::vector<float> errors(panels);
    const auto indices = tensor_.open();
    const std::int64_t step = std::max<std::int64_t>(1, piece_weights / (panel_rows * row_));
    std::vector<Index> piece;
    for (std::int64_t first = 0; first < out_.panels(); first += step) {
      const std::int64_t last = std::min(first + step, out_.panels());
      const std::int64_t row = first_row(first);
      piece.resize(static_cast<std::size_t>((first_row(last) - row) * row_));
      indices->read(piece);
      parallel_for(last - first, [&](std::int64_t i) {
        const auto panel =
            std::span(piece).subspan(static_cast<std::size_t>((first_row(first + i) - row) * row_));
        errors[static_cast<std::size_t>(first + i)] = pack_panel(first + i, panel);
      });
    }
    out_.weight_error = *std::max_element(errors.begin(), errors.end());
    return std::move(out_);
  }

 private:
  [[nodiscard]] std::size_t segments() const {
    return static_cast<std::size_t>(out_.reduction.segments);
  }

  void choose_int8_tables() {
    if (!whole_) return;
    out_.largest = maps_.largest_multiple();
    if (form_ == WeightForm::bits8) {
      maps_.number_multiples();
      return;
    }
    const auto common = maps_.number_common(static_cast<std::size_t>(max_codes(form_)));
    if (!common.empty()) {
      out_.int8_tables.assign(common.begin(), common.end());
      out_.int8_tables.resize(16);  // Vector kernels load whole tables.
      return;
    }
    maps_.number_indices();
    make_row_tables(out_.int8_tables);
  }

  void choose_float_tables() {
    maps_.number_indices();
    if (maps_.count() == 1) {
      const auto levels = maps_.of_block(0).codebook->levels();
      out_.table_size = std::ssize(levels);
      out_.float_tables.assign(levels.begin(), levels.end());
      out_.float_tables.resize(std::max<std::size_t>(16, levels.size()));
    } else if (whole_) {
      make_row_tables(out_.float_tables);
    } else {
      make_block_tables();
    }
  }

  template <typename T>
  void make_row_tables(AlignedVector<T>& tables) {
    out_.tables = Tables::per_row;
    out_.table_size = max_codes(form_);
    tables.resize(static_cast<std::size_t>(out_.panels()) * segments() * panel_rows *
                  static_cast<std::size_t>(out_.table_size));
  }

  void make_block_tables() {
    out_.tables = Tables::per_block;
    out_.table_size = max_codes(form_);
    out_.float_tables.resize(tensor_.codebooks.size() * static_cast<std::size_t>(out_.table_size));
    float* table = out_.float_tables.data();
    for (const Codebook& codebook : tensor_.codebooks) {
      std::copy(codebook.levels().begin(), codebook.levels().end(), table);
      table += out_.table_size;
    }
  }

  /// Where a panel's rows begin; of one more than there are, the end.
  [[nodiscard]] std::int64_t first_row(std::int64_t panel) const {
    return panel / out_.group_panels() * out_.group_rows + panel % out_.group_panels() * panel_rows;
  }

  /// Takes the indices from the panel's first row on. Returns the largest error of a weight.
  float pack_panel(std::int64_t panel, std::span<const Index> indices) {
    const std::int64_t first = first_row(panel), rows = first_row(panel + 1) - first;
    const RowEncoder encoder(maps_, *out_.code->isa, row_, block_, int8_, whole_);
    const int quads = chunk_quads(form_);
    const std::int64_t chunks = out_.panel_bytes / chunk_bytes;
    const std::int64_t stride = deal_stride(chunks, quads);
    std::vector<std::uint8_t> codes(
        static_cast<std::size_t>(row_ + out_.reduction.taps * split_reach));
    std::vector<std::uint8_t> panel_codes(static_cast<std::size_t>(panel_rows * stride));
    float error = 0;
    for (std::int64_t r = 0; r < rows; ++r) {
      const auto part =
          indices.subspan(static_cast<std::size_t>(r * row_), static_cast<std::size_t>(row_));
      const auto row = encoder.encode(first + r, part, codes);
      error = std::max(error, row.error);
      arrange(codes.data(), panel_codes.data() + r * stride);
      describe_row(first + r, panel, r, row);
    }
    out_.code->isa->deal({.rows = reinterpret_cast<const std::byte*>(panel_codes.data()),
                          .stride = stride,
                          .chunks = chunks,
                          .quads = quads,
                          .base = form_ == WeightForm::trits5 ? 3 : 1u << 8 / quads,
                          .out = out_.data.data() + panel * out_.panel_bytes});
    return error;
  }

  /// As arrange_row().
  void arrange(const std::uint8_t* codes, std::uint8_t* out) const {
    const Reduction& reduction = out_.reduction;
    if (reduction.taps == 1) return arrange_row(reduction, chunk_quads(form_), codes, out);
    out_.code->isa->split({codes, reduction.channels, reduction.taps, run_places_.data(), out});
  }

  /// Scales, sum and tables of row `r` of a panel.
  void describe_row(std::int64_t row, std::int64_t panel, std::int64_t r,
                    const RowEncoder::Row& encoded) {
    const Reduction& reduction = out_.reduction;
    for (std::int64_t s = 0; s < reduction.segments; ++s) {
      const std::int64_t within = reduction.taps == 1 ? s * reduction.run_length : 0;
      const CodeMap& map = maps_.of_block((row * row_ + within) / block_);
      const std::int64_t lane = (panel * reduction.segments + s) * panel_rows + r;
      if (int8_) {
        out_.scales[static_cast<std::size_t>(lane)] = whole_ ? map.rounded.step : encoded.step;
      }
      if (out_.tables != Tables::per_row) continue;
      const std::int64_t table = lane * out_.table_size;
      if (int8_) {
        const auto& multiples = map.rounded.multiples;
        std::copy(multiples.begin(), multiples.end(), out_.int8_tables.begin() + table);
      } else {
        const auto levels = map.codebook->levels();
        std::copy(levels.begin(), levels.end(), out_.float_tables.begin() + table);
      }
    }
    if (int8_) {
      out_.sums[static_cast<std::size_t>(panel * panel_rows + r)] = static_cast<float>(encoded.sum);
    }
  }

  const StreamedTensor& tensor_;
  CodeMaps maps_;
  bool int8_;
  bool whole_ = false;      ///< Blocks are whole rows, or equal parts of rows.
  std::int64_t row_ = 0;    ///< Weights of a row.
  std::int64_t block_ = 0;  ///< Weights of a block.
  WeightForm form_{};
  std::vector<std::int64_t> run_places_;  ///< Of a row of a panel.
  PackedWeights out_;
};

/// Calls visit(panel, run, weight of the run, row of the panel, its place in the tensor).
template <typename Visit>
void for_each_dense_weight(const PackedWeights& packed, Visit visit) {
  const Reduction& reduction = packed.reduction;
  for (std::int64_t row = 0; row < packed.out; ++row) {
    const std::int64_t group = row / packed.group_rows, r = row % packed.group_rows;
    const std::int64_t panel = group * packed.group_panels() + r / panel_rows;
    for (std::int64_t run = 0; run < reduction.taps; ++run) {
      for (std::int64_t k = 0; k < reduction.channels; ++k) {
        const std::int64_t in_panel = (run * reduction.channels + k) * panel_rows + r % panel_rows;
        visit(panel * packed.panel_bytes / std::int64_t{sizeof(float)} + in_panel,
              (row * reduction.channels + k) * reduction.taps + run);
      }
    }
  }
}

}  // namespace

PackedWeights pack_weights(const QuantizedTensor& tensor, const WeightExtents& extents,
                           const PackOptions& options) {
  check_count(tensor.indices.size(), tensor.shape);
  // Without a part in the tensor, which outlives the call.
  const std::shared_ptr<const QuantizedTensor> borrowed(std::shared_ptr<void>(), &tensor);
  return pack_weights(stream(borrowed), extents, options);
}

PackedWeights pack_weights(const StreamedTensor& tensor, const WeightExtents& extents,
                           const PackOptions& options) {
  return Packer(tensor, extents, options).pack();
}

PackedWeights pack_weights(const DenseTensor& tensor, const WeightExtents& extents,
                           const PackOptions& options) {
  if (options.form && *options.form != WeightForm::floats) {
    fail(ErrorCode::invalid_argument, "weights that were not quantized cannot be packed as {}",
         name(*options.form));
  }
  check_count(tensor.values.size(), tensor.shape);
  PackedWeights out;
  describe(out, extents, choose_kernel(WeightForm::floats, options));
  out.reduction = reduction_of(extents, extents.channels, false);
  out.panel_bytes = out.reduction.weights() * panel_rows * std::int64_t{sizeof(float)};
  out.data.resize(static_cast<std::size_t>(out.panels() * out.panel_bytes));
  auto* packed = reinterpret_cast<float*>(out.data.data());
  for_each_dense_weight(out, [&](std::int64_t to, std::int64_t from) {
    packed[to] = tensor.values[static_cast<std::size_t>(from)];
  });
  return out;
}

std::vector<float> unpack_weights(const PackedWeights& packed) {
  const std::int64_t row = packed.reduction.weights();
  std::vector<float> out(static_cast<std::size_t>(packed.out * row));
  if (packed.kernel->form == WeightForm::floats) {
    const auto* weights = reinterpret_cast<const float*>(packed.data.data());
    for_each_dense_weight(packed, [&](std::int64_t from, std::int64_t to) {
      out[static_cast<std::size_t>(to)] = weights[from];
    });
    return out;
  }
  for (std::int64_t r = 0; r < packed.out; ++r) unpack_row(packed, r, out.data() + r * row);
  return out;
}

}  // namespace laconic
