// What packed layers share, and their scratch memory.

#include "kernels/pack.h"
#include "laconic/kernels.h"

namespace laconic {

void Workspace::reserve(std::size_t bytes) {
  if (bytes <= size_) return;
  data_.reset();
  size_ = 0;
  data_.reset(static_cast<std::byte*>(::operator new(bytes, std::align_val_t(cache_line))));
  size_ = bytes;
}

void Workspace::Free::operator()(std::byte* memory) const noexcept {
  ::operator delete(memory, std::align_val_t(cache_line));
}

const Kernel& PackedLayer::kernel() const noexcept {
  return *packed_->kernel;
}

std::size_t PackedLayer::bytes() const noexcept {
  return packed_->bytes();
}

std::vector<float> PackedLayer::weights() const {
  return unpack_weights(*packed_);
}

float PackedLayer::weight_error() const noexcept {
  return packed_->weight_error;
}

}  // namespace laconic
