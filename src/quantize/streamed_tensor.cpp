#include "laconic/streamed_tensor.h"

#include <algorithm>
#include <utility>

namespace laconic {
namespace {

/// So many indices at a time stay in a core's cache.
constexpr std::int64_t piece = std::int64_t{1} << 16;

class MemoryStream final : public IndexStream {
 public:
  explicit MemoryStream(std::shared_ptr<const QuantizedTensor> tensor)
      : tensor_(std::move(tensor)), left_(tensor_->indices) {}

  void read(std::span<Index> next) override {
    std::copy_n(left_.begin(), next.size(), next.begin());
    left_ = left_.subspan(next.size());
  }

 private:
  std::shared_ptr<const QuantizedTensor> tensor_;
  std::span<const Index> left_;
};

void skip(IndexStream& stream, std::int64_t count) {
  std::vector<Index> dropped(static_cast<std::size_t>(std::min(count, piece)));
  for (; count > 0; count -= piece) {
    stream.read(std::span(dropped).first(static_cast<std::size_t>(std::min(count, piece))));
  }
}

}  // namespace

StreamedTensor stream(std::shared_ptr<const QuantizedTensor> tensor) {
  StreamedTensor out{tensor->shape, tensor->block_size, tensor->codebooks, {}};
  out.bytes = tensor->indices.size() * sizeof(Index);
  out.open = [tensor = std::move(tensor)] { return std::make_unique<MemoryStream>(tensor); };
  return out;
}

StreamedTensor slice(const StreamedTensor& tensor, std::int64_t first, Shape shape) {
  const std::int64_t count = element_count(shape), block = tensor.block_size;
  StreamedTensor out{std::move(shape), std::min(block, count), {}, {}, tensor.bytes};
  out.codebooks.assign(tensor.codebooks.begin() + first / block,
                       tensor.codebooks.begin() + (first + count - 1) / block + 1);
  out.open = [first, open = tensor.open] {
    auto indices = open();
    skip(*indices, first);
    return indices;
  };
  return out;
}

QuantizedTensor collect(const StreamedTensor& tensor) {
  QuantizedTensor out{tensor.shape, tensor.block_size, tensor.codebooks, {}};
  out.indices.resize(static_cast<std::size_t>(element_count(tensor.shape)));
  tensor.open()->read(out.indices);
  return out;
}

std::vector<float> dequantize(const StreamedTensor& tensor) {
  const std::int64_t count = element_count(tensor.shape);
  std::vector<float> weights(static_cast<std::size_t>(count));
  std::vector<Index> indices(static_cast<std::size_t>(std::min(count, piece)));
  const auto source = tensor.open();
  for (std::int64_t first = 0; first < count; first += piece) {
    const std::int64_t end = std::min(count, first + piece);
    source->read(std::span(indices).first(static_cast<std::size_t>(end - first)));
    for (std::int64_t i = first; i < end;) {
      const std::int64_t block = i / tensor.block_size;
      const float* levels = tensor.codebooks[static_cast<std::size_t>(block)].levels().data();
      for (const auto last = std::min(end, (block + 1) * tensor.block_size); i < last; ++i) {
        weights[static_cast<std::size_t>(i)] = levels[indices[static_cast<std::size_t>(i - first)]];
      }
    }
  }
  return weights;
}

}  // namespace laconic
