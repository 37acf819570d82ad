#include "entropy/rans_core.h"

#include <algorithm>
#include <memory>

namespace laconic {
namespace {

constexpr std::uint32_t lower = 1 << 16;

std::uint32_t first_state(std::size_t lanes) {
  return lanes == 1 ? 1 : lower;
}

std::vector<RansSlot> slots_of(const Frequencies& frequencies) {
  std::vector<RansSlot> slots;
  slots.reserve(std::size_t{1} << frequencies.precision);
  for (std::size_t s = 0; s < frequencies.of.size(); ++s) {
    const auto frequency = static_cast<std::uint16_t>(frequencies.of[s]);
    for (std::uint16_t place = 0; place < frequency; ++place) {
      slots.push_back({static_cast<std::uint16_t>(s), frequency, place});
    }
  }
  return slots;
}

/// The slots in the form of RansLoops.
std::vector<std::uint32_t> packed(std::span<const RansSlot> slots) {
  std::vector<std::uint32_t> out(slots.size());
  std::transform(slots.begin(), slots.end(), out.begin(), [](const RansSlot& slot) {
    return slot.symbol | std::uint32_t{slot.frequency} << 8 | std::uint32_t{slot.place} << 20;
  });
  return out;
}

std::uint32_t word_at(const unsigned char* next) {
  return next[0] | std::uint32_t{next[1]} << 8;
}

template <std::size_t lanes>
void encode(std::span<const Index> indices, std::span<const std::uint32_t> ranges, int precision,
            std::uint32_t* states, std::uint16_t*& next) {
  for (std::size_t i = indices.size(); i-- > 0;) {
    const std::uint32_t range = ranges[indices[i]];
    const std::uint32_t frequency = range & 0xffff;
    std::uint32_t x = states[i % lanes];
    if (x >> (32 - precision) >= frequency) {
      *--next = static_cast<std::uint16_t>(x);
      x >>= 16;
    }
    states[i % lanes] = (x / frequency << precision) + x % frequency + (range >> 16);
  }
}

struct Cursor {
  const unsigned char* next;
  const unsigned char* end;
  [[nodiscard]] std::size_t words() const { return static_cast<std::size_t>(end - next) / 2; }
};

/// Whether there were enough words. A lone state may end below the lower bound.
template <std::size_t lanes>
bool decode(std::span<const RansSlot> slots, int precision, std::uint32_t* states, Cursor& from,
            std::span<Index> indices) {
  const auto step = [&](std::uint32_t& x, Index& index) {
    const RansSlot slot = slots[x & ((1u << precision) - 1)];
    index = slot.symbol;
    x = slot.frequency * (x >> precision) + slot.place;
  };
  std::size_t i = 0;
  for (; indices.size() - i >= lanes && from.words() >= lanes; i += lanes) {
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      std::uint32_t x = states[lane];
      step(x, indices[i + lane]);
      const bool low = x < lower;  // Rarely predictable: no branch.
      states[lane] = low ? x << 16 | word_at(from.next) : x;
      from.next += low ? 2 : 0;
    }
  }
  for (; i < indices.size(); ++i) {
    std::uint32_t& x = states[i % lanes];
    step(x, indices[i]);
    if (x >= lower) continue;
    if (from.words() > 0) {
      x = x << 16 | word_at(from.next);
      from.next += 2;
    } else if (lanes > 1) {
      return false;
    }
  }
  return true;
}

}  // namespace

RansStream rans_encode(std::span<const Index> indices, const Frequencies& frequencies, int lanes,
                       const RansLoops& loops) {
  std::vector<std::uint32_t> ranges(frequencies.of.size());
  std::uint32_t start = 0;
  for (std::size_t s = 0; s < ranges.size(); ++s) {
    ranges[s] = frequencies.of[s] | start << 16;
    start += frequencies.of[s];
  }
  const int precision = frequencies.precision;
  RansStream out{
      std::vector(static_cast<std::size_t>(lanes), first_state(static_cast<std::size_t>(lanes)))};
  // At most a word an index. Not initialised: most of it is never touched.
  const auto buffer = std::make_unique_for_overwrite<std::uint16_t[]>(indices.size());
  std::uint16_t* const end = buffer.get() + indices.size();
  std::uint16_t* next = end;
  std::uint32_t* states = out.states.data();
  if (lanes == 1) {
    encode<1>(indices, ranges, precision, states, next);
  } else if (lanes == 4) {
    encode<4>(indices, ranges, precision, states, next);
  } else {
    std::size_t groups = 0;
    if (loops.encode != nullptr && precision >= rans_vector_precision) {
      groups = indices.size() / rans_lanes;
    }
    encode<rans_lanes>(indices.subspan(groups * rans_lanes), ranges, precision, states, next);
    if (groups > 0) loops.encode(ranges.data(), precision, states, &next, indices.data(), groups);
  }
  out.words.assign(next, end);
  return out;
}

RansDecoder::RansDecoder(std::vector<std::uint32_t> states, const Frequencies& frequencies,
                         const RansLoops& loops)
    : states_(std::move(states)),
      precision_(frequencies.precision),
      slots_(slots_of(frequencies)),
      loops_(loops) {
  const bool fits = states_.size() == rans_lanes && precision_ == rans_vector_precision &&
                    frequencies.of.size() <= rans_vector_symbols;
  if (loops.decode != nullptr && fits) packed_ = packed(slots_);
}

std::optional<std::size_t> RansDecoder::decode(std::span<const std::byte> words,
                                               std::span<Index> indices) {
  const auto* begin = reinterpret_cast<const unsigned char*>(words.data());
  Cursor from{begin, begin + words.size()};
  bool enough = false;
  if (states_.size() == 1) {
    enough = laconic::decode<1>(slots_, precision_, states_.data(), from, indices);
  } else if (states_.size() == 4) {
    enough = laconic::decode<4>(slots_, precision_, states_.data(), from, indices);
  } else {
    if (!packed_.empty()) {
      const std::size_t groups = loops_.decode(packed_.data(), states_.data(), &from.next, from.end,
                                               indices.data(), indices.size() / rans_lanes);
      indices = indices.subspan(groups * rans_lanes);
    }
    enough = laconic::decode<rans_lanes>(slots_, precision_, states_.data(), from, indices);
  }
  if (!enough) return std::nullopt;
  return static_cast<std::size_t>(from.next - begin);
}

bool RansDecoder::at_start() const {
  const std::uint32_t first = first_state(states_.size());
  return std::all_of(states_.begin(), states_.end(), [&](auto x) { return x == first; });
}

}  // namespace laconic
