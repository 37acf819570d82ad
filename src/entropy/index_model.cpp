#include "entropy/index_model.h"

#include <cstdlib>

namespace laconic {
namespace {

/// How many observations a prior counts for.
constexpr std::uint32_t prior_count = 8;

/// What values are rounded to: integers, or the even or odd set of the trellis.
enum class Numbers { integers, even_set, odd_set };

/// What a context's counters start from: values that follow a logistic distribution, rounded to
/// numbers. `mean` and `scale` are in 1/256ths.
class RoundedLogistic {
 public:
  RoundedLogistic(std::int64_t mean, std::int64_t scale, Numbers numbers)
      : mean_(mean), scale_(scale), numbers_(numbers) {}

  [[nodiscard]] std::int64_t positive() const { return logistic::squash(log_odds(1, false)); }
  [[nodiscard]] std::int64_t negative() const { return logistic::squash(log_odds(1, true)); }

  /// P(|number| >= next) / P(|number| >= reached) among numbers of one sign.
  [[nodiscard]] Counter step(int reached, int next, bool negative) const {
    // Ratios of small tails hardly depend on where they begin, but lose all their digits.
    constexpr std::int64_t smallest = -1024;
    const std::int64_t from = log_odds(reached, negative);
    const std::int64_t to = log_odds(next, negative) - std::min<std::int64_t>(from - smallest, 0);
    return counter(logistic::squash(to), logistic::squash(std::max(from, smallest)));
  }

  static Counter counter(std::int64_t part, std::int64_t whole) {
    const std::int64_t probability = 65'536 * part / whole;
    return {static_cast<std::uint32_t>(std::clamp<std::int64_t>(probability, 64, 65'472)),
            prior_count};
  }

 private:
  /// Quantizers that weigh rate keep a little more than half a step around zero for zero.
  static constexpr std::int64_t dead_zone = 13;

  /// Half way to the number before.
  [[nodiscard]] std::int64_t border(std::int64_t magnitude) const {
    if (numbers_ == Numbers::integers) return 256 * magnitude - 128;
    if (numbers_ == Numbers::even_set) return 512 * magnitude - 256;
    return magnitude == 1 ? 128 : 512 * (magnitude - 1);
  }

  /// Of |number| >= magnitude on the side of that sign.
  [[nodiscard]] std::int64_t log_odds(std::int64_t magnitude, bool negative) const {
    const std::int64_t bound = border(magnitude) + (magnitude == 1 ? dead_zone : 0);
    return ((negative ? -mean_ : mean_) - bound) * 256 / scale_;
  }

  std::int64_t mean_, scale_;
  Numbers numbers_;
};

/// Middle of a scale class, in 1/256ths.
std::int64_t scale_of(std::uint32_t scale_class) {
  constexpr std::array<std::int64_t, 4> quarters{256, 304, 362, 431};
  const auto octaves =
      static_cast<int>((scale_class + 3) / 4) - (Neighbourhood::unit_scale + 3) / 4;
  const std::int64_t mantissa = quarters[(scale_class + 3) % 4];
  return octaves >= 0 ? mantissa << octaves : mantissa >> -octaves;
}

/// From the mean absolute residual to the scale of the distribution, with the rounding's own.
std::int64_t spread_to_scale(std::int64_t spread) {
  return 10 * spread / 16 + 5;
}

}  // namespace

struct IndexModel::Priors {
  std::array<std::vector<Counter>, Mixer::inputs> counters;

  explicit Priors(std::span<const Numbers> sets) : sets_(sets) {
    constexpr std::array<std::int64_t, Neighbourhood::expectations> means{5,   26,  56,  102,
                                                                          166, 256, 410, 640};
    for (const auto mean : means) {
      for (std::uint32_t scale = 0; scale < Neighbourhood::scales; ++scale) {
        append(0, mean, spread_to_scale(scale_of(scale)));
      }
    }
    constexpr int side = Neighbourhood::max_adjacent;
    for (std::uint32_t known = 0; known < Neighbourhood::borders; ++known) {
      for (int left = -side; left <= side; ++left) {
        for (int above = -side; above <= side; ++above) {
          const std::int64_t mean = (known == 3 ? 77 : 102) * (left + above);
          const std::int64_t spread = 150 + 60 * (std::abs(left) + std::abs(above));
          append(1, mean, spread_to_scale(spread));
        }
      }
    }
    for (std::uint32_t scale = 0; scale < Neighbourhood::scales; ++scale) {
      append(2, 0, spread_to_scale(scale_of(scale)));
    }
  }

 private:
  void append(std::size_t input, std::int64_t mean, std::int64_t scale) {
    for (const Numbers numbers : sets_) append(counters[input], {mean, scale, numbers});
  }

  static void append(std::vector<Counter>& out, const RoundedLogistic& values) {
    const std::size_t row = out.size();
    out.resize(row + nodes);
    const std::int64_t positive = values.positive(), negative = values.negative();
    out[row + zero_node] = RoundedLogistic::counter(positive + negative, 65'536);
    out[row + sign_node] = RoundedLogistic::counter(negative, positive + negative);
    for (int found = 1; found < unary; ++found) {
      const auto node = row + 2 * static_cast<std::size_t>(found);
      out[node] = values.step(found, found + 1, false);
      out[node + 1] = values.step(found, found + 1, true);
    }
    int found = unary;
    for (std::size_t node = row + first_power_node; node < row + nodes; ++node, found *= 2) {
      out[node] = values.step(found, 2 * found, false);
    }
  }

  std::span<const Numbers> sets_;
};

const IndexModel::Priors& IndexModel::priors(bool on_trellis) {
  static constexpr std::array integers{Numbers::integers};
  static constexpr std::array trellis_sets{Numbers::even_set, Numbers::odd_set};
  static const Priors plain(integers), two_sets(trellis_sets);
  return on_trellis ? two_sets : plain;
}

IndexModel::IndexModel(const Walk& walk, int zero, int largest, bool on_trellis)
    : walk_(walk),
      zero_(zero),
      lowest_(-zero),
      highest_(largest - zero),
      on_trellis_(on_trellis),
      neighbourhood_(walk),
      counters_(priors(on_trellis).counters) {
  for (std::uint32_t set = 0; set < sets; ++set) {
    bounds_[set] =
        on_trellis ? Bounds{trellis::number(set != 0, lowest_), trellis::number(set != 0, highest_)}
                   : Bounds{lowest_, highest_};
  }
}

}  // namespace laconic
