#include "container/checksum.h"

#include <xxhash.h>

#include <new>

namespace laconic::container {
namespace {

XXH3_state_t* typed(void* state) {
  return static_cast<XXH3_state_t*>(state);
}

}  // namespace

std::uint32_t checksum(std::span<const std::byte> bytes, std::uint64_t seed) noexcept {
  return static_cast<std::uint32_t>(XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed));
}

PiecewiseChecksum::PiecewiseChecksum(std::uint64_t seed) : state_(XXH3_createState()) {
  if (!state_) throw std::bad_alloc();
  XXH3_64bits_reset_withSeed(typed(state_.get()), seed);
}

void PiecewiseChecksum::add(std::span<const std::byte> bytes) {
  XXH3_64bits_update(typed(state_.get()), bytes.data(), bytes.size());
}

std::uint32_t PiecewiseChecksum::value() const {
  return static_cast<std::uint32_t>(XXH3_64bits_digest(typed(state_.get())));
}

void PiecewiseChecksum::Free::operator()(void* state) const noexcept {
  XXH3_freeState(typed(state));
}

}  // namespace laconic::container
