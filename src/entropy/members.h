// Makers of the coder family's members, one per source file; src/entropy/family.cpp lists them.

#pragma once

#include <memory>

#include "laconic/coder.h"

namespace laconic {

std::unique_ptr<Coder> make_gaps(const Options& options);
std::unique_ptr<Coder> make_huffman(const Options& options);
std::unique_ptr<Coder> make_adaptive_binary(const Options& options);
std::unique_ptr<Coder> make_raw(const Options& options);
std::unique_ptr<Coder> make_rans(const Options& options);
std::unique_ptr<Coder> make_trellis_coder(const Options& options);

/// Position of the first index that is on no path of the trellis; -1 if all are, 0 where no index
/// is zero's.
[[nodiscard]] std::int64_t trellis_misfit(std::span<const Index> indices,
                                          const IndexLayout& layout);

}  // namespace laconic
