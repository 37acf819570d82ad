#include "container/source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "core/atomic_file.h"
#include "laconic/error.h"

namespace laconic::container {

Source::Source(const std::filesystem::path& path) {
  descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor_ < 0) fail(ErrorCode::invalid_data, "{}", std::strerror(errno));
  struct stat status {};
  if (::fstat(descriptor_, &status) == 0 && S_ISREG(status.st_mode)) {
    size_ = static_cast<std::uint64_t>(status.st_size);
    return;
  }
  ::close(std::exchange(descriptor_, -1));
  owned_ = read_file(path);
  bytes_ = owned_;
  size_ = owned_.size();
}

Source::Source(Source&& other) noexcept
    : bytes_(other.bytes_),
      owned_(std::move(other.owned_)),
      size_(other.size_),
      descriptor_(std::exchange(other.descriptor_, -1)) {}

Source::~Source() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

std::span<const std::byte> Source::read(std::uint64_t offset, std::uint64_t count,
                                        std::vector<std::byte>& buffer) const {
  if (descriptor_ < 0) return bytes_.subspan(offset, count);
  buffer.resize(count);
  copy(offset, buffer);
  return buffer;
}

void Source::copy(std::uint64_t offset, std::span<std::byte> to) const {
  if (descriptor_ < 0) {
    std::ranges::copy(bytes_.subspan(offset, to.size()), to.begin());
    return;
  }
  for (std::size_t done = 0; done < to.size();) {
    const auto got =
        ::pread(descriptor_, to.data() + done, to.size() - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail(ErrorCode::invalid_data, "{}", std::strerror(errno));
    if (got == 0) fail(ErrorCode::invalid_data, "the file has become shorter while it was read");
    done += static_cast<std::size_t>(got);
  }
}

ByteWindow Source::window(std::uint64_t offset, std::uint64_t count) const {
  if (descriptor_ < 0) return ByteWindow(bytes_.subspan(offset, count));
  return {count,
          [this, offset](std::uint64_t at, std::span<std::byte> to) { copy(offset + at, to); }};
}

}  // namespace laconic::container
