#include "quantize/binned_scale.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "quantize/every_isa.h"
#include "quantize/sort_weights.h"

namespace laconic {
namespace {

constexpr double coarse_ratio = 1.25;    ///< Of neighbouring scales at first.
constexpr int coarse_scales = 100;       ///< Down from the largest: nine orders of magnitude.
constexpr double least_interval = 3e-5;  ///< Relative: a quarter of a bin.
constexpr double least_mean = 0x1p20;    ///< Importance of a weight, in units of the bins.
constexpr std::size_t chunk = 128;       ///< Of ids looked through at a time.
constexpr std::size_t most_far_share = 16;
constexpr std::size_t most_intervals = 4096;

struct Interval {
  double low, high;
};

/// Sums of the codes at one scale, and of those with every bin that has a threshold in it moved up
/// whole (`most`), or not at all (`least`).
struct Gain {
  double product = 0, square = 0, most_product = 0, least_square = 0;
  double doubt = 0;  ///< The gain is at most so much above 2 a product - a^2 square.

  [[nodiscard]] double at(double scale) const { return scale * (2 * product - scale * square); }
};

bool has(Side side, bool negative) {
  return side == Side::both || (side == Side::negative) == negative;
}

std::array<std::size_t, 2> bins_at(std::size_t distance) {
  return {Bins::half - 1 - distance, Bins::half + distance};
}

/// Bins between two distances from zero, both included.
struct Reach {
  std::size_t first, last;
};

/// Whether any of these bins may lie within reach, to either side of zero. Most do not: compilers
/// turn this into vector instructions, which spares looking them up one by one.
LACONIC_EVERY_ISA bool any_within(std::span<const Index> ids, const std::vector<Reach>& reaches) {
  return std::ranges::any_of(reaches, [&](const Reach& reach) {
    const auto first = static_cast<std::uint16_t>(reach.first);
    std::uint16_t least = std::numeric_limits<std::uint16_t>::max();
    for (const Index id : ids) {
      const auto place = static_cast<std::int16_t>(id - Bins::half);
      const auto beyond = static_cast<std::uint16_t>((place ^ (place >> 15)) - first);
      least = std::min(least, beyond);  // Less than the first: a wrapped, large number.
    }
    return least <= reach.last - reach.first;
  });
}

/// The magnitudes of a side in some bins, ascending.
SortedWeights resolve(Bins& bins, const CheckedBlock& block, Side side,
                      const std::vector<Reach>& reaches) {
  std::array<std::uint8_t, Bins::count> wanted{};
  for (const auto& [first, last] : reaches) {
    for (std::size_t distance = first; distance <= last; ++distance) {
      for (const auto bin : bins_at(distance)) wanted[bin] = has(side, bin < Bins::half);
    }
  }
  const auto& ids = bins.ids();
  const auto ranges = ranges_of(ids.size());
  std::vector<std::vector<float>> magnitudes(ranges.size()), importance(ranges.size());
  for_each_range(ranges, [&](const IndexRange& range, std::size_t part) {
    std::array<std::uint32_t, chunk> places;
    for (std::size_t begin = range.begin; begin < range.end; begin += chunk) {
      const std::size_t size = std::min(chunk, range.end - begin);
      if (!any_within(std::span(ids).subspan(begin, size), reaches)) continue;
      std::size_t count = 0;
      // Without a branch: nobody can tell which come.
      for (std::size_t i = 0; i < size; ++i) {
        places[count] = static_cast<std::uint32_t>(i);
        count += wanted[ids[begin + i]];
      }
      for (std::size_t i = 0; i < count; ++i) {
        magnitudes[part].push_back(std::abs(block.weights[begin + places[i]]));
        importance[part].push_back(block.importance_of(begin + places[i]));
      }
    }
  });
  for (std::size_t part = 1; part < ranges.size(); ++part) {
    magnitudes[0].insert(magnitudes[0].end(), magnitudes[part].begin(), magnitudes[part].end());
    importance[0].insert(importance[0].end(), importance[part].begin(), importance[part].end());
  }
  return sort_weights(magnitudes[0], importance[0]);
}

/// The bins of a side by their distance from zero.
class Folded {
 public:
  Folded(Bins& bins, const CheckedBlock& block, Side side)
      : bins_(bins), means_(Bins::half), importance_(Bins::half + 1), moment_(Bins::half + 1) {
    bool any_far = false;
    for (std::size_t distance = Bins::half; distance-- > 0;) {
      for (const auto bin : bins_at(distance)) {
        if (!has(side, bin < Bins::half) || bins.importance(bin) == 0) continue;
        importance_[distance] += bins.importance(bin);
        moment_[distance] += bins.importance(bin) * std::abs(bins.mean(bin));
      }
      any_far = any_far || (distance >= Bins::far && importance_[distance] > 0);
    }
    if (any_far) {
      // Bins are wide there: what lies in them is summed anew.
      const auto weights = resolve(bins, block, side, {{Bins::far, Bins::half - 1}});
      many_far_ = weights.weights.size() > block.weights.size() / most_far_share;
      std::fill(moment_.begin() + Bins::far, moment_.end(), 0.0);
      std::fill(importance_.begin() + Bins::far, importance_.end(), 0.0);
      for (std::size_t i = 0; i < weights.weights.size(); ++i) {
        const auto distance = bins.bin_of(weights.weights[i]) - Bins::half;
        importance_[distance] += weights.importance[i];
        moment_[distance] += weights.importance[i] * static_cast<double>(weights.weights[i]);
      }
    }
    for (std::size_t distance = Bins::half; distance-- > 0;) {
      const double importance = importance_[distance];
      means_[distance] = importance > 0 ? moment_[distance] / importance : edge(distance);
      if (importance > 0) {
        largest_ = std::max(
            largest_, std::min(edge(distance + 1), static_cast<double>(block.largest_weight)));
      }
      importance_[distance] += importance_[distance + 1];
      moment_[distance] += moment_[distance + 1];
    }
  }

  /// Whether so much lies where bins are wide that sorting it all is as fast.
  [[nodiscard]] bool many_far() const { return many_far_; }

  [[nodiscard]] double largest() const { return largest_; }
  /// Sums over this distance and all beyond.
  [[nodiscard]] double importance(std::size_t from) const { return importance_[from]; }
  [[nodiscard]] double moment(std::size_t from) const { return moment_[from]; }
  [[nodiscard]] std::size_t distance_of(double magnitude) const {
    return bins_.distance_of(magnitude);
  }

  [[nodiscard]] Gain gain(const Pattern& pattern, double scale) const {
    Gain gain;
    double below = 0;
    for (const double magnitude : pattern.magnitudes) {
      const double threshold = scale * (below + magnitude) / 2;
      const double rise = magnitude - below, square_rise = magnitude * magnitude - below * below;
      const auto bin = distance_of(threshold);
      const std::size_t from = means_[bin] > threshold ? bin : bin + 1;
      gain.product += rise * moment_[from];
      gain.square += square_rise * importance_[from];
      gain.most_product += rise * moment_[bin];
      gain.least_square += square_rise * importance_[bin + 1];
      // What a weight saves bends by twice scale x rise at the threshold.
      const double width = std::min(edge(bin + 1), std::max(largest_, edge(bin))) - edge(bin);
      gain.doubt += 0.5 * scale * rise * width * (importance_[bin] - importance_[bin + 1]);
      below = magnitude;
    }
    return gain;
  }

 private:
  [[nodiscard]] double edge(std::size_t distance) const { return bins_.lower_magnitude(distance); }

  const Bins& bins_;
  std::vector<double> means_, importance_, moment_;
  double largest_ = 0;
  bool many_far_ = false;
};

/// What a gain can be within an interval: codes only rise as the scale falls.
double upper_bound(const Interval& interval, const Gain& low, const Gain& high) {
  const double start = low.at(interval.low) + low.doubt;
  const double best = high.least_square > 0 ? std::clamp(low.most_product / high.least_square,
                                                         interval.low, interval.high)
                                            : interval.high;
  return start + 2 * low.most_product * (best - interval.low) -
         high.least_square * (best * best - interval.low * interval.low);
}

/// The scales among which the best is.
std::optional<Interval> scales_in_question(const Folded& folded, const Pattern& pattern) {
  double best = 0;
  const auto look = [&](double scale) {
    const auto gain = folded.gain(pattern, scale);
    if (gain.square > 0) best = std::max(best, gain.product * gain.product / gain.square);
    return gain;
  };
  std::vector<Interval> open;
  // At twice this scale all weights are zero; at the other end all take the highest level.
  double high = 2 * folded.largest() / pattern.magnitudes.front();
  for (int i = 0; i < coarse_scales; ++i, high /= coarse_ratio) {
    open.push_back({high / coarse_ratio, high});
    (void)look(high);
  }
  if (2 * high * folded.moment(0) >= best) return {};
  for (;;) {
    std::vector<Interval> kept;
    bool settled = true;
    for (const auto& interval : open) {
      const auto low = look(interval.low), top = look(interval.high);
      if (upper_bound(interval, low, top) < best) continue;
      kept.push_back(interval);
      settled = settled && interval.high <= interval.low * (1 + least_interval);
    }
    if (kept.empty() || kept.size() > most_intervals) return {};
    if (settled) {
      const auto [low, top] = std::ranges::minmax_element(kept, {}, &Interval::low);
      return Interval{low->low, top->high};
    }
    open.clear();
    for (const auto& [low, top] : kept) {
      const double middle = 0.5 * (low + top);
      open.push_back({low, middle});
      open.push_back({middle, top});
    }
  }
}

/// As the scale falls through the range, weights move up a level, each at a scale of its own.
struct Move {
  double scale;
  double product, square;
};

std::optional<double> best_real(Bins& bins, const CheckedBlock& block, const Folded& folded,
                                const Pattern& pattern, Side side) {
  const auto range = scales_in_question(folded, pattern);
  if (!range) return {};
  std::vector<Reach> doubtful;
  double below = 0;
  for (const double magnitude : pattern.magnitudes) {
    const double per_scale = (below + magnitude) / 2;
    // Edges of bins are known but for roundings: one more to each side.
    const auto first = folded.distance_of(range->low * per_scale),
               last = folded.distance_of(range->high * per_scale);
    doubtful.push_back(
        {first - std::min<std::size_t>(first, 1), std::min(last + 1, Bins::half - 1)});
    below = magnitude;
  }
  const auto weights = resolve(bins, block, side, doubtful);
  double product = 0, square = 0;
  std::vector<Move> moves;
  below = 0;
  for (std::size_t j = 0; j < doubtful.size(); ++j) {
    const double magnitude = pattern.magnitudes[j], per_scale = (below + magnitude) / 2;
    const double rise = magnitude - below, square_rise = magnitude * magnitude - below * below;
    product += rise * folded.moment(doubtful[j].last + 1);
    square += square_rise * folded.importance(doubtful[j].last + 1);
    for (std::size_t i = 0; i < weights.weights.size(); ++i) {
      const auto bin = bins.bin_of(weights.weights[i]) - Bins::half;
      if (bin < doubtful[j].first || bin > doubtful[j].last) continue;
      const double weight = weights.weights[i], importance = weights.importance[i];
      const double scale = weight / per_scale;
      if (scale >= range->high) {
        product += rise * importance * weight;
        square += square_rise * importance;
      } else if (scale >= range->low) {
        moves.push_back({scale, rise * importance * weight, square_rise * importance});
      }
    }
    below = magnitude;
  }
  std::stable_sort(moves.begin(), moves.end(),
                   [](const Move& a, const Move& b) { return a.scale > b.scale; });
  double most = square > 0 ? product * product / square : 0,
         best = square > 0 ? product / square : 0;
  for (const auto& move : moves) {
    product += move.product;
    square += move.square;
    if (product * product > most * square) {
      most = product * product / square;
      best = product / square;
    }
  }
  return best;
}

std::optional<double> best_power_of_bins(const Folded& folded, const Pattern& pattern) {
  double best = 0, most = 0, doubt = 0, second = 0;
  for (double scale = highest_power(folded.largest(), pattern);
       scale > 0 && 2 * scale * folded.moment(0) >= most; scale /= 2) {
    const auto gain = folded.gain(pattern, scale);
    const double here = gain.at(scale);
    if (here > most) {
      second = std::max(second, most + doubt);
      most = here;
      doubt = gain.doubt;
      best = scale;
    } else {
      second = std::max(second, here + gain.doubt);
    }
  }
  // Sums of bins are good to some seven digits.
  if (!(most > second + 1e-6 * most)) return {};
  return best;
}

}  // namespace

void count_uppers(Bins& bins, std::span<const float> uppers, std::span<const float> weights) {
  // Bins rise with the weights, so that few hold weights on both sides of an upper.
  struct Counts {
    Index least = 0, most = 0;
  };
  std::vector<Counts> counts(Bins::count);
  std::vector<Index> at(Bins::count);
  for (const float upper : uppers) ++at[bins.bin_of(upper)];
  Index passed = 0;
  for (std::size_t bin = 0; bin < Bins::count; ++bin) {
    counts[bin].least = passed;
    passed = static_cast<Index>(passed + at[bin]);
    counts[bin].most = passed;
  }
  auto& ids = bins.ids();
  for (std::size_t i = 0; i < ids.size(); ++i) {
    auto [index, most] = counts[ids[i]];
    while (index < most && uppers[index] < weights[i]) ++index;
    ids[i] = index;
  }
}

std::optional<double> binned_scale(Bins& bins, const CheckedBlock& block, const Pattern& pattern,
                                   Side side, bool power_of_two) {
  const Folded folded(bins, block, side);
  if (folded.largest() == 0) return 0;
  if (folded.many_far() || bins.mean_units() < least_mean) return {};
  if (!pattern.zero && !power_of_two) return folded.moment(0) / folded.importance(0);
  if (!pattern.zero) return power_of_codes({folded.moment(0), folded.importance(0), 0});
  return power_of_two ? best_power_of_bins(folded, pattern)
                      : best_real(bins, block, folded, pattern, side);
}

}  // namespace laconic
