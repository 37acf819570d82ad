// Every kernel of convolutions against sums in double precision.

#include <gmock/gmock.h>

#include <limits>

#include "errors.h"
#include "kernel_samples.h"
#include "laconic/threads.h"

namespace laconic {
namespace {

using testing::Levels;

struct Case {
  Shape shape;  // Of the weights.
  ConvGeometry geometry;
  std::int64_t height = 1, width = 1;
  std::int64_t batch = 1;
  Layout x_layout{}, y_layout{};

  [[nodiscard]] std::int64_t channels() const { return shape[1] * geometry.groups; }
  [[nodiscard]] std::string text() const {
    return fmt::format(
        "weights [{}], groups {}, stride {}, dilation {}, padding {} and {}, {} "
        "images of {}x{}, layouts {} and {}",
        fmt::join(shape, ", "), geometry.groups, fmt::join(geometry.stride, "x"),
        fmt::join(geometry.dilation, "x"), fmt::join(geometry.pad_begin, "x"),
        fmt::join(geometry.pad_end, "x"), batch, height, width, static_cast<int>(x_layout),
        static_cast<int>(y_layout));
  }
};

Case random_case(Random& random, int trial) {
  Case out;
  ConvGeometry& geometry = out.geometry;
  const bool depthwise = trial % 4 == 0;
  geometry.groups = depthwise ? 2 + random.below(30) : 1 + random.below(3);
  const std::int64_t rows = depthwise ? 1 + random.below(2) : 1 + random.below(40);
  out.shape = {geometry.groups * rows, depthwise ? 1 : 1 + random.below(20), 1 + random.below(4),
               1 + random.below(4)};
  for (std::size_t i = 0; i < 2; ++i) {
    geometry.stride[i] = 1 + random.below(3);
    geometry.dilation[i] = 1 + random.below(2);
    geometry.pad_begin[i] = random.below(3);
    geometry.pad_end[i] = random.below(3);
  }
  if (trial % 6 == 1) {
    out.shape[2] = out.shape[3] = 1;
    geometry = {.groups = geometry.groups};
  }
  if (trial % 7 == 2) {  // One-dimensional.
    out.shape = {out.shape[0], out.shape[1], out.shape[3]};
    geometry.pad_begin[0] = geometry.pad_end[0] = 0;
    out.height = 1;
  } else {
    out.height = (out.shape[2] - 1) * geometry.dilation[0] + 1 + random.below(8);
  }
  out.width =
      (out.shape.back() - 1) * geometry.dilation[1] + 1 + random.below(trial % 5 == 0 ? 120 : 16);
  out.batch = 1 + random.below(3);
  out.x_layout = static_cast<Layout>(random.below(2));
  out.y_layout = static_cast<Layout>(random.below(2));
  return out;
}

std::int64_t levels_of(WeightForm form) {
  switch (form) {
    case WeightForm::bits1:
      return 2;
    case WeightForm::trits5:
      return 3;
    case WeightForm::bits2:
      return 4;
    case WeightForm::bits4:
      return 16;
    default:
      return 100;
  }
}

PackedConv pack_random(Random& random, const Kernel& kernel, const Case& c) {
  const PackOptions options{kernel.activations, kernel.isa, kernel.form};
  const std::int64_t weights = element_count(c.shape), row = weights / c.shape[0];
  if (kernel.form == WeightForm::floats) {
    return PackedConv::pack(DenseTensor{c.shape, testing::random_floats(random, weights)},
                            c.geometry, options);
  }
  const std::int64_t blocks[] = {weights, row, 1 + random.below(row), 1 + random.below(weights)};
  const auto tensor = testing::random_tensor(random, c.shape, blocks[random.below(4)],
                                             static_cast<Levels>(random.below(3)),
                                             levels_of(kernel.form), random.below(2) == 0);
  auto packed = PackedConv::pack(tensor, c.geometry, options);
  const auto exact = dequantize(tensor), kept = packed.weights();
  for (std::size_t i = 0; i < exact.size(); ++i) {
    EXPECT_LE(std::abs(exact[i] - kept[i]), packed.weight_error()) << "weight " << i;
  }
  return packed;
}

/// Position of a value in an image.
std::size_t position(Layout layout, std::int64_t channels, std::int64_t height, std::int64_t width,
                     std::int64_t channel, std::int64_t y, std::int64_t x) {
  const std::int64_t at = layout == Layout::channels_last ? (y * width + x) * channels + channel
                                                          : (channel * height + y) * width + x;
  return static_cast<std::size_t>(at);
}

/// Calls visit(weight's position, row, column of x) for what an output sums in channel 0 of a
/// group.
template <typename Visit>
void for_each_tap(const Case& c, std::int64_t oy, std::int64_t ox, Visit visit) {
  const std::int64_t kh = c.shape.size() == 4 ? c.shape[2] : 1, kw = c.shape.back();
  for (std::int64_t tap = 0; tap < kh * kw; ++tap) {
    const std::int64_t y =
        oy * c.geometry.stride[0] + tap / kw * c.geometry.dilation[0] - c.geometry.pad_begin[0];
    const std::int64_t x =
        ox * c.geometry.stride[1] + tap % kw * c.geometry.dilation[1] - c.geometry.pad_begin[1];
    if (y >= 0 && y < c.height && x >= 0 && x < c.width) visit(tap, y, x);
  }
}

void check(Random& random, const PackedConv& conv, const Case& c, double shift) {
  const std::int64_t out = c.shape[0], channels = c.channels();
  const auto [oh, ow] = conv.output_size(c.height, c.width);
  const std::int64_t image = channels * c.height * c.width, result = out * oh * ow;
  const testing::Guarded x(testing::random_floats(random, c.batch * image, shift));
  const testing::Guarded y(testing::random_floats(random, c.batch * result));
  const auto bias = testing::random_floats(random, out);
  const auto residual = testing::random_floats(random, c.batch * result);
  Workspace workspace;
  conv.run({x.data(), c.batch, channels, c.height, c.width, c.x_layout},
           {y.data(), c.batch, out, oh, ow, c.y_layout},
           {.bias = bias, .residual = residual.data(), .then = {.alpha = 0, .beta = 6}}, workspace);

  const auto weights = conv.weights();
  const std::int64_t taps = element_count(c.shape) / c.shape[0] / c.shape[1];
  const std::int64_t rows = out / c.geometry.groups;
  for (std::int64_t n = 0; n < c.batch; ++n) {
    const auto values =
        x.span().subspan(static_cast<std::size_t>(n * image), static_cast<std::size_t>(image));
    testing::RoundedValues rounded = {{values.begin(), values.end()}, 0};
    if (conv.kernel().activations == Activations::int8) rounded = testing::round_values(values);
    for (std::int64_t i = 0; i < result; ++i) {
      const std::int64_t o = i / (oh * ow), oy = i / ow % oh, ox = i % ow;
      testing::Sum sum;
      for_each_tap(c, oy, ox, [&](std::int64_t tap, std::int64_t iy, std::int64_t ix) {
        for (std::int64_t k = 0; k < c.shape[1]; ++k) {
          const std::int64_t channel = o / rows * c.shape[1] + k;
          sum.add(
              weights[static_cast<std::size_t>((o * c.shape[1] + k) * taps + tap)],
              rounded.values[position(c.x_layout, channels, c.height, c.width, channel, iy, ix)]);
        }
      });
      // What padding takes part in is zero, but the bytes that stand for it count in the bound.
      for (std::int64_t k = 0; k < c.shape[1] * taps; ++k) {
        sum.weights += std::abs(weights[static_cast<std::size_t>(o * c.shape[1] * taps + k)]);
      }
      const std::size_t at =
          static_cast<std::size_t>(n * result) + position(c.y_layout, out, oh, ow, o, oy, ox);
      sum.add(bias[static_cast<std::size_t>(o)]);
      sum.add(residual[at]);
      sum.value = std::clamp(sum.value, 0.0, 6.0);
      testing::expect_within_bound(y.span()[at], sum, c.shape[1] * taps, rounded.scale);
    }
  }
}

TEST(ConvKernels, KeepTheirBoundOnRandomShapes) {
  Random random(1);
  for (const Kernel& kernel : kernels()) {
    if (!supported(kernel.isa)) continue;
    for (int trial = 0; trial < 36 && !::testing::Test::HasFailure(); ++trial) {
      const Case c = random_case(random, trial);
      SCOPED_TRACE(fmt::format("{}: trial {}, {}", kernel.name, trial, c.text()));
      check(random, pack_random(random, kernel, c), c, trial % 2 == 0 ? 0 : -2);
    }
  }
}

std::vector<float> run(const PackedConv& conv, const Case& c, const std::vector<float>& x) {
  const auto [oh, ow] = conv.output_size(c.height, c.width);
  std::vector<float> y(static_cast<std::size_t>(c.batch * c.shape[0] * oh * ow));
  Workspace workspace;
  conv.run({x.data(), c.batch, c.channels(), c.height, c.width, c.x_layout},
           {y.data(), c.batch, c.shape[0], oh, ow, c.y_layout}, {}, workspace);
  return y;
}

TEST(ConvKernels, GiveTheSameBytesForAnyThreadsAndBytesForAnyInstructionSet) {
  const Case c{.shape = {80, 24, 3, 3},
               .geometry = {.pad_begin = {1, 1}, .pad_end = {1, 1}},
               .height = 21,
               .width = 30,
               .batch = 3};
  for (const Kernel& kernel : kernels()) {
    if (!supported(kernel.isa)) continue;
    SCOPED_TRACE(kernel.name);
    Random random(2);
    const auto conv = pack_random(random, kernel, c);
    const auto x = testing::random_floats(random, c.batch * 24 * 21 * 30);
    set_threads(1);
    const auto one = run(conv, c, x);
    for (const int threads : {2, 5}) {
      set_threads(threads);
      EXPECT_EQ(run(conv, c, x), one) << threads << " threads";
    }
    set_threads(0);
    if (kernel.activations == Activations::int8) {
      Random same(2);
      const Kernel scalar{"", kernel.form, kernel.activations, Isa::scalar};
      EXPECT_EQ(run(pack_random(same, scalar, c), c, x), one);
    }
  }
}

TEST(ConvKernels, KeepTheirBoundInStripsOfLargeImages) {
  Random random(6);
  const Case cases[] = {{.shape = {96, 1, 3, 3},
                         .geometry = {.groups = 96, .pad_begin = {1, 1}, .pad_end = {1, 1}},
                         .height = 50,
                         .width = 61,
                         .x_layout = Layout::channels_last},
                        {.shape = {80, 1, 5, 3},
                         .geometry = {.groups = 40,
                                      .stride = {3, 2},
                                      .dilation = {2, 1},
                                      .pad_begin = {4, 0},
                                      .pad_end = {3, 2}},
                         .height = 90,
                         .width = 85,
                         .y_layout = Layout::channels_last}};
  for (const Kernel& kernel : kernels()) {
    const bool one_of_two = kernel.form == WeightForm::floats || kernel.form == WeightForm::bits4;
    if (!supported(kernel.isa) || kernel.activations == Activations::int8 || !one_of_two) continue;
    for (const Case& c : cases) {
      SCOPED_TRACE(fmt::format("{}: {}", kernel.name, c.text()));
      const auto conv = pack_random(random, kernel, c);
      set_threads(1);
      check(random, conv, c, -1);
      const auto x = testing::random_floats(random, c.channels() * c.height * c.width);
      const auto one = run(conv, c, x);
      set_threads(3);
      EXPECT_EQ(run(conv, c, x), one);
      set_threads(0);
    }
  }
}

TEST(ConvKernels, PackAnyWindowAlike) {
  for (const Kernel& kernel : kernels()) {
    if (!supported(kernel.isa) || kernel.form == WeightForm::floats) continue;
    for (const std::int64_t window : {2, 3, 5, 7}) {
      for (const std::int64_t channels : {31, 32, 63, 65, 256, 331}) {
        SCOPED_TRACE(fmt::format("{}: {} channels, {}x{}", kernel.name, channels, window, window));
        const Case c{.shape = {3, channels, window, window}};
        Random random(4), same(4);
        const auto conv = pack_random(random, kernel, c);
        const Kernel scalar{"", kernel.form, kernel.activations, Isa::scalar};
        EXPECT_EQ(conv.weights(), pack_random(same, scalar, c).weights());
      }
    }
  }
}

TEST(ConvKernels, PassNaNThroughToTheWindowsThatMeetIt) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  Case c{.shape = {6, 2, 3, 3},
         .geometry = {.groups = 2, .stride = {2, 1}, .pad_begin = {1, 1}, .pad_end = {1, 1}},
         .height = 7,
         .width = 9};
  for (const Kernel& kernel : kernels()) {
    if (!supported(kernel.isa)) continue;
    for (const Layout layout : {Layout::channels_first, Layout::channels_last}) {
      SCOPED_TRACE(kernel.name);
      c.x_layout = c.y_layout = layout;
      Random random(3);
      const auto conv = pack_random(random, kernel, c);
      std::vector<float> x(4 * 7 * 9, 1.0f);
      x[position(layout, 4, 7, 9, 3, 4, 8)] = nan;  // Of the second group.
      const auto y = run(conv, c, x);
      for (std::int64_t o = 0; o < 6; ++o) {
        for (std::int64_t i = 0; i < 4 * 9; ++i) {
          bool meets = false;
          for_each_tap(c, i / 9, i % 9, [&](std::int64_t, std::int64_t iy, std::int64_t ix) {
            meets = meets || (o >= 3 && iy == 4 && ix == 8);
          });
          EXPECT_EQ(std::isnan(y[position(layout, 6, 4, 9, o, i / 9, i % 9)]), meets);
        }
      }
    }
  }
}

TEST(PackedConv, SaysWhatItCannotPackOrRun) {
  using ::testing::HasSubstr;
  const DenseTensor weights{{4, 2, 3, 3}, std::vector<float>(72)};
  const auto message = [&](const ConvGeometry& geometry) {
    return error_of([&] { static_cast<void>(PackedConv::pack(weights, geometry)); },
                    ErrorCode::invalid_argument);
  };
  EXPECT_THAT(message({.groups = 3}), HasSubstr("3 groups"));
  EXPECT_THAT(message({.groups = 0}), HasSubstr("0 groups"));
  EXPECT_THAT(message({.stride = {0, 1}}), HasSubstr("stride 0"));
  EXPECT_THAT(message({.dilation = {1, -1}}), HasSubstr("dilation -1"));
  EXPECT_THAT(message({.pad_begin = {-1, 0}}), HasSubstr("padding -1"));
  const auto conv = PackedConv::pack(weights, {});
  const auto at_run = [](const auto& call) { return error_of(call, ErrorCode::invalid_argument); };
  EXPECT_THAT(at_run([&] { static_cast<void>(conv.output_size(2, 5)); }),
              HasSubstr("does not fit"));
  EXPECT_THAT(at_run([&] { static_cast<void>(conv.output_size(0, 5)); }), HasSubstr("0x5"));
  std::vector<float> x(2 * 25), y(4 * 9);
  Workspace workspace;
  EXPECT_THAT(at_run([&] {
                conv.run({x.data(), 1, 3, 5, 5}, {y.data(), 1, 4, 3, 3}, {}, workspace);
              }),
              HasSubstr("it makes 4x3x3"));
}

}  // namespace
}  // namespace laconic
