#include "core/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "laconic/error.h"

namespace laconic {
namespace {

std::filesystem::path folder_of(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
}

[[noreturn]] void cannot_write(const std::filesystem::path& path, int reason) {
  fail(ErrorCode::cannot_write, "cannot write \"{}\": {}", path.string(), std::strerror(reason));
}

}  // namespace

AtomicFile::AtomicFile(std::filesystem::path path) : path_(std::move(path)) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path_, ignored)) cannot_write(path_, EISDIR);
  if (std::filesystem::exists(path_, ignored) && !std::filesystem::is_regular_file(path_, ignored))
    fail(ErrorCode::cannot_write, "cannot write \"{}\": a device or pipe is not replaced by a file",
         path_.string());
  const auto folder = folder_of(path_);
  descriptor_ = ::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0666);
  if (descriptor_ >= 0) return;
  if (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL) cannot_write(path_, errno);
  std::string name = (folder / ("." + path_.filename().string() + ".XXXXXX")).string();
  descriptor_ = ::mkostemp(name.data(), O_CLOEXEC);
  if (descriptor_ < 0) cannot_write(path_, errno);
  temporary_ = name;
  const mode_t mask = ::umask(0);
  ::umask(mask);
  ::fchmod(descriptor_, 0666 & ~mask);
}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::exchange(other.temporary_, {})),
      descriptor_(std::exchange(other.descriptor_, -1)) {}

AtomicFile::~AtomicFile() {
  discard();
}

void AtomicFile::discard() noexcept {
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
  if (!temporary_.empty()) ::unlink(std::exchange(temporary_, {}).c_str());
}

void AtomicFile::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const auto written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      const int reason = errno;
      discard();
      cannot_write(path_, reason);
    }
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

void AtomicFile::commit() {
  const auto check = [&](int result) {
    if (result == 0) return;
    const int reason = errno;
    discard();
    cannot_write(path_, reason);
  };
  check(::fsync(descriptor_));
  if (temporary_.empty()) {
    // linkat cannot replace, so the file gets a temporary name for the instant before the rename.
    temporary_ = folder_of(path_) / fmt::format(".{}.{}", path_.filename().string(), ::getpid());
    ::unlink(temporary_.c_str());
    const auto link = fmt::format("/proc/self/fd/{}", descriptor_);
    check(::linkat(AT_FDCWD, link.c_str(), AT_FDCWD, temporary_.c_str(), AT_SYMLINK_FOLLOW));
  }
  check(::rename(temporary_.c_str(), path_.c_str()));
  temporary_.clear();
  discard();
}

std::vector<std::byte> read_file(const std::filesystem::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0)
    fail(ErrorCode::invalid_data, "cannot read \"{}\": {}", path.string(), std::strerror(errno));
  struct stat status {};
  std::vector<std::byte> bytes;
  std::size_t size = 0;
  if (::fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode))
    bytes.resize(static_cast<std::size_t>(status.st_size));
  for (;;) {
    if (size == bytes.size()) bytes.resize(size + 65536);
    const auto got = ::read(descriptor, bytes.data() + size, bytes.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      const int reason = errno;
      ::close(descriptor);
      fail(ErrorCode::invalid_data, "cannot read \"{}\": {}", path.string(), std::strerror(reason));
    }
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  ::close(descriptor);
  bytes.resize(size);
  return bytes;
}

void write_file(const std::filesystem::path& path, std::span<const std::byte> bytes) {
  AtomicFile file(path);
  file.write(bytes);
  file.commit();
}

}  // namespace laconic
