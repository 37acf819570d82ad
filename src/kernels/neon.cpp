// Kernels for NEON with dot products (ARMv8.2): 16 lanes are four registers.

#include <arm_neon.h>

#include "kernels/codes.h"
#include "kernels/fused.h"
#include "kernels/loops.h"

namespace laconic {
namespace {

struct Neon {
  static constexpr int tile_panels = 1;
  static constexpr int tile_columns = 4;
  static constexpr int fused_panels = 1;
  static constexpr int fused_columns = 4;
  static constexpr int prefetch_distance = 1024;
  static constexpr int tile_prefetch_distance = 512;
  static constexpr int parts = 4;

  /// Dot products take bytes of equal signs. With x - 128 for x, sums lack 128 times the sum of the
  /// weights; that is kept beside them, and the compiler keeps it once for all columns of a tile.
  struct Acc {
    int32x4_t part[parts], lack[parts];
  };
  struct Bytes {
    uint8x16_t part[parts];
  };
  struct Floats {
    float32x4_t part[parts];
  };

  static Acc zero() {
    Acc out;
    for (int i = 0; i < parts; ++i) out.part[i] = out.lack[i] = vdupq_n_s32(0);
    return out;
  }
  static Floats zero_floats() {
    return each([](int) { return vdupq_n_f32(0); });
  }

  static Acc dot(Acc sum, Bytes x, Bytes w) {
    for (int i = 0; i < parts; ++i) {
      const int8x16_t weights = vreinterpretq_s8_u8(w.part[i]);
      const int8x16_t moved = vreinterpretq_s8_u8(veorq_u8(x.part[i], vdupq_n_u8(128)));
      sum.part[i] = vdotq_s32(sum.part[i], moved, weights);
      sum.lack[i] = vdotq_s32(sum.lack[i], vdupq_n_s8(-128), weights);
    }
    return sum;
  }
  static Acc add_sums(Acc a, Acc b) {
    for (int i = 0; i < parts; ++i) {
      a.part[i] = vaddq_s32(a.part[i], b.part[i]);
      a.lack[i] = vaddq_s32(a.lack[i], b.lack[i]);
    }
    return a;
  }

  static Bytes load(const std::byte* from) {
    Bytes out;
    for (int i = 0; i < parts; ++i) {
      out.part[i] = vld1q_u8(reinterpret_cast<const std::uint8_t*>(from) + 16 * i);
    }
    return out;
  }
  static void store(std::byte* to, Bytes from) {
    for (int i = 0; i < parts; ++i) {
      vst1q_u8(reinterpret_cast<std::uint8_t*>(to) + 16 * i, from.part[i]);
    }
  }
  static Bytes repeat(const std::byte* from) {
    std::uint32_t four;
    __builtin_memcpy(&four, from, 4);
    const uint8x16_t all = vreinterpretq_u8_u32(vdupq_n_u32(four));
    return {{all, all, all, all}};
  }
  static void prefetch(const std::byte* from) { __builtin_prefetch(from); }

  template <class Operation>
  static Floats each(const Operation& operation) {
    return {{operation(0), operation(1), operation(2), operation(3)}};
  }
  static Floats floats(Acc sum) {
    return each([&](int i) { return vcvtq_f32_s32(vsubq_s32(sum.part[i], sum.lack[i])); });
  }
  static Floats load_floats(const float* from) {
    return each([&](int i) { return vld1q_f32(from + 4 * i); });
  }
  static void store_floats(float* to, Floats from) {
    for (int i = 0; i < parts; ++i) vst1q_f32(to + 4 * i, from.part[i]);
  }
  static Floats repeat_float(const float* from) {
    return each([&](int) { return vdupq_n_f32(*from); });
  }
  static Floats add(Floats a, Floats b) {
    return each([&](int i) { return vaddq_f32(a.part[i], b.part[i]); });
  }
  static Floats sub(Floats a, Floats b) {
    return each([&](int i) { return vsubq_f32(a.part[i], b.part[i]); });
  }
  static Floats mul(Floats a, Floats b) {
    return each([&](int i) { return vmulq_f32(a.part[i], b.part[i]); });
  }
  static Floats div(Floats a, Floats b) {
    return each([&](int i) { return vdivq_f32(a.part[i], b.part[i]); });
  }
  static Floats power_of_two(Floats x) {
    return each([&](int i) {
      const int32x4_t exponent = vshlq_n_s32(vreinterpretq_s32_f32(x.part[i]), 23);
      return vreinterpretq_f32_s32(vaddq_s32(exponent, vdupq_n_s32(0x3f800000)));
    });
  }
  static Floats select_below(Floats x, float bound, Floats below, Floats other) {
    return each([&](int i) {
      return vbslq_f32(vcltq_f32(x.part[i], vdupq_n_f32(bound)), below.part[i], other.part[i]);
    });
  }
  static Floats multiply_add(Floats a, Floats b, Floats sum) {
    return each([&](int i) { return vfmaq_f32(sum.part[i], a.part[i], b.part[i]); });
  }
  /// By comparisons, which leave NaN and the sign of zero alone.
  static Floats clip(Floats value, float low, float high) {
    const float32x4_t lowest = vdupq_n_f32(low), highest = vdupq_n_f32(high);
    return each([&](int i) {
      const float32x4_t given = value.part[i];
      const float32x4_t raised = vbslq_f32(vcltq_f32(given, lowest), lowest, given);
      return vbslq_f32(vcgtq_f32(raised, highest), highest, raised);
    });
  }

  static Floats load_part(const float* from, int count) {
    if (count == panel_rows) return load_floats(from);
    float whole[panel_rows] = {};
    for (int i = 0; i < count; ++i) whole[i] = from[i];
    return load_floats(whole);
  }
  static void store_part(float* to, int count, Floats from) {
    if (count == panel_rows) return store_floats(to, from);
    float whole[panel_rows];
    store_floats(whole, from);
    for (int i = 0; i < count; ++i) to[i] = whole[i];
  }
  static inline __attribute__((always_inline)) void transpose(const float* from,
                                                              std::int64_t stride, int columns,
                                                              float* to) {
    transpose_plain(from, stride, columns, to);
  }
  static std::int64_t encode(const EncodeJob& job) { return encode_plain(job); }
  static void split(const SplitJob& job) { split_plain(job); }
};

/// The codes of a chunk, quad by quad.
template <WeightForm form>
struct Codes {
  static constexpr int quads = chunk_quads(form);
  using Chunk = Neon::Bytes;

  static Chunk open(const std::byte* packed) { return Neon::load(packed); }

  template <int q>
  static Neon::Bytes quad(const Chunk& chunk) {
    constexpr int bits = 8 / quads;
    if constexpr (quads == 1) return chunk;
    Neon::Bytes out;
    for (int i = 0; i < Neon::parts; ++i) {
      uint8x16_t codes = chunk.part[i];
      if constexpr (q > 0) codes = vshrq_n_u8(codes, bits * q);
      out.part[i] = vandq_u8(codes, vdupq_n_u8((1 << bits) - 1));
    }
    return out;
  }
};

/// Digits are remainders of repeated division by 3.
template <>
struct Codes<WeightForm::trits5> {
  static constexpr int quads = 5;
  struct Chunk {
    Neon::Bytes digit[5];
  };

  static Chunk open(const std::byte* packed) {
    Chunk out;
    Neon::Bytes value = Neon::load(packed);
    for (auto& digit : out.digit) {
      for (int i = 0; i < Neon::parts; ++i) {
        const uint8x16_t third = divide_by_three(value.part[i]);
        digit.part[i] = vmlsq_u8(value.part[i], third, vdupq_n_u8(3));
        value.part[i] = third;
      }
    }
    return out;
  }

  template <int q>
  static Neon::Bytes quad(const Chunk& chunk) {
    return chunk.digit[q];
  }

 private:
  static uint8x16_t divide_by_three(uint8x16_t bytes) {
    const uint8x8_t factor = vdup_n_u8(171);  // 171 / 512 is exact enough below 256.
    const uint16x8_t low = vmull_u8(vget_low_u8(bytes), factor);
    const uint16x8_t high = vmull_u8(vget_high_u8(bytes), factor);
    return vshrq_n_u8(vcombine_u8(vshrn_n_u16(low, 8), vshrn_n_u16(high, 8)), 1);
  }
};

/// Codes looked up in a table that all share; of bits8, the levels themselves.
template <WeightForm form>
struct SharedWeights : Codes<form> {
  explicit SharedWeights(const void* levels)
      : table(form == WeightForm::bits8 ? vdupq_n_u8(0)
                                        : vld1q_u8(static_cast<const std::uint8_t*>(levels))) {}

  template <int q>
  Neon::Bytes quad(const typename Codes<form>::Chunk& chunk) const {
    Neon::Bytes out = Codes<form>::template quad<q>(chunk);
    if constexpr (form != WeightForm::bits8) {
      for (uint8x16_t& part : out.part) part = vqtbl1q_u8(table, part);
    }
    return out;
  }

  uint8x16_t table;
};

constexpr IsaCode isa_code = isa_code_of<Neon>();

/// Without instructions that gather floats, these are expanded one by one.
template <WeightForm form, Activations activations>
constexpr KernelCode kernel_code() {
  if constexpr (form == WeightForm::floats) {
    return {&isa_code, nullptr, nullptr};
  } else if constexpr (activations == Activations::floats) {
    return {&isa_code, unpack_codes<form, float>, nullptr};
  } else {
    constexpr auto unpack =
        form == WeightForm::bits8 ? nullptr : unpack_quads<form, Neon, SharedWeights<form>>;
    return {&isa_code, unpack, fused<Neon, SharedWeights<form>>};
  }
}

}  // namespace

#define LACONIC_NEON(form, activations)                      \
  extern const KernelCode form##_##activations##_neon_code = \
      kernel_code<WeightForm::form, Activations::activations>();
#include "kernels/kernels.inc"

}  // namespace laconic
