// The library that carries bytes and tensors between processes: LibTorch's c10d, or a stub where
// the build lacks it.

#pragma once

#include <ATen/core/Tensor.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "laconic/processes.h"

namespace laconic {

/// How long an exchange waits for the slowest process.
constexpr std::chrono::minutes longest_wait{10};

/// Collective: all processes make the same calls in the same order. All throw std::exception when
/// another process is gone, or lets wait too long.
class Transport {
 public:
  virtual ~Transport() = default;

  /// Bytes of all, by rank, each as many as `mine`.
  virtual void gather(std::span<const std::byte> mine, std::span<std::byte> all,
                      std::chrono::seconds limit) = 0;

  /// Sends each process its stretch of `sent`, and receives one from each: one-dimensional tensors,
  /// and how many elements go to, and come from, each rank. On a GPU over NCCL.
  virtual void exchange(const at::Tensor& sent, std::vector<std::int64_t> to,
                        const at::Tensor& received, std::vector<std::int64_t> from) = 0;

  /// Row r of `all` becomes what process r gives.
  virtual void gather(const at::Tensor& mine, const at::Tensor& all) = 0;

  /// Ends without waiting for what is still under way.
  virtual void abandon() noexcept = 0;
};

/// Meets the others. Throws Error(lost_process) if they have not come within `limit`,
/// Error(interrupted) when asked to stop meanwhile, and Error(unsupported_hardware) from a build
/// without c10d.
[[nodiscard]] std::unique_ptr<Transport> connect(const ProcessPlace& place,
                                                 std::chrono::seconds limit);

}  // namespace laconic
