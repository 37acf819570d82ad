#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "kernels/conv_input.h"
#include "kernels/pack.h"
#include "kernels/product.h"
#include "kernels/workspace.h"
#include "laconic/error.h"
#include "laconic/threads.h"

namespace laconic {
namespace {

constexpr std::int64_t largest_extent = std::int64_t{1} << 24;

void check_geometry(const Shape& shape, const ConvGeometry& geometry) {
  const bool positive = std::all_of(shape.begin(), shape.end(), [](auto e) { return e > 0; });
  if (shape.size() < 3 || shape.size() > 4 || !positive) {
    fail(ErrorCode::invalid_argument,
         "the weights of a convolution have shape [{}], but must have 3 or 4 positive extents",
         fmt::join(shape, ", "));
  }
  if (geometry.groups < 1 || shape[0] % geometry.groups != 0) {
    fail(ErrorCode::invalid_argument, "{} output channels cannot be had from {} groups", shape[0],
         geometry.groups);
  }
  for (std::size_t i = 0; i < 2; ++i) {
    const bool fits = geometry.stride[i] >= 1 && geometry.stride[i] <= largest_extent &&
                      geometry.dilation[i] >= 1 && geometry.dilation[i] <= largest_extent &&
                      geometry.pad_begin[i] >= 0 && geometry.pad_begin[i] <= largest_extent &&
                      geometry.pad_end[i] >= 0 && geometry.pad_end[i] <= largest_extent;
    if (!fits) {
      fail(ErrorCode::invalid_argument,
           "a convolution has stride {}, dilation {} and padding {} and {}; strides and dilations "
           "must be 1 to {}, paddings 0 to {}",
           geometry.stride[i], geometry.dilation[i], geometry.pad_begin[i], geometry.pad_end[i],
           largest_extent, largest_extent);
    }
  }
}

template <typename T>
std::shared_ptr<const PackedWeights> pack_window(const T& weights, const ConvGeometry& geometry,
                                                 const PackOptions& options) {
  const Shape& shape = weights.shape;
  check_geometry(shape, geometry);
  const std::array<std::int64_t, 2> window = {shape.size() == 4 ? shape[2] : 1, shape.back()};
  const std::int64_t taps = window[0] * window[1];
  const bool depthwise = shape[1] == 1 && geometry.groups > 1;
  PackOptions chosen = options;
  WeightExtents extents = {
      .out = shape[0], .groups = geometry.groups, .channels = shape[1], .taps = taps};
  if (depthwise) {
    // One input channel is a quarter of a quad, one output a sixteenth of a panel: sums of bytes
    // would mostly add fillings. Lanes are channels instead, and floats are as fast as memory.
    chosen.activations = Activations::floats;
    extents = {.out = shape[0], .groups = 1, .channels = taps, .taps = 1, .one_run = true};
  }
  auto packed = std::make_shared<PackedWeights>(pack_weights(weights, extents, chosen));
  packed->geometry = geometry;
  packed->window = window;
  packed->depthwise = depthwise;
  return packed;
}

/// A window of a single tap that moves by one pixel: the image is a row of pixels. Depthwise ones
/// are cut by rows.
bool pointwise(const PackedWeights& packed) {
  if (packed.depthwise) return false;
  const ConvGeometry& geometry = packed.geometry;
  constexpr std::array<std::int64_t, 2> none = {0, 0}, one = {1, 1};
  return packed.window == one && geometry.stride == one && geometry.pad_begin == none &&
         geometry.pad_end == none;
}

/// Taps of a row of the window whose channels lie together, in the copy of the image and in panels,
/// as one run.
std::int64_t joined_taps(const PackedWeights& packed) {
  const bool filled = packed.kernel->activations == Activations::floats &&
                      packed.kernel->form != WeightForm::floats &&
                      packed.reduction.run_length % 4 != 0;  // In panels alone.
  const bool together = packed.groups == 1 && !packed.depthwise && !filled &&
                        packed.geometry.dilation[1] == 1 &&
                        packed.reduction.segment_runs % packed.window[1] == 0;
  return together ? packed.window[1] : 1;
}

/// Images of one size, one after the other: where everything lies in the workspace, and the steps.
class ConvCall {
 public:
  ConvCall(const PackedWeights& packed, std::int64_t height, std::int64_t width, std::int64_t tasks,
           Carver& carver)
      : packed_(packed),
        size_(pointwise(packed) ? conv_size(packed, 1, height * width)
                                : conv_size(packed, height, width)),
        tasks_(tasks),
        int8_(packed.kernel->activations == Activations::int8) {
    const ConvGeometry& geometry = packed.geometry;
    const std::int64_t taps = packed.window[0] * packed.window[1];
    columns_.joined = joined_taps(packed);
    runs_ = carver.take<std::int64_t>(taps / columns_.joined);
    if (runs_ != nullptr) {
      for (std::int64_t tap = 0; tap < taps; tap += columns_.joined) {
        const std::int64_t y = tap / packed.window[1] * geometry.dilation[0];
        const std::int64_t x = tap % packed.window[1] * geometry.dilation[1];
        runs_[tap / columns_.joined] = y * size_.row_bytes() + x * size_.pixel_bytes;
      }
    }
    columns_.runs = runs_;
    columns_.stride = geometry.stride[1] * size_.pixel_bytes;
    std::int64_t copied = size_.padded_height, copies = 1;
    if (packed.depthwise) {
      strip_rows_ = std::clamp<std::int64_t>(strip_bytes / (geometry.stride[0] * size_.row_bytes()),
                                             1, size_.out_height);
      copied = input_rows(strip_rows_);
      copies = tasks;
    }
    copy_bytes_ = copied * size_.row_bytes();
    copy_ = carver.take<std::byte>(copies * copy_bytes_);
    ranges_ = carver.take<Range>(tasks);
    scratch_bytes_ = static_cast<std::int64_t>(whole_lines(pair_bytes(packed)));
    scratch_ = carver.take<std::byte>(tasks * scratch_bytes_);
  }

  /// `x` and `y` are one image each; `residual` is null or like `y`.
  void run(const float* x, Layout x_layout, float* y, Layout y_layout, const float* residual,
           const Epilogue& epilogue) {
    x_ = x;
    x_layout_ = x_layout;
    epilogue_ = &epilogue;
    if (int8_) {
      find_scale();
      if (!finite_) return run_without(x, x_layout, y, y_layout, residual);
      columns_.scales = &scale_.scale;
      columns_.zeros = &zero_;
      columns_.scale_step = 0;
    }
    columns_.y = y;
    columns_.residual = residual;
    const bool last = y_layout == Layout::channels_last;
    columns_.y_row_stride = last ? 1 : size_.out_height * size_.out_width;
    columns_.y_column_stride = last ? packed_.out : 1;
    if (packed_.depthwise) {
      parallel_for(tasks_, [this](std::int64_t task) { multiply_strips(task); });
      return;
    }
    parallel_for(tasks_, [this](std::int64_t task) {
      const std::int64_t rows = size_.padded_height;
      for (auto row = rows * task / tasks_; row < rows * (task + 1) / tasks_; ++row) {
        copy_row(packed_, size_, x_, x_layout_, scale_, row, copy_ + row * size_.row_bytes());
      }
    });
    parallel_for(tasks_, [this](std::int64_t task) { multiply_rows(task); });
  }

 private:
  /// Of the copies that a task of a depthwise convolution makes: few enough for the second cache.
  static constexpr std::int64_t strip_bytes = std::int64_t{1} << 18;

  /// Rows of the copy that so many rows of the output read.
  [[nodiscard]] std::int64_t input_rows(std::int64_t rows) const {
    const ConvGeometry& geometry = packed_.geometry;
    return (rows - 1) * geometry.stride[0] + (packed_.window[0] - 1) * geometry.dilation[0] + 1;
  }

  void find_scale() {
    const std::int64_t count = size_.channels * size_.height * size_.width;
    const IsaCode& isa = *packed_.code->isa;
    const auto widen = [this, count, &isa](std::int64_t task) {
      Range range;
      const std::int64_t first = count * task / tasks_;
      isa.widen(x_ + first, count * (task + 1) / tasks_ - first, range);
      ranges_[task] = range;
    };
    parallel_for(tasks_, std::ref(widen));  // By reference: a copy would take memory.
    Range all;
    for (std::int64_t task = 0; task < tasks_; ++task) {
      all.low = std::min(all.low, ranges_[task].low);
      all.high = std::max(all.high, ranges_[task].high);
      all.finite = all.finite && ranges_[task].finite;
    }
    finite_ = all.finite;
    scale_ = byte_scale(all);
    zero_ = static_cast<float>(scale_.zero);
  }

  /// An image with values that are not finite: computed without them, then NaN where windows meet
  /// them. Not fast, and the only path that allocates.
  void run_without(const float* x, Layout x_layout, float* y, Layout y_layout,
                   const float* residual) {
    const std::int64_t count = size_.channels * size_.height * size_.width;
    std::vector<float> clean(x, x + count);
    for (float& value : clean) {
      if (!std::isfinite(value)) value = 0;
    }
    run(clean.data(), x_layout, y, y_layout, residual, *epilogue_);
    const std::int64_t plane = size_.height * size_.width;
    const std::int64_t group_channels = size_.channels / packed_.groups;
    for (std::int64_t i = 0; i < count; ++i) {
      if (std::isfinite(x[i])) continue;
      const bool last = x_layout == Layout::channels_last;
      const std::int64_t channel = last ? i % size_.channels : i / plane;
      const std::int64_t pixel = last ? i / size_.channels : i % plane;
      spread_nan(channel / group_channels, pixel / size_.width + size_.top,
                 pixel % size_.width + size_.left, y, y_layout == Layout::channels_last);
    }
  }

  /// NaN for the outputs of a group whose windows meet row `row`, column `column` of the copy.
  void spread_nan(std::int64_t group, std::int64_t row, std::int64_t column, float* y, bool last) {
    const ConvGeometry& geometry = packed_.geometry;
    const std::int64_t plane = size_.out_height * size_.out_width;
    for (std::int64_t tap = 0; tap < packed_.window[0] * packed_.window[1]; ++tap) {
      const std::int64_t up = row - tap / packed_.window[1] * geometry.dilation[0];
      const std::int64_t across = column - tap % packed_.window[1] * geometry.dilation[1];
      const bool meets = up >= 0 && across >= 0 && up % geometry.stride[0] == 0 &&
                         across % geometry.stride[1] == 0 &&
                         up / geometry.stride[0] < size_.out_height &&
                         across / geometry.stride[1] < size_.out_width;
      if (!meets) continue;
      const std::int64_t pixel =
          up / geometry.stride[0] * size_.out_width + across / geometry.stride[1];
      for (std::int64_t r = 0; r < packed_.group_rows; ++r) {
        const std::int64_t channel = group * packed_.group_rows + r;
        y[last ? pixel * packed_.out + channel : channel * plane + pixel] =
            std::numeric_limits<float>::quiet_NaN();
      }
    }
  }

  /// Depthwise, a value of the input is looked at a few times only, by one panel: a task copies a
  /// few rows of all channels, and multiplies them while they are in its cache.
  void multiply_strips(std::int64_t task) {
    std::byte* copy = copy_ + task * copy_bytes_;
    TileScope scope(packed_);
    const std::int64_t end = size_.out_height * (task + 1) / tasks_;
    for (std::int64_t first = size_.out_height * task / tasks_; first < end;) {
      const std::int64_t last = std::min(first + strip_rows_, end);
      const std::int64_t top = first * packed_.geometry.stride[0];
      for (std::int64_t row = 0; row < input_rows(last - first); ++row) {
        copy_row(packed_, size_, x_, x_layout_, scale_, top + row, copy + row * size_.row_bytes());
      }
      for (std::int64_t p = 0; p < pair_count(packed_); ++p) {
        const PanelPair pair = pair_at(packed_, p);
        const std::byte* expanded = expand(packed_, pair, scratch_ + task * scratch_bytes_);
        for (std::int64_t row = first; row < last; ++row) {
          const std::int64_t from = row * packed_.geometry.stride[0] - top;
          multiply_part(pair, expanded, copy + from * size_.row_bytes(), row, 0, size_.out_width,
                        scope);
        }
      }
      first = last;
    }
  }

  /// Columns [first, last) of an output row, whose windows begin with `input`, a row of the copy.
  void multiply_part(const PanelPair& pair, const std::byte* expanded, const std::byte* input,
                     std::int64_t row, std::int64_t first, std::int64_t last, TileScope& scope) {
    Columns columns = columns_;
    columns.count = last - first;
    // The channels of a group lie together.
    columns.x = input + first * columns.stride + pair.group * (size_.pixel_bytes / packed_.groups);
    const std::int64_t to = (row * size_.out_width + first) * columns.y_column_stride;
    columns.y += to;
    if (columns.residual != nullptr) columns.residual += to;
    multiply(packed_, pair, expanded, columns, *epilogue_, scope);
  }

  /// Pairs of panels by parts of output rows: a task's part of that grid, pair by pair.
  void multiply_rows(std::int64_t task) {
    constexpr std::int64_t longest_part = 8 * max_tile_columns;
    const std::int64_t parts = (size_.out_width + longest_part - 1) / longest_part;
    const std::int64_t stretches = size_.out_height * parts;
    const std::int64_t items = pair_count(packed_) * stretches;
    const std::int64_t end = items * (task + 1) / tasks_;
    std::int64_t expanded_pair = -1;
    const std::byte* expanded = nullptr;
    TileScope scope(packed_);
    for (std::int64_t item = items * task / tasks_; item < end; ++item) {
      const PanelPair pair = pair_at(packed_, item / stretches);
      if (item / stretches != expanded_pair) {
        expanded = expand(packed_, pair, scratch_ + task * scratch_bytes_);
        expanded_pair = item / stretches;
      }
      const std::int64_t row = item % stretches / parts, part = item % parts;
      multiply_part(pair, expanded, copy_ + row * packed_.geometry.stride[0] * size_.row_bytes(),
                    row, size_.out_width * part / parts, size_.out_width * (part + 1) / parts,
                    scope);
    }
  }

  const PackedWeights& packed_;
  ConvSize size_;
  std::int64_t tasks_;
  bool int8_, finite_ = true;
  std::int64_t* runs_ = nullptr;
  std::int64_t strip_rows_ = 0;  ///< Of the output, at a time.
  std::int64_t copy_bytes_ = 0;  ///< Of the whole image, or of a task's strip of it.
  std::byte* copy_ = nullptr;
  Range* ranges_ = nullptr;
  std::byte* scratch_ = nullptr;
  std::int64_t scratch_bytes_ = 0;
  const float* x_ = nullptr;
  Layout x_layout_{};
  ByteScale scale_;
  float zero_ = 0;
  Columns columns_;
  const Epilogue* epilogue_ = nullptr;
};

/// A batch: its images shared among threads, or each image where there are fewer of them.
struct Batch {
  const PackedWeights& packed;
  ImageView<const float> x;
  ImageView<float> y;
  const Epilogue& epilogue;
  std::byte* memory;
  std::int64_t workers = 1;
  std::size_t worker_bytes = 0;

  void run(std::int64_t tasks) {
    workers = std::min<std::int64_t>(threads(), x.batch);
    if (workers < threads() || x.batch * tasks < threads()) {
      Carver carver(memory);
      ConvCall call(packed, x.height, x.width, tasks, carver);
      run_images(call, 0, x.batch);
      return;
    }
    Carver counter;
    ConvCall(packed, x.height, x.width, 1, counter);
    worker_bytes = counter.used();
    parallel_for(workers, [this](std::int64_t worker) {
      Carver carver(memory + static_cast<std::size_t>(worker) * worker_bytes);
      ConvCall call(packed, x.height, x.width, 1, carver);
      run_images(call, x.batch * worker / workers, x.batch * (worker + 1) / workers);
    });
  }

  void run_images(ConvCall& call, std::int64_t first, std::int64_t last) const {
    const std::int64_t x_image = x.channels * x.height * x.width;
    const std::int64_t y_image = y.channels * y.height * y.width;
    for (std::int64_t i = first; i < last; ++i) {
      const float* residual = epilogue.residual;
      if (residual != nullptr) residual += i * y_image;
      call.run(x.data + i * x_image, x.layout, y.data + i * y_image, y.layout, residual, epilogue);
    }
  }
};

std::int64_t tasks_for(const PackedWeights& packed, const ConvSize& size) {
  return task_count(size.out_height * size.out_width * packed.out * packed.reduction.weights());
}

}  // namespace

PackedConv PackedConv::pack(const QuantizedTensor& weights, const ConvGeometry& geometry,
                            const PackOptions& options) {
  return PackedConv(pack_window(weights, geometry, options));
}

PackedConv PackedConv::pack(const StreamedTensor& weights, const ConvGeometry& geometry,
                            const PackOptions& options) {
  return PackedConv(pack_window(weights, geometry, options));
}

PackedConv PackedConv::pack(const DenseTensor& weights, const ConvGeometry& geometry,
                            const PackOptions& options) {
  return PackedConv(pack_window(weights, geometry, options));
}

std::int64_t PackedConv::out_channels() const noexcept {
  return packed_->out;
}

std::int64_t PackedConv::in_channels() const noexcept {
  return packed_->geometry.groups * (packed_->depthwise ? 1 : packed_->reduction.channels);
}

std::array<std::int64_t, 2> PackedConv::output_size(std::int64_t height, std::int64_t width) const {
  if (height < 1 || width < 1 || height > largest_extent || width > largest_extent) {
    fail(ErrorCode::invalid_argument, "an image of {}x{} was given; extents must be 1 to {}",
         height, width, largest_extent);
  }
  const ConvSize size = conv_size(*packed_, height, width);
  if (size.out_height < 1 || size.out_width < 1) {
    fail(ErrorCode::invalid_argument, "a window of {}x{} does not fit into a padded image of {}x{}",
         packed_->window[0], packed_->window[1], height, width);
  }
  return {size.out_height, size.out_width};
}

std::size_t PackedConv::workspace_bytes(std::int64_t height, std::int64_t width) const {
  static_cast<void>(output_size(height, width));
  Carver one, all;
  ConvCall(*packed_, height, width, threads(), one);
  for (int task = 0; task < threads(); ++task) ConvCall(*packed_, height, width, 1, all);
  return std::max(one.used(), all.used());
}

void PackedConv::run(ImageView<const float> x, ImageView<float> y, const Epilogue& epilogue,
                     Workspace& workspace) const {
  const auto [height, width] = output_size(x.height, x.width);
  if (x.channels != in_channels() || y.channels != out_channels() || y.batch != x.batch ||
      y.height != height || y.width != width) {
    fail(ErrorCode::invalid_argument,
         "a convolution of {}x{}x{} was given {} images of {}x{}x{}, and room for {} of {}x{}x{}; "
         "it makes {}x{}x{}",
         in_channels(), x.height, x.width, x.batch, x.channels, x.height, x.width, y.batch,
         y.channels, y.height, y.width, out_channels(), height, width);
  }
  check_epilogue(epilogue, out_channels());
  workspace.reserve(workspace_bytes(x.height, x.width));
  Batch batch{*packed_, x, y, epilogue, workspace.data()};
  const std::int64_t tasks = tasks_for(*packed_, conv_size(*packed_, x.height, x.width));
  batch.run(tasks);
}

}  // namespace laconic
