#include "record.h"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "laconic/error.h"

namespace laconic::cli {
namespace {

/// A descriptor that closes itself.
class File {
 public:
  explicit File(const std::filesystem::path& path)
      : path_(path),
        descriptor_(::open(path.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0666)) {
    if (descriptor_ < 0) cannot_write();
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() { ::close(descriptor_); }

  /// Whether the last line is whole: one that a process left when it was killed may not be.
  [[nodiscard]] bool line_ended() const {
    const auto size = ::lseek(descriptor_, 0, SEEK_END);
    char last = '\n';
    return size <= 0 || (::pread(descriptor_, &last, 1, size - 1) == 1 && last == '\n');
  }

  void write(const std::string& text) const {
    const auto written = ::write(descriptor_, text.data(), text.size());
    if (written < 0) cannot_write();
    if (static_cast<std::size_t>(written) != text.size()) {
      errno = ENOSPC;
      cannot_write();
    }
  }

 private:
  [[noreturn]] void cannot_write() const {
    fail(ErrorCode::cannot_write, "cannot write \"{}\": {}", path_.string(), std::strerror(errno));
  }

  std::filesystem::path path_;
  int descriptor_;
};

}  // namespace

std::string dump(const Json& json, int indent) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

void check_record(const Context& context) {
  const auto& path = context.record;
  if (path.empty()) return;
  if (path.extension() != ".jsonl") {
    fail(ErrorCode::invalid_argument,
         "--record is \"{}\", but must end in .jsonl: it gets a line of JSON for each run",
         path.string());
  }
  std::error_code ignored;
  const bool there = std::filesystem::exists(path, ignored);
  if (there && !std::filesystem::is_regular_file(path, ignored))
    fail(ErrorCode::cannot_write, "cannot write \"{}\": it is not a file", path.string());
  const auto folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  if (::access((there ? path : folder).c_str(), W_OK) != 0) {
    fail(ErrorCode::cannot_write, "cannot write \"{}\": {}", path.string(), std::strerror(errno));
  }
}

void add_to_record(const Context& context, const Json& result) {
  const Json record{{"laconic", LACONIC_VERSION},
                    {"command", context.command},
                    {"time", fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)))},
                    {"result", result}};
  const File file(context.record);
  file.write((file.line_ended() ? "" : "\n") + dump(record, -1) + '\n');
}

}  // namespace laconic::cli
