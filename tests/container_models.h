// The models that the container is tested with. They are made of whole numbers and single
// roundings, so they are the same on every machine.

#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "container_support.h"
#include "trellis_paths.h"

namespace laconic::testing {

/// The names of all coders.
inline std::vector<std::string> coder_names() {
  std::vector<std::string> names;
  for (const MemberInfo& coder : coders()) names.emplace_back(coder.name);
  return names;
}

/// A tensor of every kind the container knows, and one for each of these coders.
inline Model model_of_all_kinds(const std::vector<std::string>& coded_by = coder_names()) {
  Random random(20, "kinds");
  Model model;
  model.graph = "structure structure structure structure structure";
  model.metadata = {{"seed", "7"}, {"note", ""}};
  auto& t = model.tensors;
  t.push_back({"conv.weight", uniform({8, 4, 3, 3}, 1, 0.5F, 4, random), "uniform:step=0.5"});
  t.push_back({"conv.bias", dense({8}, random), ""});

  const Codebook joint({-1.1F, -0.25F, 0, 0.3F, 1.7F});
  const Shape shape{6, 20};
  t.push_back({"a.joint", nearest(shape, 120, {joint}, bell_values(shape, 1, random)), "kmeans"});
  t.push_back({"b.joint", nearest(shape, 120, {joint}, bell_values(shape, 1, random)), "kmeans"});

  std::vector<Codebook> channels;
  for (std::int64_t c = 0; c < 6; ++c) {
    channels.push_back(Codebook::evenly_spaced(0.1F + 0.013F * static_cast<float>(c), -c, 9));
  }
  const auto values = bell_values(shape, 0.3, random);
  t.push_back({"channels", nearest(shape, 20, channels, values), "uniform"});
  t.push_back({"groups", nearest(shape, 32, {joint, channels[2]}, values), "mixed"});
  t.push_back({"groups.equal", nearest(shape, 32, {joint}, values), "kmeans"});
  t.push_back({"no.zero", nearest(shape, 60, {Codebook({-1, 1}), Codebook({-3, -1, 2})}, values)});
  t.push_back({"one.level", nearest(shape, 120, {Codebook({1})}, values), "kmeans:levels=1"});
  t.push_back({"one.level.each", nearest(shape, 60, {Codebook({0}), Codebook({1.5F})}, values)});
  t.push_back({"some.levels", nearest(shape, 60, {Codebook({0}), joint}, values)});
  t.push_back({"empty", QuantizedTensor{{0, 3}, 3, {}, {}}, "none"});
  t.push_back({"scalar", QuantizedTensor{{}, 1, {joint}, {3}}, "kmeans"});
  t.push_back({"long.block", QuantizedTensor{{2}, 50, {joint}, {3, 0}}, "kmeans"});

  t.push_back({"dense.empty", DenseTensor{{3, 0}, {}}, ""});
  t.push_back({"dense.scalar", DenseTensor{{}, {0.1F}}, ""});
  t.push_back({"dense.constant", DenseTensor{{500}, std::vector<float>(500, -0.0F)}, ""});
  t.push_back(
      {"dense.special", DenseTensor{{6}, {INFINITY, -INFINITY, NAN, -0.0F, 1e-45F, 0x1p-24F}}, ""});
  t.push_back({"dense.half", DenseTensor{{3}, {0.333251953125F, -65504, 0x1p-24F}}, ""});
  t.push_back({"dense.split", dense({300}, random), ""});
  DenseTensor repeated{{400}, {}};
  for (int i = 0; i < 400; ++i) repeated.values.push_back(i % 7 == 0 ? 0.1F : 0.7F);
  t.push_back({"dense.repeated", std::move(repeated), ""});

  for (const std::string& coder : coded_by) {
    auto tensor = uniform({4, 30}, 1, 0.8F, 3, random);
    if (coder == "trellis") tensor = on_paths(std::move(tensor));
    t.push_back({"coder." + coder, std::move(tensor), "uniform", coder});
  }
  return model;
}

/// The tensors of a ResNet-20 for CIFAR as compression leaves them: convolutions at about two bits,
/// normalisation at eight, its means and variances constant.
class ResNet20 {
 public:
  [[nodiscard]] static Model make() {
    ResNet20 net;
    net.convolution("conv1", {16, 3, 3, 3});
    net.normalization("bn1", 16);
    std::int64_t in = 16;
    for (int stage = 1; stage <= 3; ++stage) {
      const std::int64_t out = std::int64_t{8} << stage;
      for (int block = 0; block < 3; ++block, in = out) {
        const auto name = fmt::format("layer{}.{}.", stage, block);
        net.convolution(name + "conv1", {out, in, 3, 3});
        net.normalization(name + "bn1", out);
        net.convolution(name + "conv2", {out, out, 3, 3});
        net.normalization(name + "bn2", out);
      }
    }
    net.convolution("linear", {10, 64});
    net.vector("linear.bias", 10);
    net.model_.metadata = {{"accuracy", "0.9123"}, {"seed", "1"}};
    return std::move(net.model_);
  }

 private:
  void convolution(const std::string& name, const Shape& shape) {
    const auto step = static_cast<float>(0.05 + 0.05 * random_.uniform());
    const std::int64_t reach = 2 + random_.below(4);
    model_.tensors.push_back({name + ".weight", uniform(shape, 0.06, step, reach, random_),
                              "entropy_constrained:levels=32,lambda=0.001"});
  }

  /// Eight bits, from the least to the greatest.
  void vector(const std::string& name, std::int64_t count) {
    const auto values = bell_values({count}, 0.5, random_);
    const auto [least, greatest] = std::ranges::minmax(values);
    const float step = (greatest - least) / 254;
    const auto first = static_cast<std::int64_t>(std::floor(least / step));
    const auto last = static_cast<std::int64_t>(std::ceil(greatest / step));
    const auto codebook = Codebook::evenly_spaced(step, first, last - first + 1);
    model_.tensors.push_back({name, nearest({count}, count, {codebook}, values), "uniform:bits=8"});
  }

  void normalization(const std::string& name, std::int64_t channels) {
    vector(name + ".weight", channels);
    vector(name + ".bias", channels);
    constant(name + ".running_mean", channels, 0);
    constant(name + ".running_var", channels, 1);
  }

  void constant(const std::string& name, std::int64_t count, float value) {
    const std::vector<Index> zeros(static_cast<std::size_t>(count), 0);
    model_.tensors.push_back(
        {name, QuantizedTensor{{count}, count, {Codebook({value})}, zeros}, "uniform:bits=8"});
  }

  Random random_{20, "resnet20"};
  Model model_;
};

}  // namespace laconic::testing
