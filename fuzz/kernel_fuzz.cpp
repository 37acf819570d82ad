// Makes layers out of bytes and holds every kernel to sums in double precision, on operands of
// exactly their size.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "laconic/kernels.h"

namespace laconic {
namespace {

/// Numbers out of the fuzzer's bytes; zeros when they run out.
class Source {
 public:
  Source(const std::uint8_t* data, std::size_t size) : data_(data), end_(data + size) {}

  std::int64_t below(std::int64_t n) { return next() % n; }
  float value() { return static_cast<float>(static_cast<std::int8_t>(next())) / 16; }

 private:
  std::uint8_t next() { return data_ == end_ ? std::uint8_t{0} : *data_++; }
  const std::uint8_t* data_;
  const std::uint8_t* end_;
};

QuantizedTensor make_tensor(Source& source, const Shape& shape) {
  QuantizedTensor out;
  out.shape = shape;
  const std::int64_t weights = element_count(shape);
  out.block_size = 1 + source.below(64) * source.below(8);
  if (source.below(2) == 0) out.block_size = weights / shape[0];
  const std::int64_t most = 1 + source.below(24);
  for (std::int64_t first = 0; first < weights; first += out.block_size) {
    std::vector<float> levels;
    for (std::int64_t i = 0; i < most; ++i) levels.push_back(source.value());
    std::sort(levels.begin(), levels.end());
    levels.erase(std::unique(levels.begin(), levels.end()), levels.end());
    out.codebooks.emplace_back(levels);
    for (std::int64_t i = first; i < std::min(weights, first + out.block_size); ++i) {
      out.indices.push_back(static_cast<Index>(source.below(std::ssize(levels))));
    }
  }
  return out;
}

std::vector<float> make_values(Source& source, std::int64_t count) {
  std::vector<float> out(static_cast<std::size_t>(count));
  for (float& value : out) value = source.value();
  return out;
}

/// Values lie within 8: a byte is off by at most 8 / 255 of them, or nothing but roundings are.
void check(double exact, float y, double weights, std::int64_t terms, bool int8) {
  const double rounding = static_cast<double>(terms + 16) * 0x1p-24 * 8 * weights;
  const double bound = int8 ? 8.001 / 255 * weights + 64 * rounding : rounding;
  if (!(std::abs(exact - y) <= bound + 1e-30)) std::abort();
}

void check_linear(const PackedLinear& layer, const std::vector<float>& x, std::int64_t rows) {
  const std::int64_t in = layer.in_features(), out = layer.out_features();
  std::vector<float> y(static_cast<std::size_t>(rows * out));
  Workspace workspace;
  layer.run({x.data(), rows, in, in}, {y.data(), rows, out, out}, {}, workspace);
  const auto weights = layer.weights();
  for (std::int64_t i = 0; i < rows * out; ++i) {
    double sum = 0, magnitude = 0;
    for (std::int64_t k = 0; k < in; ++k) {
      const double weight = weights[static_cast<std::size_t>(i % out * in + k)];
      sum += weight * x[static_cast<std::size_t>(i / out * in + k)];
      magnitude += std::abs(weight);
    }
    check(sum, y[static_cast<std::size_t>(i)], magnitude, in,
          layer.kernel().activations == Activations::int8);
  }
}

/// One group, no padding, and all taps of a window in reach of the first output: a spot check of
/// where convolutions read, which the sanitizers complete.
void check_conv(const PackedConv& conv, const Shape& shape, Source& source) {
  const std::int64_t height = shape[2] + source.below(6), width = shape[3] + source.below(40);
  const auto [out_height, out_width] = conv.output_size(height, width);
  const auto x = make_values(source, shape[1] * height * width);
  std::vector<float> y(static_cast<std::size_t>(shape[0] * out_height * out_width));
  Workspace workspace;
  conv.run({x.data(), 1, shape[1], height, width}, {y.data(), 1, shape[0], out_height, out_width},
           {}, workspace);
  const auto weights = conv.weights();
  for (std::int64_t o = 0; o < shape[0]; ++o) {
    double sum = 0, magnitude = 0;
    for (std::int64_t i = 0; i < shape[1] * shape[2] * shape[3]; ++i) {
      const std::int64_t channel = i / (shape[2] * shape[3]);
      const std::int64_t row = i / shape[3] % shape[2], column = i % shape[3];
      const double weight =
          weights[static_cast<std::size_t>(o * shape[1] * shape[2] * shape[3] + i)];
      sum += weight * x[static_cast<std::size_t>((channel * height + row) * width + column)];
      magnitude += std::abs(weight);
    }
    check(sum, y[static_cast<std::size_t>(o * out_height * out_width)], magnitude,
          shape[1] * shape[2] * shape[3], conv.kernel().activations == Activations::int8);
  }
}

}  // namespace
}  // namespace laconic

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace laconic;
  Source source(data, size);
  const auto isa = static_cast<Isa>(source.below(3));
  if (!supported(isa)) return 0;
  PackOptions options{.activations = static_cast<Activations>(source.below(2)), .isa = isa};
  if (source.below(2) == 0) {
    const Shape shape = {1 + source.below(70), 1 + source.below(256)};
    const std::int64_t rows = source.below(20);
    const auto tensor = make_tensor(source, shape);
    if (source.below(3) == 0 && tensor.codebooks[0].size() <= 3) options.form = WeightForm::trits5;
    for (const Codebook& codebook : tensor.codebooks) {
      if (codebook.size() > 3 && options.form == WeightForm::trits5) options.form.reset();
    }
    check_linear(PackedLinear::pack(tensor, options), make_values(source, rows * shape[1]), rows);
  } else {
    const Shape shape = {1 + source.below(40), 1 + source.below(20), 1 + source.below(4),
                         1 + source.below(4)};
    const ConvGeometry geometry{.stride = {1 + source.below(3), 1 + source.below(3)}};
    check_conv(PackedConv::pack(make_tensor(source, shape), geometry, options), shape, source);
  }
  return 0;
}
