// Feeds files to the reader. Checksums would stop nearly every input at the door, so they are made
// right first; the library itself knows no way around them.

#include <cstdlib>

#include "container_support.h"
#include "mutate_file.h"

namespace {

using namespace laconic;
using namespace laconic::testing;

/// Enough for every path, little enough that claims cost no time.
constexpr ReadLimits limits{.max_tensors = 64,
                            .max_elements = 1 << 12,
                            .max_graph_bytes = 1 << 16,
                            .max_header_bytes = 1 << 16};

void read_all_and_write_again(const Bytes& file) {
  try {
    const auto reader = ModelReader::from_bytes(file, limits);
    ModelWriter writer{""};
    writer.set_graph(reader.graph());
    for (const TensorEntry& entry : reader.entries()) {
      const Tensor tensor = reader.read(entry);
      writer.add(entry.name, tensor, entry.quantizer, entry.coder.empty() ? "auto" : "raw");
    }
    const SizeReport sizes = reader.sizes();
    if (sizes.header + sizes.graph + sizes.codebooks + sizes.indices + sizes.dense != file.size()) {
      std::abort();
    }
  } catch (const Error& error) {
    // What a file holds must be fit to be written again.
    if (error.code() == ErrorCode::invalid_argument) std::abort();
  }
}

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t max_size, unsigned int /*seed*/) {
  return mutate_unpacked(data, size, max_size, limits);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = std::as_bytes(std::span(data, size));
  Bytes file(input.begin(), input.end());
  read_all_and_write_again(file);
  reseal(file, limits);
  read_all_and_write_again(file);
  return 0;
}
