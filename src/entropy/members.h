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

}  // namespace laconic
