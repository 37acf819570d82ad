// Fixed-length indices: as many bits for each as the alphabet asks for. The family's baseline.

#include <algorithm>
#include <bit>

#include "core/byte_window.h"
#include "entropy/bits.h"
#include "entropy/members.h"
#include "laconic/error.h"

namespace laconic {
namespace {

int index_bits(const IndexLayout& layout) {
  return std::bit_width(static_cast<std::uint64_t>(layout.alphabet - 1));
}

class RawReader final : public IndexStream {
 public:
  RawReader(ByteWindow& bytes, const IndexLayout& layout, std::size_t count)
      : bytes_(bytes), alphabet_(layout.alphabet), bits_(index_bits(layout)), left_(count) {
    const std::uint64_t size = bytes.left();
    if (size != (count * static_cast<std::uint64_t>(bits_) + 7) / 8) {
      fail(ErrorCode::corrupt_data, "raw indices: {} bytes do not hold {} indices of {} bits", size,
           count, bits_);
    }
  }

  void read(std::span<Index> next) override {
    while (!next.empty()) {
      const std::size_t count = std::min(next.size(), most_at_once);
      take(next.first(count));
      next = next.subspan(count);
      left_ -= count;
    }
    if (left_ > 0 || bits_before_ == 0) return;
    if (std::to_integer<unsigned>(bytes_.ahead(1)[0]) >> bits_before_ != 0) {
      fail(ErrorCode::corrupt_data, "raw indices: the last byte is not filled up with zeros");
    }
  }

 private:
  static constexpr std::size_t most_at_once = 32 * 1024;

  /// An index lies within three bytes.
  void take(std::span<Index> next) {
    const auto mask = static_cast<std::uint32_t>((1u << bits_) - 1);
    const auto bits = static_cast<std::size_t>(bits_);
    std::size_t at = bits_before_;
    const auto bytes = bytes_.ahead((at + next.size() * bits + 7) / 8);
    const auto byte = [&](std::size_t i) { return std::to_integer<std::uint32_t>(bytes[i]); };
    const std::size_t end = bytes.size();
    Index largest = 0;
    for (Index& index : next) {
      const std::size_t first = at / 8;
      std::uint32_t three = 0;
      if (first + 2 < end) {
        three = byte(first) | byte(first + 1) << 8 | byte(first + 2) << 16;
      } else {
        for (std::size_t i = end; i > first; --i) three = three << 8 | byte(i - 1);
      }
      index = static_cast<Index>(three >> at % 8 & mask);
      largest = std::max(largest, index);
      at += bits;
    }
    if (largest >= alphabet_) {
      fail(ErrorCode::corrupt_data, "raw indices: index {} is not below {}", largest, alphabet_);
    }
    bytes_.skip(at / 8);
    bits_before_ = at % 8;
  }

  ByteWindow& bytes_;
  std::int64_t alphabet_;
  int bits_;
  std::size_t left_;
  std::size_t bits_before_ = 0;  ///< Those of the next byte that are taken already.
};

class Raw final : public Coder {
 public:
  explicit Raw(const Options& options) : spec_(options.spec()) {}
  std::string spec() const override { return spec_; }

 private:
  std::vector<std::byte> do_encode(std::span<const Index> indices,
                                   const IndexLayout& layout) const override {
    const int bits = index_bits(layout);
    BitWriter writer;
    for (const Index index : indices) writer.put(index, bits);
    return writer.finish();
  }

  void do_decode(std::span<const std::byte> bytes, const IndexLayout& layout,
                 std::span<Index> indices) const override {
    ByteWindow window(bytes);
    RawReader(window, layout, indices.size()).read(indices);
  }

  std::unique_ptr<IndexStream> do_stream(ByteWindow& bytes,
                                         const IndexLayout& layout) const override {
    const auto count = static_cast<std::size_t>(element_count(layout.shape));
    return std::make_unique<RawReader>(bytes, layout, count);
  }

  std::string spec_;
};

}  // namespace

std::unique_ptr<Coder> make_raw(const Options& options) {
  return std::make_unique<Raw>(options);
}

}  // namespace laconic
