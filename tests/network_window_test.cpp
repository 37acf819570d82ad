// Convolutions and pools with random windows against plain loops, and transposed convolution as the
// adjoint of convolution.

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <limits>

#include "laconic/network.h"
#include "network_graphs.h"

namespace laconic {
namespace {

using Ints = std::vector<std::int64_t>;
using Attributes = std::map<std::string, Attribute, std::less<>>;

/// A window over two spatial axes, each with settings of its own.
struct Window {
  Ints kernel, strides, dilations, begins, ends;
  bool ceil_mode = false;

  [[nodiscard]] std::int64_t extent(std::size_t i) const {
    return (kernel[i] - 1) * dilations[i] + 1;
  }

  /// Windows along an axis, counted one by one: all that lie within the padded input, and with
  /// ceil_mode one more if it starts before the pads at the end.
  [[nodiscard]] std::int64_t count(std::size_t i, std::int64_t in) const {
    std::int64_t windows = 0;
    for (std::int64_t start = -begins[i]; start + extent(i) <= in + ends[i]; start += strides[i]) {
      ++windows;
    }
    const auto next = -begins[i] + windows * strides[i];
    const bool reaches = next - strides[i] + extent(i) < in + ends[i];
    return windows + (ceil_mode && reaches && next < in);
  }

  [[nodiscard]] Attributes attributes() const {
    return {{"strides", strides},
            {"dilations", dilations},
            {"pads", Ints{begins[0], begins[1], ends[0], ends[1]}}};
  }
};

Window draw(Random& random, bool dilated) {
  Window w;
  for (int i = 0; i < 2; ++i) {
    w.kernel.push_back(1 + random.below(3));
    w.strides.push_back(1 + random.below(3));
    w.dilations.push_back(dilated ? 1 + random.below(2) : 1);
    w.begins.push_back(random.below(w.kernel.back()));
    w.ends.push_back(random.below(w.kernel.back()));
  }
  w.ceil_mode = random.below(2) == 0;
  return w;
}

constexpr std::int64_t height = 7;
constexpr std::int64_t width = 6;
constexpr std::int64_t channels = 2;

/// Calls visit(y, x) for each position of one window; those in pads are outside of the image.
template <typename Visit>
void visit_window(const Window& w, std::int64_t row, std::int64_t column, Visit&& visit) {
  for (std::int64_t i = 0; i < w.kernel[0]; ++i) {
    for (std::int64_t j = 0; j < w.kernel[1]; ++j) {
      visit(row * w.strides[0] - w.begins[0] + i * w.dilations[0],
            column * w.strides[1] - w.begins[1] + j * w.dilations[1]);
    }
  }
}

bool inside(std::int64_t y, std::int64_t x) {
  return 0 <= y && y < height && 0 <= x && x < width;
}

std::vector<at::Tensor> run(const std::string& op, const std::vector<at::Tensor>& inputs,
                            const Attributes& attributes, int outputs = 1) {
  Graph graph;
  graph.opset = 17;
  Node only{"", op, {}, {}, attributes};
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    only.inputs.push_back("in" + std::to_string(i));
    graph.inputs.push_back({only.inputs.back(), ElementType::float64, {}});
  }
  for (int i = 0; i < outputs; ++i) {
    only.outputs.push_back("out" + std::to_string(i));
    graph.outputs.push_back({only.outputs.back(), ElementType::float64, {}});
  }
  graph.nodes = {only};
  return Network(graph).run(inputs);
}

const at::Tensor image = random_tensor({1, channels, height, width}, 1).to(at::kDouble);

double pixel(std::int64_t c, std::int64_t y, std::int64_t x) {
  return image.data_ptr<double>()[(c * height + y) * width + x];
}

TEST(Windows, MaxPoolIsThePlainLoop) {
  for (std::uint64_t trial = 0; trial < 100; ++trial) {
    SCOPED_TRACE(trial);
    Random random(1, "max", trial);
    const Window w = draw(random, true);
    Attributes attributes = w.attributes();
    attributes["kernel_shape"] = w.kernel;
    attributes["ceil_mode"] = std::int64_t{w.ceil_mode};
    const auto out = run("MaxPool", {image}, attributes, 2);
    const Shape shape{1, channels, w.count(0, height), w.count(1, width)};
    ASSERT_EQ(out[0].sizes().vec(), shape);
    for (std::int64_t at = 0; at < out[0].numel(); ++at) {
      const auto c = at / (shape[2] * shape[3]);
      double best = -std::numeric_limits<double>::infinity();
      std::int64_t where = -1;
      visit_window(w, at / shape[3] % shape[2], at % shape[3], [&](std::int64_t y, std::int64_t x) {
        if (!inside(y, x) || pixel(c, y, x) <= best) return;
        best = pixel(c, y, x);
        where = (c * height + y) * width + x;
      });
      ASSERT_EQ(out[0].data_ptr<double>()[at], best);
      if (where >= 0) {
        ASSERT_EQ(out[1].data_ptr<std::int64_t>()[at], where);
      }
    }
  }
}

TEST(Windows, AveragePoolIsThePlainLoop) {
  for (std::uint64_t trial = 0; trial < 100; ++trial) {
    SCOPED_TRACE(trial);
    Random random(1, "average", trial);
    const Window w = draw(random, false);
    const bool pads_count = random.below(2) == 0;
    Attributes attributes = w.attributes();
    attributes.erase("dilations");
    attributes["kernel_shape"] = w.kernel;
    attributes["ceil_mode"] = std::int64_t{w.ceil_mode};
    attributes["count_include_pad"] = std::int64_t{pads_count};
    const auto out = run("AveragePool", {image}, attributes)[0];
    const Shape shape{1, channels, w.count(0, height), w.count(1, width)};
    ASSERT_EQ(out.sizes().vec(), shape);
    for (std::int64_t at = 0; at < out.numel(); ++at) {
      const auto c = at / (shape[2] * shape[3]);
      double sum = 0;
      double count = 0;
      visit_window(w, at / shape[3] % shape[2], at % shape[3], [&](std::int64_t y, std::int64_t x) {
        if (inside(y, x)) sum += pixel(c, y, x);
        const bool padded = y < height + w.ends[0] && x < width + w.ends[1];
        count += inside(y, x) || (pads_count && padded);
      });
      if (count > 0) {
        ASSERT_NEAR(out.data_ptr<double>()[at], sum / count, 1e-12);
      }
    }
  }
}

TEST(Windows, ConvIsThePlainLoop) {
  for (std::uint64_t trial = 0; trial < 100; ++trial) {
    SCOPED_TRACE(trial);
    Random random(1, "conv", trial);
    Window w = draw(random, true);
    w.ceil_mode = false;
    const auto weight =
        random_tensor({3, channels, w.kernel[0], w.kernel[1]}, trial).to(at::kDouble);
    const auto out = run("Conv", {image, weight}, w.attributes())[0];
    const Shape shape{1, 3, w.count(0, height), w.count(1, width)};
    ASSERT_EQ(out.sizes().vec(), shape);
    for (std::int64_t at = 0; at < out.numel(); ++at) {
      const auto* factor = weight[at / (shape[2] * shape[3])].data_ptr<double>();
      double sum = 0;
      for (std::int64_t c = 0; c < channels; ++c) {
        visit_window(w, at / shape[3] % shape[2], at % shape[3],
                     [&](std::int64_t y, std::int64_t x) {
                       sum += *factor++ * (inside(y, x) ? pixel(c, y, x) : 0);
                     });
      }
      ASSERT_NEAR(out.data_ptr<double>()[at], sum, 1e-12);
    }
  }
}

TEST(Windows, ConvTransposeIsTheAdjointOfConv) {
  for (std::uint64_t trial = 0; trial < 100; ++trial) {
    SCOPED_TRACE(trial);
    Random random(1, "transpose", trial);
    Window w = draw(random, true);
    w.ceil_mode = false;
    const auto weight =
        random_tensor({3, channels, w.kernel[0], w.kernel[1]}, trial).to(at::kDouble);
    const auto out = run("Conv", {image, weight}, w.attributes())[0];
    const auto other = random_tensor(out.sizes().vec(), trial + 1000).to(at::kDouble);
    // What strides left over at the end of the image comes back as output_padding.
    Ints rest;
    for (std::size_t i = 0; i < 2; ++i) {
      const auto in = i == 0 ? height : width;
      rest.push_back((in + w.begins[i] + w.ends[i] - w.extent(i)) % w.strides[i]);
    }
    Attributes attributes = w.attributes();
    attributes["output_padding"] = rest;
    const auto back = run("ConvTranspose", {other, weight}, attributes)[0];
    ASSERT_EQ(back.sizes(), image.sizes());
    ASSERT_NEAR((out * other).sum().item<double>(), (image * back).sum().item<double>(), 1e-10);
  }
}

TEST(Windows, AutoPadGivesAWindowPerStride) {
  for (const char* mode : {"SAME_UPPER", "SAME_LOWER"}) {
    for (std::int64_t stride = 1; stride <= 4; ++stride) {
      for (std::int64_t kernel = 1; kernel <= 4; ++kernel) {
        const Attributes attributes{{"auto_pad", std::string(mode)},
                                    {"kernel_shape", Ints{kernel, kernel}},
                                    {"strides", Ints{stride, stride}}};
        const auto weight = at::ones({1, channels, kernel, kernel}, at::kDouble);
        const Shape shape{1, 1, (height + stride - 1) / stride, (width + stride - 1) / stride};
        EXPECT_EQ(run("Conv", {image, weight}, attributes)[0].sizes().vec(), shape);
        const auto back =
            run("ConvTranspose", {at::ones({1, 1, 3, 4}, at::kDouble), weight}, attributes)[0];
        EXPECT_EQ(back.sizes().vec(), (Shape{1, channels, 3 * stride, 4 * stride}));
      }
    }
  }
}

}  // namespace
}  // namespace laconic
