#include "quantize/sample_grid.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <utility>

#include "quantize/nearest.h"

namespace laconic {
namespace {

constexpr std::size_t most_bins = 2048, most_buckets = 64;
constexpr std::size_t samples_per_cell = 8;  ///< In small blocks there are fewer cells.
constexpr int mantissa_bits = 23;

std::int64_t bits_of(float importance) {
  return std::bit_cast<std::int32_t>(importance);
}

double cost(const RatedLevels& levels, std::size_t level, double weight, double importance) {
  const double error = weight - levels.levels[level];
  return importance * error * error + levels.rates[level];
}

/// The best level for one weight, looked for from `start` outwards as far as any can be better.
std::size_t best_level(const RatedLevels& levels, double least_rate, std::size_t start,
                       double weight, double importance) {
  std::size_t best = start;
  double least = cost(levels, start, weight, importance);
  const auto attempt = [&](std::size_t level) {
    const double error = weight - levels.levels[level];
    const double distortion = importance * error * error;
    if (distortion + levels.rates[level] < least) {
      least = distortion + levels.rates[level];
      best = level;
    }
    return distortion + least_rate < least;
  };
  for (std::size_t level = start; level-- > 0;) {
    if (!attempt(level) && levels.levels[level] < weight) break;
  }
  for (std::size_t level = start + 1; level < levels.levels.size(); ++level) {
    if (!attempt(level) && levels.levels[level] > weight) break;
  }
  return best;
}

/// The best level for one importance at each of ascending weights. The costs of two levels differ
/// by a line over weights, so that winners are the lower envelope of lines.
void winners_along(const RatedLevels& levels, double importance, std::span<const float> weights,
                   std::vector<std::size_t>& envelope, std::uint16_t* winners) {
  // The cost, less importance x weight^2, is slope x weight + intercept.
  const auto slope = [&](std::size_t level) { return -2 * importance * levels.levels[level]; };
  const auto intercept = [&](std::size_t level) {
    return importance * levels.levels[level] * levels.levels[level] + levels.rates[level];
  };
  envelope.clear();
  for (std::size_t level = 0; level < levels.levels.size(); ++level) {
    const auto useless = [&] {
      const std::size_t last = envelope.back();
      if (slope(last) == slope(level)) return intercept(level) < intercept(last);
      if (envelope.size() < 2) return false;
      // The last wins nowhere if the new one crosses its predecessor before the last does.
      const std::size_t before = envelope[envelope.size() - 2];
      return (intercept(level) - intercept(before)) * (slope(before) - slope(last)) <=
             (intercept(last) - intercept(before)) * (slope(before) - slope(level));
    };
    while (!envelope.empty() && useless()) envelope.pop_back();
    if (envelope.empty() || slope(envelope.back()) != slope(level)) envelope.push_back(level);
  }
  std::size_t at = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const double weight = weights[i];
    while (at + 1 < envelope.size() && cost(levels, envelope[at + 1], weight, importance) <
                                           cost(levels, envelope[at], weight, importance)) {
      ++at;
    }
    winners[i] = static_cast<std::uint16_t>(envelope[at]);
  }
}

}  // namespace

SampleGrid::SampleGrid(std::span<const WeightKey> keys, std::size_t without_importance)
    : without_importance_(static_cast<double>(without_importance)) {
  const std::size_t count = keys.size();
  if (count == 0) return;
  origin_ = weight_of(keys[count / 2]);

  // Bins of about as many weights each.
  const std::size_t bins = std::clamp<std::size_t>(count / (samples_per_cell * 8), 1, most_bins);
  weight_edges_.push_back(weight_of(keys[0]));
  for (std::size_t bin = 1; bin <= bins; ++bin) {
    const float edge = weight_of(keys[bin * count / bins - 1]);
    if (edge > weight_edges_.back() || bin == 1) weight_edges_.push_back(edge);
  }

  // Buckets of equal ratio, over all importances but the least hundredth, which share the first.
  std::array<std::size_t, 256> exponents{};
  float largest = 0;
  for (const WeightKey key : keys) {
    ++exponents[static_cast<std::size_t>(bits_of(importance_of(key)) >> mantissa_bits)];
    largest = std::max(largest, importance_of(key));
  }
  std::size_t lowest = 0;
  for (std::size_t below = 0; below + exponents[lowest] <= count / 100; ++lowest)
    below += exponents[lowest];
  const auto octaves = (static_cast<std::size_t>(bits_of(largest)) >> mantissa_bits) - lowest + 1;
  int divisions = 0;  // Of an octave: a power of two.
  while ((octaves << (divisions + 1)) <= most_buckets &&
         (count / bins) >> (divisions + 2) > samples_per_cell)
    ++divisions;
  bucket_shift_ = mantissa_bits - divisions;
  first_bucket_ = static_cast<std::int64_t>(lowest << divisions);
  const std::size_t buckets = bucket_of(largest) + 1;
  for (std::size_t bucket = 0; bucket <= buckets; ++bucket) {
    const auto bits = (first_bucket_ + static_cast<std::int64_t>(bucket)) << bucket_shift_;
    bucket_edges_.push_back(bucket == 0 ? 0
                                        : std::bit_cast<float>(static_cast<std::int32_t>(
                                              std::min<std::int64_t>(bits, bits_of(largest)))));
  }

  // The keys ascend, so that bins come one after the other; each is dealt out to its buckets.
  const std::size_t cells = (weight_edges_.size() - 1) * buckets;
  samples_.resize(count);
  cell_begin_.assign(cells + 1, 0);
  cell_sums_.resize(cells);
  std::vector<std::size_t> next(buckets);
  for (std::size_t bin = 0, first = 0, last = 0; bin + 1 < weight_edges_.size();
       ++bin, first = last) {
    std::fill(next.begin(), next.end(), std::size_t{0});
    for (; last < count && weight_of(keys[last]) <= weight_edges_[bin + 1]; ++last) {
      ++next[bucket_of(importance_of(keys[last]))];
    }
    std::size_t begin = first;
    for (std::size_t bucket = 0; bucket < buckets; ++bucket) {
      cell_begin_[bin * buckets + bucket] = begin;
      begin += std::exchange(next[bucket], begin);
    }
    for (std::size_t i = first; i < last; ++i) {
      const Sample sample = {weight_of(keys[i]), importance_of(keys[i])};
      const std::size_t bucket = bucket_of(sample.importance);
      samples_[next[bucket]++] = sample;
      const double offset = sample.weight - origin_, moment = sample.importance * offset;
      cell_sums_[bin * buckets + bucket].add({1, sample.importance, moment, moment * offset});
    }
  }
  cell_begin_[cells] = count;
}

std::size_t SampleGrid::bucket_of(float importance) const {
  return static_cast<std::size_t>(
      std::max<std::int64_t>(0, (bits_of(importance) >> bucket_shift_) - first_bucket_));
}

std::vector<std::int32_t> SampleGrid::winners(const RatedLevels& levels) const {
  const std::size_t buckets = bucket_edges_.size() - 1, edges = weight_edges_.size();
  std::vector<std::uint16_t> lower(edges), upper(edges);
  std::vector<std::size_t> envelope;
  std::vector<std::int32_t> result((edges - 1) * buckets);
  winners_along(levels, bucket_edges_[0], weight_edges_, envelope, upper.data());
  for (std::size_t bucket = 0; bucket < buckets; ++bucket) {
    lower.swap(upper);
    winners_along(levels, bucket_edges_[bucket + 1], weight_edges_, envelope, upper.data());
    for (std::size_t bin = 0; bin + 1 < edges; ++bin) {
      const bool same =
          lower[bin] == lower[bin + 1] && lower[bin] == upper[bin] && lower[bin] == upper[bin + 1];
      result[bin * buckets + bucket] =
          same ? lower[bin] : -1 - static_cast<std::int32_t>(lower[bin]);
    }
  }
  return result;
}

std::vector<LevelSums> SampleGrid::assign(const RatedLevels& levels) const {
  std::vector<LevelSums> sums(levels.levels.size());
  const auto least = std::min_element(levels.rates.begin(), levels.rates.end());
  sums[static_cast<std::size_t>(least - levels.rates.begin())].count += without_importance_;
  if (samples_.empty()) return sums;
  const auto winner = winners(levels);
  for (std::size_t cell = 0; cell < winner.size(); ++cell) {
    if (winner[cell] >= 0) {
      sums[static_cast<std::size_t>(winner[cell])].add(cell_sums_[cell]);
      continue;
    }
    const auto start = static_cast<std::size_t>(-1 - winner[cell]);
    for (std::size_t i = cell_begin_[cell]; i < cell_begin_[cell + 1]; ++i) {
      const auto& sample = samples_[i];
      const std::size_t level = best_level(levels, *least, start, sample.weight, sample.importance);
      const double offset = sample.weight - origin_, moment = sample.importance * offset;
      sums[level].add({1, sample.importance, moment, moment * offset});
    }
  }
  return sums;
}

std::vector<Index> SampleGrid::indices(const RatedLevels& levels, const CheckedBlock& block) const {
  const auto least = std::min_element(levels.rates.begin(), levels.rates.end());
  const auto cheapest = static_cast<Index>(least - levels.rates.begin());
  std::vector<Index> indices(block.weights.size(), 0);
  const auto winner = winners(levels);
  const std::size_t buckets = bucket_edges_.size() - 1;
  // First the bin of each weight, then its level.
  count_uppers(std::span(weight_edges_).subspan(1, weight_edges_.size() - 2), block.weights,
               indices);
  for (std::size_t i = 0; i < indices.size(); ++i) {
    const float weight = block.weights[i], importance = block.importance_of(i);
    if (importance == 0) {
      indices[i] = cheapest;
      continue;
    }
    const auto found = winner[indices[i] * buckets + bucket_of(importance)];
    indices[i] =
        found >= 0 ? static_cast<Index>(found)
                   : static_cast<Index>(best_level(
                         levels, *least, static_cast<std::size_t>(-1 - found), weight, importance));
  }
  return indices;
}

}  // namespace laconic
