// Feeds bytes to the reader of MAT-files, which reads files.

#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>

#include "data/mat_file.h"
#include "laconic/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace laconic;
  static const int file = ::memfd_create("mat", 0);
  static const auto path = "/proc/self/fd/" + std::to_string(file);
  if (file < 0 || ::ftruncate(file, 0) != 0) std::abort();
  if (::pwrite(file, data, size, 0) != static_cast<ssize_t>(size)) std::abort();
  for (const bool numbers : {false, true}) {
    try {
      MatReader reader(path);
      while (const auto array = reader.next()) {
        const auto count = element_count(array->shape);
        const auto read =
            numbers ? std::ssize(reader.read_numbers()) : std::ssize(reader.read_bytes());
        if (read != count) std::abort();
      }
    } catch (const Error& error) {
      if (error.code() != ErrorCode::invalid_data) std::abort();
    }
  }
  return 0;
}
