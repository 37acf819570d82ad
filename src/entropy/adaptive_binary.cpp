// Context-adaptive binary arithmetic coding of indices; the model is in index_model.h.
//
// Bytes: where the layout has no index of zero, the index taken for it (the most frequent one), as
// 7 bits a byte, low first; then one arithmetic stream.

#include <algorithm>

#include "entropy/arithmetic.h"
#include "entropy/index_model.h"
#include "entropy/members.h"
#include "entropy/varint.h"
#include "laconic/error.h"

namespace laconic {
namespace {

std::int64_t most_frequent(std::span<const Index> indices, const IndexLayout& layout) {
  std::vector<std::size_t> counts(static_cast<std::size_t>(layout.alphabet));
  for (const Index index : indices) ++counts[index];
  return std::max_element(counts.begin(), counts.end()) - counts.begin();
}

class AdaptiveBinary final : public Coder {
 public:
  explicit AdaptiveBinary(const Options& options) : spec_(options.spec()) {}
  std::string spec() const override { return spec_; }

 private:
  std::vector<std::byte> do_encode(std::span<const Index> indices,
                                   const IndexLayout& layout) const override {
    std::vector<std::byte> out;
    if (indices.empty() || layout.alphabet == 1) return out;
    std::int64_t zero = layout.zero;
    if (zero < 0) {
      zero = most_frequent(indices, layout);
      put_varint(out, static_cast<std::uint64_t>(zero));
    }
    IndexModel model(Walk(layout.shape), static_cast<int>(zero),
                     static_cast<int>(layout.alphabet - 1));
    ArithmeticEncoder encoder;
    (void)model.code(encoder, indices);
    const auto stream = encoder.finish();
    out.insert(out.end(), stream.begin(), stream.end());
    return out;
  }

  void do_decode(std::span<const std::byte> bytes, const IndexLayout& layout,
                 std::span<Index> indices) const override {
    if (indices.empty() || layout.alphabet == 1) {
      if (!bytes.empty()) {
        fail(ErrorCode::corrupt_data, "adaptive_binary: {} bytes where none are needed",
             bytes.size());
      }
      std::fill(indices.begin(), indices.end(), Index{0});
      return;
    }
    std::int64_t zero = layout.zero;
    if (zero < 0) {
      zero = static_cast<std::int64_t>(
          take_varint(bytes, static_cast<std::uint64_t>(layout.alphabet - 1), "adaptive_binary"));
    }
    IndexModel model(Walk(layout.shape), static_cast<int>(zero),
                     static_cast<int>(layout.alphabet - 1));
    ArithmeticDecoder decoder(bytes);
    if (!model.code(decoder, indices)) {
      fail(ErrorCode::corrupt_data, "adaptive_binary: an index is not below {}", layout.alphabet);
    }
    if (!decoder.at_end()) {
      fail(ErrorCode::corrupt_data,
           "adaptive_binary: the stream of {} bytes does not end as one "
           "of {} indices does",
           bytes.size(), indices.size());
    }
    if (layout.zero < 0 && zero != most_frequent(indices, layout)) {
      fail(ErrorCode::corrupt_data, "adaptive_binary: {} is not the most frequent index", zero);
    }
  }

  std::string spec_;
};

}  // namespace

std::unique_ptr<Coder> make_adaptive_binary(const Options& options) {
  return std::make_unique<AdaptiveBinary>(options);
}

}  // namespace laconic
