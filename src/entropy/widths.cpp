#include "entropy/widths.h"

#include <algorithm>
#include <bit>

#include "laconic/error.h"

namespace laconic {
namespace {

constexpr std::uint32_t zeros = 3;   ///< Stands for a run of zeros.
constexpr std::uint32_t steps = 66;  ///< Above what any step from one width to another takes.

std::uint32_t from_step(int step) {
  const auto folded = static_cast<std::uint32_t>(step > 0 ? 2 * step - 1 : -2 * step);
  return folded < zeros ? folded : folded + 1;
}

int to_step(std::uint32_t symbol) {
  const auto folded = static_cast<int>(symbol < zeros ? symbol : symbol - 1);
  return folded % 2 == 1 ? (folded + 1) / 2 : -folded / 2;
}

}  // namespace

void put_gamma(BitWriter& writer, std::uint32_t value) {
  const int bits = std::bit_width(value + 1) - 1;
  writer.put(std::uint32_t{1} << bits, bits + 1);
  writer.put(value + 1 - (std::uint32_t{1} << bits), bits);
}

std::uint32_t take_gamma(BitReader& reader, std::uint32_t largest, std::string_view what) {
  const int bits = std::countr_zero(reader.peek(17) | 1u << 17);
  if (bits <= 16) {
    reader.skip(bits + 1);
    const std::uint32_t value = (1u << bits) - 1 + reader.take(bits);
    if (value <= largest) return value;
  }
  fail(ErrorCode::corrupt_data, "{}: a number above {} or cut off", what, largest);
}

void put_widths(BitWriter& writer, std::span<const std::uint8_t> widths) {
  int last = 1;
  for (std::size_t i = 0; i < widths.size();) {
    if (widths[i] != 0) {
      put_gamma(writer, from_step(widths[i] - last));
      last = widths[i++];
      continue;
    }
    const auto begin = widths.begin() + static_cast<std::ptrdiff_t>(i);
    const auto run =
        std::find_if(begin, widths.end(), [](auto width) { return width != 0; }) - begin;
    put_gamma(writer, zeros);
    put_gamma(writer, static_cast<std::uint32_t>(run - 1));
    i += static_cast<std::size_t>(run);
  }
}

void take_widths(BitReader& reader, std::span<std::uint8_t> widths, int largest,
                 std::string_view what) {
  int last = 1;
  for (std::size_t i = 0; i < widths.size();) {
    const std::uint32_t symbol = take_gamma(reader, steps, what);
    if (symbol == zeros) {
      const auto left = static_cast<std::uint32_t>(widths.size() - i);
      const auto run = std::size_t{1} + take_gamma(reader, left - 1, what);
      std::fill_n(widths.begin() + static_cast<std::ptrdiff_t>(i), run, std::uint8_t{0});
      i += run;
      continue;
    }
    last += to_step(symbol);
    if (last < 1 || last > largest) {
      fail(ErrorCode::corrupt_data, "{}: width {} is not in 1 to {}", what, last, largest);
    }
    widths[i++] = static_cast<std::uint8_t>(last);
  }
}

}  // namespace laconic
