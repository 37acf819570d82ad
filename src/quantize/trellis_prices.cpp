#include "quantize/trellis_prices.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace laconic::trellis {

Prices::Prices(int lowest, int highest) : lowest_(lowest), highest_(highest) {
  prices_.assign(2 * static_cast<std::size_t>(highest - lowest + 1), 0.0F);
  forget();
  lay_out();
}

void Prices::forget() {
  counts_.assign(prices_.size(), 0);
  for (const bool odd : {false, true}) {
    for (int value = lowest_; value <= highest_; ++value) {
      if (has(odd, value)) counts_[place(odd, value)] = 0.5;
    }
  }
}

bool Prices::count_path(std::span<const std::int32_t> values) {
  State state = 0;
  for (const int value : values) {
    if (!has(is_odd(state), value)) return false;
    ++counts_[place(is_odd(state), value)];
    state = after(state, value);
  }
  return true;
}

void Prices::count_weight(float weight) {
  const float magnitude = std::min(std::abs(weight), 131072.0F);
  const int sign = weight < 0 ? -1 : 1, limit = sign < 0 ? -lowest_ : highest_;
  int even = 2 * static_cast<int>((magnitude + 1) / 2);
  int odd = magnitude <= 0.5F ? 0 : 2 * static_cast<int>(magnitude / 2) + 1;
  if (even > limit) even = limit / 2 * 2;
  if (odd > limit) odd = limit > 0 ? limit - (limit + 1) % 2 : 0;
  ++counts_[place(false, sign * even)];
  ++counts_[place(true, sign * odd)];
}

void Prices::set(double lambda) {
  const std::size_t size = prices_.size() / 2;
  for (std::size_t first = 0; first < prices_.size(); first += size) {
    const auto counts = std::span(counts_).subspan(first, size);
    const double total = std::accumulate(counts.begin(), counts.end(), 0.0);
    for (std::size_t i = 0; i < size; ++i) {
      prices_[first + i] =
          counts[i] > 0 ? static_cast<float>(-lambda * std::log2(counts[i] / total)) : 0;
    }
  }
  lay_out();
}

void Prices::lay_out() {
  table_.clear();
  for (std::size_t subset = 0; subset < subsets; ++subset) {
    for (const bool negative : {false, true}) {
      starts_[subset][negative] = table_.size();
      const std::int32_t count = count_to(subset, negative ? -lowest_ : highest_);
      for (std::int32_t i = 0; i < count; ++i) {
        const std::int32_t magnitude = first_magnitude[subset] + 4 * i;
        table_.push_back(of(is_of_odd_set(subset), negative ? -magnitude : magnitude));
      }
      table_.push_back(0);
      if (count == 0) table_.push_back(0);
    }
  }
}

}  // namespace laconic::trellis
