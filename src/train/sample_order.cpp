#include "train/sample_order.h"

#include <algorithm>
#include <numeric>

#include "laconic/random.h"

namespace laconic {

SampleOrder::SampleOrder(std::int64_t samples, std::int64_t batch, std::uint64_t seed)
    : order_(static_cast<std::size_t>(samples)),
      batch_(std::min(batch, samples)),
      steps_per_epoch_(samples / batch_),
      seed_(seed) {}

std::span<const std::int64_t> SampleOrder::minibatch(std::int64_t step) {
  if (const auto epoch = step / steps_per_epoch_; epoch != epoch_) {
    epoch_ = epoch;
    std::iota(order_.begin(), order_.end(), std::int64_t{0});
    Random(seed_, "order", static_cast<std::uint64_t>(epoch)).shuffle(std::span(order_));
  }
  return std::span(order_).subspan(static_cast<std::size_t>(step % steps_per_epoch_ * batch_),
                                   static_cast<std::size_t>(batch_));
}

}  // namespace laconic
