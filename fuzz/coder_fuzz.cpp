// Feeds every coder with bytes that no encoder wrote, and with indices that must come back.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "laconic/coder.h"
#include "laconic/error.h"

namespace {

using namespace laconic;

/// Takes bytes off the front, zeros once there are none.
class Input {
 public:
  explicit Input(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}

  std::int64_t number() {
    if (bytes_.empty()) return 0;
    const auto value = bytes_.front();
    bytes_ = bytes_.subspan(1);
    return value;
  }
  std::int64_t number(std::int64_t below) { return number() % below; }
  [[nodiscard]] std::span<const std::uint8_t> rest() const { return bytes_; }

 private:
  std::span<const std::uint8_t> bytes_;
};

/// At most 4,096 indices: enough for every path, few enough to be quick.
IndexLayout layout_from(Input& input) {
  IndexLayout layout;
  std::int64_t count = 1;
  for (auto axes = 1 + input.number(4); axes > 0; --axes) {
    const auto extent = std::min(input.number(65), 4096 / std::max<std::int64_t>(count, 1));
    layout.shape.push_back(extent);
    count *= extent;
  }
  layout.alphabet = 1 + input.number() + (input.number(8) == 0 ? 256 * input.number() : 0);
  layout.zero = input.number(2) == 0 ? -1 : input.number() % layout.alphabet;
  return layout;
}

void decode_anything(const Coder& coder, const IndexLayout& layout,
                     std::span<const std::uint8_t> bytes) {
  std::vector<Index> indices(static_cast<std::size_t>(element_count(layout.shape)));
  try {
    coder.decode(std::as_bytes(bytes), layout, indices);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::corrupt_data) std::abort();
    return;
  }
  const bool fits =
      std::ranges::all_of(indices, [&](Index index) { return index < layout.alphabet; });
  if (!fits) std::abort();
}

void code_and_decode(const Coder& coder, const IndexLayout& layout,
                     std::span<const std::uint8_t> bytes) {
  std::vector<Index> indices(static_cast<std::size_t>(element_count(layout.shape)));
  for (std::size_t i = 0; i < std::min(indices.size(), bytes.size()); ++i)
    indices[i] = static_cast<Index>((bytes[i] * (bytes[i] > 250 ? 257 : 1)) % layout.alphabet);
  std::vector<std::byte> code;
  try {
    code = coder.encode(indices, layout);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::invalid_argument) std::abort();
    return;  // Some members cannot code all that there is.
  }
  std::vector<Index> back(indices.size());
  coder.decode(code, layout, back);
  if (back != indices) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input({data, size});
  const auto members = coders();
  const auto member = static_cast<std::size_t>(input.number()) % members.size();
  const auto coder = make_coder(members[member].name);
  const bool any = input.number(2) == 0;
  const auto layout = layout_from(input);
  if (any) {
    decode_anything(*coder, layout, input.rest());
  } else {
    code_and_decode(*coder, layout, input.rest());
  }
  return 0;
}
