#include "laconic/prune.h"

#include <algorithm>
#include <cmath>

#include "laconic/error.h"

namespace laconic {
namespace {

/// A weight's score and where it stands among all that compete.
struct Entry {
  double score = 0;
  std::uint64_t place = 0;
};

void add_scores(const WeightsView& tensor, PruneScore score, std::vector<Entry>& entries) {
  if (tensor.weights.size() != static_cast<std::uint64_t>(element_count(tensor.shape)) ||
      (!tensor.importance.empty() && tensor.importance.size() != tensor.weights.size())) {
    fail(ErrorCode::invalid_argument,
         "a tensor to be pruned has {} weights and {} importances, but its shape has {} weights",
         tensor.weights.size(), tensor.importance.size(), element_count(tensor.shape));
  }
  for (std::size_t i = 0; i < tensor.weights.size(); ++i) {
    const double weight = tensor.weights[i];
    const double importance = tensor.importance.empty() ? 1.0 : tensor.importance[i];
    if (!std::isfinite(weight)) {
      fail(ErrorCode::invalid_argument, "weight {} to be pruned is {}, but must be finite", i,
           weight);
    }
    if (!std::isfinite(importance) || importance < 0) {
      fail(ErrorCode::invalid_argument,
           "importance {} for pruning is {}, but must be finite and not negative", i, importance);
    }
    entries.push_back(
        {score == PruneScore::magnitude ? std::abs(weight) : importance * weight * weight,
         entries.size()});
  }
}

/// One mask over all entries.
Mask best_of(std::vector<Entry>& entries, double keep) {
  Mask mask(entries.size(), 0);
  const auto survivors = std::llround(keep * static_cast<double>(entries.size()));
  const auto end = entries.begin() + static_cast<std::ptrdiff_t>(survivors);
  if (end != entries.end()) {
    std::nth_element(entries.begin(), end, entries.end(), [](const Entry& a, const Entry& b) {
      return a.score != b.score ? a.score > b.score : a.place < b.place;
    });
  }
  for (auto entry = entries.begin(); entry != end; ++entry) mask[entry->place] = 1;
  return mask;
}

}  // namespace

std::vector<Mask> prune(std::span<const WeightsView> tensors, const PruneOptions& options) {
  if (!(options.keep >= 0 && options.keep <= 1)) {
    fail(ErrorCode::invalid_argument, "the share of weights to keep is {}, but must be 0 to 1",
         options.keep);
  }
  std::vector<Mask> masks;
  std::vector<Entry> entries;
  for (const auto& tensor : tensors) {
    add_scores(tensor, options.score, entries);
    if (options.scope == PruneScope::tensor) {
      masks.push_back(best_of(entries, options.keep));
      entries.clear();
    }
  }
  if (options.scope == PruneScope::network) {
    const Mask all = best_of(entries, options.keep);
    auto next = all.begin();
    for (const auto& tensor : tensors) {
      const auto end = next + static_cast<std::ptrdiff_t>(tensor.weights.size());
      masks.emplace_back(next, end);
      next = end;
    }
  }
  return masks;
}

void apply_mask(const Mask& mask, std::span<float> weights) {
  if (mask.size() != weights.size()) {
    fail(ErrorCode::invalid_argument, "a mask of {} entries for {} weights", mask.size(),
         weights.size());
  }
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (mask[i] == 0) weights[i] = 0;
  }
}

double gradual_keep(double keep, std::int64_t round, std::int64_t rounds) {
  if (rounds < 1 || round < 1 || round > rounds) {
    fail(ErrorCode::invalid_argument, "round {} of {} of gradual pruning: rounds count from 1",
         round, rounds);
  }
  const double left = 1 - static_cast<double>(round) / static_cast<double>(rounds);
  return keep + (1 - keep) * left * left * left;
}

}  // namespace laconic
