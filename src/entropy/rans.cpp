// Range asymmetric numeral systems with one table of frequencies for the tensor.

#include <algorithm>
#include <array>

#include "entropy/bits.h"
#include "entropy/frequencies.h"
#include "entropy/histogram.h"
#include "entropy/members.h"
#include "entropy/rans_core.h"
#include "laconic/error.h"

namespace laconic {
namespace {

/// Lanes by their number in the payload, and how many bits of words make them worth their states:
/// each wastes about 16 bits, so a tensor pays a thousandth at most for faster decoding.
struct LaneChoice {
  int lanes;
  std::uint64_t least_bits;
};
constexpr std::array lane_choices{LaneChoice{1, 0}, LaneChoice{4, 4 * 16'000},
                                  LaneChoice{rans_lanes, rans_lanes * 16'000}};
constexpr int lane_bits = 2;

/// More would make the tables of small tensors slow to build and save them nothing.
constexpr int most_precision = 14;

/// How many bytes the lone state takes: as many as it needs, and no first word follows a short one,
/// so the length says which they are.
std::size_t lone_state_bytes(std::size_t left) {
  return left <= 4 ? left : 4 - left % 2;
}

class Rans final : public Coder {
 public:
  explicit Rans(const Options& options) : spec_(options.spec()) {}
  std::string spec() const override { return spec_; }

 private:
  std::vector<std::byte> do_encode(std::span<const Index> indices,
                                   const IndexLayout& layout) const override {
    if (indices.empty()) return {};
    const auto counts = histogram(indices, layout.alphabet);
    auto frequencies = best_frequencies(counts, 1, most_precision);
    const std::uint64_t bits = cost_in_bits(counts, frequencies);
    std::size_t choice = lane_choices.size() - 1;
    while (bits < lane_choices[choice].least_bits) --choice;
    const int lanes = lane_choices[choice].lanes;
    if (lanes == rans_lanes) {
      const bool few = layout.alphabet <= rans_vector_symbols;
      frequencies = best_frequencies(counts, rans_vector_precision,
                                     few ? rans_vector_precision : max_precision);
    }

    BitWriter writer;
    put_frequencies(writer, frequencies);
    if (frequencies.precision == 0) return writer.finish();
    writer.put(static_cast<std::uint32_t>(choice), lane_bits);
    auto bytes = writer.finish();
    const auto stream = rans_encode(indices, frequencies, lanes, rans_loops().front());
    bytes.reserve(bytes.size() + 4 * stream.states.size() + 2 * stream.words.size());
    for (std::uint32_t x : stream.states) {
      for (int i = 0; i < 4 && (x != 0 || lanes > 1); ++i, x >>= 8) {
        bytes.push_back(static_cast<std::byte>(x));
      }
    }
    const std::size_t begin = bytes.size();
    bytes.resize(begin + 2 * stream.words.size());
    for (std::size_t i = 0; i < stream.words.size(); ++i) {
      bytes[begin + 2 * i] = static_cast<std::byte>(stream.words[i]);
      bytes[begin + 2 * i + 1] = static_cast<std::byte>(stream.words[i] >> 8);
    }
    return bytes;
  }

  void do_decode(std::span<const std::byte> bytes, const IndexLayout& layout,
                 std::span<Index> indices) const override {
    BitReader reader(bytes);
    if (!indices.empty()) {
      const auto frequencies = take_frequencies(reader, layout.alphabet);
      if (frequencies.precision > 0) {
        const std::uint32_t choice = reader.take(lane_bits);
        decode_stream(bytes.subspan(end_of_table(reader)), choice, frequencies, indices);
        return;
      }
      const auto alone = std::find(frequencies.of.begin(), frequencies.of.end(), 1);
      std::fill(indices.begin(), indices.end(), static_cast<Index>(alone - frequencies.of.begin()));
    }
    if (!reader.at_end()) {
      fail(ErrorCode::corrupt_data, "rANS: {} bytes where one symbol, or none, needs fewer",
           bytes.size());
    }
  }

  static std::size_t end_of_table(const BitReader& reader) {
    const auto end = reader.end_of_byte();
    if (!end) fail(ErrorCode::corrupt_data, "rANS: the table of frequencies is cut off");
    return *end;
  }

  static void decode_stream(std::span<const std::byte> bytes, std::uint32_t choice,
                            const Frequencies& frequencies, std::span<Index> indices) {
    if (choice >= lane_choices.size()) {
      fail(ErrorCode::corrupt_data, "rANS: lanes by number {}, which there is not", choice);
    }
    const auto lanes = static_cast<std::size_t>(lane_choices[choice].lanes);
    const std::size_t state_bytes = lanes == 1 ? lone_state_bytes(bytes.size()) : 4;
    if (bytes.size() < lanes * state_bytes) {
      fail(ErrorCode::corrupt_data, "rANS: {} bytes do not hold {} states", bytes.size(), lanes);
    }
    std::vector<std::uint32_t> states(lanes);
    for (std::size_t i = 0; i < lanes * state_bytes; ++i) {
      states[i / state_bytes] |= std::to_integer<std::uint32_t>(bytes[i]) << 8 * (i % state_bytes);
    }
    const bool shortest = lanes > 1 || (state_bytes > 0 && states[0] >> 8 * (state_bytes - 1) != 0);
    const auto words = bytes.subspan(lanes * state_bytes);
    if (!shortest || !rans_decode(states, words, frequencies, indices, rans_loops().front())) {
      fail(ErrorCode::corrupt_data, "rANS: {} bytes do not hold {} indices", bytes.size(),
           indices.size());
    }
  }

  std::string spec_;
};

}  // namespace

std::unique_ptr<Coder> make_rans(const Options& options) {
  return std::make_unique<Rans>(options);
}

}  // namespace laconic
