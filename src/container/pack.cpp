#include "container/pack.h"

#include <zstd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <new>
#include <utility>

#include "core/bytes.h"

namespace laconic::container {
namespace {

constexpr std::array magic = {std::byte{0x28}, std::byte{0xb5}, std::byte{0x2f}, std::byte{0xfd}};

/// The highest level pays for tables of a few kilobytes; it would take minutes for gigabytes.
constexpr std::size_t most_for_highest_level = std::size_t{1} << 22;

/// No frame expands a byte to more: the smallest block, of 4 bytes, holds at most 128 KiB.
constexpr std::uint64_t largest_expansion = 32 * 1024;

std::vector<std::byte> framed(std::span<const std::byte> stored) {
  std::vector<std::byte> frame(magic.size() + stored.size());
  std::copy(stored.begin(), stored.end(), std::copy(magic.begin(), magic.end(), frame.begin()));
  return frame;
}

}  // namespace

Packed pack(std::vector<std::byte> bytes) {
  std::vector<std::byte> frame(ZSTD_compressBound(bytes.size()));
  const int level = bytes.size() <= most_for_highest_level ? 19 : 3;
  const std::size_t size =
      ZSTD_compress(frame.data(), frame.size(), bytes.data(), bytes.size(), level);
  if (ZSTD_isError(size) != 0) throw std::bad_alloc();  // The bound leaves no other reason.
  if (size - magic.size() >= bytes.size()) return {Packing::plain, std::move(bytes)};
  frame.resize(size);
  frame.erase(frame.begin(), frame.begin() + magic.size());
  return {Packing::zstd, std::move(frame)};
}

std::uint64_t unpacked_size(Packing packing, std::span<const std::byte> stored,
                            std::string_view part) {
  if (packing == Packing::plain) return stored.size();
  const auto frame = framed(stored);
  const unsigned long long size = ZSTD_getFrameContentSize(frame.data(), frame.size());
  if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN ||
      size / largest_expansion > stored.size() ||
      ZSTD_findFrameCompressedSize(frame.data(), frame.size()) != frame.size()) {
    corrupt("{} is damaged: it is not one Zstandard frame of a known size", part);
  }
  return size;
}

std::vector<std::byte> unpack(Packing packing, std::span<const std::byte> stored,
                              std::string_view part) {
  if (packing == Packing::plain) return {stored.begin(), stored.end()};
  std::vector<std::byte> bytes(unpacked_size(packing, stored, part));
  const auto frame = framed(stored);
  const std::size_t done = ZSTD_decompress(bytes.data(), bytes.size(), frame.data(), frame.size());
  if (ZSTD_isError(done) != 0) corrupt("{} is damaged: {}", part, ZSTD_getErrorName(done));
  if (done != bytes.size()) {
    corrupt("{} is damaged: it holds {} bytes, not {}", part, done, bytes.size());
  }
  return bytes;
}

}  // namespace laconic::container
