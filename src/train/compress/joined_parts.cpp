#include "train/compress/joined_parts.h"

#include <vector>

namespace laconic {

std::int64_t JoinedParts::size(Part part) const noexcept {
  return part == Part::train ? data_.size(Part::train) + data_.size(Part::validation) : 0;
}

void JoinedParts::read(Part, std::span<const std::int64_t> indices, std::span<float> x,
                       std::span<std::int64_t> labels, const Augmentation& augmentation,
                       std::uint64_t seed) const {
  const std::int64_t first = data_.size(Part::train);
  const std::size_t each = indices.empty() ? 0 : x.size() / indices.size();
  const auto labels_each = static_cast<std::size_t>(data_.labels_per_sample());
  // Runs of samples of the same part are read at once.
  for (std::size_t begin = 0, end = 0; begin < indices.size(); begin = end) {
    const bool validation = indices[begin] >= first;
    std::vector<std::int64_t> run;
    for (end = begin; end < indices.size() && (indices[end] >= first) == validation; ++end) {
      run.push_back(indices[end] - (validation ? first : 0));
    }
    data_.read(validation ? Part::validation : Part::train, run,
               x.subspan(begin * each, run.size() * each),
               labels.subspan(begin * labels_each, run.size() * labels_each), augmentation, seed);
  }
}

}  // namespace laconic
