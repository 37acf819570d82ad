#include "entropy/frequencies.h"

#include <algorithm>
#include <bit>
#include <numeric>
#include <optional>
#include <queue>
#include <utility>

#include "entropy/widths.h"
#include "laconic/error.h"

namespace laconic {
namespace {

constexpr int log_bits = 16;

/// log2 of a number from 1 to 2^16, in units of 2^-16. The standard library's may differ from
/// machine to machine in the last bit, and with it the bytes that an encoder chooses.
std::uint64_t fixed_log2(std::uint32_t value) {
  const int whole = std::bit_width(value) - 1;
  auto mantissa = std::uint64_t{value} << (31 - whole);
  auto log = static_cast<std::uint64_t>(whole);
  for (int bit = 0; bit < log_bits; ++bit) {
    mantissa = mantissa * mantissa >> 31;
    const std::uint64_t doubled = mantissa >> 32;
    mantissa >>= doubled;
    log = log << 1 | doubled;
  }
  return log;
}

/// Adds `left` in steps of one, each to the symbol whose share it serves best, or takes -`left`
/// away where that hurts least. One step from f to f + 1 is worth count * log2((f + 1) / f), which
/// is close to proportional to count / (f + 1/2).
void distribute(std::span<const std::uint64_t> counts, std::vector<std::uint32_t>& of,
                std::int64_t left) {
  const int step = left > 0 ? 1 : -1;
  std::priority_queue<std::pair<double, std::size_t>> queue;
  const auto push = [&](std::size_t s) {
    if (of[s] == 0 || (step < 0 && of[s] == 1)) return;
    queue.emplace(step * static_cast<double>(counts[s]) / (of[s] + 0.5 * step), s);
  };
  for (std::size_t s = 0; s < of.size(); ++s) push(s);
  for (; left != 0; left -= step) {
    const std::size_t s = queue.top().second;
    queue.pop();
    of[s] += static_cast<std::uint32_t>(step);
    push(s);
  }
}

std::vector<std::uint8_t> widths_of(std::span<const std::uint32_t> of) {
  std::vector<std::uint8_t> widths(of.size());
  std::transform(of.begin(), of.end(), widths.begin(),
                 [](auto f) { return static_cast<std::uint8_t>(std::bit_width(f)); });
  return widths;
}

}  // namespace

Frequencies scale_counts(std::span<const std::uint64_t> counts, int precision) {
  Frequencies out{precision, std::vector<std::uint32_t>(counts.size())};
  const auto total = std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
  auto left = std::int64_t{1} << precision;
  for (std::size_t s = 0; s < counts.size(); ++s) {
    if (counts[s] == 0) continue;
    out.of[s] =
        std::max(std::uint32_t{1}, static_cast<std::uint32_t>((counts[s] << precision) / total));
    left -= out.of[s];
  }
  distribute(counts, out.of, left);
  return out;
}

std::uint64_t cost_in_bits(std::span<const std::uint64_t> counts, const Frequencies& frequencies) {
  std::uint64_t cost = 0;
  const auto whole = static_cast<std::uint64_t>(frequencies.precision) << log_bits;
  for (std::size_t s = 0; s < counts.size(); ++s) {
    if (counts[s] != 0) cost += counts[s] * (whole - fixed_log2(frequencies.of[s]));
  }
  return cost >> log_bits;
}

Frequencies best_frequencies(std::span<const std::uint64_t> counts, int least, int most) {
  const auto used =
      std::count_if(counts.begin(), counts.end(), [](auto count) { return count != 0; });
  if (used == 1) return scale_counts(counts, 0);
  const int needed = std::bit_width(static_cast<std::uint64_t>(used - 1));
  const int first = std::max(needed, least);
  std::optional<Frequencies> best;
  std::uint64_t best_bits = 0;
  for (int precision = first; precision <= std::max(first, most); ++precision) {
    auto tried = scale_counts(counts, precision);
    BitWriter table;
    put_frequencies(table, tried);
    const std::uint64_t bits = cost_in_bits(counts, tried) + 8 * table.finish().size();
    if (best && bits >= best_bits) continue;
    best = std::move(tried);
    best_bits = bits;
  }
  return *best;
}

void put_frequencies(BitWriter& writer, const Frequencies& frequencies) {
  const auto widths = widths_of(frequencies.of);
  writer.put(static_cast<std::uint32_t>(frequencies.precision), 5);
  put_widths(writer, widths);
  const auto implied = std::max_element(widths.begin(), widths.end()) - widths.begin();
  for (std::size_t s = 0; s < widths.size(); ++s) {
    if (widths[s] < 2 || std::cmp_equal(s, implied)) continue;
    writer.put(frequencies.of[s] - (1u << (widths[s] - 1)), widths[s] - 1);
  }
}

Frequencies take_frequencies(BitReader& reader, std::int64_t alphabet) {
  Frequencies out{static_cast<int>(reader.take(5)), {}};
  if (out.precision > max_precision) {
    fail(ErrorCode::corrupt_data, "rANS frequencies: precision {} where at most {} is allowed",
         out.precision, max_precision);
  }
  std::vector<std::uint8_t> widths(static_cast<std::size_t>(alphabet));
  take_widths(reader, widths, std::max(out.precision, 1), "rANS frequencies");
  const auto implied = std::max_element(widths.begin(), widths.end()) - widths.begin();
  out.of.resize(widths.size());
  auto left = std::int64_t{1} << out.precision;
  for (std::size_t s = 0; s < widths.size(); ++s) {
    if (widths[s] == 0 || std::cmp_equal(s, implied)) continue;
    out.of[s] = (1u << (widths[s] - 1)) + reader.take(widths[s] - 1);
    left -= out.of[s];
  }
  const auto s = static_cast<std::size_t>(implied);
  if (left < 1 || std::bit_width(static_cast<std::uint64_t>(left)) != widths[s]) {
    fail(ErrorCode::corrupt_data, "rANS frequencies: they do not add up to 2^{}", out.precision);
  }
  out.of[s] = static_cast<std::uint32_t>(left);
  return out;
}

}  // namespace laconic
