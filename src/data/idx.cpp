#include "data/idx.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <span>

#include "laconic/error.h"

namespace laconic {
namespace {

// A gzip stream cannot expand its bytes further than this.
constexpr std::int64_t greatest_expansion = 1032;

class GzipReader {
 public:
  explicit GzipReader(const std::filesystem::path& path) : path_(path.string()) {
    std::error_code error;
    stored_ = static_cast<std::int64_t>(std::filesystem::file_size(path, error));
    if (!error) file_.reset(::gzopen(path_.c_str(), "rb"));
    if (!file_)
      fail(ErrorCode::invalid_data, "cannot read \"{}\": {}", path_,
           error ? error.message() : std::strerror(errno));
  }

  /// Bytes that are at most still to come; a header that promises more is not to be believed.
  std::int64_t at_most() const {
    return ::gzdirect(file_.get()) ? stored_ : stored_ * greatest_expansion;
  }

  /// Fills `out`, or throws.
  void read(std::span<std::uint8_t> out) {
    while (!out.empty()) {
      const auto step = static_cast<unsigned>(std::min<std::size_t>(out.size(), 1 << 30));
      const int got = ::gzread(file_.get(), out.data(), step);
      check(got);
      if (got == 0)
        fail(ErrorCode::invalid_data, "\"{}\" is cut short: its IDX header asks for {} bytes more",
             path_, out.size());
      out = out.subspan(static_cast<std::size_t>(got));
    }
  }

  /// Throws unless everything has been read; the checksum of a gzip file is compared here.
  void expect_end() {
    std::uint8_t byte = 0;
    const int got = ::gzread(file_.get(), &byte, 1);
    check(got);
    if (got != 0)
      fail(ErrorCode::invalid_data, "\"{}\" goes on after the bytes that its IDX header asks for",
           path_);
  }

 private:
  void check(int got) const {
    int code = Z_OK;
    const char* text = ::gzerror(file_.get(), &code);
    if (code == Z_BUF_ERROR)
      fail(ErrorCode::invalid_data, "\"{}\" is cut short: its gzip stream does not end", path_);
    if (got < 0) fail(ErrorCode::invalid_data, "\"{}\" is damaged: {}", path_, text);
  }

  struct Close {
    void operator()(gzFile file) const noexcept { ::gzclose(file); }
  };
  std::string path_;
  std::int64_t stored_ = 0;
  std::unique_ptr<gzFile_s, Close> file_;
};

}  // namespace

IdxArray read_idx(const std::filesystem::path& path, std::size_t axes) {
  GzipReader reader(path);
  std::array<std::uint8_t, 4> word{};
  reader.read(word);
  constexpr std::uint8_t unsigned_bytes = 8;
  if (word[0] != 0 || word[1] != 0 || word[2] != unsigned_bytes || word[3] != axes) {
    fail(ErrorCode::invalid_data,
         "\"{}\" is not an IDX file of unsigned bytes with {} axes: it starts with "
         "{:02x}{:02x}{:02x}{:02x}",
         path.string(), axes, word[0], word[1], word[2], word[3]);
  }
  IdxArray array;
  std::int64_t count = 1;
  for (std::size_t axis = 0; axis < axes; ++axis) {
    reader.read(word);
    const auto extent = std::int64_t{word[0]} << 24 | word[1] << 16 | word[2] << 8 | word[3];
    array.shape.push_back(extent);
    if (__builtin_mul_overflow(count, extent, &count) || count > reader.at_most()) {
      fail(ErrorCode::invalid_data,
           "\"{}\" is cut short: its IDX header asks for more bytes than it can hold",
           path.string());
    }
  }
  // Memory grows with what is really there.
  constexpr std::int64_t piece = 1 << 26;
  for (std::int64_t done = 0; done < count; done = static_cast<std::int64_t>(array.bytes.size())) {
    array.bytes.resize(static_cast<std::size_t>(std::min(count, done + piece)));
    reader.read(std::span(array.bytes).subspan(static_cast<std::size_t>(done)));
  }
  reader.expect_end();
  return array;
}

}  // namespace laconic
