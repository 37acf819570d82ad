#include "train/post/layer_choice.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "laconic/error.h"
#include "train/post/even_codebook.h"
#include "train/post/moments.h"
#include "train/post/trellis_assign.h"

namespace laconic {
namespace {

std::int64_t block_size_of(const Granularity& granularity, const Shape& shape, std::size_t count) {
  const auto all = static_cast<std::int64_t>(count);
  switch (granularity.kind) {
    case Granularity::Kind::per_channel:
      return shape.empty() || shape[0] == 0 ? all : all / shape[0];
    case Granularity::Kind::per_group:
      return std::min(granularity.group_size, all);
    default:
      return all;
  }
}

QuantizedTensor even_levels(const LayerChoice& choice, double step, const Shape& shape,
                            std::span<const float> weights) {
  const std::int64_t size = block_size_of(choice.granularity, shape, weights.size());
  QuantizedTensor tensor{shape, size, {}, {}};
  const double whole = root_mean_square(weights);
  for (std::size_t first = 0; first < weights.size(); first += static_cast<std::size_t>(size)) {
    const auto block =
        weights.subspan(first, std::min(static_cast<std::size_t>(size), weights.size() - first));
    const double part = root_mean_square(block);
    const double share = part > 0 && whole > 0 ? std::sqrt(part / whole) : 1;
    if (is_trellis(choice.quantizer)) {
      tensor.codebooks.push_back(trellis_levels_over(block, step * share));
    } else {
      tensor.codebooks.push_back(evenly_spaced_over(block, short_float(step * share)));
    }
  }
  return tensor;
}

}  // namespace

std::string spec_at(const LayerChoice& choice, double step, std::span<const float> weights) {
  if (choice.quantizer == "kmeans") {
    // Panter and Dite: a normal source in k free levels errs by sqrt(3) pi / 2 (r / k)^2.
    const double levels =
        std::sqrt(6 * std::numbers::sqrt3 * std::numbers::pi) * root_mean_square(weights) / step;
    return fmt::format("kmeans:levels={}",
                       static_cast<int>(std::clamp(std::ceil(levels), 2.0, 256.0)));
  }
  if (choice.quantizer == "entropy_constrained") {
    return "entropy_constrained:lambda=" +
           print_number((choice.importance.empty() ? 1 : mean(choice.importance)) * step * step *
                        std::numbers::ln2 / 6);
  }
  return choice.quantizer;
}

QuantizedTensor first_levels(const LayerChoice& choice, double step, const Shape& shape,
                             std::span<const float> weights) {
  QuantizedTensor tensor;
  if (choice.codebook) {
    tensor = {shape, static_cast<std::int64_t>(weights.size()), {*choice.codebook}, {}};
  } else if (choice.quantizer == "uniform" || choice.quantizer == "trellis") {
    tensor = even_levels(choice, step, shape, weights);
  } else {
    const auto quantizer = make_quantizer(spec_at(choice, step, weights));
    const WeightsView view{shape, weights, choice.importance};
    return quantize(*quantizer, std::span(&view, 1), choice.granularity, choice.zeros)[0];
  }
  for (std::size_t i = 0; i < weights.size(); ++i) {
    tensor.indices.push_back(
        tensor.codebooks[i / static_cast<std::size_t>(tensor.block_size)].nearest(weights[i]));
  }
  return tensor;
}

}  // namespace laconic
