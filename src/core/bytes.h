// Whole bytes, lengths and texts, written one after another and read back with every length
// checked. docs/format.md calls these varint, u32 and text.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "laconic/error.h"

namespace laconic {

/// Throws Error(corrupt_data) with a formatted message.
template <typename... Args>
[[noreturn]] void corrupt(fmt::format_string<Args...> format, Args&&... args) {
  fail(ErrorCode::corrupt_data, format, std::forward<Args>(args)...);
}

class ByteWriter {
 public:
  void byte(std::uint8_t value) { bytes_.push_back(std::byte{value}); }

  /// Seven bits a byte, lowest first; all bytes but the last have their highest bit set.
  void varint(std::uint64_t value) {
    for (; value >= 128; value >>= 7) byte(static_cast<std::uint8_t>(value | 128));
    byte(static_cast<std::uint8_t>(value));
  }

  /// Little-endian.
  void u32(std::uint32_t value) {
    for (int shift = 0; shift < 32; shift += 8) byte(static_cast<std::uint8_t>(value >> shift));
  }

  void append(std::span<const std::byte> bytes) {
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  }
  void append(std::string_view text) { append(std::as_bytes(std::span(text))); }

  /// Its length as a varint, then its bytes.
  void text(std::string_view text) {
    varint(text.size());
    append(text);
  }

  [[nodiscard]] std::size_t size() const noexcept { return bytes_.size(); }
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return bytes_; }
  [[nodiscard]] std::vector<std::byte> take() noexcept { return std::move(bytes_); }

 private:
  std::vector<std::byte> bytes_;
};

/// Reads what a ByteWriter wrote. `what` names the field in messages; whatever the bytes, the worst
/// that happens is Error(corrupt_data).
class ByteReader {
 public:
  /// `part` names the bytes in messages: "the table of contents". Both must outlive the reader.
  ByteReader(std::span<const std::byte> bytes, std::string_view part)
      : bytes_(bytes), part_(part) {}

  [[nodiscard]] std::size_t remaining() const noexcept { return bytes_.size() - position_; }
  [[nodiscard]] std::size_t position() const noexcept { return position_; }

  std::span<const std::byte> take(std::uint64_t count, std::string_view what) {
    if (count > remaining()) {
      corrupt("{} ends early: {} needs {} bytes at byte {}, but {} are left", part_, what, count,
              position_, remaining());
    }
    const auto taken = bytes_.subspan(position_, static_cast<std::size_t>(count));
    position_ += taken.size();
    return taken;
  }

  std::uint8_t byte(std::string_view what) {
    return std::to_integer<std::uint8_t>(take(1, what).front());
  }

  std::uint64_t varint(std::string_view what) {
    std::uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
      const std::uint64_t next = byte(what);
      if (shift == 63 ? next > 1 : (next == 0 && shift > 0)) {
        corrupt("{} is damaged: {} is not a number as writers write them", part_, what);
      }
      value |= (next & 127) << shift;
      if (next < 128) return value;
    }
  }

  /// A varint that counts items of at least one byte each in what remains.
  std::uint64_t count(std::string_view what) {
    const std::uint64_t value = varint(what);
    if (value > remaining()) {
      corrupt("{} is damaged: {} is {}, but only {} bytes are left", part_, what, value,
              remaining());
    }
    return value;
  }

  /// A varint below `end`.
  std::uint64_t below(std::uint64_t end, std::string_view what) {
    const std::uint64_t value = varint(what);
    if (value >= end)
      corrupt("{} is damaged: {} is {}, but must be below {}", part_, what, value, end);
    return value;
  }

  std::uint32_t u32(std::string_view what) {
    std::uint32_t value = 0;
    const auto four = take(4, what);
    for (std::size_t i = 4; i > 0; --i)
      value = value << 8 | std::to_integer<std::uint32_t>(four[i - 1]);
    return value;
  }

  std::string_view characters(std::uint64_t count, std::string_view what) {
    const auto taken = take(count, what);
    return {reinterpret_cast<const char*>(taken.data()), taken.size()};
  }

  std::string_view text(std::string_view what) { return characters(varint(what), what); }

  /// To be called last.
  void end() const {
    if (remaining() > 0) corrupt("{} is damaged: {} bytes are left over", part_, remaining());
  }

 private:
  std::span<const std::byte> bytes_;
  std::string_view part_;
  std::size_t position_ = 0;
};

/// Signed numbers as varints: 0, -1, 1, -2, 2 become 0, 1, 2, 3, 4.
[[nodiscard]] constexpr std::uint64_t zigzag(std::int64_t value) noexcept {
  return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}
[[nodiscard]] constexpr std::int64_t unzigzag(std::uint64_t value) noexcept {
  return static_cast<std::int64_t>((value >> 1) ^ (0 - (value & 1)));
}

}  // namespace laconic
