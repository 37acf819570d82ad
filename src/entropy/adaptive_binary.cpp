// Context-adaptive binary arithmetic coding of indices; the model is in index_model.h.
//
// Bytes: where the layout has no index of zero, the index taken for it (the most frequent one), as
// 7 bits a byte, low first; then one arithmetic stream. Member `trellis` codes the same way what
// lies on paths of the trellis, where an index need only be told from those that may follow.

#include <fmt/format.h>

#include <algorithm>

#include "core/byte_window.h"
#include "core/trellis.h"
#include "entropy/arithmetic.h"
#include "entropy/index_model.h"
#include "entropy/members.h"
#include "entropy/varint.h"
#include "laconic/error.h"

namespace laconic {
namespace {

class Counts {
 public:
  explicit Counts(std::int64_t alphabet) : counts_(static_cast<std::size_t>(alphabet)) {}

  void add(std::span<const Index> indices) {
    for (const Index index : indices) ++counts_[index];
  }
  [[nodiscard]] std::int64_t most_frequent() const {
    return std::max_element(counts_.begin(), counts_.end()) - counts_.begin();
  }

 private:
  std::vector<std::size_t> counts_;
};

/// Of indices of one value there are no bytes.
class ConstantStream final : public IndexStream {
 public:
  void read(std::span<Index> next) override { std::ranges::fill(next, Index{0}); }
};

/// Decodes a few output channels at a time.
class AdaptiveStream final : public IndexStream {
 public:
  /// `bytes` must outlive the stream.
  AdaptiveStream(std::string_view name, std::span<const std::byte> bytes, const IndexLayout& layout,
                 bool on_trellis)
      : name_(name),
        layout_(layout),
        walk_(layout.shape),
        zero_(layout.zero >= 0 ? layout.zero : take_zero(bytes, layout)),
        model_(walk_, static_cast<int>(zero_), static_cast<int>(layout.alphabet - 1), on_trellis),
        bytes_(bytes.size()),
        decoder_(bytes),
        counts_(layout.alphabet),
        outputs_left_(walk_.outputs) {}

  void read(std::span<Index> next) override {
    for (;;) {
      const std::size_t count = std::min(next.size(), ready_.size());
      std::copy_n(ready_.begin(), count, next.begin());
      next = next.subspan(count);
      ready_ = ready_.subspan(count);
      if (next.empty()) break;
      decode_outputs();
    }
    if (ready_.empty() && outputs_left_ == 0) check_end();
  }

 private:
  static std::int64_t take_zero(std::span<const std::byte>& bytes, const IndexLayout& layout) {
    return static_cast<std::int64_t>(
        take_varint(bytes, static_cast<std::uint64_t>(layout.alphabet - 1), "adaptive_binary"));
  }

  void decode_outputs() {
    const std::size_t outputs = std::min(outputs_left_, Neighbourhood::lanes);
    buffer_.resize(outputs * walk_.inputs * walk_.taps);
    if (!model_.code(decoder_, std::span(buffer_))) {
      fail(ErrorCode::corrupt_data, "{}: an index is not below {}", name_, layout_.alphabet);
    }
    if (layout_.zero < 0) counts_.add(buffer_);
    outputs_left_ -= outputs;
    ready_ = buffer_;
  }

  void check_end() const {
    if (!decoder_.at_end()) {
      fail(ErrorCode::corrupt_data,
           "{}: the stream of {} bytes does not end as one of {} indices does", name_, bytes_,
           element_count(layout_.shape));
    }
    if (layout_.zero < 0 && zero_ != counts_.most_frequent()) {
      fail(ErrorCode::corrupt_data, "{}: {} is not the most frequent index", name_, zero_);
    }
  }

  std::string_view name_;
  IndexLayout layout_;
  Walk walk_;
  std::int64_t zero_;
  IndexModel model_;
  std::size_t bytes_;
  ArithmeticDecoder decoder_;
  Counts counts_;
  std::size_t outputs_left_;
  std::vector<Index> buffer_;
  std::span<const Index> ready_;  ///< Of the buffer.
};

class AdaptiveBinary final : public Coder {
 public:
  AdaptiveBinary(const Options& options, bool on_trellis)
      : spec_(options.spec()), name_(options.member().name), on_trellis_(on_trellis) {}
  std::string spec() const override { return spec_; }

 private:
  std::vector<std::byte> do_encode(std::span<const Index> indices,
                                   const IndexLayout& layout) const override {
    std::vector<std::byte> out;
    if (on_trellis_) check_paths(indices, layout);
    if (indices.empty() || layout.alphabet == 1) return out;
    std::int64_t zero = layout.zero;
    if (zero < 0) {
      Counts counts(layout.alphabet);
      counts.add(indices);
      zero = counts.most_frequent();
      put_varint(out, static_cast<std::uint64_t>(zero));
    }
    IndexModel model(Walk(layout.shape), static_cast<int>(zero),
                     static_cast<int>(layout.alphabet - 1), on_trellis_);
    ArithmeticEncoder encoder;
    (void)model.code(encoder, indices);
    const auto stream = encoder.finish();
    out.insert(out.end(), stream.begin(), stream.end());
    return out;
  }

  void do_decode(std::span<const std::byte> bytes, const IndexLayout& layout,
                 std::span<Index> indices) const override {
    open(bytes, layout)->read(indices);
  }

  std::unique_ptr<IndexStream> do_stream(ByteWindow& bytes,
                                         const IndexLayout& layout) const override {
    return open(bytes.ahead(static_cast<std::size_t>(bytes.left())), layout);
  }

  void check_paths(std::span<const Index> indices, const IndexLayout& layout) const {
    if (const auto wrong = trellis_misfit(indices, layout); wrong >= 0) {
      fail(ErrorCode::invalid_argument,
           "trellis: {}; quantizer \"trellis\" makes indices that fit it",
           layout.zero < 0 ? "no level is zero" : fmt::format("index {} is on no path", wrong));
    }
  }

  [[nodiscard]] std::unique_ptr<IndexStream> open(std::span<const std::byte> bytes,
                                                  const IndexLayout& layout) const {
    if (on_trellis_ && layout.zero < 0)
      fail(ErrorCode::corrupt_data, "trellis: no level is zero, which paths need");
    if (element_count(layout.shape) > 0 && layout.alphabet > 1)
      return std::make_unique<AdaptiveStream>(name_, bytes, layout, on_trellis_);
    if (!bytes.empty())
      fail(ErrorCode::corrupt_data, "{}: {} bytes where none are needed", name_, bytes.size());
    return std::make_unique<ConstantStream>();
  }

  std::string spec_;
  std::string_view name_;  ///< Of the family's table.
  bool on_trellis_;
};

}  // namespace

std::int64_t trellis_misfit(std::span<const Index> indices, const IndexLayout& layout) {
  if (layout.zero < 0) return 0;
  const auto length = static_cast<std::size_t>(trellis::path_length(layout.shape));
  const auto zero = static_cast<int>(layout.zero);
  trellis::State state = 0;
  for (std::size_t i = 0; i < indices.size(); ++i) {
    if (i % length == 0) state = 0;
    const int value = indices[i] - zero;
    if (!trellis::has(trellis::is_odd(state), value)) return static_cast<std::int64_t>(i);
    state = trellis::after(state, value);
  }
  return -1;
}

std::unique_ptr<Coder> make_adaptive_binary(const Options& options) {
  return std::make_unique<AdaptiveBinary>(options, false);
}

std::unique_ptr<Coder> make_trellis_coder(const Options& options) {
  return std::make_unique<AdaptiveBinary>(options, true);
}

}  // namespace laconic
