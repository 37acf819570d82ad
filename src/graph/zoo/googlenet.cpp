#include <array>

#include "graph/zoo/networks.h"

namespace laconic {
namespace {

/// Filters of an inception module, as in the columns of the paper's table 1.
struct Inception {
  const char* name;
  std::int64_t one, before_three, three, before_five, five, after_pool;
};

constexpr std::array modules = {
    Inception{"3a", 64, 96, 128, 16, 32, 32},     Inception{"3b", 128, 128, 192, 32, 96, 64},
    Inception{"4a", 192, 96, 208, 16, 48, 64},    Inception{"4b", 160, 112, 224, 24, 64, 64},
    Inception{"4c", 128, 128, 256, 24, 64, 64},   Inception{"4d", 112, 144, 288, 32, 64, 64},
    Inception{"4e", 256, 160, 320, 32, 128, 128}, Inception{"5a", 256, 160, 320, 32, 128, 128},
    Inception{"5b", 384, 192, 384, 48, 128, 128}};

class Inceptions {
 public:
  Inceptions(Builder& net, std::int64_t width) : net_(net), width_(width) {}

  [[nodiscard]] std::int64_t channels(std::int64_t of_64) const {
    return std::max<std::int64_t>(1, of_64 * width_ / 64);
  }

  void conv(const std::string& name, std::int64_t of_64, std::int64_t kernel,
            std::int64_t stride = 1) {
    net_.conv(name, channels(of_64), {.kernel = kernel, .stride = stride, .padding = kernel / 2});
    net_.relu(name + ".relu");
  }

  /// Four branches side by side, their channels joined.
  void add(const Inception& m) {
    const std::string name = std::string("inception_") + m.name;
    const auto start = net_.place();
    std::vector<Place> branches;
    const auto branch = [&](const auto& build) {
      net_.go_to(start);
      build();
      branches.push_back(net_.place());
    };
    branch([&] { conv(name + ".1x1", m.one, 1); });
    branch([&] {
      conv(name + ".3x3_reduce", m.before_three, 1);
      conv(name + ".3x3", m.three, 3);
    });
    branch([&] {
      conv(name + ".5x5_reduce", m.before_five, 1);
      conv(name + ".5x5", m.five, 5);
    });
    branch([&] {
      net_.pool(name + ".pool", {.size = 3, .stride = 1, .padding = 1});
      conv(name + ".pool_proj", m.after_pool, 1);
    });
    net_.concat(name, branches);
  }

 private:
  Builder& net_;
  std::int64_t width_;
};

}  // namespace

Graph build_googlenet(const Options& options, const Task& task) {
  require_images(options, task, 47);
  Builder net("googlenet", task.sample_shape, task.seed);
  Inceptions layers(net, options.integer("width"));
  const PoolOptions shrink{.size = 3, .stride = 2, .ceil = true};
  layers.conv("conv1", 64, 7, 2);
  net.pool("pool1", shrink).lrn("norm1", 5, 1e-4F, 0.75F, 1);
  layers.conv("conv2_reduce", 64, 1);
  layers.conv("conv2", 192, 3);
  net.lrn("norm2", 5, 1e-4F, 0.75F, 1).pool("pool2", shrink);
  for (const auto& module : modules) {
    layers.add(module);
    const std::string name = module.name;
    if (name == "3b" || name == "4e") net.pool("pool" + name.substr(0, 1), shrink);
  }
  return net.global_average_pool("pool5")
      .flatten("flatten")
      .dropout("drop", 0.4)
      .linear("classifier", task.classes, Gain::linear)
      .finish();
}

}  // namespace laconic
