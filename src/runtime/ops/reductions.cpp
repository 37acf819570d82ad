// Sums, means and extremes over axes.

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

#include "runtime/loops.h"
#include "runtime/operator.h"
#include "runtime/strides.h"

namespace laconic::runtime {
namespace {

/// Which elements meet: `kept` walks over the outputs, `reduced` over what each is made of.
struct Walk {
  Shape kept, reduced;
  std::vector<std::int64_t> kept_strides, reduced_strides;

  static std::int64_t offset(const Shape& extents, const std::vector<std::int64_t>& strides,
                             std::int64_t i) {
    std::int64_t out = 0;
    for (std::size_t axis = extents.size(); axis-- > 0; i /= extents[axis]) {
      out += i % extents[axis] * strides[axis];
    }
    return out;
  }
};

struct Sum {
  static constexpr double start = 0;
  static double add(double sum, double x) { return sum + x; }
};
struct Largest {
  static constexpr double start = -std::numeric_limits<double>::infinity();
  static double add(double most, double x) { return x > most || std::isnan(x) ? x : most; }
};
struct Smallest {
  static constexpr double start = std::numeric_limits<double>::infinity();
  static double add(double least, double x) { return x < least || std::isnan(x) ? x : least; }
};

template <typename Function>
void run(const Walk& walk, double divisor, const Memory& memory) {
  const auto count = element_count(walk.reduced);
  const auto line = walk.reduced.empty() ? 1 : walk.reduced.back();
  const auto step = walk.reduced.empty() ? 1 : walk.reduced_strides.back();
  const auto body = [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t i = first; i < last; ++i) {
      const float* from = memory.in(0) + Walk::offset(walk.kept, walk.kept_strides, i);
      double result = Function::start;
      for (std::int64_t r = 0; r < count; r += line) {
        const float* x = from + Walk::offset(walk.reduced, walk.reduced_strides, r);
        if (step == 1) {
          result = Function::add(result, fold_row(x, line, Function::start, Function::add));
          continue;
        }
        for (std::int64_t k = 0; k < line; ++k) {
          result = Function::add(result, static_cast<double>(x[k * step]));
        }
      }
      memory.out()[i] = static_cast<float>(result / divisor);
    }
  };
  parallel_ranges(element_count(walk.kept), 4 + count, body);
}

/// Axes are an attribute before opset `axes_are_input`, an input since then.
template <typename Function, int axes_are_input, bool mean = false>
Planned reduce(const Call& call) {
  const Signature& x = call.floats(0);
  auto axes = call.integers("axes", 1, axes_are_input);
  const bool keep = call.node.integer("keepdims", 1) != 0;
  if (axes.empty()) {
    if (call.node.integer("noop_with_empty_axes", 0) != 0) return {{x}, {}};
    axes.resize(x.shape.size());
    std::iota(axes.begin(), axes.end(), 0);
  }
  for (auto& axis : axes) axis = call.wrap_axis(axis, x.rank());
  const auto strides = row_major(x.shape);
  Walk walk;
  Shape shape;
  for (std::size_t i = 0; i < x.shape.size(); ++i) {
    const bool gone = std::ranges::count(axes, static_cast<std::int64_t>(i)) > 0;
    (gone ? walk.reduced : walk.kept).push_back(x.shape[i]);
    (gone ? walk.reduced_strides : walk.kept_strides).push_back(strides[i]);
    if (!gone) shape.push_back(x.shape[i]);
    if (gone && keep) shape.push_back(1);
  }
  Planned planned{{{x.type, std::move(shape)}}, {}};
  const double divisor = mean ? static_cast<double>(element_count(walk.reduced)) : 1;
  planned.run = [walk, divisor](const Memory& memory) { run<Function>(walk, divisor, memory); };
  return planned;
}

Planned arg_max(const Call& call) {
  const Signature& x = call.floats(0);
  const auto axis = call.axis("axis", 0, x.rank());
  const bool last = call.node.integer("select_last_index", 0) != 0;
  Signature output{ElementType::int64, x.shape};
  const auto extent = x.shape[static_cast<std::size_t>(axis)];
  if (extent == 0) call.fail(fmt::format("axis {} of {} is empty", axis, text(x.shape)));
  output.shape[static_cast<std::size_t>(axis)] = 1;
  const auto count = output.count();
  if (call.node.integer("keepdims", 1) == 0) output.shape.erase(output.shape.begin() + axis);
  Planned planned{{output}, {}};
  const auto inner = extent_product(x.shape, axis + 1, x.rank());
  planned.run = [last, extent, inner, count](const Memory& memory) {
    for (std::int64_t i = 0; i < count; ++i) {
      const float* from = memory.in(0) + i / inner * inner * extent + i % inner;
      std::int64_t best = 0;
      for (std::int64_t k = 1; k < extent; ++k) {
        const float now = from[k * inner], before = from[best * inner];
        if (now > before || (last && now == before)) best = k;
      }
      memory.out<std::int64_t>()[i] = best;
    }
  };
  return planned;
}

constexpr std::array rows = {
    Row{"ArgMax", arg_max},
    Row{"ReduceMax", reduce<Largest, 18>, from_input(1)},
    Row{"ReduceMean", reduce<Sum, 18, true>, from_input(1)},
    Row{"ReduceMin", reduce<Smallest, 18>, from_input(1)},
    Row{"ReduceSum", reduce<Sum, 13>, from_input(1)},
};

}  // namespace

std::span<const Row> reductions() noexcept {
  return rows;
}

}  // namespace laconic::runtime
