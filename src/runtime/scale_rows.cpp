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

QuantizedTensor scale_quantized(const QuantizedTensor& weights, std::span<const double> factors) {
  const auto row = element_count(weights.shape) / weights.shape[0];
  QuantizedTensor out{weights.shape, std::gcd(row, weights.block_size), {}, {}};
  out.indices.resize(weights.indices.size());
  const auto size = static_cast<std::size_t>(out.block_size);
  for (std::size_t start = 0; start < out.indices.size(); start += size) {
    const Scaled block =
        scale(weights.codebooks[start / static_cast<std::size_t>(weights.block_size)],
              factors[start / static_cast<std::size_t>(row)]);
    out.codebooks.push_back(block.codebook);
    for (auto i = start; i < std::min(start + size, out.indices.size()); ++i) {
      out.indices[i] = block.indices[weights.indices[i]];
    }
  }
  return out;
}

}  // namespace

Tensor scale_rows(const Tensor& weights, std::span<const double> factors) {
  if (const auto* quantized = std::get_if<QuantizedTensor>(&weights)) {
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
