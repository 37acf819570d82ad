// The fields of which packed graphs are made, read with every claim checked.

#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/bytes.h"
#include "laconic/graph.h"

namespace laconic {

/// What messages call the bytes.
inline constexpr std::string_view packed_part = "the graph";

/// All throw Error(corrupt_data).
class PackedFields {
 public:
  explicit PackedFields(std::span<const std::byte> bytes) : reader_(bytes, packed_part) {}

  [[nodiscard]] ByteReader& bytes() noexcept { return reader_; }

  ValueInfo info();
  Constant constant();
  Attribute attribute();

  /// A number of the list, or a word of its own.
  template <std::size_t n>
  std::string word(const std::array<std::string_view, n>& words, std::string_view what) {
    const auto number = reader_.below(n + 1, what);
    return std::string(number == 0 ? reader_.text(what) : words[number - 1]);
  }

 private:
  ElementType type(std::uint64_t number);
  std::vector<std::byte> repeated(std::span<const std::byte> element, std::uint64_t count);
  std::int64_t integer() { return unzigzag(reader_.varint("an attribute")); }
  float number();
  std::string text() { return std::string(reader_.text("an attribute")); }
  template <typename T, typename Read>
  std::vector<T> list(Read read);

  ByteReader reader_;
  std::uint64_t uniform_elements_ = 0;  ///< Of all constants that were stored as one element.
};

}  // namespace laconic
