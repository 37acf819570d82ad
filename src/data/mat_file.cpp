#include "data/mat_file.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <new>

#include "laconic/error.h"

namespace laconic {
namespace {

constexpr std::uint64_t header_bytes = 128;
constexpr std::uint64_t tag_bytes = 8;

// Bytes read at a time; a multiple of every number's.
constexpr std::size_t piece = 1 << 16;

// A zlib stream cannot expand its bytes further than this.
constexpr std::uint64_t greatest_expansion = 1032;

// Types of elements, by the format's numbers.
constexpr std::uint32_t type_int8 = 1, type_uint8 = 2, type_int32 = 5, type_uint32 = 6;
constexpr std::uint32_t type_array = 14, type_packed = 15;

// MATLAB's classes, whose numbers start at 1. Those that come after are laid out otherwise.
constexpr std::array<std::string_view, 15> classes = {
    "cell",  "struct", "object", "char",  "sparse", "double", "single", "int8",
    "uint8", "int16",  "uint16", "int32", "uint32", "int64",  "uint64"};

template <typename T>
double load(const std::uint8_t* at) noexcept {
  T value;
  std::memcpy(&value, at, sizeof value);
  return static_cast<double>(value);
}

struct NumberRow {
  std::uint32_t type;
  std::uint32_t bytes;
  double (*load)(const std::uint8_t*) noexcept;
};
constexpr std::array numbers = {
    NumberRow{1, 1, load<std::int8_t>},   NumberRow{2, 1, load<std::uint8_t>},
    NumberRow{3, 2, load<std::int16_t>},  NumberRow{4, 2, load<std::uint16_t>},
    NumberRow{5, 4, load<std::int32_t>},  NumberRow{6, 4, load<std::uint32_t>},
    NumberRow{7, 4, load<float>},         NumberRow{9, 8, load<double>},
    NumberRow{12, 8, load<std::int64_t>}, NumberRow{13, 8, load<std::uint64_t>},
};

}  // namespace

void MatReader::EndInflate::operator()(z_stream* stream) const noexcept {
  ::inflateEnd(stream);
  delete stream;
}

void MatReader::malformed(std::string_view why) const {
  fail(ErrorCode::invalid_data, "\"{}\" is not a readable MAT-file: {}", path_, why);
}

MatReader::MatReader(const std::filesystem::path& path) : path_(path.string()) {
  std::error_code error;
  size_ = std::filesystem::file_size(path, error);
  if (!error) file_.open(path, std::ios::binary);
  if (error || !file_) {
    fail(ErrorCode::invalid_data, "cannot read \"{}\": {}", path_,
         error ? error.message() : std::strerror(errno));
  }
  check_header();
}

void MatReader::check_header() {
  if (size_ < header_bytes) {
    malformed(fmt::format("it has {} bytes, but its header alone takes {}", size_, header_bytes));
  }
  std::array<std::uint8_t, header_bytes> header{};
  array_end_ = header_bytes;
  read_stored(header);
  const std::string_view mark(reinterpret_cast<const char*>(header.data()) + 126, 2);
  if (mark == "MI") malformed("it is big-endian, but must be little-endian");
  if (mark != "IM") malformed("its header does not end in MATLAB's mark of byte order, IM");
  if (header[125] != 1) {
    malformed(fmt::format("it is of version {}.{}, but must be of 1.0: save it with -v7",
                          header[125], header[124]));
  }
}

std::optional<MatArray> MatReader::next() {
  for (;;) {
    if (array_end_ == size_) return {};
    open_array();
    if (left_ == 0) continue;
    const auto flags_tag = read_tag("flags", type_uint32, 8);
    if (flags_tag.bytes != 8) malformed("an array's flags are cut short");
    const auto flags = take_word();
    (void)take_word();
    const auto number = flags & 0xff;
    if (number < 1 || number > classes.size()) continue;

    read_shape();
    auto name = read_name();
    const bool complex = (flags & 0x800) != 0;
    return MatArray{std::move(name), complex ? "complex" : classes[number - 1], shape_};
  }
}

void MatReader::read_shape() {
  constexpr std::uint32_t most_axes = 32;
  const auto tag = read_tag("extents", type_int32, most_axes * 4);
  if (tag.bytes % 4 != 0) malformed("an array's extents are cut short");
  shape_.clear();
  for (std::uint32_t axis = 0; axis < tag.bytes / 4; ++axis) {
    const auto extent = static_cast<std::int32_t>(take_word());
    if (extent < 0)
      malformed(fmt::format("an array has the extent {}, but must have 0 or more", extent));
    shape_.push_back(extent);
  }
  skip_padding(tag);
}

std::string MatReader::read_name() {
  const auto tag = read_tag("name", type_int8, 255);
  std::string name(tag.bytes, '\0');
  take({reinterpret_cast<std::uint8_t*>(name.data()), name.size()});
  skip_padding(tag);
  return name;
}

/// Up to where the array's own tags begin.
void MatReader::open_array() {
  packed_.reset();
  const auto start = at_ = array_end_;
  file_.seekg(static_cast<std::streamoff>(at_));
  array_end_ = std::min(size_, at_ + tag_bytes);
  left_ = tag_bytes;
  auto type = take_word();
  auto bytes = take_word();
  if (bytes > size_ - at_) {
    malformed(fmt::format("it is cut short: the array at byte {} takes {} bytes, but {} are there",
                          start, bytes, size_ - at_));
  }
  array_end_ = at_ + bytes;
  if (type == type_packed) {
    const auto most_bytes = bytes * greatest_expansion;
    start_inflate();
    left_ = tag_bytes;
    type = take_word();
    bytes = take_word();
    if (bytes > most_bytes) {
      malformed(fmt::format("the packed array at byte {} takes {} bytes, but can hold at most {}",
                            start, bytes, most_bytes));
    }
  }
  if (type != type_array) {
    malformed(fmt::format("what starts at byte {} is of type {}, but must be an array, {}", start,
                          type, type_array));
  }
  left_ = bytes;
}

void MatReader::start_inflate() {
  auto stream = std::make_unique<z_stream>();
  if (::inflateInit(stream.get()) != Z_OK) throw std::bad_alloc();
  packed_.reset(stream.release());
  packed_ended_ = false;
  input_.resize(piece);
}

std::vector<std::uint8_t> MatReader::read_bytes() {
  const auto tag = read_tag("elements");
  if (tag.type != type_uint8) {
    malformed(fmt::format("an array's elements are of type {}, but must be bytes, {}", tag.type,
                          type_uint8));
  }
  check_elements(tag, 1);
  std::vector<std::uint8_t> out;
  out.reserve(tag.bytes);  // The system hands memory out as it is filled: with what is there.
  while (out.size() < tag.bytes) {
    const auto done = out.size();
    out.resize(std::min<std::size_t>(tag.bytes, done + piece));
    take(std::span(out).subspan(done));
  }
  expect_end(tag);
  return out;
}

std::vector<double> MatReader::read_numbers() {
  const auto tag = read_tag("elements");
  const auto row = std::ranges::find(numbers, tag.type, &NumberRow::type);
  if (row == numbers.end())
    malformed(
        fmt::format("an array's elements are of type {}, which is not one of numbers", tag.type));
  check_elements(tag, row->bytes);
  std::vector<double> out;
  std::vector<std::uint8_t> bytes(std::min<std::size_t>(tag.bytes, piece));
  for (std::size_t done = 0; done < tag.bytes; done += bytes.size()) {
    bytes.resize(std::min(bytes.size(), tag.bytes - done));
    take(bytes);
    for (std::size_t at = 0; at < bytes.size(); at += row->bytes)
      out.push_back(row->load(bytes.data() + at));
  }
  expect_end(tag);
  return out;
}

void MatReader::check_elements(const Tag& tag, std::uint32_t bytes_each) const {
  const auto count = element_count(shape_);
  if (tag.bytes % bytes_each != 0 || tag.bytes / bytes_each != count) {
    malformed(fmt::format("an array has {} bytes of elements where its extents ask for {} elements",
                          tag.bytes, count));
  }
}

/// Small elements lie in their tag, where the upper half of the type has their length.
MatReader::Tag MatReader::read_tag(std::string_view what) {
  const auto word = take_word();
  const auto small_bytes = word >> 16;
  Tag tag{word & 0xffff, small_bytes, 4 - small_bytes};
  if (small_bytes > 4)
    malformed(fmt::format("an array's {} are {} bytes in a tag that holds 4", what, small_bytes));
  if (small_bytes == 0) {
    tag.bytes = take_word();
    tag.padding = (8 - tag.bytes % 8) % 8;
  }
  if (tag.bytes > left_) {
    malformed(
        fmt::format("an array's {} take {} bytes, but {} are left of it", what, tag.bytes, left_));
  }
  return tag;
}

MatReader::Tag MatReader::read_tag(std::string_view what, std::uint32_t type,
                                   std::uint32_t most_bytes) {
  const auto tag = read_tag(what);
  if (tag.type != type || tag.bytes > most_bytes) {
    malformed(
        fmt::format("an array's {} are {} bytes of type {}, but must be at most {} of type {}",
                    what, tag.bytes, tag.type, most_bytes, type));
  }
  return tag;
}

/// An array may end without it.
void MatReader::skip_padding(const Tag& tag) {
  std::array<std::uint8_t, 8> ignored{};
  take(std::span(ignored).first(std::min<std::uint64_t>(tag.padding, left_)));
}

/// Whether the stream's checksum holds is found out here.
void MatReader::expect_end(const Tag& tag) {
  skip_padding(tag);
  if (left_ != 0) malformed(fmt::format("an array goes on for {} bytes after its elements", left_));
  if (!packed_) return;
  std::uint8_t byte = 0;
  if (inflate_some({&byte, 1}) != 0)
    malformed("a packed array goes on after the bytes it promises");
  const auto unused = array_end_ - at_ + packed_->avail_in;
  if (unused != 0)
    malformed(fmt::format("a packed array's stream ends {} bytes before the array", unused));
}

std::uint32_t MatReader::take_word() {
  std::array<std::uint8_t, 4> bytes{};
  take(bytes);
  std::uint32_t word = 0;
  std::memcpy(&word, bytes.data(), sizeof word);
  return word;
}

void MatReader::take(std::span<std::uint8_t> out) {
  if (out.size() > left_) malformed("it is cut short: an array ends within its tags");
  left_ -= out.size();
  if (!packed_) return read_stored(out);
  if (inflate_some(out) != out.size())
    malformed("it is cut short: a packed array has fewer bytes than it promises");
}

void MatReader::read_stored(std::span<std::uint8_t> out) {
  if (out.size() > array_end_ - at_) malformed("it is cut short: it ends within a tag");
  file_.read(reinterpret_cast<char*>(out.data()), static_cast<std::streamsize>(out.size()));
  if (!file_) fail(ErrorCode::invalid_data, "cannot read \"{}\" at byte {}", path_, at_);
  at_ += out.size();
}

/// Fewer bytes than asked for only where the stream has ended.
std::size_t MatReader::inflate_some(std::span<std::uint8_t> out) {
  packed_->next_out = out.data();
  packed_->avail_out = static_cast<uInt>(out.size());
  while (packed_->avail_out > 0 && !packed_ended_) {
    if (packed_->avail_in == 0) {
      const auto some = std::min<std::uint64_t>(input_.size(), array_end_ - at_);
      if (some == 0) malformed("it is cut short: a packed array's stream does not end");
      read_stored(std::span(input_).first(some));
      packed_->next_in = input_.data();
      packed_->avail_in = static_cast<uInt>(some);
    }
    const int code = ::inflate(packed_.get(), Z_NO_FLUSH);
    packed_ended_ = code == Z_STREAM_END;
    if (code != Z_OK && code != Z_STREAM_END)
      malformed(fmt::format("a packed array is damaged: {}", ::zError(code)));
  }
  return out.size() - packed_->avail_out;
}

}  // namespace laconic
