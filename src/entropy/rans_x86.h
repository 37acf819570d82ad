// Loops of src/entropy/rans_loops.h for x86-64, each in a source file with flags of its own.

#pragma once

#include <cstddef>
#include <cstdint>

namespace laconic {

std::size_t rans_decode_avx512(const std::uint32_t* slots, std::uint32_t* states,
                               const unsigned char** next, const unsigned char* end,
                               std::uint16_t* out, std::size_t groups);
void rans_encode_avx512(const std::uint32_t* ranges, int precision, std::uint32_t* states,
                        std::uint16_t** next, const std::uint16_t* indices, std::size_t groups);
std::size_t rans_decode_avx2(const std::uint32_t* slots, std::uint32_t* states,
                             const unsigned char** next, const unsigned char* end,
                             std::uint16_t* out, std::size_t groups);

}  // namespace laconic
