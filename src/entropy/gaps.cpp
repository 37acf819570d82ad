// Positions of the indices that are not zero, as gaps from one to the next, and then their values:
// the pruned form of Deep Compression, and the baseline that contexts have to beat.

#include <algorithm>
#include <bit>

#include "entropy/members.h"
#include "entropy/varint.h"
#include "laconic/error.h"

namespace laconic {
namespace {

constexpr int largest_bits = 15;
constexpr int bits_in_header = 4;

/// What is left out: the index of zero, or 0 where there is none.
Index left_out(const IndexLayout& layout) {
  return static_cast<Index>(std::max(layout.zero, std::int64_t{0}));
}

IndexLayout line(std::size_t count, std::int64_t alphabet) {
  return {{static_cast<std::int64_t>(count)}, alphabet, -1};
}

/// The indices without the one that is left out. At least one, for an alphabet of zeros alone.
std::int64_t value_alphabet(const IndexLayout& layout) {
  return std::max(layout.alphabet - 1, std::int64_t{1});
}

/// Bits of gaps to try: a cap of three to six mean gaps, and lower ones with smaller tables. Gaps
/// of a random mask are geometric, so what is left after a filler is distributed as any gap, and
/// with fractions of bits a low cap costs nothing else.
std::vector<int> bits_to_try(std::size_t count, std::size_t survivors) {
  const int most =
      std::min(static_cast<int>(std::bit_width(3 * (count / survivors))), largest_bits);
  std::vector<int> out{most};
  while (out.back() > 4 && out.size() < 4) out.push_back(out.back() - 2);
  return out;
}

/// Before each survivor as many fillers, 2^bits - 1, as fit into its gap, and what is left of it.
std::vector<Index> gaps_of(std::span<const Index> indices, Index zero, std::size_t survivors,
                           int bits) {
  const std::size_t filler = (std::size_t{1} << bits) - 1;
  std::vector<Index> gaps;
  gaps.reserve(survivors + (indices.size() - survivors) / filler);
  std::size_t gap = 0;
  for (const Index index : indices) {
    if (index == zero) {
      ++gap;
      continue;
    }
    gaps.insert(gaps.end(), gap / filler, static_cast<Index>(filler));
    gaps.push_back(static_cast<Index>(gap % filler));
    gap = 0;
  }
  return gaps;
}

class Gaps final : public Coder {
 public:
  explicit Gaps(const Options& options)
      : spec_(options.spec()),
        huffman_(options.text("code") == "huffman"),
        bits_(static_cast<int>(options.integer("bits"))) {}
  std::string spec() const override { return spec_; }

 private:
  std::vector<std::byte> do_encode(std::span<const Index> indices,
                                   const IndexLayout& layout) const override {
    const Index zero = left_out(layout);
    const auto zeros = static_cast<std::size_t>(std::count(indices.begin(), indices.end(), zero));
    if (zeros == indices.size()) return {};
    const std::size_t survivors = indices.size() - zeros;
    const auto coder = part_coder(huffman_);
    std::vector<std::byte> bytes;
    const auto tries = bits_ > 0 ? std::vector{bits_} : bits_to_try(indices.size(), survivors);
    for (const int bits : tries) {
      const auto gaps = gaps_of(indices, zero, survivors, bits);
      const auto coded = coder->encode(gaps, line(gaps.size(), std::int64_t{1} << bits));
      std::vector<std::byte> tried{static_cast<std::byte>(bits | int{huffman_} << bits_in_header)};
      put_varint(tried, gaps.size());
      put_varint(tried, coded.size());
      tried.insert(tried.end(), coded.begin(), coded.end());
      if (bytes.empty() || tried.size() < bytes.size()) bytes = std::move(tried);
    }
    std::vector<Index> values;
    values.reserve(survivors);
    for (const Index index : indices) {
      if (index != zero) values.push_back(static_cast<Index>(index > zero ? index - 1 : index));
    }
    const auto coded = coder->encode(values, line(values.size(), value_alphabet(layout)));
    bytes.insert(bytes.end(), coded.begin(), coded.end());
    return bytes;
  }

  void do_decode(std::span<const std::byte> bytes, const IndexLayout& layout,
                 std::span<Index> indices) const override {
    const Index zero = left_out(layout);
    std::fill(indices.begin(), indices.end(), zero);
    if (bytes.empty()) return;
    const auto header = std::to_integer<unsigned>(bytes.front());
    const unsigned bits = header & largest_bits;
    if (bits == 0 || header >> (bits_in_header + 1) != 0) {
      fail(ErrorCode::corrupt_data, "gaps: a first byte of {}, which names no form", header);
    }
    auto rest = bytes.subspan(1);
    // Each gap stands for an index at least, so there are no more of them, and no more memory.
    const auto count = take_varint(rest, indices.size(), "number of gaps");
    const auto size = take_varint(rest, rest.size(), "size of the gaps");
    if (size > rest.size()) fail(ErrorCode::corrupt_data, "gaps: they are cut off");

    const std::size_t filler = (std::size_t{1} << bits) - 1;
    std::vector<Index> gaps(count);
    const auto coder = part_coder(header >> bits_in_header != 0);
    coder->decode(rest.first(size), line(count, static_cast<std::int64_t>(filler) + 1), gaps);
    const auto fillers =
        static_cast<std::size_t>(std::count(gaps.begin(), gaps.end(), static_cast<Index>(filler)));
    if (gaps.empty() || gaps.back() == filler || layout.alphabet < 2) {
      fail(ErrorCode::corrupt_data, "gaps: {} of them, of which the last leads nowhere", count);
    }
    std::vector<Index> values(count - fillers);
    coder->decode(rest.subspan(size), line(values.size(), value_alphabet(layout)), values);
    place(gaps, values, filler, zero, indices);
  }

  static void place(std::span<const Index> gaps, std::span<const Index> values, std::size_t filler,
                    Index zero, std::span<Index> indices) {
    std::size_t at = 0;
    auto value = values.begin();
    for (const Index gap : gaps) {
      at += gap;
      if (gap == filler) continue;
      if (at >= indices.size()) {
        fail(ErrorCode::corrupt_data, "gaps: they lead to index {} of {}", at, indices.size());
      }
      indices[at++] = static_cast<Index>(*value >= zero ? *value + 1 : *value);
      ++value;
    }
  }

  static std::unique_ptr<Coder> part_coder(bool huffman) {
    return make_coder(huffman ? "huffman" : "rans");
  }

  std::string spec_;
  bool huffman_;
  int bits_;  ///< Of a gap; 0: what takes fewest bytes.
};

}  // namespace

std::unique_ptr<Coder> make_gaps(const Options& options) {
  return std::make_unique<Gaps>(options);
}

}  // namespace laconic
