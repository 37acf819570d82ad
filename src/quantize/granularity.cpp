// What shares a codebook: cuts tensors into blocks, quantizes these and puts the tensors together.

#include <algorithm>
#include <charconv>

#include "core/trellis.h"
#include "laconic/error.h"
#include "laconic/quantizer.h"
#include "laconic/threads.h"

namespace laconic {
namespace {

void check(const WeightsView& tensor) {
  const std::int64_t count = element_count(tensor.shape);
  if (tensor.weights.size() != static_cast<std::uint64_t>(count)) {
    fail(ErrorCode::invalid_argument,
         "a tensor to be quantized has {} weights, but its shape has {}", tensor.weights.size(),
         count);
  }
  if (tensor.start != nullptr && tensor.start->shape != tensor.shape) {
    fail(ErrorCode::invalid_argument,
         "a start of {} weights is given for a tensor of {}, or one of another shape",
         tensor.start->indices.size(), count);
  }
  if (!tensor.importance.empty() && tensor.importance.size() != tensor.weights.size()) {
    fail(ErrorCode::invalid_argument, "{} importances for {} weights: there must be one each",
         tensor.importance.size(), tensor.weights.size());
  }
}

std::int64_t block_size_of(const WeightsView& tensor, const Granularity& granularity) {
  const auto count = static_cast<std::int64_t>(tensor.weights.size());
  switch (granularity.kind) {
    case Granularity::Kind::joint:
    case Granularity::Kind::per_tensor:
      break;
    case Granularity::Kind::per_channel:
      if (!tensor.shape.empty())
        return std::max<std::int64_t>(1, count / std::max<std::int64_t>(1, tensor.shape[0]));
      break;
    case Granularity::Kind::per_group:
      if (granularity.group_size < 1) {
        fail(ErrorCode::invalid_argument, "the group size is {}, but must be at least 1",
             granularity.group_size);
      }
      return granularity.group_size;
  }
  return std::max<std::int64_t>(1, count);
}

std::vector<QuantizedTensor> quantize_jointly(const Quantizer& quantizer,
                                              std::span<const WeightsView> tensors, Zeros zeros) {
  const bool any_importance = std::any_of(tensors.begin(), tensors.end(), [](const auto& tensor) {
    return !tensor.importance.empty();
  });
  std::vector<float> weights, importance;
  for (const auto& tensor : tensors) {
    weights.insert(weights.end(), tensor.weights.begin(), tensor.weights.end());
    importance.insert(importance.end(), tensor.importance.begin(), tensor.importance.end());
    if (any_importance) importance.resize(weights.size(), 1);
  }
  std::vector<QuantizedTensor> results;
  std::vector<Index> all;
  std::vector<Codebook> codebook;
  if (!weights.empty()) {
    auto code = quantizer.quantize_block(weights, importance, {.zeros = zeros});
    all = std::move(code.indices);
    codebook.push_back(std::move(code.codebook));
  }
  auto next = all.begin();
  for (const auto& tensor : tensors) {
    const auto count = static_cast<std::int64_t>(tensor.weights.size());
    results.push_back({.shape = tensor.shape,
                       .block_size = std::max<std::int64_t>(1, count),
                       .codebooks = count > 0 ? codebook : std::vector<Codebook>{},
                       .indices = {next, next + count}});
    next += count;
  }
  return results;
}

/// Where the search for the block from `first` on begins, if that is given.
const Codebook* start_of(const WeightsView& tensor, std::int64_t block_size, std::size_t first) {
  if (tensor.start == nullptr || tensor.start->block_size != block_size) return nullptr;
  return &tensor.start->codebooks[first / static_cast<std::size_t>(block_size)];
}

/// A block of one of several tensors.
struct Place {
  std::size_t tensor = 0;
  std::size_t first = 0;
  std::size_t count = 0;
};

}  // namespace

std::vector<QuantizedTensor> quantize(const Quantizer& quantizer,
                                      std::span<const WeightsView> tensors, Granularity granularity,
                                      Zeros zeros) {
  for (const auto& tensor : tensors) check(tensor);
  if (granularity.kind == Granularity::Kind::joint)
    return quantize_jointly(quantizer, tensors, zeros);

  std::vector<QuantizedTensor> results(tensors.size());
  std::vector<Place> places;
  for (std::size_t t = 0; t < tensors.size(); ++t) {
    const auto block_size = block_size_of(tensors[t], granularity);
    const auto step = static_cast<std::size_t>(block_size), count = tensors[t].weights.size();
    results[t] = {
        .shape = tensors[t].shape, .block_size = block_size, .codebooks = {}, .indices = {}};
    if (step < count) results[t].indices.resize(count);
    for (std::size_t first = 0; first < count; first += std::min(step, count - first)) {
      places.push_back({t, first, std::min(step, count - first)});
      results[t].codebooks.emplace_back(std::vector<float>{0});
    }
  }
  parallel_for(static_cast<std::int64_t>(places.size()), [&](std::int64_t i) {
    const auto& [t, first, count] = places[static_cast<std::size_t>(i)];
    const auto& tensor = tensors[t];
    const bool whole = count == tensor.weights.size();
    auto code = quantizer.quantize_block(
        tensor.weights.subspan(first, count),
        tensor.importance.empty() ? tensor.importance : tensor.importance.subspan(first, count),
        {.start = start_of(tensor, results[t].block_size, first),
         .path = whole ? trellis::path_length(tensor.shape) : 0,
         .zeros = zeros,
         .whole_pattern = tensor.whole_pattern});
    if (whole) {
      results[t].indices = std::move(code.indices);
    } else {
      std::copy(code.indices.begin(), code.indices.end(),
                results[t].indices.begin() + static_cast<std::ptrdiff_t>(first));
    }
    results[t].codebooks[first / static_cast<std::size_t>(results[t].block_size)] =
        std::move(code.codebook);
  });
  return results;
}

Granularity parse_granularity(std::string_view text) {
  if (text == "joint") return {Granularity::Kind::joint};
  if (text == "tensor") return {Granularity::Kind::per_tensor};
  if (text == "channel") return {Granularity::Kind::per_channel};
  constexpr std::string_view group = "group:";
  if (text.starts_with(group)) {
    std::int64_t size = 0;
    const auto digits = text.substr(group.size());
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), size);
    if (error == std::errc{} && end == digits.data() + digits.size() && size >= 1) {
      return {Granularity::Kind::per_group, size};
    }
  }
  fail(ErrorCode::invalid_argument,
       "granularity is \"{}\", but must be joint, tensor, channel or group:SIZE with a SIZE of at "
       "least 1",
       text);
}

std::string print_granularity(const Granularity& granularity) {
  switch (granularity.kind) {
    case Granularity::Kind::joint:
      return "joint";
    case Granularity::Kind::per_tensor:
      return "tensor";
    case Granularity::Kind::per_channel:
      return "channel";
    case Granularity::Kind::per_group:
      break;
  }
  return fmt::format("group:{}", granularity.group_size);
}

}  // namespace laconic
