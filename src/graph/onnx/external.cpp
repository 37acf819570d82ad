// Weights in files of their own, beside the model.

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>

#include "graph/onnx/tensor.h"
#include "laconic/error.h"

namespace laconic {
namespace {

namespace fs = std::filesystem;

struct Location {
  std::string file;
  std::uint64_t offset = 0;
  std::optional<std::uint64_t> length;  ///< Without it, the rest of the file or as much as needed.
};

std::uint64_t parse_offset(const std::string& text, const std::string& key,
                           const std::string& who) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value > INT64_MAX) {
    fail(ErrorCode::invalid_data, "{} has external data whose {} is \"{}\", not a number", who, key,
         text);
  }
  return value;
}

Location locate(const onnx::TensorProto& tensor, const std::string& who) {
  Location out;
  for (const auto& entry : tensor.external_data()) {
    if (entry.key() == "location") out.file = entry.value();
    if (entry.key() == "offset") out.offset = parse_offset(entry.value(), entry.key(), who);
    if (entry.key() == "length") out.length = parse_offset(entry.value(), entry.key(), who);
  }
  if (out.file.empty()) fail(ErrorCode::invalid_data, "{} has external data without a file", who);
  return out;
}

/// The file, which must lie within the model's folder after all links are followed.
fs::path resolve(const fs::path& folder, const std::string& file, const std::string& who) {
  const fs::path relative(file);
  bool leaves = relative.is_absolute() || file.find('\0') != std::string::npos;
  for (const auto& part : relative) leaves = leaves || part == "..";
  std::error_code error;
  const auto base = fs::canonical(folder.empty() ? fs::path(".") : folder, error);
  const auto target = leaves || error ? fs::path() : fs::canonical(base / relative, error);
  if (!leaves && error) {
    fail(ErrorCode::invalid_data, "cannot read \"{}\", which holds {}: {}",
         (folder / relative).string(), who, error.message());
  }
  const auto inside = std::mismatch(base.begin(), base.end(), target.begin(), target.end()).first;
  if (leaves || inside != base.end()) {
    fail(ErrorCode::invalid_data, "{} has external data in \"{}\", outside the model's folder", who,
         file);
  }
  return target;
}

class Descriptor {
 public:
  explicit Descriptor(const fs::path& path)
      : value_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  [[nodiscard]] int value() const noexcept { return value_; }

 private:
  int value_;
};

}  // namespace

std::vector<std::byte> read_external(const onnx::TensorProto& tensor, std::size_t bytes,
                                     const TensorReading& reading, const std::string& who) {
  if (!reading.folder) {
    fail(ErrorCode::invalid_data,
         "{} has external data, which only a model read from a file may have", who);
  }
  const Location location = locate(tensor, who);
  if (location.length && *location.length != bytes) {
    fail(ErrorCode::invalid_data, "{} needs {} bytes, but its external data is {} bytes long", who,
         bytes, *location.length);
  }
  const fs::path path = resolve(*reading.folder, location.file, who);
  const auto unreadable = [&](const char* reason) {
    fail(ErrorCode::invalid_data, "cannot read \"{}\", which holds {}: {}", path.string(), who,
         reason);
  };
  const Descriptor file(path);
  struct stat status {};
  if (file.value() < 0 || ::fstat(file.value(), &status) != 0) unreadable(std::strerror(errno));
  if (!S_ISREG(status.st_mode)) unreadable("not an ordinary file");
  const auto size = static_cast<std::uint64_t>(status.st_size);
  if (location.offset > size || bytes > size - location.offset) {
    fail(ErrorCode::invalid_data, "\"{}\" is {} bytes long, but {} lies at bytes {} to {}",
         path.string(), size, who, location.offset, location.offset + bytes);
  }
  std::vector<std::byte> out(bytes);
  for (std::size_t done = 0; done < bytes;) {
    const auto got = ::pread(file.value(), out.data() + done, bytes - done,
                             static_cast<off_t>(location.offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) unreadable(got < 0 ? std::strerror(errno) : "it became shorter");
    done += static_cast<std::size_t>(got);
  }
  return out;
}

}  // namespace laconic
