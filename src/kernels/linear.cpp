#include <algorithm>
#include <limits>

#include "kernels/pack.h"
#include "kernels/product.h"
#include "kernels/workspace.h"
#include "laconic/error.h"
#include "laconic/threads.h"

namespace laconic {
namespace {

template <typename T>
std::shared_ptr<const PackedWeights> pack_matrix(const T& weights, const PackOptions& options) {
  const Shape& shape = weights.shape;
  if (shape.size() != 2 || shape[0] < 1 || shape[1] < 1) {
    fail(ErrorCode::invalid_argument,
         "the weights of a linear layer have shape [{}], but must be a matrix that is not empty",
         fmt::join(shape, ", "));
  }
  return std::make_shared<const PackedWeights>(
      pack_weights(weights, {.out = shape[0], .channels = shape[1]}, options));
}

/// One call: where everything lies in the workspace, and the steps. Steps are cut into tasks, which
/// share nothing that they write.
class LinearCall {
 public:
  LinearCall(const PackedWeights& packed, std::int64_t rows, Carver& carver)
      : packed_(packed),
        rows_(rows),
        int8_(packed.kernel->activations == Activations::int8),
        fused_(int8_ && packed.code->fused != nullptr && packed.tables == Tables::shared &&
               rows <= packed.code->isa->fused_columns) {
    const Reduction& reduction = packed.reduction;
    tasks_ = task_count(rows * packed.out * reduction.channels);
    const int quads = chunk_quads(packed.kernel->form);
    const std::int64_t segment = int8_ ? reduction.segment_chunks(quads) * quads * 4
                                       : reduction.run_length * std::int64_t{sizeof(float)};
    runs_ = carver.take<std::int64_t>(reduction.segments);
    if (runs_ != nullptr) {
      for (std::int64_t s = 0; s < reduction.segments; ++s) runs_[s] = s * segment;
    }
    if (int8_) {
      // An odd number of cache lines: rows then do not compete for the same ways of a cache.
      const auto lines = whole_lines(static_cast<std::size_t>(segment * reduction.segments));
      stride_ = static_cast<std::int64_t>(lines + (lines / cache_line % 2 == 0 ? cache_line : 0));
      bytes_ = carver.take<std::uint8_t>(rows * stride_);
      scales_ = carver.take<float>(rows);
      zeros_ = carver.take<float>(rows);
    }
    scratch_bytes_ =
        fused_ ? sizeof(float) * static_cast<std::size_t>(rows * fused_panels() * panel_rows)
               : pair_bytes(packed);
    scratch_bytes_ = whole_lines(scratch_bytes_);
    scratch_ = carver.take<std::byte>(tasks_ * static_cast<std::int64_t>(scratch_bytes_));
  }

  void run(MatrixView<const float> x, MatrixView<float> y, const Epilogue& epilogue) {
    x_ = x;
    columns_.count = rows_;
    columns_.runs = runs_;
    columns_.y = y.data;
    columns_.y_column_stride = y.stride;
    columns_.residual = epilogue.residual;
    epilogue_ = &epilogue;
    if (int8_) {
      parallel_for(std::min(tasks_, rows_), [this](std::int64_t task) {
        const std::int64_t tasks = std::min(tasks_, rows_);
        for (auto row = rows_ * task / tasks; row < rows_ * (task + 1) / tasks; ++row) {
          round_row(row);
        }
      });
      columns_.x = reinterpret_cast<const std::byte*>(bytes_);
      columns_.stride = stride_;
      columns_.scales = scales_;
      columns_.zeros = zeros_;
    } else {
      columns_.x = reinterpret_cast<const std::byte*>(x.data);
      columns_.stride = x.stride * std::int64_t{sizeof(float)};
    }
    parallel_for(tasks_, [this](std::int64_t task) {
      if (fused_) {
        multiply_fused(task);
      } else {
        multiply_pairs(task);
      }
    });
  }

 private:
  /// Panels of a task, rounded up to those that fused kernels take at once.
  [[nodiscard]] std::int64_t fused_panels() const {
    return (packed_.panels() + tasks_ - 1) / tasks_ + 3;
  }

  void round_row(std::int64_t row) {
    const Reduction& reduction = packed_.reduction;
    const IsaCode& isa = *packed_.code->isa;
    const float* x = x_.data + row * x_.stride;
    std::uint8_t* bytes = bytes_ + row * stride_;
    Range range;
    isa.widen(x, reduction.channels, range);
    const ByteScale scale = byte_scale(range);
    std::fill_n(bytes, stride_, std::uint8_t{0});
    scales_[row] = range.finite ? scale.scale : std::numeric_limits<float>::quiet_NaN();
    zeros_[row] = static_cast<float>(scale.zero);
    if (!range.finite) return;
    for (std::int64_t s = 0; s < reduction.segments; ++s) {
      const std::int64_t first = s * reduction.run_length;
      const auto count = std::min(reduction.run_length, reduction.channels - first);
      isa.round(x + first, count, scale, bytes + runs_[s]);
    }
  }

  /// Pairs of panels by stretches of columns: a task's part of that grid, pair by pair.
  void multiply_pairs(std::int64_t task) {
    const std::int64_t most = packed_.code->isa->tile_columns;
    const std::int64_t stretches = (rows_ + most - 1) / most;
    const std::int64_t items = pair_count(packed_) * stretches;
    std::byte* scratch = scratch_ + task * static_cast<std::int64_t>(scratch_bytes_);
    const std::int64_t end = items * (task + 1) / tasks_;
    TileScope scope(packed_);
    for (std::int64_t item = items * task / tasks_; item < end;) {
      const PanelPair pair = pair_at(packed_, item / stretches);
      const std::int64_t last = std::min(end, (item / stretches + 1) * stretches);
      const std::int64_t first = item % stretches * most;
      const std::int64_t count = std::min(rows_, first + (last - item) * most) - first;
      multiply(packed_, pair, expand(packed_, pair, scratch), columns_from(first, count),
               *epilogue_, scope);
      item = last;
    }
  }

  void multiply_fused(std::int64_t task) {
    // Multiples of four panels, which fused kernels take at once.
    const std::int64_t fours = (packed_.panels() + 3) / 4;
    const std::int64_t first = fours * task / tasks_ * 4;
    const std::int64_t last = std::min(fours * (task + 1) / tasks_ * 4, packed_.panels());
    if (first >= last) return;
    FusedJob job;
    job.weights = unpack_job(packed_, first, nullptr);
    job.panel_stride = packed_.panel_bytes;
    job.panels = last - first;
    job.x = columns_.x;
    job.column_stride = columns_.stride;
    job.columns = static_cast<int>(rows_);
    job.scales = packed_.scales.data() + first * packed_.reduction.segments * panel_rows;
    job.largest = packed_.largest;
    job.sums =
        reinterpret_cast<float*>(scratch_ + task * static_cast<std::int64_t>(scratch_bytes_));
    packed_.code->fused(job);
    FinishJob finish =
        finish_job(packed_, first, first * panel_rows, columns_from(0, rows_), *epilogue_);
    finish.sums = job.sums;
    finish.panels = static_cast<int>(job.panels);
    finish.columns = job.columns;
    finish.rows = std::min(job.panels * panel_rows, packed_.out - first * panel_rows);
    packed_.code->isa->finish(finish);
  }

  [[nodiscard]] Columns columns_from(std::int64_t first, std::int64_t count) const {
    Columns out = columns_;
    out.x += first * out.stride;
    out.count = count;
    if (int8_) {
      out.scales += first;
      out.zeros += first;
    }
    out.y += first * out.y_column_stride;
    if (out.residual != nullptr) out.residual += first * out.y_column_stride;
    return out;
  }

  const PackedWeights& packed_;
  std::int64_t rows_, tasks_ = 1, stride_ = 0;
  bool int8_, fused_;
  std::int64_t* runs_ = nullptr;
  std::uint8_t* bytes_ = nullptr;
  float* scales_ = nullptr;
  float* zeros_ = nullptr;
  std::byte* scratch_ = nullptr;
  std::size_t scratch_bytes_ = 0;
  MatrixView<const float> x_;
  Columns columns_;
  const Epilogue* epilogue_ = nullptr;
};

}  // namespace

PackedLinear PackedLinear::pack(const QuantizedTensor& weights, const PackOptions& options) {
  return PackedLinear(pack_matrix(weights, options));
}

PackedLinear PackedLinear::pack(const StreamedTensor& weights, const PackOptions& options) {
  return PackedLinear(pack_matrix(weights, options));
}

PackedLinear PackedLinear::pack(const DenseTensor& weights, const PackOptions& options) {
  return PackedLinear(pack_matrix(weights, options));
}

std::int64_t PackedLinear::out_features() const noexcept {
  return packed_->out;
}

std::int64_t PackedLinear::in_features() const noexcept {
  return packed_->reduction.channels;
}

std::size_t PackedLinear::workspace_bytes(std::int64_t rows) const noexcept {
  Carver carver;
  LinearCall(*packed_, rows, carver);
  return carver.used();
}

void PackedLinear::run(MatrixView<const float> x, MatrixView<float> y, const Epilogue& epilogue,
                       Workspace& workspace) const {
  if (x.cols != in_features() || y.cols != out_features() || x.rows != y.rows) {
    fail(ErrorCode::invalid_argument,
         "a linear layer from {} to {} features was given a {}x{} input and a {}x{} output",
         in_features(), out_features(), x.rows, x.cols, y.rows, y.cols);
  }
  check_epilogue(epilogue, out_features());
  if (x.rows == 0) return;
  workspace.reserve(workspace_bytes(x.rows));
  Carver carver(workspace.data());
  LinearCall(*packed_, x.rows, carver).run(x, y, epilogue);
}

}  // namespace laconic
