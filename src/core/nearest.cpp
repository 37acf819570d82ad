#include "core/nearest.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>

namespace laconic {
namespace {

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1])});
      diagonal = above;
    }
  }
  return row[b.size()];
}

}  // namespace

std::string nearest_first(std::string_view word, std::vector<std::string_view> valid,
                          std::size_t most) {
  std::stable_sort(valid.begin(), valid.end(),
                   [&](auto a, auto b) { return edit_distance(word, a) < edit_distance(word, b); });
  const std::size_t left_out = valid.size() - std::min(valid.size(), most);
  valid.resize(valid.size() - left_out);
  return fmt::format("{}{}", fmt::join(valid, ", "),
                     left_out > 0 ? fmt::format(" and {} more", left_out) : "");
}

}  // namespace laconic
