// Kernels in plain C++, for every machine: 16 lanes are loops for the compiler to vectorize.

#include <cstring>

#include "kernels/codes.h"
#include "kernels/loops.h"

namespace laconic {
namespace {

struct Scalar {
  static constexpr int tile_panels = 1;
  static constexpr int tile_columns = 2;
  static constexpr int fused_columns = 0;
  static constexpr int tile_prefetch_distance = 0;

  struct Acc {
    std::uint32_t lane[16];  // Unsigned: sums may pass 2^31 on their way.
  };
  struct Floats {
    float lane[16];
  };
  struct Bytes {
    std::uint8_t byte[64];
  };

  static Acc zero() { return {}; }
  static Floats zero_floats() { return {}; }

  static Acc dot(Acc sum, const Bytes& x, const Bytes& w) {
    for (int i = 0; i < 16; ++i) {
      for (int j = 0; j < 4; ++j) {
        const int weight = static_cast<std::int8_t>(w.byte[4 * i + j]);
        sum.lane[i] += static_cast<std::uint32_t>(x.byte[4 * i + j] * weight);
      }
    }
    return sum;
  }

  static void prefetch(const std::byte*) {}
  static Bytes load(const std::byte* from) {
    Bytes out;
    std::memcpy(&out, from, sizeof out);
    return out;
  }
  static Bytes repeat(const std::byte* from) {
    Bytes out;
    for (int i = 0; i < 16; ++i) std::memcpy(out.byte + 4 * i, from, 4);
    return out;
  }

  static Floats floats(const Acc& sum) {
    Floats out;
    for (int i = 0; i < 16; ++i) {
      out.lane[i] = static_cast<float>(static_cast<std::int32_t>(sum.lane[i]));
    }
    return out;
  }
  static Floats load_floats(const float* from) {
    Floats out;
    std::memcpy(&out, from, sizeof out);
    return out;
  }
  static void store_floats(float* to, const Floats& from) { std::memcpy(to, &from, sizeof from); }
  static Floats repeat_float(const float* from) {
    Floats out;
    for (float& lane : out.lane) lane = *from;
    return out;
  }
  static Floats add(Floats a, const Floats& b) {
    for (int i = 0; i < 16; ++i) a.lane[i] += b.lane[i];
    return a;
  }
  static Floats mul(Floats a, const Floats& b) {
    for (int i = 0; i < 16; ++i) a.lane[i] *= b.lane[i];
    return a;
  }
  static Floats sub(Floats a, const Floats& b) {
    for (int i = 0; i < 16; ++i) a.lane[i] -= b.lane[i];
    return a;
  }
  static Floats div(Floats a, const Floats& b) {
    for (int i = 0; i < 16; ++i) a.lane[i] /= b.lane[i];
    return a;
  }
  static Floats power_of_two(Floats x) {
    for (float& lane : x.lane) {
      const auto exponent = __builtin_bit_cast(std::uint32_t, lane) << 23;
      lane = __builtin_bit_cast(float, exponent + 0x3f800000U);
    }
    return x;
  }
  static Floats select_below(const Floats& x, float bound, const Floats& below, Floats other) {
    for (int i = 0; i < 16; ++i) other.lane[i] = x.lane[i] < bound ? below.lane[i] : other.lane[i];
    return other;
  }
  static Floats clip(Floats value, float low, float high) {
    for (float& lane : value.lane) {
      const float raised = lane < low ? low : lane;
      lane = raised > high ? high : raised;
    }
    return value;
  }
  static Floats load_part(const float* from, int count) {
    Floats out{};
    std::memcpy(&out, from, static_cast<std::size_t>(count) * sizeof(float));
    return out;
  }
  static void store_part(float* to, int count, const Floats& from) {
    std::memcpy(to, &from, static_cast<std::size_t>(count) * sizeof(float));
  }
  static inline __attribute__((always_inline)) void transpose(const float* from,
                                                              std::int64_t stride, int columns,
                                                              float* to) {
    transpose_plain(from, stride, columns, to);
  }
  static std::int64_t encode(const EncodeJob& job) { return encode_plain(job); }
  static void split(const SplitJob& job) { split_plain(job); }
  static Floats multiply_add(const Floats& a, const Floats& b, Floats sum) {
    for (int i = 0; i < 16; ++i) sum.lane[i] += a.lane[i] * b.lane[i];
    return sum;
  }
};

constexpr IsaCode isa_code = isa_code_of<Scalar>();

template <WeightForm form, Activations activations>
constexpr KernelCode kernel_code() {
  if constexpr (form == WeightForm::floats) {
    return {&isa_code, nullptr, nullptr};
  } else if constexpr (activations == Activations::floats) {
    return {&isa_code, unpack_codes<form, float>, nullptr};
  } else if constexpr (form == WeightForm::bits8) {
    return {&isa_code, nullptr, nullptr};
  } else {
    return {&isa_code, unpack_codes<form, std::int8_t>, nullptr};
  }
}

}  // namespace

#define LACONIC_SCALAR(form, activations)                      \
  extern const KernelCode form##_##activations##_scalar_code = \
      kernel_code<WeightForm::form, Activations::activations>();
#include "kernels/kernels.inc"

}  // namespace laconic
