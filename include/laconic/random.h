// Random numbers that are the same on every machine: std::mt19937_64 is specified to the bit, the
// standard distributions are not, so they are written here.

#pragma once

#include <cmath>
#include <cstdint>
#include <numbers>
#include <random>
#include <span>
#include <string_view>
#include <utility>

namespace laconic {

/// A stream of random numbers. Not safe to share between threads.
class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}

  /// A stream of its own for a named purpose: adding one elsewhere does not shift this one.
  Random(std::uint64_t seed, std::string_view purpose, std::uint64_t number = 0)
      : engine_(mix(mix(seed, hash(purpose)), number)) {}

  [[nodiscard]] std::uint64_t bits() { return engine_(); }

  /// Uniform in [0, 1), a multiple of 2^-53.
  [[nodiscard]] double uniform() { return static_cast<double>(bits() >> 11) * 0x1p-53; }

  /// Uniform in [0, n), n > 0.
  [[nodiscard]] std::int64_t below(std::int64_t n) {
    return static_cast<std::int64_t>((static_cast<unsigned __int128>(bits()) * static_cast<std::uint64_t>(n)) >> 64);
  }

  /// Standard normal, by Box and Muller.
  [[nodiscard]] double normal() {
    const double radius = std::sqrt(-2 * std::log(1 - uniform()));
    return radius * std::cos(2 * std::numbers::pi * uniform());
  }

  template <typename T>
  void shuffle(std::span<T> items) {
    for (std::size_t i = items.size(); i > 1; --i) {
      std::swap(items[i - 1], items[static_cast<std::size_t>(below(static_cast<std::int64_t>(i)))]);
    }
  }

 private:
  static std::uint64_t mix(std::uint64_t a, std::uint64_t b) noexcept {
    std::uint64_t z = a + 0x9e3779b97f4a7c15 * (b + 1);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  static std::uint64_t hash(std::string_view text) noexcept {
    std::uint64_t value = 0xcbf29ce484222325;
    for (const char c : text) value = (value ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    return value;
  }

  std::mt19937_64 engine_;
};

}  // namespace laconic
