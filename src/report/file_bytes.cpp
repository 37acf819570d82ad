#include "report/file_bytes.h"

#include <algorithm>

#include "laconic/error.h"

namespace laconic {
namespace {

/// 0 for a dense tensor; whether it is one, nothing but the reader's refusal tells: a quantized one
/// may be without a spec, and without a coder.
std::int64_t most_levels(const ModelReader& reader, const TensorEntry& entry) {
  std::size_t most = 0;
  try {
    for (const auto& codebook : reader.stream(entry).codebooks)
      most = std::max(most, codebook.size());
  } catch (const Error& error) {
    if (error.code() != ErrorCode::invalid_argument) throw;
  }
  return static_cast<std::int64_t>(most);
}

}  // namespace

FileBytes file_bytes(const ModelReader& reader, std::string file) {
  FileBytes out{std::move(file), reader.sizes(), 0, {}};
  for (const auto& entry : reader.entries()) {
    const auto weights = element_count(entry.shape);
    out.weights += weights;
    out.tensors.push_back({entry.name, entry.shape, weights, entry.bytes,
                           most_levels(reader, entry), entry.coder, entry.quantizer});
  }
  return out;
}

}  // namespace laconic
