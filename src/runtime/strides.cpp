#include "runtime/strides.h"

#include <algorithm>
#include <cstring>

#include "runtime/loops.h"

namespace laconic::runtime {
namespace {

/// Drops axes of extent 1 and merges an axis with the next where all walks go on evenly.
template <typename Strides>
void merge_axes(Shape& extents, Strides& walks) {
  std::size_t kept = 0;
  for (std::size_t axis = 0; axis < extents.size(); ++axis) {
    if (extents[axis] == 1 && extents.size() > 1) continue;
    const bool merges = kept > 0 && std::ranges::all_of(walks, [&](const auto* walk) {
                          return (*walk)[kept - 1] == (*walk)[axis] * extents[axis];
                        });
    const std::size_t to = merges ? kept - 1 : kept++;
    extents[to] = merges ? extents[to] * extents[axis] : extents[axis];
    for (auto* walk : walks) (*walk)[to] = (*walk)[axis];
  }
  if (kept == 0) {
    extents.assign(1, 1);
    for (auto* walk : walks) walk->assign(1, 1);
    return;
  }
  extents.resize(kept);
  for (auto* walk : walks) walk->resize(kept);
}

template <typename T>
void copy_row(const std::byte* from, std::byte* to, std::int64_t count, std::int64_t from_step,
              std::int64_t to_step) {
  const auto* source = reinterpret_cast<const T*>(from);
  auto* target = reinterpret_cast<T*>(to);
  for (std::int64_t i = 0; i < count; ++i) target[i * to_step] = source[i * from_step];
}

}  // namespace

std::vector<std::int64_t> row_major(const Shape& shape) {
  std::vector<std::int64_t> strides(shape.size());
  std::int64_t stride = 1;
  for (std::size_t axis = shape.size(); axis-- > 0;) {
    strides[axis] = stride;
    stride *= shape[axis];
  }
  return strides;
}

std::vector<std::int64_t> broadcast_strides(const Shape& shape, const Shape& output) {
  std::vector<std::int64_t> strides(output.size(), 0);
  const auto own = row_major(shape);
  const std::size_t lead = output.size() - shape.size();
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] != 1) strides[lead + i] = own[i];
  }
  return strides;
}

Copy::Copy(std::size_t width, Shape extents, std::vector<std::int64_t> from,
           std::vector<std::int64_t> to, std::int64_t from_start, std::int64_t to_start)
    : width_(width),
      extents_(std::move(extents)),
      from_(std::move(from)),
      to_(std::move(to)),
      from_start_(from_start),
      to_start_(to_start) {
  std::array walks = {&from_, &to_};
  merge_axes(extents_, walks);
}

void Copy::run(const std::byte* from, std::byte* to) const {
  std::int64_t rows = 1;
  for (std::size_t i = 0; i + 1 < extents_.size(); ++i) rows *= extents_[i];
  if (rows == 0 || extents_.back() == 0) return;
  parallel_ranges(rows, 2 + extents_.back() / 2, [&](std::int64_t first, std::int64_t last) {
    this->rows(from, to, first, last);
  });
}

void Copy::rows(const std::byte* from, std::byte* to, std::int64_t first, std::int64_t last) const {
  const auto width = static_cast<std::int64_t>(width_);
  const auto count = extents_.back(), from_step = from_.back(), to_step = to_.back();
  for (std::int64_t row = first; row < last; ++row) {
    std::int64_t source = from_start_, target = to_start_, left = row;
    for (std::size_t axis = extents_.size() - 1; axis-- > 0;) {
      const auto at = left % extents_[axis];
      left /= extents_[axis];
      source += at * from_[axis];
      target += at * to_[axis];
    }
    const std::byte* begin = from + source * width;
    std::byte* end = to + target * width;
    if (from_step == 1 && to_step == 1) {
      std::memcpy(end, begin, static_cast<std::size_t>(count * width));
    } else if (width_ == 4) {
      copy_row<std::uint32_t>(begin, end, count, from_step, to_step);
    } else if (width_ == 8) {
      copy_row<std::uint64_t>(begin, end, count, from_step, to_step);
    } else if (width_ == 2) {
      copy_row<std::uint16_t>(begin, end, count, from_step, to_step);
    } else {
      copy_row<std::uint8_t>(begin, end, count, from_step, to_step);
    }
  }
}

template <std::size_t operands>
Rows<operands> Rows<operands>::broadcast(const std::array<Shape, operands>& shapes,
                                         const Shape& output) {
  Strides strides;
  for (std::size_t i = 0; i < operands; ++i) strides[i] = broadcast_strides(shapes[i], output);
  return Rows(std::move(strides), output);
}

template <std::size_t operands>
Rows<operands>::Rows(Strides strides, Shape output)
    : extents_(std::move(output)), strides_(std::move(strides)) {
  std::array<std::vector<std::int64_t>*, operands> walks;
  std::ranges::transform(strides_, walks.begin(), [](auto& walk) { return &walk; });
  merge_axes(extents_, walks);
  const auto far = [](const auto& walk) { return walk.back() > 1; };
  if (std::ranges::any_of(strides_, far)) {  // Rows of one element then.
    extents_.push_back(1);
    for (auto& walk : strides_) walk.push_back(1);
  }
  length_ = extents_.back();
  for (std::size_t i = 0; i + 1 < extents_.size(); ++i) rows_ *= extents_[i];
  if (length_ == 0) rows_ = 0;
}

template <std::size_t operands>
std::array<std::int64_t, operands> Rows<operands>::start(std::int64_t row) const {
  std::array<std::int64_t, operands> out{};
  for (std::size_t axis = extents_.size() - 1; axis-- > 0;) {
    const auto at = row % extents_[axis];
    row /= extents_[axis];
    for (std::size_t i = 0; i < operands; ++i) out[i] += at * strides_[i][axis];
  }
  return out;
}

template class Rows<2>;
template class Rows<3>;

}  // namespace laconic::runtime
