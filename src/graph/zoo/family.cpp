// The table of the zoo, and what is looked up in it.

#include <array>

#include "graph/zoo/networks.h"
#include "laconic/error.h"
#include "laconic/zoo.h"

namespace laconic {
namespace {

struct NetworkRow {
  MemberInfo info;
  Graph (*build)(const Options&, const Task&);
};

constexpr std::array resnet_options{
    OptionInfo{"width", "16", "1..1024",
               "Channels of the first stage; the others have 2 and 4 times as many."},
};

constexpr OptionInfo output_norm{"norm", "true", "true|false",
                                 "Whether the output is normalised, as square hinge wants it."};
constexpr std::array perceptron_options{
    OptionInfo{"width", "2048", "1..65536", "Units of a hidden layer."},
    OptionInfo{"layers", "3", "1..100", "Hidden ones."}, output_norm};
constexpr std::array vgg_small_options{
    OptionInfo{"width", "128", "1..1024",
               "Filters of the first two convolutions; linear layers have 8 times as many units."},
    output_norm};

constexpr std::array char_lstm_options{
    OptionInfo{"units", "512", "1..16384", "Of the recurrent layer."},
};

constexpr std::array width64_options{
    OptionInfo{"width", "64", "1..1024",
               "Channels of the first layer; the others' are in proportion."},
};
constexpr std::array alexnet_options{
    OptionInfo{"width", "96", "4..1024",
               "Channels of the first layer; the others' are in proportion."},
};

constexpr OptionInfo bins{"bins", "7", "1..32",
                          "Rows, and columns, that a region is divided into."};
constexpr OptionInfo ratios{"ratios", "0.5/1/2", "list", "Of anchors: height against width."};
constexpr std::array rfcn_options{
    OptionInfo{"width", "64", "1..1024",
               "Channels of the first layer; the others' are in proportion."},
    bins,
    OptionInfo{"sizes", "128/256/512", "list", "Of anchors: roots of their areas, in pixels."},
    ratios};
constexpr std::array rfcn_small_options{
    OptionInfo{"width", "16", "1..1024",
               "Channels of the first layer; the others' are in proportion."},
    OptionInfo{"bins", "3", "1..32", "Rows, and columns, that a region is divided into."},
    OptionInfo{"sizes", "20/40/60/100", "list", "Of anchors: roots of their areas, in pixels."},
    ratios};
constexpr std::string_view rfcn_paper =
    "Dai et al. 2016, R-FCN; backbone as in He et al. 2016, last stage dilated";

constexpr std::string_view imagenet_resnet_paper =
    "He et al. 2016, Deep residual learning, table 1, shortcuts of option B, stride in the 3x3";
constexpr std::string_view resnet_paper =
    "He et al. 2016, Deep residual learning, section 4.2, shortcuts of option A";

template <std::int64_t depth>
Graph resnet(const Options& options, const Task& task) {
  return build_resnet(options, task, depth);
}

constexpr std::array table{
    NetworkRow{{"lenet300",
                "A perceptron with hidden layers of 300 and 100 units.",
                "LeCun et al. 1998, Gradient-based learning",
                {}},
               build_lenet300},
    NetworkRow{{"lenet5",
                "Caffe's LeNet: 20 and 50 filters of 5x5, then 500 units.",
                "LeCun et al. 1998, as in Caffe's examples/mnist",
                {}},
               build_lenet5},
    NetworkRow{{"resnet20", "A residual network of 20 layers for small images.", resnet_paper,
                resnet_options},
               resnet<20>},
    NetworkRow{{"resnet32", "A residual network of 32 layers for small images.", resnet_paper,
                resnet_options},
               resnet<32>},
    NetworkRow{{"resnet44", "A residual network of 44 layers for small images.", resnet_paper,
                resnet_options},
               resnet<44>},
    NetworkRow{{"resnet56", "A residual network of 56 layers for small images.", resnet_paper,
                resnet_options},
               resnet<56>},
    NetworkRow{{"resnet110", "A residual network of 110 layers for small images.", resnet_paper,
                resnet_options},
               resnet<110>},
    NetworkRow{{"cifar10_quick",
                "Three convolutions of 5x5 and two linear layers for small images.",
                "Caffe's examples/cifar10, after Krizhevsky's cuda-convnet",
                {}},
               build_cifar10_quick},
    NetworkRow{{"alexnet", "Five convolutions and three linear layers for images of 224x224.",
                "Krizhevsky et al. 2012, ImageNet classification; one network, in Caffe's grouping",
                alexnet_options},
               build_alexnet},
    NetworkRow{{"perceptron", "Hidden layers of equal width, with batch normalisation.",
                "Courbariaux, Bengio, David 2015, BinaryConnect, section 3.1", perceptron_options},
               build_perceptron},
    NetworkRow{{"vgg_small", "Six 3x3 convolutions and three linear layers for small images.",
                "Courbariaux, Bengio, David 2015, BinaryConnect, section 3.2", vgg_small_options},
               build_vgg_small},
    NetworkRow{{"char_lstm", "One LSTM layer and an output for each character of a sequence.",
                "Karpathy, Johnson, Li 2016, Visualizing and understanding recurrent networks",
                char_lstm_options},
               build_char_lstm},
    NetworkRow{{"vgg16", "Thirteen 3x3 convolutions and three linear layers for images of 224x224.",
                "Simonyan and Zisserman 2015, Very deep convolutional networks, column D",
                width64_options},
               build_vgg16},
    NetworkRow{
        {"googlenet", "Nine inception modules for images of 224x224.",
         "Szegedy et al. 2015, Going deeper with convolutions, without auxiliary classifiers",
         width64_options},
        build_googlenet},
    NetworkRow{{"resnet18", "A residual network of 18 layers for images of 224x224.",
                imagenet_resnet_paper, width64_options},
               build_resnet18},
    NetworkRow{{"resnet34", "A residual network of 34 layers for images of 224x224.",
                imagenet_resnet_paper, width64_options},
               build_resnet34},
    NetworkRow{{"resnet50", "A residual network of 50 layers, bottlenecks, for images of 224x224.",
                imagenet_resnet_paper, width64_options},
               build_resnet50},
    NetworkRow{
        {"resnet101", "A residual network of 101 layers, bottlenecks, for images of 224x224.",
         imagenet_resnet_paper, width64_options},
        build_resnet101},
    NetworkRow{
        {"rfcn-small",
         "A narrow object detector for images of 320x240 or so, maps of a cell for 8 pixels.",
         "Dai et al. 2016, R-FCN; backbone our own", rfcn_small_options},
        build_rfcn_small},
    NetworkRow{{"rfcn-resnet18", "An object detector on a residual network of 18 layers.",
                rfcn_paper, rfcn_options},
               build_rfcn_resnet18},
    NetworkRow{{"rfcn-resnet34", "An object detector on a residual network of 34 layers.",
                rfcn_paper, rfcn_options},
               build_rfcn_resnet34},
    NetworkRow{{"rfcn-resnet50", "An object detector on a residual network of 50 layers.",
                rfcn_paper, rfcn_options},
               build_rfcn_resnet50},
    NetworkRow{{"rfcn-resnet101", "An object detector on a residual network of 101 layers.",
                rfcn_paper, rfcn_options},
               build_rfcn_resnet101},
};

constexpr auto rows = [] {
  std::array<MemberInfo, table.size()> out{};
  for (std::size_t i = 0; i < table.size(); ++i) out[i] = table[i].info;
  return out;
}();

}  // namespace

void require_images(const Options& options, const Task& task, std::int64_t size) {
  const auto& shape = task.sample_shape;
  if (shape.size() == 3 && shape[1] >= size && shape[2] >= size) return;
  fail(
      ErrorCode::invalid_argument,
      "network {} takes images of at least {}x{} (shape [channels, height, width]), not samples of "
      "shape [{}]",
      options.member().name, size, size, fmt::join(shape, ", "));
}

std::span<const MemberInfo> networks() noexcept {
  return rows;
}

Graph make_network(std::string_view spec, const Shape& sample_shape, std::int64_t classes,
                   std::uint64_t seed) {
  const Options options = parse_spec("network", spec, rows);
  constexpr std::int64_t most_features = 1 << 24;
  std::int64_t features = 1;
  for (const auto extent : sample_shape) {
    if (extent < 1 || extent > most_features / features) {
      fail(ErrorCode::invalid_argument, "samples of shape [{}] do not have 1 to {} elements",
           fmt::join(sample_shape, ", "), most_features);
    }
    features *= extent;
  }
  if (classes < 1 || classes > most_features) {
    fail(ErrorCode::invalid_argument, "a network has 1 to {} classes, not {}", most_features,
         classes);
  }
  const auto index = static_cast<std::size_t>(&options.member() - rows.data());
  return table[index].build(options, {sample_shape, classes, seed});
}

}  // namespace laconic
