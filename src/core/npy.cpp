#include "core/npy.h"

#include <array>
#include <charconv>
#include <cstring>
#include <optional>
#include <string_view>

#include "core/atomic_file.h"
#include "laconic/error.h"

namespace laconic {
namespace {

constexpr std::string_view magic = "\x93NUMPY";

struct TypeRow {
  std::string_view descr;
  NpyType type;
  std::int64_t bytes;
};
constexpr std::array types = {
    TypeRow{"<f4", NpyType::float32, 4}, TypeRow{"<f8", NpyType::float64, 8},
    TypeRow{"|u1", NpyType::uint8, 1},   TypeRow{"<i4", NpyType::int32, 4},
    TypeRow{"<i8", NpyType::int64, 8},
};

/// The text of the value that follows 'key': in the header's dictionary.
std::optional<std::string_view> find_value(std::string_view header, std::string_view key) {
  const auto at = header.find(fmt::format("'{}'", key));
  if (at == std::string_view::npos) return {};
  const auto colon = header.find(':', at);
  if (colon == std::string_view::npos) return {};
  const auto start = header.find_first_not_of(' ', colon + 1);
  if (start == std::string_view::npos) return {};
  return header.substr(start);
}

std::optional<Shape> parse_shape(std::string_view text) {
  if (!text.starts_with('(')) return {};
  const auto close = text.find(')');
  if (close == std::string_view::npos) return {};
  text = text.substr(1, close - 1);
  Shape shape;
  for (;;) {
    const auto start = text.find_first_not_of(" ,");
    if (start == std::string_view::npos) return shape;
    text.remove_prefix(start);
    std::int64_t extent = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), extent);
    if (error != std::errc{} || extent < 0 || shape.size() == 32) return {};
    shape.push_back(extent);
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  }
}

template <typename T>
double load(const std::byte* at) noexcept {
  T value;
  std::memcpy(&value, at, sizeof value);
  return static_cast<double>(value);
}

}  // namespace

double NpyArray::at(std::int64_t i) const noexcept {
  const auto* base = bytes.data();
  switch (type) {
    case NpyType::float32:
      return load<float>(base + i * 4);
    case NpyType::float64:
      return load<double>(base + i * 8);
    case NpyType::uint8:
      return load<std::uint8_t>(base + i);
    case NpyType::int32:
      return load<std::int32_t>(base + i * 4);
    case NpyType::int64:
      return load<std::int64_t>(base + i * 8);
  }
  return 0;
}

NpyArray read_npy(const std::filesystem::path& path) {
  std::vector<std::byte> file = read_file(path);
  const auto malformed = [&](std::string_view why) {
    fail(ErrorCode::invalid_data, "\"{}\" is not a readable .npy file: {}", path.string(), why);
  };
  const std::string_view text(reinterpret_cast<const char*>(file.data()), file.size());
  if (!text.starts_with(magic) || file.size() < 10)
    malformed("it does not start with NumPy's mark");
  const auto byte = [&](std::size_t i) { return std::to_integer<std::size_t>(file[i]); };
  const std::size_t version = byte(6);
  if (version < 1 || version > 3) malformed("its version is not 1, 2 or 3");
  std::size_t start = 10;
  std::size_t length = byte(8) | byte(9) << 8;
  if (version > 1) {
    if (file.size() < 12) malformed("it is cut short in its header");
    start = 12;
    length |= byte(10) << 16 | byte(11) << 24;
  }
  if (length > file.size() - start) malformed("it is cut short in its header");
  const auto header = text.substr(start, length);

  const auto descr = find_value(header, "descr");
  const auto order = find_value(header, "fortran_order");
  const auto extents = find_value(header, "shape");
  if (!descr || !order || !extents) malformed("its header lacks descr, fortran_order or shape");
  const TypeRow* row = nullptr;
  for (const auto& type : types) {
    if (descr->substr(1).starts_with(type.descr)) row = &type;
  }
  if (row == nullptr) {
    malformed("its elements must be float32, float64, uint8, int32 or int64, little-endian");
  }
  if (!order->starts_with("False")) malformed("it is in Fortran's order; save it in C order");
  auto shape = parse_shape(*extents);
  if (!shape) malformed("its shape is not a list of extents");

  const auto held = static_cast<std::int64_t>(file.size() - start - length);
  std::int64_t wanted = row->bytes;
  for (const auto extent : *shape) {
    if (__builtin_mul_overflow(wanted, extent, &wanted))
      malformed("its shape is beyond all memory");
  }
  if (held != wanted) {
    malformed(fmt::format("{} bytes of elements where its shape asks for {}{}", held, wanted,
                          held < wanted ? ": it is cut short" : ""));
  }
  file.erase(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(start + length));
  return {row->type, std::move(*shape), std::move(file)};
}

void write_npy(const std::filesystem::path& path, const Shape& shape,
               std::span<const float> values) {
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (";
  for (const auto extent : shape) header += fmt::format("{},", extent);
  header += ")}";
  // The elements start at a multiple of 64 bytes, and the header ends in a line feed.
  header.append(63 - (magic.size() + 4 + header.size()) % 64, ' ').push_back('\n');
  std::string start(magic);
  start += {'\x01', '\x00', static_cast<char>(header.size() & 0xff),
            static_cast<char>(header.size() >> 8)};
  start += header;
  AtomicFile file(path);
  file.write(std::as_bytes(std::span(start)));
  file.write(std::as_bytes(values));
  file.commit();
}

}  // namespace laconic
