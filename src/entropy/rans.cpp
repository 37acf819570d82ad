// Range asymmetric numeral systems with one table of frequencies for the tensor.

#include <algorithm>
#include <array>
#include <optional>

#include "core/byte_window.h"
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

/// Reads a payload from its table of frequencies to its last word.
class RansReader final : public IndexStream {
 public:
  RansReader(ByteWindow& bytes, std::int64_t alphabet, std::size_t count)
      : bytes_(bytes), size_(bytes.left()), count_(count), left_(count) {
    if (count == 0) {
      check_end(bytes.left() == 0);
      return;
    }
    // No symbol takes 32 bits of the table.
    BitReader reader(bytes.ahead(64 + 4 * static_cast<std::size_t>(alphabet)));
    const auto frequencies = take_frequencies(reader, alphabet);
    if (frequencies.precision > 0) {
      const std::uint32_t choice = reader.take(lane_bits);
      bytes.skip(end_of_table(reader));
      start(choice, frequencies);
      return;
    }
    const auto alone = std::find(frequencies.of.begin(), frequencies.of.end(), 1);
    alone_ = static_cast<Index>(alone - frequencies.of.begin());
    check_end(reader.at_end() && bytes.ahead(0).size() == bytes.left());
  }

  void read(std::span<Index> next) override {
    if (!decoder_) {
      std::ranges::fill(next, alone_);
      return;
    }
    const std::size_t kept = std::min(next.size(), kept_.size());
    std::copy_n(kept_.begin(), kept, next.begin());
    kept_ = kept_.subspan(kept);
    next = next.subspan(kept);
    const std::size_t whole = next.size() == left_ ? left_ : next.size() / lanes_ * lanes_;
    decode(next.first(whole));
    next = next.subspan(whole);
    if (next.empty()) return;
    const auto group = std::span(group_).first(std::min(lanes_, left_));
    decode(group);
    std::copy_n(group.begin(), next.size(), next.begin());
    kept_ = group.subspan(next.size());
  }

 private:
  void check_end(bool ended) const {
    if (ended) return;
    fail(ErrorCode::corrupt_data, "rANS: {} bytes where one symbol, or none, needs fewer", size_);
  }

  [[noreturn]] void refuse() const {
    fail(ErrorCode::corrupt_data, "rANS: {} bytes do not hold {} indices", size_, count_);
  }

  static std::size_t end_of_table(const BitReader& reader) {
    const auto end = reader.end_of_byte();
    if (!end) fail(ErrorCode::corrupt_data, "rANS: the table of frequencies is cut off");
    return *end;
  }

  void start(std::uint32_t choice, const Frequencies& frequencies) {
    if (choice >= lane_choices.size()) {
      fail(ErrorCode::corrupt_data, "rANS: lanes by number {}, which there is not", choice);
    }
    lanes_ = static_cast<std::size_t>(lane_choices[choice].lanes);
    const std::size_t state_bytes =
        lanes_ == 1 ? lone_state_bytes(static_cast<std::size_t>(bytes_.left())) : 4;
    const auto bytes = bytes_.ahead(lanes_ * state_bytes);
    if (bytes.size() < lanes_ * state_bytes) {
      fail(ErrorCode::corrupt_data, "rANS: {} bytes do not hold {} states", size_, lanes_);
    }
    std::vector<std::uint32_t> states(lanes_);
    for (std::size_t i = 0; i < lanes_ * state_bytes; ++i) {
      states[i / state_bytes] |= std::to_integer<std::uint32_t>(bytes[i]) << 8 * (i % state_bytes);
    }
    const bool shortest =
        lanes_ > 1 || (state_bytes > 0 && states[0] >> 8 * (state_bytes - 1) != 0);
    if (!shortest) refuse();
    bytes_.skip(lanes_ * state_bytes);
    decoder_.emplace(std::move(states), frequencies, rans_loops().front());
  }

  /// Whole groups of the lanes, or all that is left.
  void decode(std::span<Index> next) {
    while (!next.empty()) {
      const auto words = bytes_.ahead(2 * std::clamp(next.size(), lanes_, most_at_once));
      const bool last = words.size() == bytes_.left();
      const std::size_t sure = words.size() / 2 / lanes_ * lanes_;
      const std::size_t count = last ? next.size() : std::min(next.size(), sure);
      const auto taken = decoder_->decode(words, next.first(count));
      if (!taken) refuse();
      bytes_.skip(*taken);
      next = next.subspan(count);
      left_ -= count;
    }
    if (left_ == 0 && (bytes_.left() > 0 || !decoder_->at_start())) refuse();
  }

  static constexpr std::size_t most_at_once = 32 * 1024;  ///< A multiple of the lanes.

  ByteWindow& bytes_;
  std::uint64_t size_;        ///< Of the payload.
  std::size_t count_, left_;  ///< Indices in all, and those not decoded.
  std::size_t lanes_ = 1;
  Index alone_ = 0;  ///< Without a decoder: all are this one.
  std::optional<RansDecoder> decoder_;
  std::array<Index, rans_lanes> group_{};
  std::span<const Index> kept_;  ///< Of the group: decoded, but not asked for yet.
};

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
    ByteWindow window(bytes);
    RansReader(window, layout.alphabet, indices.size()).read(indices);
  }

  std::unique_ptr<IndexStream> do_stream(ByteWindow& bytes,
                                         const IndexLayout& layout) const override {
    const auto count = static_cast<std::size_t>(element_count(layout.shape));
    return std::make_unique<RansReader>(bytes, layout.alphabet, count);
  }

  std::string spec_;
};

}  // namespace

std::unique_ptr<Coder> make_rans(const Options& options) {
  return std::make_unique<Rans>(options);
}

}  // namespace laconic
