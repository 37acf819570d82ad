// The transport over LibTorch's c10d: Gloo on CPUs, NCCL on GPUs where the build has it. The one
// file that includes its headers.

#include <ATen/ATen.h>
#include <torch/version.h>

#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#ifdef USE_C10D_NCCL
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#endif

#include <cstdlib>
#include <cstring>
#include <string_view>
#include <thread>
#include <utility>

#include "laconic/error.h"
#include "laconic/threads.h"
#include "train/processes/transport.h"

namespace laconic {
namespace {

#if TORCH_VERSION_MAJOR >= 2
using Group = c10d::Backend;
#else
using Group = c10d::ProcessGroup;
#endif
using Store = c10::intrusive_ptr<c10d::Store>;

std::string first_line(std::string_view text) {
  return std::string(text.substr(0, text.find('\n')));
}

/// The rows of a tensor, as collectives take what they fill.
std::vector<std::vector<at::Tensor>> rows_of(const at::Tensor& all) {
  return {all.unbind(0)};
}

class C10d : public Transport {
 public:
  C10d(Store store, const ProcessPlace& place, c10::intrusive_ptr<c10d::ProcessGroupGloo> gloo)
      : store_(std::move(store)), rank_(place.rank), size_(place.size), gloo_(std::move(gloo)) {}

  void gather(std::span<const std::byte> mine, std::span<std::byte> all,
              std::chrono::seconds limit) override {
    // Tensors that live on where the wait is given up.
    const auto sent = at::empty({std::ssize(mine)}, at::kByte);
    const auto received = at::empty({size_, std::ssize(mine)}, at::kByte);
    std::memcpy(sent.data_ptr(), mine.data(), mine.size());
    std::vector<at::Tensor> in{sent};
    auto out = rows_of(received);
    gloo_->allgather(out, in)->wait(limit);
    std::memcpy(all.data(), received.data_ptr(), all.size());
  }

  void exchange(const at::Tensor& sent, std::vector<std::int64_t> to, const at::Tensor& received,
                std::vector<std::int64_t> from) override {
    at::Tensor in = sent, out = received;
    group_for(in).alltoall_base(out, in, from, to)->wait(longest_wait);
  }

  void gather(const at::Tensor& mine, const at::Tensor& all) override {
    std::vector<at::Tensor> in{mine};
    auto out = rows_of(all);
    group_for(mine).allgather(out, in)->wait(longest_wait);
  }

  void abandon() noexcept override {
    // Its destructor would wait for what is under way, and that for others.
    (void)gloo_.release();
  }

 private:
  Group& group_for(const at::Tensor& tensor) {
    if (tensor.is_cpu()) return *gloo_;
#ifdef USE_C10D_NCCL
    if (!nccl_) {
      auto options = c10d::ProcessGroupNCCL::Options::create();
      options->timeout = longest_wait;
      nccl_ = c10::make_intrusive<c10d::ProcessGroupNCCL>(
          c10::make_intrusive<c10d::PrefixStore>("nccl", store_), rank_, size_, options);
    }
    return *nccl_;
#else
    fail(ErrorCode::unsupported_hardware,
         "process {} of {} cannot share work on a GPU: this build's LibTorch lacks NCCL", rank_,
         size_);
#endif
  }

  Store store_;  ///< Rank 0's serves the others: it lives as long as they exchange.
  int rank_, size_;
  c10::intrusive_ptr<c10d::ProcessGroupGloo> gloo_;
#ifdef USE_C10D_NCCL
  c10::intrusive_ptr<c10d::ProcessGroupNCCL> nccl_;
#endif
};

Store open_store(const ProcessPlace& place, std::chrono::seconds limit) {
  c10d::TCPStoreOptions options;
  options.port = place.port;
  options.isServer = place.rank == 0 && !place.hosted;
  options.numWorkers = static_cast<std::size_t>(place.size);
  options.waitWorkers = false;
  options.timeout = limit;
  try {
    return c10::make_intrusive<c10d::PrefixStore>(
        "laconic/" + place.attempt, c10::make_intrusive<c10d::TCPStore>(place.address, options));
  } catch (const std::exception& error) {
    fail(ErrorCode::lost_process, "process {} of {} cannot {} {}:{}: {}", place.rank, place.size,
         options.isServer ? "listen at" : "reach", place.address, place.port,
         first_line(error.what()));
  }
}

/// Counts who has come, so that those who are waited for can be told.
void wait_for_all(c10d::Store& store, const ProcessPlace& place, std::chrono::seconds limit) {
  constexpr std::chrono::milliseconds pause{20};
  const auto end = std::chrono::steady_clock::now() + limit;
  auto come = store.add("come", 1);
  for (; come < place.size; come = store.add("come", 0)) {
    throw_if_interrupted();
    if (std::chrono::steady_clock::now() > end) {
      fail(ErrorCode::lost_process,
           "process {} of {} waited {} s at {}:{}, but only {} of the {} came", place.rank,
           place.size, limit.count(), place.address, place.port, come, place.size);
    }
    std::this_thread::sleep_for(pause);
  }
}

/// The network interface that GLOO_SOCKET_IFNAME names, as PyTorch takes it; or the loopback one if
/// that is where the processes meet; or the one that this machine's name stands for.
auto choose_device(const ProcessPlace& place) {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing here sets variables.
  if (const char* interface = std::getenv("GLOO_SOCKET_IFNAME"))
    return c10d::ProcessGroupGloo::createDeviceForInterface(interface);
  if (place.address == "localhost" || place.address.starts_with("127.") || place.address == "::1")
    return c10d::ProcessGroupGloo::createDeviceForHostname(place.address);
  return c10d::ProcessGroupGloo::createDefaultDevice();
}

}  // namespace

std::unique_ptr<Transport> connect(const ProcessPlace& place, std::chrono::seconds limit) {
  const auto store = open_store(place, limit);
  try {
    wait_for_all(*store, place, limit);
    auto options = c10d::ProcessGroupGloo::Options::create(longest_wait);
    options->devices.push_back(choose_device(place));
    options->threads = 1;
    auto gloo = c10::make_intrusive<c10d::ProcessGroupGloo>(
        c10::make_intrusive<c10d::PrefixStore>("gloo", store), place.rank, place.size, options);
    return std::make_unique<C10d>(store, place, std::move(gloo));
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    fail(ErrorCode::lost_process, "process {} of {} cannot join the others at {}:{}: {}",
         place.rank, place.size, place.address, place.port, first_line(error.what()));
  }
}

}  // namespace laconic
