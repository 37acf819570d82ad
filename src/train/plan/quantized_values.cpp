#include "train/plan/quantized_values.h"

#include <torch/types.h>

namespace laconic {

QuantizedValues::QuantizedValues(const Network& network, std::span<const TensorChoices> table,
                                 ChoiceKind kind)
    : network_(network), table_(table) {
  if (kind == ChoiceKind::kmeans_zero) pinned_.push_back(0);
  for (const auto& tensor : table) values_.emplace_back(tensor.choices.size());
}

const at::Tensor& QuantizedValues::of(std::size_t t, std::size_t c) {
  auto& value = values_[t][c];
  if (value.defined()) return value;
  const auto weights = network_.parameter(table_[t].tensor).detach().contiguous();
  const auto count = static_cast<std::size_t>(weights.numel());
  const auto code = make_quantizer(table_[t].choices[c].what)
                        ->quantize_block({weights.data_ptr<float>(), count}, {},
                                         {.start = nullptr, .pinned = pinned_});
  value = at::empty_like(weights);
  auto* out = value.data_ptr<float>();
  const auto levels = code.codebook.levels();
  for (std::size_t i = 0; i < count; ++i) out[i] = levels[code.indices[i]];
  return value;
}

}  // namespace laconic
