#include <algorithm>
#include <cmath>
#include <numeric>

#include "runtime/program.h"

namespace laconic::runtime {
namespace {

/// A codebook times a factor, and where its indices go.
struct Scaled {
  Codebook codebook;
  std::vector<Index> indices;
};

Scaled scale(const Codebook& codebook, double factor) {
  const auto count = codebook.size();
  Scaled out{codebook, std::vector<Index>(count)};
  EvenSpacing spacing;
  const auto step = static_cast<float>(std::abs(factor) * (find_even_spacing(codebook, spacing)
                                                               ? static_cast<double>(spacing.step)
                                                               : 0.0));
  if (std::isnormal(step)) {
    const auto n = static_cast<std::int64_t>(count);
    const auto first = factor > 0 ? spacing.first : -(spacing.first + n - 1);
    out.codebook = Codebook::evenly_spaced(step, first, n);
    for (std::size_t i = 0; i < count; ++i) {
      out.indices[i] = static_cast<Index>(factor > 0 ? i : count - 1 - i);
    }
    return out;
  }
  std::vector<float> levels;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t from = factor > 0 ? i : count - 1 - i;
    const auto level = static_cast<float>(static_cast<double>(codebook.levels()[from]) * factor);
    if (levels.empty() || level > levels.back()) levels.push_back(level + 0.0F);  // No -0.
    out.indices[from] = static_cast<Index>(levels.size() - 1);
  }
  out.codebook = Codebook(std::move(levels));
  return out;
}

/// Where the indices of blocks go. Most stay: those blocks have no map.
struct IndexMaps {
  std::int64_t block_size = 0;
  std::vector<std::vector<Index>> of_block;

  void apply(std::span<Index> indices, std::int64_t first) const {
    for (std::size_t i = 0; i < indices.size();) {
      const std::int64_t at = first + static_cast<std::int64_t>(i), block = at / block_size;
      const auto left = static_cast<std::size_t>((block + 1) * block_size - at);
      const auto part = indices.subspan(i, std::min(left, indices.size() - i));
      const auto& map = of_block[static_cast<std::size_t>(block)];
      if (!map.empty()) std::ranges::transform(part, part.begin(), [&](Index j) { return map[j]; });
      i += part.size();
    }
  }
};

class MappedStream final : public IndexStream {
 public:
  MappedStream(std::unique_ptr<IndexStream> from, std::shared_ptr<const IndexMaps> maps)
      : from_(std::move(from)), maps_(std::move(maps)) {}

  void read(std::span<Index> next) override {
    from_->read(next);
    maps_->apply(next, done_);
    done_ += std::ssize(next);
  }

 private:
  std::unique_ptr<IndexStream> from_;
  std::shared_ptr<const IndexMaps> maps_;
  std::int64_t done_ = 0;
};

bool stays(std::span<const Index> map) {
  for (std::size_t i = 0; i < map.size(); ++i) {
    if (map[i] != i) return false;
  }
  return true;
}

StreamedTensor scale_quantized(const StreamedTensor& weights, std::span<const double> factors) {
  const auto count = element_count(weights.shape), row = count / weights.shape[0];
  StreamedTensor out{weights.shape, std::gcd(row, weights.block_size), {}, {}, weights.bytes};
  const auto maps = std::make_shared<IndexMaps>();
  maps->block_size = out.block_size;
  for (std::int64_t start = 0; start < count; start += out.block_size) {
    Scaled block = scale(weights.codebooks[static_cast<std::size_t>(start / weights.block_size)],
                         factors[static_cast<std::size_t>(start / row)]);
    out.codebooks.push_back(std::move(block.codebook));
    if (stays(block.indices)) block.indices = {};
    maps->of_block.push_back(std::move(block.indices));
  }
  out.open = [open = weights.open, maps] { return std::make_unique<MappedStream>(open(), maps); };
  return out;
}

}  // namespace

Weights scale_rows(const Weights& weights, std::span<const double> factors) {
  if (const auto* quantized = std::get_if<StreamedTensor>(&weights)) {
    return scale_quantized(*quantized, factors);
  }
  DenseTensor out = std::get<DenseTensor>(weights);
  const auto row = out.values.size() / factors.size();
  for (std::size_t i = 0; i < out.values.size(); ++i) {
    out.values[i] = static_cast<float>(static_cast<double>(out.values[i]) * factors[i / row]);
  }
  return out;
}

}  // namespace laconic::runtime
