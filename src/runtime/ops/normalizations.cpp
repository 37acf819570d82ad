// Normalisation by statistics: of the training data, of a sample, of neighbouring channels.

#include <algorithm>
#include <array>
#include <cmath>

#include "runtime/images.h"
#include "runtime/loops.h"
#include "runtime/operator.h"

namespace laconic::runtime {
namespace {

/// Throws unless inputs first..last are one number per channel.
void check_per_channel(const Call& call, std::size_t first, std::size_t last) {
  for (std::size_t i = first; i <= last; ++i) {
    if (call.floats(i).shape != Shape{call[0].shape[1]}) {
      call.fail(fmt::format("input {} is {}, its input 0 {}", i, text(call[i].shape),
                            text(call[0].shape)));
    }
  }
}

/// y = x * scale[channel] + shift[channel].
void scale_channels(const Images& at, const float* in, float* out, const float* scale,
                    const float* shift) {
  const auto body = [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t plane = first; plane < last; ++plane) {
      const float* x = in + at.plane(plane);
      float* y = out + at.plane(plane);
      const float *a = scale + plane % at.inner_planes, *b = shift + plane % at.inner_planes;
      for (std::int64_t i = 0; i < at.positions; ++i) {
        for (std::int64_t c = 0; c < at.lanes; ++c) {
          const auto k = i * at.position_step + c;
          y[k] = x[k] * a[c] + b[c];
        }
      }
    }
  };
  parallel_ranges(at.planes, at.positions * at.lanes, body);
}

Planned batch_normalization(const Call& call) {
  const Signature& x = call.floats(0);
  if (call.node.integer("spatial", 1) == 0) call.unsupported("spatial = 0 is not supported");
  if (call.node.integer("training_mode", 0) != 0)
    call.unsupported("training_mode is not supported");
  if (x.rank() < 2) call.fail(fmt::format("takes values of 2 axes or more, not {}", text(x.shape)));
  check_per_channel(call, 1, 4);
  const auto channels = x.shape[1];
  const auto epsilon = static_cast<double>(call.node.number("epsilon", 1e-5F));
  Planned planned{{x}, {}};
  planned.in_place = 0;
  planned.scratch = static_cast<std::size_t>(channels) * 2 * sizeof(float);
  planned.run = [at = images(x, x), channels, epsilon](const Memory& memory) {
    auto* scale = reinterpret_cast<float*>(memory.scratch);
    auto* shift = scale + channels;
    for (std::int64_t c = 0; c < channels; ++c) {
      const auto number = [&](std::size_t i) { return static_cast<double>(memory.in(i)[c]); };
      const double factor = number(1) / std::sqrt(number(4) + epsilon);
      scale[c] = static_cast<float>(factor);
      shift[c] = static_cast<float>(number(2) - number(3) * factor);
    }
    scale_channels(at, memory.in(0), memory.out(), scale, shift);
  };
  return planned;
}

struct Moments {
  double mean = 0, inverse = 1;  ///< Inverse of the deviation.
};

Moments moments(const float* x, std::int64_t count, double epsilon) {
  double sum = 0, squares = 0;
  for (std::int64_t i = 0; i < count; ++i) sum += static_cast<double>(x[i]);
  const double mean = sum / static_cast<double>(count);
  for (std::int64_t i = 0; i < count; ++i) {
    const double d = static_cast<double>(x[i]) - mean;
    squares += d * d;
  }
  return {mean, 1 / std::sqrt(squares / static_cast<double>(count) + epsilon)};
}

Planned instance_normalization(const Call& call) {
  const Signature& x = call.floats(0);
  if (x.rank() < 3) call.fail(fmt::format("takes values of 3 axes or more, not {}", text(x.shape)));
  check_per_channel(call, 1, 2);
  const auto epsilon = static_cast<double>(call.node.number("epsilon", 1e-5F));
  const auto channels = x.shape[1], count = extent_product(x.shape, 2, x.rank());
  Planned planned{{x}, {}};
  planned.in_place = 0;
  planned.run = [planes = x.shape[0] * channels, channels, count, epsilon](const Memory& memory) {
    const auto body = [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t plane = first; plane < last; ++plane) {
        const float* in = memory.in(0) + plane * count;
        float* out = memory.out() + plane * count;
        const auto [mean, inverse] = moments(in, count, epsilon);
        const auto scale =
            static_cast<float>(static_cast<double>(memory.in(1)[plane % channels]) * inverse);
        const auto middle = static_cast<float>(mean);
        const float shift = memory.in(2)[plane % channels];
        for (std::int64_t i = 0; i < count; ++i) out[i] = (in[i] - middle) * scale + shift;
      }
    };
    parallel_ranges(planes, 4 * count, body);
  };
  return planned;
}

Planned layer_normalization(const Call& call) {
  const Signature& x = call.floats(0);
  const auto axis = call.axis("axis", -1, x.rank());
  const auto count = extent_product(x.shape, axis, x.rank());
  const auto rows = extent_product(x.shape, 0, axis);
  const bool shifts = call.has(2);
  for (std::size_t i = 1; i < (shifts ? 3U : 2U); ++i) {
    if (call.floats(i).count() != count) {
      call.fail(
          fmt::format("input {} is {}, its input 0 {}", i, text(call[i].shape), text(x.shape)));
    }
  }
  const auto epsilon = static_cast<double>(call.node.number("epsilon", 1e-5F));
  Signature statistic = x;
  for (auto i = axis; i < x.rank(); ++i) statistic.shape[static_cast<std::size_t>(i)] = 1;
  Planned planned{{x, statistic, statistic}, {}};
  planned.outputs.resize(std::min<std::size_t>(call.node.outputs.size(), 3));
  planned.run = [rows, count, shifts, epsilon](const Memory& memory) {
    const auto body = [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t row = first; row < last; ++row) {
        const float* in = memory.in(0) + row * count;
        float* out = memory.out() + row * count;
        const auto [mean, inverse] = moments(in, count, epsilon);
        const auto middle = static_cast<float>(mean), scale = static_cast<float>(inverse);
        for (std::int64_t i = 0; i < count; ++i) {
          out[i] = (in[i] - middle) * scale * memory.in(1)[i] + (shifts ? memory.in(2)[i] : 0);
        }
        if (memory.out(1) != nullptr) memory.out(1)[row] = middle;
        if (memory.out(2) != nullptr) memory.out(2)[row] = scale;
      }
    };
    parallel_ranges(rows, 4 * count, body);
  };
  return planned;
}

/// x / (bias + alpha / size * sum of squares of `size` neighbouring channels) ^ beta.
struct Neighbours {
  std::int64_t channels, positions, before, after;
  double factor, beta, bias;
};

void normalize_position(const Neighbours& n, const float* in, float* out) {
  const auto square = [&](std::int64_t c) {
    const auto x = static_cast<double>(in[c * n.positions]);
    return x * x;
  };
  for (std::int64_t c = 0; c < n.channels; ++c) {
    double sum = 0;
    const auto last = std::min(n.channels - 1, c + n.after);
    for (auto k = std::max<std::int64_t>(0, c - n.before); k <= last; ++k) sum += square(k);
    const double scale = std::pow(n.bias + n.factor * sum, -n.beta);
    out[c * n.positions] = static_cast<float>(static_cast<double>(in[c * n.positions]) * scale);
  }
}

Planned local_response_normalization(const Call& call) {
  const Signature& x = call.floats(0);
  const auto size = call.node.integer("size", 0);
  if (x.rank() < 2 || size < 1 || size > 2 * x.shape[1] + 2) {
    call.fail(fmt::format("size is {}, its input {}", size, text(x.shape)));
  }
  const Neighbours n{
      x.shape[1],
      extent_product(x.shape, 2, x.rank()),
      (size - 1) / 2,
      size - 1 - (size - 1) / 2,
      static_cast<double>(call.node.number("alpha", 0.0001F)) / static_cast<double>(size),
      static_cast<double>(call.node.number("beta", 0.75F)),
      static_cast<double>(call.node.number("bias", 1))};
  Planned planned{{x}, {}};
  planned.run = [n, count = x.shape[0] * n.positions](const Memory& memory) {
    parallel_ranges(count, 20 * n.channels, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t i = first; i < last; ++i) {
        const auto start = i / n.positions * n.positions * n.channels + i % n.positions;
        normalize_position(n, memory.in(0) + start, memory.out() + start);
      }
    });
  };
  return planned;
}

constexpr std::array rows = {
    Row{"BatchNormalization", batch_normalization},
    Row{"InstanceNormalization", instance_normalization},
    Row{"LRN", local_response_normalization},
    Row{"LayerNormalization", layer_normalization},
};

}  // namespace

std::span<const Row> normalizations() noexcept {
  return rows;
}

}  // namespace laconic::runtime
