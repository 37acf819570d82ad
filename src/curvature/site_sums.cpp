// Sums over the samples of a pass, some samples at a time so that memory stays within bounds.

#include <algorithm>

#include "curvature/sites.h"

namespace laconic::curvature {
namespace {

/// Samples to take at once, so that what is made of them stays within some megabytes.
std::int64_t samples_at_once(std::int64_t elements_per_sample) {
  constexpr std::int64_t elements = 1 << 22;
  return std::max<std::int64_t>(1, elements / std::max<std::int64_t>(1, elements_per_sample));
}

/// Gradients of each sample and column, [samples, g, columns, o, k].
at::Tensor gradients(const Site& site, const LayerPass& pass, std::int64_t begin,
                     std::int64_t count) {
  const auto in = site.factor_in(pass, begin, count);
  const auto out = site.factor_out(pass, begin, count);
  const std::int64_t c = out.size(0), n = out.size(1), g = out.size(2), o = out.size(3),
                     l = out.size(4), k = in.size(2);
  if (o == 1 && k == 1) return (in * out).sum(4).permute({1, 2, 0, 3}).unsqueeze(4);
  const auto left = out.permute({1, 2, 0, 3, 4}).reshape({n * g, c * o, l});
  const auto right = in.reshape({n * g, k, l}).transpose(1, 2);
  return at::bmm(left, right).view({n, g, c, o, k});
}

/// With one position, the square of a product is the product of squares.
SquaredGradients squares_of_one_position(const Site& site, const LayerPass& pass) {
  const std::int64_t samples = pass.outputs.front().size(0);
  const auto in = site.factor_in(pass, 0, samples).squeeze(3).square();           // [n, g, k]
  const auto out = site.factor_out(pass, 0, samples).squeeze(4).square().sum(0);  // [n, g, o]
  const auto sums = at::bmm(out.permute({1, 2, 0}), in.permute({1, 0, 2}));
  return {site.to_parameter(sums.unsqueeze(0))[0], (out.sum(2) * in.sum(2)).sum(1)};
}

/// For samples from `begin` on.
SquaredGradients squares_of_chunk(std::span<const Site> sites,
                                  std::span<const LayerPass* const> passes, std::int64_t begin,
                                  std::int64_t count) {
  if (sites.size() == 1) {
    const auto squares = gradients(sites[0], *passes[0], begin, count).square();
    return {sites[0].to_parameter(squares.sum(2).sum(0, true))[0], squares.flatten(1).sum(1)};
  }
  at::Tensor sum;  // [samples * columns, parameter's shape...]
  for (std::size_t s = 0; s < sites.size(); ++s) {
    const auto rows = gradients(sites[s], *passes[s], begin, count).transpose(1, 2).flatten(0, 1);
    const auto part = sites[s].to_parameter(rows);
    sum = sum.defined() ? sum + part : part;
  }
  const auto squares = sum.square();
  return {squares.sum(0), squares.reshape({count, -1}).sum(1)};
}

}  // namespace

SquaredGradients squared_gradients(std::span<const Site> sites,
                                   std::span<const LayerPass* const> passes) {
  if (sites.size() == 1 && sites[0].one_position(*passes[0])) {
    return squares_of_one_position(sites[0], *passes[0]);
  }
  std::int64_t largest = 0;
  for (std::size_t s = 0; s < sites.size(); ++s) {
    const auto columns = static_cast<std::int64_t>(passes[s]->outputs.size());
    largest =
        std::max({largest, sites[s].factor_size(*passes[s]), columns * sites[s].parameter_size()});
  }
  const std::int64_t samples = passes[0]->outputs.front().size(0), step = samples_at_once(largest);
  SquaredGradients out;
  std::vector<at::Tensor> totals;
  for (std::int64_t begin = 0; begin < samples; begin += step) {
    auto chunk = squares_of_chunk(sites, passes, begin, std::min(step, samples - begin));
    out.sums = out.sums.defined() ? out.sums + chunk.sums : chunk.sums;
    totals.push_back(std::move(chunk.totals));
  }
  out.totals = at::cat(totals);
  return out;
}

at::Tensor curvature_sums(const Site& site, const LayerPass& pass) {
  const std::int64_t samples = pass.outputs.front().size(0),
                     step = samples_at_once(site.factor_size(pass));
  at::Tensor sums;
  for (std::int64_t begin = 0; begin < samples; begin += step) {
    const std::int64_t n = std::min(step, samples - begin);
    const auto in = site.factor_in(pass, begin, n).square();
    const auto out = site.factor_out(pass, begin, n)[0];
    const std::int64_t g = in.size(1), k = in.size(2), l = in.size(3), o = out.size(2);
    const auto chunk =
        at::bmm(out.reshape({n * g, o, l}), in.reshape({n * g, k, l}).transpose(1, 2))
            .view({n, g, o, k})
            .sum(0, /*keepdim=*/true);
    sums = sums.defined() ? sums + chunk : chunk;
  }
  return site.to_parameter(sums)[0];
}

}  // namespace laconic::curvature
