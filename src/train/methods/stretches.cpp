#include "train/methods/stretches.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "laconic/error.h"
#include "train/methods/quantized_state.h"

namespace laconic {
namespace {

std::int64_t joined(float high, float low) {
  const auto count = joined_count(high, low);
  if (!count)
    fail(ErrorCode::corrupt_data, "the checkpoint does not say where a share's training began");
  return *count;
}

}  // namespace

bool Stretches::ends(const Progress& at, const std::function<double()>& measure) {
  if (begun_ == 0) return true;
  if (begun_ == count_) return false;
  bool plateau = false;
  if (gain_ && at.epoch != epoch_) {
    const auto loss = static_cast<float>(measure());
    plateau = least_ > 0 && loss > least_ * static_cast<float>(1 - *gain_);
    if (least_ == 0 || loss < least_) least_ = loss;
    epoch_ = at.epoch;
  }
  return plateau || at.step >= end(at.total_steps);
}

void Stretches::begin(const Progress& at) {
  start_ = at.step;
  least_ = 0;
  epoch_ = at.epoch;
  ++begun_;
}

StepRange Stretches::period(const Progress& at) const {
  if (gain_) return {start_, end(at.total_steps)};
  std::int64_t after = 1;
  const auto count = static_cast<std::int64_t>(count_);
  while (after < count && at.step >= after * at.total_steps / count) ++after;
  return {(after - 1) * at.total_steps / count, after * at.total_steps / count};
}

std::int64_t Stretches::end(std::int64_t total_steps) const {
  const auto count = static_cast<std::int64_t>(count_);
  const auto begun = std::max<std::int64_t>(static_cast<std::int64_t>(begun_), 1);
  if (!gain_) return begun * total_steps / count;
  return start_ + (total_steps - start_) / (count - begun + 1);
}

void Stretches::save(MethodState& state) const {
  std::vector<float> values{static_cast<float>(begun_), least_};
  for (const auto number : {start_, epoch_}) {
    for (const float part : split_count(number)) values.push_back(part);
  }
  state.emplace("stretch", DenseTensor{{6}, std::move(values)});
}

void Stretches::restore(const MethodState& state) {
  const auto found = state.find("stretch");
  if (found == state.end() || found->second.values.size() != 6 ||
      !(found->second.values[0] >= 0 && found->second.values[0] <= static_cast<float>(count_))) {
    fail(ErrorCode::corrupt_data, "the checkpoint does not say how many shares are frozen");
  }
  const auto& values = found->second.values;
  begun_ = static_cast<std::size_t>(values[0]);
  least_ = values[1];
  start_ = joined(values[2], values[3]);
  epoch_ = joined(values[4], values[5]);
}

}  // namespace laconic
