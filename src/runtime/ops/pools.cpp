// Pools: the largest or the mean of each window.

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "runtime/images.h"
#include "runtime/loops.h"
#include "runtime/ops/window.h"

namespace laconic::runtime {
namespace {

/// The taps of one axis that lie within the input, for each position of the output.
struct Axis {
  struct Taps {
    std::int64_t first = 0;    ///< Input position of the first of them.
    std::int64_t count = 0;    ///< How many.
    std::int64_t counted = 0;  ///< How many the mean is taken over.
  };
  std::int64_t dilation = 1, in = 1;
  std::vector<Taps> taps;
};

Axis make_axis(const Call& call, const Window& window, std::size_t i, std::int64_t extent) {
  Axis axis;
  axis.dilation = window.dilations[i];
  axis.in = extent;
  const bool whole = call.node.integer("count_include_pad", 0) != 0;
  const auto count = window_count(call, window, extent, i, call.node.integer("ceil_mode", 0) != 0);
  (void)call.sized(ElementType::float32, {count});
  for (std::int64_t o = 0; o < count; ++o) {
    const auto start = o * window.strides[i] - window.begins[i];
    Axis::Taps taps;
    for (std::int64_t k = 0; k < window.kernel[i]; ++k) {
      const auto at = start + k * axis.dilation;
      if (at >= extent + std::max<std::int64_t>(window.ends[i], 0)) break;
      if (whole && at < extent + window.ends[i]) ++taps.counted;
      if (at < 0 || at >= extent) continue;
      if (taps.count++ == 0) taps.first = at;
    }
    if (!whole) taps.counted = taps.count;
    axis.taps.push_back(taps);
  }
  return axis;
}

/// Three spatial axes, the first of extent 1 where the value has fewer.
struct Pool {
  std::array<Axis, 3> axes;
  Images in, out;
};

/// Calls body(offset) for each tap of an output position; returns what the mean divides by.
template <typename Body>
std::int64_t each_tap(const Pool& pool, std::int64_t position, Body body) {
  std::array<Axis::Taps, 3> taps;
  for (std::size_t i = 3; i-- > 0;) {
    const auto count = static_cast<std::int64_t>(pool.axes[i].taps.size());
    taps[i] = pool.axes[i].taps[static_cast<std::size_t>(position % count)];
    position /= count;
  }
  for (std::int64_t a = 0; a < taps[0].count; ++a) {
    for (std::int64_t b = 0; b < taps[1].count; ++b) {
      for (std::int64_t c = 0; c < taps[2].count; ++c) {
        const auto z = taps[0].first + a * pool.axes[0].dilation;
        const auto y = taps[1].first + b * pool.axes[1].dilation;
        body((z * pool.axes[1].in + y) * pool.axes[2].in + taps[2].first +
             c * pool.axes[2].dilation);
      }
    }
  }
  return taps[0].counted * taps[1].counted * taps[2].counted;
}

template <bool mean>
void run_pool(const Pool& pool, const Memory& memory) {
  const auto body = [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t item = first; item < last; ++item) {
      const auto plane = item / pool.out.positions, position = item % pool.out.positions;
      const float* from = memory.in(0) + pool.in.plane(plane);
      float* to = memory.out() + pool.out.plane(plane) + position * pool.out.position_step;
      const auto lanes = pool.out.lanes;
      const auto from_step = pool.in.lane_step, to_step = pool.out.lane_step;
      for (std::int64_t c = 0; c < lanes; ++c) {
        to[c * to_step] = mean ? 0 : -std::numeric_limits<float>::infinity();
      }
      const auto counted = each_tap(pool, position, [&](std::int64_t at) {
        const float* x = from + at * pool.in.position_step;
        for (std::int64_t c = 0; c < lanes; ++c) {
          float& y = to[c * to_step];
          const float now = x[c * from_step];
          y = mean ? y + now : now > y || std::isnan(now) ? now : y;
        }
      });
      const float scale = 1 / static_cast<float>(counted);
      for (std::int64_t c = 0; mean && c < lanes; ++c) to[c * to_step] *= scale;
    }
  };
  parallel_ranges(pool.out.planes * pool.out.positions, 8 * pool.out.lanes, body);
}

/// Where in the input the largest of each window lies, for channels-first values.
void run_positions(const Pool& pool, bool column_major, const Memory& memory) {
  const auto [d, h, w] = std::array{pool.axes[0].in, pool.axes[1].in, pool.axes[2].in};
  for (std::int64_t item = 0; item < pool.out.planes * pool.out.positions; ++item) {
    const auto plane = item / pool.out.positions;
    const float* from = memory.in(0) + pool.in.plane(plane);
    std::int64_t best = -1;
    each_tap(pool, item % pool.out.positions, [&](std::int64_t at) {
      if (best < 0 || from[at] > from[best]) best = at;
    });
    if (column_major && best >= 0) {
      best = (best % w * h + best / w % h) * d + best / (w * h);
    }
    memory.out<std::int64_t>(1)[item] = plane * pool.in.positions + best;
  }
}

template <bool mean>
Planned pool(const Call& call) {
  const Signature& x = call.floats(0);
  if (x.rank() < 3) call.fail(fmt::format("takes 3 to 5 axes, not {}", text(x.shape)));
  const Shape spatial(x.shape.begin() + 2, x.shape.end());
  const Window window = read_window(call, spatial);
  if (mean && std::ranges::count(window.dilations, 1) < static_cast<std::int64_t>(spatial.size())) {
    call.unsupported("dilations other than 1 are not supported");
  }
  Signature y = x;
  Pool pool;
  for (Axis& axis : pool.axes) axis.taps = {{0, 1, 1}};
  for (std::size_t i = 0; i < window.rank(); ++i) {
    Axis& axis = pool.axes[3 - window.rank() + i];
    axis = make_axis(call, window, i, spatial[i]);
    y.shape[i + 2] = static_cast<std::int64_t>(axis.taps.size());
  }
  y.layout = output_layout(call);
  pool.in = images(x, y);
  pool.out = images(y, x);
  Planned planned{{call.sized(y.type, y.shape)}, {}};
  planned.outputs[0].layout = y.layout;
  const bool positions = !mean && call.wants(1);
  if (positions) planned.outputs.push_back({ElementType::int64, y.shape});
  const bool column_major = call.node.integer("storage_order", 0) != 0;
  planned.run = [pool, positions, column_major](const Memory& memory) {
    run_pool<mean>(pool, memory);
    if (positions) run_positions(pool, column_major, memory);
  };
  return planned;
}

/// The mean or the largest of all positions, of lanes that lie together.
template <bool mean, int lanes>
void pool_lanes(const float* from, const Images& in, float* to) {
  std::array<double, lanes> results;
  results.fill(mean ? 0 : -std::numeric_limits<double>::infinity());
  for (std::int64_t i = 0; i < in.positions; ++i, from += in.position_step) {
    for (std::size_t k = 0; k < lanes; ++k) {
      const auto now = static_cast<double>(from[k]);
      double& result = results[k];
      result = mean ? result + now : now > result || std::isnan(now) ? now : result;
    }
  }
  for (std::size_t k = 0; k < lanes; ++k)
    to[k] = static_cast<float>(mean ? results[k] / static_cast<double>(in.positions) : results[k]);
}

template <bool mean>
Planned global_pool(const Call& call) {
  const Signature& x = call.floats(0);
  if (x.rank() < 3) call.fail(fmt::format("takes 3 axes or more, not {}", text(x.shape)));
  Signature y{x.type, Shape(x.shape.size(), 1), output_layout(call)};
  y.shape[0] = x.shape[0];
  y.shape[1] = x.shape[1];
  Planned planned{{y}, {}};
  planned.run = [in = images(x, x)](const Memory& memory) {
    const auto body = [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t item = first; item < last;) {
        const auto c = item % in.lanes;
        const float* from = memory.in(0) + in.plane(item / in.lanes) + c * in.lane_step;
        const bool together = in.lane_step == 1 && std::min(in.lanes - c, last - item) >= 8;
        if (together) {
          pool_lanes<mean, 8>(from, in, memory.out() + item);
        } else {
          pool_lanes<mean, 1>(from, in, memory.out() + item);
        }
        item += together ? 8 : 1;
      }
    };
    parallel_ranges(in.planes * in.lanes, 4 + in.positions, body);
  };
  return planned;
}

constexpr std::array rows = {
    Row{"AveragePool", pool<true>},
    Row{"GlobalAveragePool", global_pool<true>},
    Row{"GlobalMaxPool", global_pool<false>},
    Row{"MaxPool", pool<false>},
};

}  // namespace

std::span<const Row> pools() noexcept {
  return rows;
}

}  // namespace laconic::runtime
