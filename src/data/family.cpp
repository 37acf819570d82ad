#include "core/family.h"

#include "data/members.h"

namespace laconic {
namespace {

constexpr OptionInfo contrast{
    "gcn", "0", ">=0",
    "Norm that each sample is brought to once its mean is taken out, before zca; 0: as it is."};
constexpr OptionInfo whitening{
    "zca", "0", ">=0",
    "Whitens pixels by the covariance of the training part with so much added to its eigenvalues, "
    "before scale; 0: not."};
constexpr OptionInfo scale{"scale", "1/255", ">0", "A pixel becomes (value * scale - mean) / std."};
constexpr OptionInfo raw_scale{"scale", "1", ">0", "A value becomes (value * scale - mean) / std."};
constexpr OptionInfo mean{"mean", "0", "list", "One for all channels, or one each."};
constexpr OptionInfo deviation{"std", "1", "list", "One for all channels, or one each; positive."};
constexpr OptionInfo layout{"layout", "chw", "chw|hwc",
                            "Order of channels, height and width of a sample."};
constexpr OptionInfo margin{"margin", "0", "0..64",
                            "Rows and columns of zeros added on each side of every sample."};
constexpr OptionInfo flip{"flip", "false", "true|false",
                          "Training mirrors samples, half of the time."};
constexpr OptionInfo pad{"pad", "0", "0..64",
                         "Training shifts samples at random by up to so many pixels."};
constexpr OptionInfo validation{
    "validation", "0.1", ">=0",
    "Held out of the training part: a fraction below 1, or a number of samples."};
constexpr OptionInfo seed{"seed", "0", "0..4294967295", "Of the choice of the validation part."};
constexpr OptionInfo color{"channels", "rgb", "rgb|bgr", "Their order."};

/// Of samples that are held as they are stored: bytes of a fixed shape.
constexpr std::array stored = {contrast, whitening, scale, mean,       deviation, layout,
                               margin,   flip,      pad,   validation, seed};

template <std::size_t count>
constexpr auto and_of_stored(const std::array<OptionInfo, count>& own) {
  std::array<OptionInfo, count + stored.size()> all{};
  std::copy(stored.begin(), stored.end(), std::copy(own.begin(), own.end(), all.begin()));
  return all;
}

constexpr auto mnist_options = and_of_stored(std::array{
    OptionInfo{"", "required", "text", "Folder with the four IDX files, plain or gzip."}});
constexpr auto fashion_mnist_options =
    and_of_stored(std::array{OptionInfo{"", "/usr/share/datasets/fashion-mnist", "text",
                                        "Folder with the four IDX files, plain or gzip."}});
constexpr auto cifar10_options = and_of_stored(
    std::array{OptionInfo{"", "required", "text",
                          "Folder with data_batch_1.bin to data_batch_5.bin and test_batch.bin."},
               color});
constexpr auto cifar100_options = and_of_stored(std::array{
    OptionInfo{"", "required", "text", "Folder with train.bin and test.bin."},
    OptionInfo{"labels", "fine", "fine|coarse", "The 100 classes, or their 20 families."}, color});
constexpr auto svhn_options = and_of_stored(std::array{
    OptionInfo{"", "required", "text", "Folder with train_32x32.mat and test_32x32.mat."}, color});
constexpr std::array images_options = {
    OptionInfo{"", "required", "text",
               "Folder with a folder per class, or with train, val and test, each with a folder "
               "per class."},
    OptionInfo{"size", "224", "1..4096", "Height and width, cut from the middle."},
    OptionInfo{"resize", "0", "0..4096",
               "Length of the shorter side before that; at least size, which 0 stands for."},
    OptionInfo{"channels", "rgb", "rgb|bgr|gray", "Their order, or one of brightness."},
    scale,
    mean,
    deviation,
    layout,
    margin,
    flip,
    pad,
    validation,
    seed};
constexpr std::array npy_options = {
    OptionInfo{"x", "required", "text", "File of training samples, the first axis counting them."},
    OptionInfo{"y", "required", "text", "File of their classes, from 0."},
    OptionInfo{"test_x", "", "text", "File of test samples."},
    OptionInfo{"test_y", "", "text", "File of their classes."},
    OptionInfo{"classes", "0", "0..1000000", "How many there are; 0: as many as y shows."},
    raw_scale,
    mean,
    deviation,
    flip,
    pad,
    validation,
    seed};

constexpr OptionInfo rows_of_images{"height", "240", "32..4096",
                                    "Images are scaled to fit into so many rows"};
constexpr OptionInfo columns_of_images{"width", "320", "32..4096",
                                       "and columns; the rest is padded."};
constexpr OptionInfo class_names{"classes", "auto", "text",
                                 "Names joined by \"/\"; auto: those of the training part, in "
                                 "alphabetical order; voc: PASCAL VOC's "
                                 "20."};
constexpr OptionInfo flip_images{"flip", "true", "true|false",
                                 "Training mirrors images, half of the time."};
constexpr OptionInfo jitter{
    "jitter", "0.2", ">=0",
    "Training enlarges or shrinks images by up to this share, and crops or pads them."};
constexpr std::array voc_options = {
    OptionInfo{"", "required", "text", "Folder with JPEGImages, Annotations and ImageSets."},
    rows_of_images,
    columns_of_images,
    class_names,
    OptionInfo{"train", "train", "text", "Name of the list of training images: ImageSets/Main/*."},
    OptionInfo{"validation", "val", "text", "Likewise; none: no validation part."},
    OptionInfo{"test", "test", "text", "Likewise; none: no test part."},
    scale,
    mean,
    deviation,
    flip_images,
    jitter};
constexpr std::array coco_options = {
    OptionInfo{"", "required", "text", "Folder with annotations and a folder of images per part."},
    rows_of_images,
    columns_of_images,
    class_names,
    OptionInfo{"train", "train2017", "text",
               "Folder of the training images, annotated in annotations/instances_*.json."},
    OptionInfo{"validation", "none", "text", "Likewise; none: no validation part."},
    OptionInfo{"test", "val2017", "text", "Likewise; none: no test part."},
    scale,
    mean,
    deviation,
    flip_images,
    jitter};
constexpr std::array text_options = {
    OptionInfo{"", "required", "text", "File whose bytes are the characters."},
    OptionInfo{"steps", "100", "1..65536", "Characters of a sequence."},
    OptionInfo{"train", "0.8", "0..1 real", "Share of the file, from its start."},
    OptionInfo{"validation", "0.1", "0..1 real", "Share after that; the rest is the test part."}};

constexpr std::array table = {
    FamilyRow<Dataset>{{"mnist", "Handwritten digits, 28 x 28, or another set in their format.",
                        "LeCun et al. 1998", mnist_options},
                       make_mnist},
    FamilyRow<Dataset>{{"fashion-mnist",
                        "Articles of clothing, 28 x 28, from Debian's dataset-fashion-mnist unless "
                        "a folder is given.",
                        "Xiao et al. 2017, arXiv:1708.07747", fashion_mnist_options},
                       make_mnist},
    FamilyRow<Dataset>{{"cifar10", "Colour images of 10 classes, 32 x 32, binary layout.",
                        "Krizhevsky 2009", cifar10_options},
                       make_cifar10},
    FamilyRow<Dataset>{{"cifar100", "Colour images of 100 classes, 32 x 32, binary layout.",
                        "Krizhevsky 2009", cifar100_options},
                       make_cifar100},
    FamilyRow<Dataset>{{"svhn", "House numbers: digits in colour, 32 x 32, from MAT-files.",
                        "Netzer et al. 2011, Reading digits in natural images", svhn_options},
                       make_svhn},
    FamilyRow<Dataset>{{"images", "JPEG and PNG files in a folder per class.", "", images_options},
                       make_images},
    FamilyRow<Dataset>{
        {"npy", "Samples and classes from NumPy arrays: float32, float64, uint8, int32 or int64.",
         "", npy_options},
        make_npy},
    FamilyRow<Dataset>{
        {"voc", "Images with boxes, in the layout of PASCAL VOC: object detection.",
         "Everingham et al. 2010, The PASCAL visual object classes challenge", voc_options},
        make_voc},
    FamilyRow<Dataset>{{"coco", "Images with boxes, in the layout of COCO: object detection.",
                        "Lin et al. 2014, Microsoft COCO", coco_options},
                       make_coco},
    FamilyRow<Dataset>{{"text", "Sequences of characters, each to be told from those before it.",
                        "Karpathy, Johnson, Li 2016, arXiv:1506.02078", text_options},
                       make_text},
};
constexpr auto rows = infos(table);

}  // namespace

std::string_view name(Part part) noexcept {
  switch (part) {
    case Part::train:
      return "train";
    case Part::validation:
      return "validation";
    case Part::test:
      return "test";
  }
  return "unknown";
}

std::span<const MemberInfo> datasets() noexcept {
  return rows;
}

std::unique_ptr<Dataset> make_dataset(std::string_view spec) {
  return make_member("data set", spec, table, std::span<const MemberInfo>(rows));
}

}  // namespace laconic
