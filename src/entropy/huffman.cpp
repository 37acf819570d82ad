// Huffman coding: a whole number of bits for each index, fewer for frequent ones.

#include <algorithm>

#include "entropy/bits.h"
#include "entropy/histogram.h"
#include "entropy/members.h"
#include "entropy/prefix_code.h"
#include "entropy/widths.h"
#include "laconic/error.h"

namespace laconic {
namespace {

class Huffman final : public Coder {
 public:
  explicit Huffman(const Options& options) : spec_(options.spec()) {}
  std::string spec() const override { return spec_; }

 private:
  std::vector<std::byte> do_encode(std::span<const Index> indices,
                                   const IndexLayout& layout) const override {
    BitWriter writer;
    if (indices.empty()) return writer.finish();
    const auto lengths = prefix_lengths(histogram(indices, layout.alphabet));
    put_widths(writer, lengths);
    if (used(lengths) > 1) {
      const auto codes = prefix_codes(lengths);
      for (const Index index : indices) writer.put(codes[index], lengths[index]);
    }
    return writer.finish();
  }

  void do_decode(std::span<const std::byte> bytes, const IndexLayout& layout,
                 std::span<Index> indices) const override {
    BitReader reader(bytes);
    if (!indices.empty()) {
      std::vector<std::uint8_t> lengths(static_cast<std::size_t>(layout.alphabet));
      take_widths(reader, lengths, max_code_length, "Huffman code lengths");
      const auto shortest = std::find(lengths.begin(), lengths.end(), 1);
      if (shortest != lengths.end() && used(lengths) == 1) {
        std::fill(indices.begin(), indices.end(), static_cast<Index>(shortest - lengths.begin()));
      } else {
        const PrefixDecoder decoder(lengths);
        for (Index& index : indices) index = decoder.take(reader);
      }
    }
    if (!reader.at_end()) {
      fail(ErrorCode::corrupt_data, "Huffman codes: {} bytes do not hold {} indices", bytes.size(),
           indices.size());
    }
  }

  static std::ptrdiff_t used(std::span<const std::uint8_t> lengths) {
    return std::count_if(lengths.begin(), lengths.end(), [](auto length) { return length != 0; });
  }

  std::string spec_;
};

}  // namespace

std::unique_ptr<Coder> make_huffman(const Options& options) {
  return std::make_unique<Huffman>(options);
}

}  // namespace laconic
