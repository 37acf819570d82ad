#include "kernels/code_maps.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <numeric>
#include <unordered_map>
#include <utility>

#include "laconic/threads.h"

namespace laconic {

CodeMaps::CodeMaps(std::span<const Codebook> codebooks) {
  std::unordered_map<const float*, std::uint32_t> known;
  of_block_.reserve(codebooks.size());
  for (const Codebook& codebook : codebooks) {
    const auto next = static_cast<std::uint32_t>(maps_.size());
    const auto [at, added] = known.try_emplace(codebook.levels().data(), next);
    if (added && next > 0 && *maps_.back().codebook == codebook) {
      at->second = next - 1;
    } else if (added) {
      maps_.push_back({&codebook});
    }
    of_block_.push_back(at->second);
  }
}

std::size_t CodeMaps::most_levels() const {
  std::size_t most = 0;
  for (const CodeMap& map : maps_) most = std::max(most, map.codebook->size());
  return most;
}

float CodeMaps::round() {
  parallel_for(std::ssize(maps_), [this](std::int64_t i) {
    CodeMap& map = maps_[static_cast<std::size_t>(i)];
    map.rounded = round_levels(*map.codebook);
  });
  float error = 0;
  for (const CodeMap& map : maps_) error = std::max(error, map.rounded.error);
  return error;
}

int CodeMaps::largest_multiple() const {
  int largest = 0;
  for (const CodeMap& map : maps_) {
    for (const int multiple : map.rounded.multiples)
      largest = std::max(largest, std::abs(multiple));
  }
  return largest;
}

void CodeMaps::fill(CodeMap& map, std::vector<std::uint8_t> codes) {
  const auto& multiples = map.rounded.multiples;
  map.even = true;
  map.step = multiples.size() < 2 ? 0 : multiples[1] - multiples[0];
  for (std::size_t i = 1; i < codes.size(); ++i) {
    map.even = map.even && codes[i] == static_cast<std::uint8_t>(codes[i - 1] + 1) &&
               (multiples.empty() || multiples[i] == multiples[i - 1] + map.step);
  }
  map.codes = std::move(codes);
}

void CodeMaps::number_indices() {
  for (CodeMap& map : maps_) {
    std::vector<std::uint8_t> codes(map.codebook->size());
    std::iota(codes.begin(), codes.end(), std::uint8_t{0});
    fill(map, std::move(codes));
  }
}

void CodeMaps::number_multiples() {
  for (CodeMap& map : maps_) {
    const auto& multiples = map.rounded.multiples;
    std::vector<std::uint8_t> codes(multiples.begin(), multiples.end());
    fill(map, std::move(codes));
  }
}

std::vector<std::int8_t> CodeMaps::number_common(std::size_t most) {
  std::array<bool, 256> used{};
  for (const CodeMap& map : maps_) {
    for (const std::int8_t multiple : map.rounded.multiples) {
      used[static_cast<std::size_t>(multiple + 128)] = true;
    }
  }
  std::vector<std::int8_t> table;
  std::array<std::uint8_t, 256> code{};
  for (std::size_t i = 0; i < used.size(); ++i) {
    if (!used[i]) continue;
    code[i] = static_cast<std::uint8_t>(table.size());
    table.push_back(static_cast<std::int8_t>(static_cast<int>(i) - 128));
  }
  if (table.size() > most) return {};
  for (CodeMap& map : maps_) {
    std::vector<std::uint8_t> codes;
    for (const std::int8_t multiple : map.rounded.multiples) {
      codes.push_back(code[static_cast<std::size_t>(multiple + 128)]);
    }
    fill(map, std::move(codes));
  }
  return table;
}

}  // namespace laconic
