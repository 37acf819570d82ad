// Fixed-length indices: as many bits for each as the alphabet asks for. The family's baseline.

#include <bit>

#include "entropy/bits.h"
#include "entropy/members.h"
#include "laconic/error.h"

namespace laconic {
namespace {

int index_bits(const IndexLayout& layout) {
  return std::bit_width(static_cast<std::uint64_t>(layout.alphabet - 1));
}

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
    const int bits = index_bits(layout);
    BitReader reader(bytes);
    for (Index& index : indices) {
      index = static_cast<Index>(reader.take(bits));
      if (index >= layout.alphabet) {
        fail(ErrorCode::corrupt_data, "raw indices: index {} is not below {}", index,
             layout.alphabet);
      }
    }
    if (!reader.at_end()) {
      fail(ErrorCode::corrupt_data, "raw indices: {} bytes do not hold {} indices of {} bits",
           bytes.size(), indices.size(), bits);
    }
  }

  std::string spec_;
};

}  // namespace

std::unique_ptr<Coder> make_raw(const Options& options) {
  return std::make_unique<Raw>(options);
}

}  // namespace laconic
