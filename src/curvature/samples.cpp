#include "curvature/samples.h"

#include <ATen/CPUGeneratorImpl.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <numeric>
#include <thread>

#include "laconic/detection_data.h"
#include "laconic/error.h"
#include "laconic/evaluate.h"
#include "laconic/random.h"
#include "laconic/threads.h"
#include "train/torch_threads.h"

namespace laconic::curvature {
namespace {

at::Device device_of(const Network& network) {
  const auto parameters = network.parameters();
  return parameters.empty() ? at::Device(at::kCPU)
                            : network.parameter(parameters.front().name).device();
}

/// Some exported networks say that they take one sample at a time; many of them take more.
bool takes_batches(const Network& network, const Shape& sample_shape, const at::Device& device) {
  if (network.graph().inputs[0].shape[0] != 1) return true;
  Shape shape = sample_shape;
  shape.insert(shape.begin(), 2);
  const at::NoGradGuard no_gradients;
  const auto two = at::rand(shape, at::make_generator<at::CPUGeneratorImpl>(1)).to(device);
  const auto run = [&](const at::Tensor& x) { return network.run({&x, 1})[0]; };
  try {
    return at::allclose(run(two), at::cat({run(two.narrow(0, 0, 1)), run(two.narrow(0, 1, 1))}),
                        1e-3, 1e-3);
  } catch (const Error& error) {  // Shapes that do not fit.
    if (error.code() != ErrorCode::invalid_data) throw;
    return false;
  }
}

/// Lets the items of a parallel loop, which start in index order, do something in that order.
class Turns {
 public:
  /// Runs `action` once all lower items had their turn; not at all if one of them failed.
  void take(std::int64_t item, const std::function<void()>& action) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return failed_ || next_ == item; });
    if (failed_) return;
    action();
    ++next_;
    changed_.notify_all();
  }

  /// An item will not take its turn: those that wait for it give up theirs.
  void fail() {
    const std::lock_guard lock(mutex_);
    failed_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::int64_t next_ = 0;
  bool failed_ = false;
};

/// Tells the caller how far the work is, from its own thread only and some times a second.
class Reporter {
 public:
  Reporter(const ProgressSink& sink, std::int64_t total) : sink_(sink), total_(total) {}

  void report(std::int64_t done) {
    const auto now = std::chrono::steady_clock::now();
    if (!sink_ || std::this_thread::get_id() != owner_) return;
    if (done < total_ && now - last_ < std::chrono::milliseconds(100)) return;
    last_ = now;
    sink_({.stage = "curvature", .done = done, .total = total_, .message = {}});
  }

 private:
  const ProgressSink& sink_;
  std::int64_t total_;
  std::thread::id owner_ = std::this_thread::get_id();
  std::chrono::steady_clock::time_point last_{};
};

}  // namespace

Batch Batch::one(std::int64_t i) const {
  return {number, {keys[static_cast<std::size_t>(i)]}, x.narrow(0, i, 1), labels.narrow(0, i, 1)};
}

void require_classes(const Dataset& data, const Options& options) {
  if (as_detection(data) == nullptr) return;
  fail(ErrorCode::invalid_argument,
       "the estimator {} knows the losses of classes alone; for object detection there is adam, "
       "which is the empirical Fisher with batch=1,power=1",
       options.member().name);
}

Samples::Samples(const Network& network, const Dataset& data, const Options& options)
    : data_(data), device_(device_of(network)) {
  check_fits(network.graph(), data);
  const std::int64_t available = data.size(Part::train);
  if (available < 1) {
    fail(ErrorCode::invalid_data, "data set {} has no training sample, but importance needs some",
         data.spec());
  }
  if (data.labels_per_sample() != 1) {
    fail(ErrorCode::invalid_data,
         "samples of {} have {} labels each, but importance is measured on samples of one label",
         data.spec(), data.labels_per_sample());
  }
  const std::int64_t asked = options.integer("samples");
  const std::int64_t taken = asked == 0 ? available : std::min(asked, available);
  order_.resize(static_cast<std::size_t>(available));
  std::iota(order_.begin(), order_.end(), std::int64_t{0});
  Random random(static_cast<std::uint64_t>(options.integer("seed")), "samples");
  for (std::int64_t i = 0; i < taken; ++i) {
    std::swap(order_[static_cast<std::size_t>(i)],
              order_[static_cast<std::size_t>(i + random.below(available - i))]);
  }
  order_.resize(static_cast<std::size_t>(taken));
  const bool alone = !takes_batches(network, data.sample_shape(), device_);
  const std::int64_t batch = alone ? 1 : options.integer("batch");
  batches_ = (taken + batch - 1) / batch;
}

Batch Samples::read(std::int64_t number) const {
  const std::int64_t begin = size() * number / batches_, end = size() * (number + 1) / batches_;
  Shape shape = data_.sample_shape();
  shape.insert(shape.begin(), end - begin);
  Batch batch{number,
              {order_.begin() + begin, order_.begin() + end},
              at::empty(shape),
              at::empty({end - begin}, at::kLong)};
  data_.read(Part::train, batch.keys,
             {batch.x.data_ptr<float>(), static_cast<std::size_t>(batch.x.numel())},
             {batch.labels.data_ptr<std::int64_t>(), batch.keys.size()});
  batch.x = batch.x.to(device_);
  batch.labels = batch.labels.to(device_);
  return batch;
}

void for_each_batch(const Samples& samples, const ProgressSink& progress,
                    const std::function<BatchSums(const Batch&)>& work,
                    const std::function<void(const Batch&, const BatchSums&)>& fold) {
  Turns turns;
  std::int64_t done = 0;
  Reporter reporter(progress, samples.size());
  torch_parallel_for(samples.batches(), [&](std::int64_t i) {
    try {
      throw_if_interrupted();
      const Batch batch = samples.read(i);
      const BatchSums sums = work(batch);
      turns.take(i, [&] {
        fold(batch, sums);
        done += batch.size();
        reporter.report(done);
      });
    } catch (...) {
      turns.fail();
      throw;
    }
  });
  reporter.report(samples.size());
}

}  // namespace laconic::curvature
