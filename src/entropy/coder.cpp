// What all coders share: the checks of what callers pass.

#include "laconic/coder.h"

#include <algorithm>

#include "core/byte_window.h"
#include "entropy/whole_stream.h"
#include "laconic/error.h"

namespace laconic {
namespace {

constexpr std::int64_t max_alphabet = 65'536;

void check(std::size_t count, const IndexLayout& layout) {
  if (layout.alphabet < 1 || layout.alphabet > max_alphabet) {
    fail(ErrorCode::invalid_argument, "the alphabet has {} indices, but must have 1 to {}",
         layout.alphabet, max_alphabet);
  }
  if (layout.zero < -1 || layout.zero >= layout.alphabet) {
    fail(ErrorCode::invalid_argument, "the index of zero is {}, but must be -1 or below {}",
         layout.zero, layout.alphabet);
  }
  // Extents may come from a file: their product must not overflow on the way.
  const bool empty = std::find(layout.shape.begin(), layout.shape.end(), 0) != layout.shape.end();
  std::uint64_t product = empty ? 0 : 1;
  for (const std::int64_t extent : layout.shape) {
    const bool fits =
        extent >= 0 && (empty || static_cast<std::uint64_t>(extent) <= count / product);
    if (!fits) {
      fail(ErrorCode::invalid_argument, "a shape with extent {} does not hold {} indices", extent,
           count);
    }
    product *= static_cast<std::uint64_t>(extent);
  }
  if (product != count) {
    fail(ErrorCode::invalid_argument, "the shape holds {} indices, but there are {}", product,
         count);
  }
}

}  // namespace

std::vector<std::byte> Coder::encode(std::span<const Index> indices,
                                     const IndexLayout& layout) const {
  check(indices.size(), layout);
  Index largest = 0;  // Unlike std::max_element, a loop that compilers turn into vectors.
  for (const Index index : indices) largest = std::max(largest, index);
  if (!indices.empty() && largest >= layout.alphabet) {
    fail(ErrorCode::invalid_argument, "index {} is not below {}, the size of the alphabet", largest,
         layout.alphabet);
  }
  return do_encode(indices, layout);
}

void Coder::decode(std::span<const std::byte> bytes, const IndexLayout& layout,
                   std::span<Index> indices) const {
  check(indices.size(), layout);
  do_decode(bytes, layout, indices);
}

std::unique_ptr<IndexStream> Coder::stream(ByteWindow& bytes, const IndexLayout& layout) const {
  check(static_cast<std::size_t>(element_count(layout.shape)), layout);
  return do_stream(bytes, layout);
}

std::unique_ptr<IndexStream> Coder::do_stream(ByteWindow& bytes, const IndexLayout& layout) const {
  std::vector<Index> indices(static_cast<std::size_t>(element_count(layout.shape)));
  do_decode(bytes.ahead(static_cast<std::size_t>(bytes.left())), layout, indices);
  bytes = ByteWindow({});  // What was read is needed no more.
  return std::make_unique<WholeStream>(std::move(indices));
}

}  // namespace laconic
