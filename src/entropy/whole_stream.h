// Indices that were decoded at once, handed out in pieces.

#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "laconic/streamed_tensor.h"

namespace laconic {

class WholeStream final : public IndexStream {
 public:
  explicit WholeStream(std::vector<Index> indices) : indices_(std::move(indices)) {}

  void read(std::span<Index> next) override {
    std::copy_n(indices_.begin() + static_cast<std::ptrdiff_t>(done_), next.size(), next.begin());
    done_ += next.size();
  }

 private:
  std::vector<Index> indices_;
  std::size_t done_ = 0;
};

}  // namespace laconic
