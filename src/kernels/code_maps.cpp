#include "kernels/code_maps.h"

#include <algorithm>
#include <array>
#include <unordered_map>

#include "laconic/threads.h"

namespace laconic {

CodeMaps::CodeMaps(const QuantizedTensor& tensor) {
  std::unordered_map<const float*, std::uint32_t> known;
  of_block_.reserve(tensor.codebooks.size());
  for (const Codebook& codebook : tensor.codebooks) {
    const auto next = static_cast<std::uint32_t>(maps_.size());
    const auto [at, added] = known.try_emplace(codebook.levels().data(), next);
    if (added && next > 0 && *maps_.back().codebook == codebook) {
      at->second = next - 1;
    } else if (added) {
      maps_.push_back({&codebook, {}, {}});
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

void CodeMaps::number_indices() {
  for (CodeMap& map : maps_) {
    map.codes.resize(map.codebook->size());
    for (std::size_t i = 0; i < map.codes.size(); ++i) map.codes[i] = static_cast<std::uint8_t>(i);
  }
}

void CodeMaps::number_multiples() {
  for (CodeMap& map : maps_) {
    map.codes.clear();
    for (const std::int8_t multiple : map.rounded.multiples) {
      map.codes.push_back(static_cast<std::uint8_t>(multiple));
    }
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
    map.codes.clear();
    for (const std::int8_t multiple : map.rounded.multiples) {
      map.codes.push_back(code[static_cast<std::size_t>(multiple + 128)]);
    }
  }
  return table;
}

}  // namespace laconic
