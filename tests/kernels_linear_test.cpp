// Every kernel of linear layers against sums in double precision.

#include <gmock/gmock.h>

#include <limits>

#include "errors.h"
#include "kernel_samples.h"
#include "laconic/quantizer.h"
#include "laconic/threads.h"

namespace laconic {
namespace {

using testing::Levels;

bool runnable(const Kernel& kernel) {
  return supported(kernel.isa);
}

std::int64_t most_levels(WeightForm form) {
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
      return 200;
  }
}

PackOptions options_of(const Kernel& kernel) {
  return {kernel.activations, kernel.isa, kernel.form};
}

PackedLinear pack_random(Random& random, const Kernel& kernel, std::int64_t out, std::int64_t in,
                         std::int64_t block, Levels levels, bool shared) {
  if (kernel.form == WeightForm::floats) {
    return PackedLinear::pack(DenseTensor{{out, in}, testing::random_floats(random, out * in)},
                              options_of(kernel));
  }
  const auto tensor =
      testing::random_tensor(random, {out, in}, block, levels, most_levels(kernel.form), shared);
  auto packed = PackedLinear::pack(tensor, options_of(kernel));
  const auto weights = dequantize(tensor), kept = packed.weights();
  for (std::size_t i = 0; i < weights.size(); ++i) {
    EXPECT_LE(std::abs(weights[i] - kept[i]), packed.weight_error()) << "weight " << i;
  }
  if (kernel.activations == Activations::floats) {
    EXPECT_EQ(packed.weight_error(), 0);
  }
  return packed;
}

/// Runs on operands that end at guard pages and holds every output to its bound.
void check(Random& random, const PackedLinear& layer, std::int64_t rows, double shift) {
  const std::int64_t in = layer.in_features(), out = layer.out_features();
  const testing::Guarded x(testing::random_floats(random, rows * in, shift));
  const testing::Guarded y(testing::random_floats(random, rows * out));
  const auto residual = testing::random_floats(random, rows * out);
  const auto bias = testing::random_floats(random, out);
  Workspace workspace;
  Epilogue epilogue{.bias = bias, .residual = residual.data(), .then = {.alpha = -0.5f}};
  layer.run({x.data(), rows, in, in}, {y.data(), rows, out, out}, epilogue, workspace);

  const auto weights = layer.weights();
  const bool int8 = layer.kernel().activations == Activations::int8;
  for (std::int64_t i = 0; i < rows; ++i) {
    const auto row =
        x.span().subspan(static_cast<std::size_t>(i * in), static_cast<std::size_t>(in));
    testing::RoundedValues rounded = {{row.begin(), row.end()}, 0};
    if (int8) rounded = testing::round_values(row);
    for (std::int64_t o = 0; o < out; ++o) {
      testing::Sum sum;
      for (std::int64_t k = 0; k < in; ++k) {
        sum.add(weights[static_cast<std::size_t>(o * in + k)],
                rounded.values[static_cast<std::size_t>(k)]);
      }
      sum.add(bias[static_cast<std::size_t>(o)]);
      sum.add(residual[static_cast<std::size_t>(i * out + o)]);
      sum.value = std::max(sum.value, -0.5);
      testing::expect_within_bound(y.data()[i * out + o], sum, in, rounded.scale);
    }
  }
}

TEST(LinearKernels, KeepTheirBoundOnRandomShapes) {
  Random random(1);
  for (const Kernel& kernel : kernels()) {
    if (!runnable(kernel)) continue;
    for (int trial = 0; trial < 30 && !::testing::Test::HasFailure(); ++trial) {
      const std::int64_t out = 1 + random.below(trial % 4 == 0 ? 150 : 40);
      const std::int64_t in = 1 + random.below(trial % 5 == 0 ? 600 : 70);
      const std::int64_t rows = 1 + random.below(trial % 3 == 0 ? 40 : 5);
      const auto levels = static_cast<Levels>(random.below(3));
      std::int64_t block = out * in;  // Per tensor, row, rows, equal parts of rows, or anyhow.
      if (trial % 5 == 1) block = in;
      if (trial % 5 == 2) block = in * 3;
      if (trial % 5 == 3) block = in % 16 == 0 ? 16 : in;
      if (trial % 5 == 4) block = 1 + random.below(out * in);
      const bool shared = random.below(2) == 0;
      SCOPED_TRACE(fmt::format("{}: {} rows of {} to {}, blocks of {}, levels {}, shared {}",
                               kernel.name, rows, in, out, block, static_cast<int>(levels),
                               shared));
      const auto layer = pack_random(random, kernel, out, in, block, levels, shared);
      check(random, layer, rows, trial % 2 == 0 ? 0 : 3);
    }
  }
}

TEST(LinearKernels, KeepTheirBoundInGroups) {
  Random random(2);
  for (const Kernel& kernel : kernels()) {
    if (!runnable(kernel)) continue;
    for (const std::int64_t block : {16, 20, 32, 128}) {
      for (const std::int64_t rows : {1, 2, 4, 13}) {
        SCOPED_TRACE(fmt::format("{}: {} rows, groups of {}", kernel.name, rows, block));
        const auto layer = pack_random(random, kernel, 70, 3 * block, block, Levels::free, false);
        check(random, layer, rows, 0);
        check(random, pack_random(random, kernel, 70, 3 * block, block, Levels::even, true), rows,
              1);
      }
    }
  }
}

std::vector<float> run(const PackedLinear& layer, const std::vector<float>& x, std::int64_t rows) {
  std::vector<float> y(static_cast<std::size_t>(rows * layer.out_features()));
  Workspace workspace;
  layer.run({x.data(), rows, layer.in_features(), layer.in_features()},
            {y.data(), rows, layer.out_features(), layer.out_features()}, {}, workspace);
  return y;
}

TEST(LinearKernels, GiveTheSameBytesForAnyThreadsAndBytesForAnyInstructionSet) {
  Random random(3);
  const std::int64_t out = 333, in = 385, rows = 9;
  const auto x = testing::random_floats(random, rows * in);
  for (const Kernel& kernel : kernels()) {
    if (!runnable(kernel) || kernel.form == WeightForm::floats) continue;
    SCOPED_TRACE(kernel.name);
    Random same(4);
    const auto tensor =
        testing::random_tensor(same, {out, in}, 77, Levels::free, most_levels(kernel.form), false);
    const auto layer = PackedLinear::pack(tensor, options_of(kernel));
    for (const std::int64_t some : {rows, std::int64_t{1}}) {
      set_threads(1);
      const auto one = run(layer, x, some);
      for (const int threads : {2, 7}) {
        set_threads(threads);
        EXPECT_EQ(run(layer, x, some), one) << threads << " threads";
      }
      if (kernel.activations == Activations::int8) {
        auto scalar = options_of(kernel);
        scalar.isa = Isa::scalar;
        EXPECT_EQ(run(PackedLinear::pack(tensor, scalar), x, some), one);
      }
    }
    set_threads(0);
  }
}

/// Powers of two times integers, as a machine without multipliers has them: shifts and sums.
TEST(LinearKernels, PowersOfTwoTimesIntegersAreShiftsExactly) {
  Random random(14);
  const std::int64_t out = 21, in = 150, rows = 5;
  std::vector<float> x(static_cast<std::size_t>(rows * in));
  for (float& value : x) value = static_cast<float>(random.below(256) - 128);
  // All of a byte's range in every row: then bytes hold it as it is.
  for (std::size_t i = 0; i < x.size(); i += in) x[i] = -128, x[i + 1] = 127;
  std::vector<float> weights(static_cast<std::size_t>(out * in));
  for (float& weight : weights) weight = static_cast<float>(0.1 * random.normal());
  for (int bits = 2; bits <= 5; ++bits) {
    const auto quantizer =
        make_quantizer(fmt::format("scaled:pattern=powers,scale=power_of_two,bits={}", bits));
    const std::vector<WeightsView> views = {{{out, in}, weights, {}}};
    const auto tensor = quantize(*quantizer, views)[0];
    const auto levels = tensor.codebooks[0].levels();
    // Levels are +- 2^shift in units of the least one.
    int least = 0;
    for (const float level : levels)
      if (level != 0) least = std::min(least, std::ilogb(level));
    std::vector<float> expected;
    for (std::int64_t row = 0; row < rows; ++row) {
      for (std::int64_t o = 0; o < out; ++o) {
        std::int64_t sum = 0;
        for (std::int64_t k = 0; k < in; ++k) {
          const float level = levels[tensor.indices[static_cast<std::size_t>(o * in + k)]];
          if (level == 0) continue;
          const auto integer = static_cast<std::int64_t>(x[static_cast<std::size_t>(row * in + k)]);
          const std::int64_t shifted = integer << (std::ilogb(level) - least);
          sum += level > 0 ? shifted : -shifted;
        }
        expected.push_back(std::ldexp(static_cast<float>(sum), least));
      }
    }
    for (const Kernel& kernel : kernels()) {
      const auto count = static_cast<std::int64_t>(levels.size());
      if (!runnable(kernel) || kernel.form == WeightForm::floats ||
          count > most_levels(kernel.form))
        continue;
      // Of 2^7 and more steps of one codebook a byte does not hold all.
      if (kernel.activations == Activations::int8 && bits > 4) continue;
      EXPECT_EQ(run(PackedLinear::pack(tensor, options_of(kernel)), x, rows), expected)
          << kernel.name << ", " << bits << " bits";
    }
  }
}

/// The largest sums that there are: bytes of 255 by levels all as far from zero as can be.
TEST(LinearKernels, PackAnyNumberOfLevelsAlike) {
  Random random(13);
  for (const Kernel& kernel : kernels()) {
    if (!runnable(kernel) || kernel.activations == Activations::floats) continue;
    std::vector<std::int64_t> counts = {most_levels(kernel.form)};
    if (kernel.form == WeightForm::bits8) counts = {17, 64, 65, 128, 129, 256, 300};
    for (const std::int64_t levels : counts) {
      for (const std::int64_t in : {1, 31, 32, 63, 65, 200, 2049}) {
        SCOPED_TRACE(fmt::format("{}: {} levels, {} weights a row", kernel.name, levels, in));
        const auto form = random.below(3) == 0 ? Levels::even : Levels::free;
        const auto tensor = testing::random_tensor(random, {18, in}, 18 * in, form, levels, false);
        const auto layer = PackedLinear::pack(tensor, options_of(kernel));
        auto scalar = options_of(kernel);
        scalar.isa = Isa::scalar;
        EXPECT_EQ(layer.weights(), PackedLinear::pack(tensor, scalar).weights());
        check(random, layer, 1, 0);
      }
    }
  }
}

TEST(LinearKernels, SumTheLargestProductsExactly) {
  const std::int64_t out = 20, in = 203;
  for (const Kernel& kernel : kernels()) {
    if (!runnable(kernel) || kernel.activations != Activations::int8) continue;
    for (const int most : {1, 2, 8, 9, 16, 17, 21, 32, 33, 63, 64, 65, 100, 127}) {
      for (const int sign : {-1, 1}) {
        SCOPED_TRACE(fmt::format("{}, {} steps", kernel.name, sign * most));
        std::vector<float> levels = {static_cast<float>(-sign), static_cast<float>(sign * most)};
        const auto farthest = static_cast<Index>(sign > 0 ? 1 : 0);
        std::sort(levels.begin(), levels.end());
        QuantizedTensor tensor{.shape = {out, in}, .block_size = out * in};
        tensor.codebooks.emplace_back(levels);
        tensor.indices.assign(static_cast<std::size_t>(out * in), farthest);
        const auto layer = PackedLinear::pack(tensor, options_of(kernel));
        for (const std::int64_t rows : {1, 4, 5, 13}) {
          const std::vector<float> x(static_cast<std::size_t>(rows * in), 255);  // A step is 1.
          EXPECT_THAT(run(layer, x, rows),
                      ::testing::Each(static_cast<float>(sign * most * 255 * in)));
        }
      }
    }
  }
}

TEST(LinearKernels, PassNaNThrough) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  Random random(5);
  for (const Kernel& kernel : kernels()) {
    if (!runnable(kernel)) continue;
    SCOPED_TRACE(kernel.name);
    const auto layer = pack_random(random, kernel, 20, 30, 600, Levels::even, true);
    for (const std::int64_t rows : {2, 20}) {
      auto x = testing::random_floats(random, rows * 30);
      const auto clean = run(layer, x, rows);
      x[7] = nan;
      const auto y = run(layer, x, rows);
      for (std::size_t i = 0; i < y.size(); ++i) {
        if (i < 20) {
          EXPECT_TRUE(std::isnan(y[i])) << i;
        } else {
          EXPECT_EQ(y[i], clean[i]) << i;
        }
      }
    }
  }
}

TEST(LinearKernels, TakeExtremeValues) {
  const float largest = std::numeric_limits<float>::max();
  for (const Kernel& kernel : kernels()) {
    if (!runnable(kernel) || kernel.form == WeightForm::floats) continue;
    SCOPED_TRACE(kernel.name);
    QuantizedTensor tensor{{1, 2}, 2, {Codebook({-1e-3f, 1e-3f})}, {1, 0}};
    const auto layer = PackedLinear::pack(tensor, options_of(kernel));
    EXPECT_NEAR(run(layer, {largest, -largest}, 1)[0] / largest, 2e-3, 2e-5);
    EXPECT_EQ(run(layer, {0, 0}, 1)[0], 0);
    EXPECT_LE(std::abs(run(layer, {1e-44f, 1e-45f}, 1)[0]), 1e-37);
    tensor.codebooks = {Codebook({0.0f})};
    tensor.indices = {0, 0};
    EXPECT_EQ(run(PackedLinear::pack(tensor, options_of(kernel)), {1, largest}, 1)[0], 0);
  }
}

TEST(LinearKernels, SumBytesOfLongRows) {
  Random random(6);
  const std::int64_t in = 150'001;
  for (const Kernel& kernel : kernels()) {
    if (!runnable(kernel) || kernel.activations != Activations::int8) continue;
    SCOPED_TRACE(kernel.name);
    QuantizedTensor tensor{{1, in}, in, {Codebook({-1.0f, 1.0f})}, {}};
    tensor.indices.assign(in, 1);
    const std::vector<float> x(in, 1.0f);
    const auto layer = PackedLinear::pack(tensor, options_of(kernel));
    EXPECT_NEAR(run(layer, x, 1)[0], in, 1);
    EXPECT_NEAR(run(layer, std::vector<float>(6 * in, -1.0f), 6)[5], -in, 1);
  }
}

TEST(PackedLinear, ChoosesTheNarrowestForm) {
  Random random(7);
  const auto form = [&](std::int64_t levels, Activations activations) {
    const auto tensor = testing::random_tensor(random, {20, 64}, 64, Levels::even, levels, false);
    return PackedLinear::pack(tensor, {.activations = activations}).kernel().form;
  };
  for (const auto activations : {Activations::floats, Activations::int8}) {
    EXPECT_EQ(form(1, activations), WeightForm::bits1);
    EXPECT_EQ(form(2, activations), WeightForm::bits1);
    EXPECT_EQ(form(3, activations), WeightForm::bits2);
    EXPECT_EQ(form(4, activations), WeightForm::bits2);
    EXPECT_EQ(form(16, activations), WeightForm::bits4);
    EXPECT_EQ(form(17, activations), WeightForm::bits8);
    EXPECT_EQ(form(256, activations), WeightForm::bits8);
  }
  EXPECT_EQ(form(1000, Activations::int8), WeightForm::bits8);
}

TEST(PackedLinear, TakesFewBytes) {
  Random random(8);
  const auto bits = [&](std::int64_t levels, std::optional<WeightForm> form) {
    const auto tensor =
        testing::random_tensor(random, {128, 1280}, 1280, Levels::even, levels, true);
    const auto layer = PackedLinear::pack(tensor, {.activations = Activations::int8, .form = form});
    return 8.0 * static_cast<double>(layer.bytes()) / (128 * 1280);
  };
  EXPECT_NEAR(bits(2, {}), 1, 0.06);
  EXPECT_NEAR(bits(3, WeightForm::trits5), 1.6, 0.06);
  EXPECT_NEAR(bits(4, {}), 2, 0.06);
  EXPECT_NEAR(bits(16, {}), 4, 0.06);
}

/// 33 powers of two, of which bytes tell 15 apart: zero and 7 octaves on either side.
TEST(PackedLinear, PacksLevelsThatAreRoundedAlikeAsOne) {
  std::vector<float> levels{0};
  for (int octave = 0; octave < 16; ++octave) {
    levels.push_back(std::ldexp(0.3F, -octave));
    levels.push_back(-levels.back());
  }
  std::ranges::sort(levels);
  QuantizedTensor tensor{{64, 99}, 64 * 99, {Codebook(levels)}, {}};
  for (Index i = 0; i < 64 * 99; ++i) tensor.indices.push_back(i * 7 % 33);
  const auto pack = [&](Activations activations) {
    return PackedLinear::pack(tensor, {.activations = activations});
  };
  EXPECT_EQ(pack(Activations::int8).kernel().form, WeightForm::bits4);
  EXPECT_EQ(pack(Activations::floats).kernel().form, WeightForm::bits8);
  const auto kept = pack(Activations::int8).weights(), exact = dequantize(tensor);
  for (std::size_t i = 0; i < exact.size(); ++i)
    ASSERT_EQ(kept[i], std::abs(exact[i]) >= 0.3F / 64 ? exact[i] : 0) << exact[i];
}

TEST(PackedLinear, RoundsLevelsOnlyWhereItMust) {
  const PackOptions int8{.activations = Activations::int8};
  const auto error = [&](std::vector<float> levels) {
    QuantizedTensor tensor{{1, std::ssize(levels)}, std::ssize(levels), {Codebook(levels)}, {}};
    for (std::size_t i = 0; i < levels.size(); ++i) tensor.indices.push_back(static_cast<Index>(i));
    return PackedLinear::pack(tensor, int8).weight_error();
  };
  EXPECT_EQ(error({-0.3f, 0.3f}), 0);
  EXPECT_EQ(error({-0.3f, 0, 0.3f}), 0);
  EXPECT_EQ(error({-0.7f, -0.35f, -0.175f, 0, 0.175f, 0.35f, 0.7f}), 0);
  EXPECT_EQ(error({-64, -1, 0, 1, 2, 4, 8, 16, 32, 64}), 0);
  // Of powers of two over more than 7 octaves, the lower ones are what is rounded.
  EXPECT_EQ(error({-128, -1, 0, 1, 2, 4, 8, 16, 32, 64}), 1);
  EXPECT_EQ(error({-0.75f, -0.375f, 0, 0.75f / 256, 0.75f / 64, 0.375f, 0.75f}), 0.75f / 256);
  EXPECT_LE(error({-1, 0, 0.7312f}), 1 / 127.0);
}

TEST(PackedLinear, PacksMoreThanItReadsAtATime) {
  Random random(12);
  const Shape shape{1003, 701};
  for (const bool by_row : {true, false}) {
    const std::int64_t block = by_row ? 701 : 1003 * 701;
    const auto tensor = testing::random_tensor(random, shape, block, Levels::free, 16, false);
    EXPECT_EQ(PackedLinear::pack(tensor).weights(), dequantize(tensor));
    const auto streamed = stream(std::make_shared<const QuantizedTensor>(tensor));
    EXPECT_EQ(PackedLinear::pack(streamed).weights(), dequantize(tensor));
  }
}

TEST(StreamedTensor, SlicesAreRowsOfTheWhole) {
  Random random(13);
  for (const std::int64_t block : {5, 20, 60, 300}) {
    const auto tensor = testing::random_tensor(random, {15, 20}, block, Levels::free, 8, false);
    const auto whole = dequantize(tensor);
    const auto streamed = stream(std::make_shared<const QuantizedTensor>(tensor));
    const auto rows = dequantize(slice(streamed, 60, {6, 20}));
    EXPECT_EQ(rows, std::vector<float>(whole.begin() + 60, whole.begin() + 180)) << block;
  }
}

TEST(PackedLinear, SaysWhatItCannotPack) {
  using ::testing::HasSubstr;
  const auto message = [](const auto& tensor, const PackOptions& options) {
    return error_of([&] { static_cast<void>(PackedLinear::pack(tensor, options)); },
                    ErrorCode::invalid_argument);
  };
  Random random(9);
  const auto wide = testing::random_tensor(random, {2, 600}, 1200, Levels::even, 300, true);
  EXPECT_THAT(message(wide, {}), HasSubstr("300 levels"));
  EXPECT_THAT(message(wide, {.form = WeightForm::bits4}), HasSubstr("cannot be packed as bits4"));
  EXPECT_THAT(message(wide, {.form = WeightForm::floats}), HasSubstr("packed as floats"));
  const DenseTensor dense{{2, 2}, {1, 2, 3, 4}};
  EXPECT_THAT(message(dense, {.activations = Activations::int8}), HasSubstr("no kernel"));
  EXPECT_THAT(message(dense, {.form = WeightForm::bits2}), HasSubstr("not quantized"));
  EXPECT_THAT(message(DenseTensor{{4}, {1, 2, 3, 4}}, {}), HasSubstr("[4]"));
  EXPECT_THAT(message(DenseTensor{{0, 4}, {}}, {}), HasSubstr("[0, 4]"));
  EXPECT_THAT(message(DenseTensor{{2, 4}, {1, 2}}, {}), HasSubstr("[2, 4] have 2 values"));
}

TEST(PackedLinear, SaysWhatItCannotMultiply) {
  const auto layer = PackedLinear::pack(DenseTensor{{2, 3}, std::vector<float>(6)});
  std::vector<float> x(8), y(8);
  Workspace workspace;
  const auto message = [&](MatrixView<const float> in, MatrixView<float> out,
                           const Epilogue& epilogue) {
    return error_of([&] { layer.run(in, out, epilogue, workspace); }, ErrorCode::invalid_argument);
  };
  using ::testing::HasSubstr;
  EXPECT_THAT(message({x.data(), 2, 4, 4}, {y.data(), 2, 2, 2}, {}), HasSubstr("2x4 input"));
  EXPECT_THAT(message({x.data(), 2, 3, 3}, {y.data(), 1, 2, 2}, {}), HasSubstr("1x2 output"));
  EXPECT_THAT(message({x.data(), 2, 3, 3}, {y.data(), 2, 2, 2}, {.bias = x}),
              HasSubstr("8 values"));
  layer.run({nullptr, 0, 3, 3}, {nullptr, 0, 2, 2}, {}, workspace);
}

TEST(Isa, ForcesWhatIsSupportedAndRefusesTheRest) {
  for (const Isa isa : {Isa::scalar, Isa::avx2, Isa::avx512, Isa::amx, Isa::neon}) {
    if (supported(isa)) {
      const ScopedIsa scope(isa);
      EXPECT_EQ(active_isa(), isa);
    } else {
      EXPECT_THAT(error_of([&] { const ScopedIsa scope(isa); }, ErrorCode::unsupported_hardware),
                  ::testing::HasSubstr(std::string(name(isa))));
    }
  }
}

TEST(Isa, IsTakenFromTheEnvironment) {
  ASSERT_EQ(setenv("LACONIC_ISA", "scalar", 1), 0);
  EXPECT_EQ(active_isa(), Isa::scalar);
  ASSERT_EQ(setenv("LACONIC_ISA", "mmx", 1), 0);
  EXPECT_THAT(error_of([] { static_cast<void>(active_isa()); }, ErrorCode::invalid_argument),
              ::testing::HasSubstr("'mmx'"));
  unsetenv("LACONIC_ISA");
}

}  // namespace
}  // namespace laconic
