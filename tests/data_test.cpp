#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <numeric>
#include <opencv2/imgcodecs.hpp>
#include <set>

#include "core/atomic_file.h"
#include "core/npy.h"
#include "laconic/dataset.h"
#include "laconic/error.h"
#include "laconic/threads.h"
#include "temporary_folder.h"

namespace laconic {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using Bytes = std::vector<std::uint8_t>;

std::string message_of(std::string_view spec, ErrorCode code = ErrorCode::invalid_data) {
  try {
    (void)make_dataset(spec);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    return error.what();
  }
  return "no error";
}

struct Samples {
  std::vector<float> x;
  std::vector<std::int64_t> labels;
};

Samples read(const Dataset& data, Part part, std::vector<std::int64_t> indices = {},
             const Augmentation& augmentation = {}, std::uint64_t seed = 0) {
  if (indices.empty()) {
    indices.resize(static_cast<std::size_t>(data.size(part)));
    std::iota(indices.begin(), indices.end(), std::int64_t{0});
  }
  Samples out;
  out.x.resize(indices.size() * static_cast<std::size_t>(element_count(data.sample_shape())));
  out.labels.resize(indices.size());
  data.read(part, indices, out.x, out.labels, augmentation, seed);
  return out;
}

Bytes idx(std::vector<std::uint32_t> shape, const Bytes& elements, std::uint8_t type = 8) {
  Bytes out = {0, 0, type, static_cast<std::uint8_t>(shape.size())};
  for (const auto extent : shape) {
    for (const int shift : {24, 16, 8, 0})
      out.push_back(static_cast<std::uint8_t>(extent >> shift));
  }
  out.insert(out.end(), elements.begin(), elements.end());
  return out;
}

Bytes gzip(const Bytes& bytes) {
  Bytes out(compressBound(bytes.size()) + 64);
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  stream.next_in = const_cast<std::uint8_t*>(bytes.data());
  stream.avail_in = static_cast<unsigned>(bytes.size());
  stream.next_out = out.data();
  stream.avail_out = static_cast<unsigned>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

Bytes ramp(std::size_t count) {
  Bytes bytes(count);
  std::iota(bytes.begin(), bytes.end(), std::uint8_t{0});
  return bytes;
}

/// Ten training images of 2 x 3 pixels 0, 1, 2, ..., labelled 0 to 9, and two test images.
void write_mnist(const TemporaryFolder& folder) {
  folder.write("train-images-idx3-ubyte.gz", gzip(idx({10, 2, 3}, ramp(60))));
  folder.write("train-labels.idx1-ubyte", idx({10}, ramp(10)));
  folder.write("t10k-images.idx3-ubyte", idx({2, 2, 3}, ramp(12)));
  folder.write("t10k-labels-idx1-ubyte.gz", gzip(idx({2}, {7, 8})));
}

class Mnist : public testing::Test {
 protected:
  Mnist() { write_mnist(folder); }
  std::string spec(std::string_view options = "") const {
    return "mnist:" + folder.path() + std::string(options);
  }
  TemporaryFolder folder;
};

TEST_F(Mnist, ReadsPlainAndGzipUnderBothSpellings) {
  const auto data = make_dataset(spec(",validation=0"));
  EXPECT_EQ(data->sample_shape(), (Shape{1, 2, 3}));
  EXPECT_EQ(data->classes(), 10);
  EXPECT_EQ(data->size(Part::train), 10);
  EXPECT_EQ(data->size(Part::validation), 0);
  EXPECT_EQ(data->size(Part::test), 2);
  const auto test = read(*data, Part::test);
  EXPECT_THAT(test.labels, ElementsAre(7, 8));
  for (std::size_t i = 0; i < 12; ++i)
    EXPECT_EQ(test.x[i], static_cast<float>(static_cast<double>(i) / 255.0));
  EXPECT_EQ(make_dataset(data->spec())->spec(), data->spec());
}

TEST_F(Mnist, ScalesThenSubtractsThenDivides) {
  const auto data = make_dataset(spec(",scale=1/256,mean=0.125,std=0.5"));
  EXPECT_EQ(read(*data, Part::test, {1}).x[2], static_cast<float>((8.0 / 256 - 0.125) / 0.5));
}

TEST_F(Mnist, SplitsTheTrainingPartBySeed) {
  const auto labels = [&](std::string_view options, Part part) {
    return read(*make_dataset(spec(options)), part).labels;
  };
  const auto train = labels(",validation=3,seed=1", Part::train);
  const auto held_out = labels(",validation=0.3,seed=1", Part::validation);
  EXPECT_EQ(train.size(), 7u);
  EXPECT_EQ(held_out.size(), 3u);
  std::set<std::int64_t> all(train.begin(), train.end());
  all.insert(held_out.begin(), held_out.end());
  EXPECT_EQ(all.size(), 10u);
  EXPECT_NE(held_out, labels(",validation=3,seed=2", Part::validation));
  EXPECT_THAT(message_of(spec(",validation=10"), ErrorCode::invalid_argument),
              HasSubstr("10 training samples"));
}

TEST_F(Mnist, AddsAMarginOfZeros) {
  const auto data = make_dataset(spec(",margin=1,mean=1,layout=hwc"));
  EXPECT_EQ(data->sample_shape(), (Shape{4, 5, 1}));
  const auto x = read(*data, Part::test, {1}).x;
  EXPECT_EQ(x[0], -1.0f);
  EXPECT_EQ(x[6], static_cast<float>(6.0 / 255 - 1));
}

TEST_F(Mnist, AugmentsBySeedAndSample) {
  const auto data = make_dataset(spec(",scale=1,validation=0,flip=true,pad=2"));
  EXPECT_TRUE(data->augmentation().flip);
  EXPECT_EQ(data->augmentation().pad, 2);
  std::set<std::vector<float>> seen;  // Of sample 9: 54, 55, 56 above 57, 58, 59.
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    seen.insert(read(*data, Part::train, {9}, {.flip = true, .pad = 1}, seed).x);
  }
  EXPECT_EQ(seen.size(), 18u);  // 3 x 3 places, mirrored or not.
  EXPECT_TRUE(seen.contains({56, 55, 54, 59, 58, 57}));
  EXPECT_TRUE(seen.contains({0, 0, 0, 0, 54, 55}));
  EXPECT_TRUE(seen.contains({58, 59, 0, 0, 0, 0}));
  const auto together = read(*data, Part::train, {3, 9}, {.flip = true, .pad = 2}, 5).x;
  const auto alone = read(*data, Part::train, {9}, {.flip = true, .pad = 2}, 5).x;
  EXPECT_TRUE(std::equal(alone.begin(), alone.end(), together.begin() + 6));
}

TEST_F(Mnist, AnswersTheSameWithAnyNumberOfThreads) {
  const auto data = make_dataset(spec(",validation=0"));
  std::vector<std::int64_t> indices(500);
  for (std::size_t i = 0; i < indices.size(); ++i)
    indices[i] = static_cast<std::int64_t>(i * 7 % 10);
  set_threads(1);
  const auto one = read(*data, Part::train, indices, {.flip = true, .pad = 2}, 3);
  set_threads(8);
  EXPECT_EQ(one.x, read(*data, Part::train, indices, {.flip = true, .pad = 2}, 3).x);
  set_threads(0);
}

TEST_F(Mnist, RefusesSamplesThatAreNotThere) {
  const auto data = make_dataset(spec());
  EXPECT_THROW(read(*data, Part::test, {2}), Error);
  EXPECT_THROW(read(*data, Part::test, {-1}), Error);
}

TEST_F(Mnist, MissingFolder) {
  EXPECT_THAT(message_of("mnist:/nowhere"), HasSubstr("\"/nowhere\""));
}

TEST_F(Mnist, MissingFile) {
  std::filesystem::remove(folder.path("t10k-labels-idx1-ubyte.gz"));
  EXPECT_THAT(message_of(spec()), HasSubstr("\"t10k-labels-idx1-ubyte\""));
}

TEST_F(Mnist, ImagesCutShort) {
  auto packed = gzip(idx({10, 2, 3}, ramp(60)));
  packed.resize(packed.size() - 10);
  folder.write("train-images-idx3-ubyte.gz", packed);
  EXPECT_THAT(message_of(spec()),
              AllOf(HasSubstr("train-images-idx3-ubyte.gz"), HasSubstr("cut short")));
}

TEST_F(Mnist, PlainImagesCutShort) {
  folder.write("t10k-images.idx3-ubyte", idx({2, 2, 3}, ramp(11)));
  EXPECT_THAT(message_of(spec()),
              AllOf(HasSubstr("t10k-images.idx3-ubyte"), HasSubstr("cut short")));
}

TEST_F(Mnist, ImagesTooLong) {
  folder.write("t10k-images.idx3-ubyte", idx({2, 2, 3}, ramp(13)));
  EXPECT_THAT(message_of(spec()), AllOf(HasSubstr("t10k-images.idx3-ubyte"), HasSubstr("goes on")));
}

TEST_F(Mnist, ChecksumOfGzip) {
  auto packed = gzip(idx({10, 2, 3}, ramp(60)));
  packed[packed.size() - 6] ^= 1;
  folder.write("train-images-idx3-ubyte.gz", packed);
  EXPECT_THAT(message_of(spec()),
              AllOf(HasSubstr("train-images-idx3-ubyte.gz"), HasSubstr("damaged")));
}

TEST_F(Mnist, ElementTypeAndAxes) {
  folder.write("t10k-images.idx3-ubyte", idx({2, 2, 3}, ramp(12), 0x0d));
  EXPECT_THAT(message_of(spec()), HasSubstr("00000d03"));
  folder.write("t10k-images.idx3-ubyte", idx({12}, ramp(12)));
  EXPECT_THAT(message_of(spec()), HasSubstr("00000801"));
}

TEST_F(Mnist, ExtentsBeyondTheFile) {
  folder.write("t10k-images.idx3-ubyte", idx({0xffffffff, 0xffffffff, 0xffffffff}, ramp(12)));
  EXPECT_THAT(message_of(spec()), HasSubstr("more bytes than it can hold"));
  folder.write("train-images-idx3-ubyte.gz", gzip(idx({60000, 28, 28}, ramp(60))));
  EXPECT_THAT(message_of(spec()), HasSubstr("more bytes than it can hold"));
}

TEST_F(Mnist, CountsThatDisagree) {
  folder.write("t10k-labels-idx1-ubyte.gz", gzip(idx({3}, {7, 8, 9})));
  EXPECT_THAT(message_of(spec()), AllOf(HasSubstr("2 images"), HasSubstr("3 labels")));
}

TEST_F(Mnist, LabelOutOfRange) {
  folder.write("t10k-labels-idx1-ubyte.gz", gzip(idx({2}, {7, 10})));
  EXPECT_THAT(message_of(spec()), AllOf(HasSubstr("t10k-labels"), HasSubstr("label 10")));
}

TEST_F(Mnist, SizesThatDisagree) {
  folder.write("t10k-images.idx3-ubyte", idx({2, 3, 2}, ramp(12)));
  EXPECT_THAT(message_of(spec()), HasSubstr("2x3"));
}

TEST_F(Mnist, EntriesPerChannel) {
  EXPECT_THAT(message_of(spec(",mean=1/2"), ErrorCode::invalid_argument),
              HasSubstr("mean has 2 entries"));
  EXPECT_THAT(message_of(spec(",std=0"), ErrorCode::invalid_argument), HasSubstr("std is 0"));
}

TEST(FashionMnist, HasAFolderByDefault) {
  if (!std::filesystem::exists("/usr/share/datasets/fashion-mnist"))
    GTEST_SKIP() << "dataset-fashion-mnist is not installed";
  const auto data = make_dataset("fashion-mnist");
  EXPECT_EQ(data->size(Part::train), 54000);
  EXPECT_EQ(data->size(Part::validation), 6000);
  EXPECT_EQ(data->size(Part::test), 10000);
}

Bytes cifar_records(std::size_t label_bytes, std::vector<std::uint8_t> labels) {
  Bytes out;
  for (const auto label : labels) {
    out.insert(out.end(), label_bytes, label);
    for (int channel = 0; channel < 3; ++channel)
      out.insert(out.end(), 1024, static_cast<std::uint8_t>(label + channel));
  }
  return out;
}

class Cifar : public testing::Test {
 protected:
  Cifar() {
    for (std::uint8_t i = 1; i <= 5; ++i)
      folder.write(fmt::format("data_batch_{}.bin", i), cifar_records(1, {i}));
    folder.write("test_batch.bin", cifar_records(1, {9, 0}));
    folder.write("train.bin", cifar_records(2, {3, 4, 5}));
    folder.write("test.bin", cifar_records(2, {19}));
  }
  TemporaryFolder folder;
};

TEST_F(Cifar, ReadsRecords) {
  const auto data = make_dataset("cifar10:" + folder.path() +
                                 ",mean=0.485/0.456/0.406,std=0.229/0.224/0.225,validation=0");
  EXPECT_EQ(data->sample_shape(), (Shape{3, 32, 32}));
  EXPECT_THAT(read(*data, Part::train).labels, ElementsAre(1, 2, 3, 4, 5));
  const auto test = read(*data, Part::test, {0});
  EXPECT_EQ(test.labels[0], 9);
  EXPECT_EQ(test.x[0], static_cast<float>((9 / 255.0 - 0.485) / 0.229));
  EXPECT_EQ(test.x[3071], static_cast<float>((11 / 255.0 - 0.406) / 0.225));
}

TEST_F(Cifar, OrdersChannelsAndAxes) {
  const auto data = make_dataset("cifar10:" + folder.path() + ",scale=1,channels=bgr,layout=hwc");
  const auto x = read(*data, Part::test, {0}).x;
  EXPECT_EQ(data->sample_shape(), (Shape{32, 32, 3}));
  EXPECT_THAT(std::span(x).first(4), ElementsAre(11, 10, 9, 11));
}

TEST_F(Cifar, HasFineAndCoarseClasses) {
  EXPECT_EQ(make_dataset("cifar100:" + folder.path())->classes(), 100);
  EXPECT_EQ(make_dataset("cifar100:" + folder.path() + ",labels=coarse")->classes(), 20);
  folder.write("test.bin", cifar_records(2, {20}));
  EXPECT_THAT(message_of("cifar100:" + folder.path() + ",labels=coarse"), HasSubstr("label 20"));
}

TEST_F(Cifar, RecordCutShort) {
  auto bytes = cifar_records(1, {1, 2});
  bytes.pop_back();
  folder.write("data_batch_3.bin", bytes);
  EXPECT_THAT(message_of("cifar10:" + folder.path()),
              AllOf(HasSubstr("data_batch_3.bin"), HasSubstr("cut short")));
}

TEST_F(Cifar, LabelOutOfRange) {
  folder.write("test_batch.bin", cifar_records(1, {1, 10}));
  EXPECT_THAT(message_of("cifar10:" + folder.path()),
              AllOf(HasSubstr("test_batch.bin"), HasSubstr("record 1")));
}

TEST_F(Cifar, MissingFile) {
  std::filesystem::remove(folder.path("data_batch_5.bin"));
  EXPECT_THAT(message_of("cifar10:" + folder.path()), HasSubstr("data_batch_5.bin"));
}

Bytes encode(const char* ending, int height, int width, cv::Scalar bgr) {
  Bytes out;
  cv::imencode(ending, cv::Mat(height, width, CV_8UC3, bgr), out);
  return out;
}

class Images : public testing::Test {
 protected:
  Images() {
    folder.write("train/ant/1.png", encode(".png", 8, 12, {10, 20, 30}));
    folder.write("train/ant/2.JPG", encode(".jpg", 40, 24, {10, 20, 30}));
    folder.write("train/bee/1.jpeg", encode(".jpg", 16, 16, {200, 100, 50}));
    folder.write("train/bee/notes.txt", Bytes{1, 2, 3});
    folder.write("test/bee/1.png", encode(".png", 6, 6, {1, 2, 3}));
  }
  std::string spec(std::string_view options = "") const {
    return "images:" + folder.path() + ",scale=1,size=8,validation=0" + std::string(options);
  }
  /// What reading all of the training part answers.
  std::string message_of_reading() const {
    try {
      (void)read(*make_dataset(spec()), Part::train);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::invalid_data);
      return error.what();
    }
    return "no error";
  }
  TemporaryFolder folder;
};

TEST_F(Images, ReadsAFolderPerClass) {
  const auto data = make_dataset(spec());
  EXPECT_EQ(data->classes(), 2);
  EXPECT_EQ(data->sample_shape(), (Shape{3, 8, 8}));
  const auto train = read(*data, Part::train);
  EXPECT_THAT(train.labels, ElementsAre(0, 0, 1));
  EXPECT_EQ(train.x[0], 30);
  EXPECT_EQ(train.x[64], 20);
  EXPECT_EQ(train.x[128], 10);
  EXPECT_NEAR(train.x[192], 30, 3);
  const auto test = read(*data, Part::test);
  EXPECT_THAT(test.labels, ElementsAre(1));
  EXPECT_EQ(test.x[0], 3);
  EXPECT_EQ(read(*make_dataset(spec(",channels=bgr")), Part::test).x[0], 1);
  EXPECT_EQ(make_dataset(spec(",channels=gray"))->sample_shape(), (Shape{1, 8, 8}));
}

TEST_F(Images, CutsTheMiddle) {
  cv::Mat image(4, 8, CV_8UC3, cv::Scalar(0, 0, 0));
  image.colRange(2, 6).setTo(cv::Scalar(255, 255, 255));
  Bytes bytes;
  cv::imencode(".png", image, bytes);
  folder.write("test/bee/1.png", bytes);
  const auto x = read(*make_dataset("images:" + folder.path() + ",scale=1,size=4"), Part::test).x;
  EXPECT_EQ(*std::min_element(x.begin(), x.end()), 255);
  const auto small =
      read(*make_dataset("images:" + folder.path() + ",scale=1,size=2,resize=4"), Part::test).x;
  EXPECT_EQ(small.size(), 12u);
}

TEST_F(Images, TakesFoldersWithoutParts) {
  const auto data = make_dataset("images:" + folder.path("train") + ",size=4,validation=1");
  EXPECT_EQ(data->size(Part::train), 2);
  EXPECT_EQ(data->size(Part::validation), 1);
  EXPECT_EQ(data->size(Part::test), 0);
}

TEST_F(Images, HasItsOwnValidationPart) {
  folder.write("val/ant/1.png", encode(".png", 6, 6, {1, 2, 3}));
  const auto data = make_dataset("images:" + folder.path() + ",size=4");
  EXPECT_EQ(data->size(Part::train), 3);
  EXPECT_EQ(data->size(Part::validation), 1);
}

TEST_F(Images, UnknownClass) {
  folder.write("test/cat/1.png", encode(".png", 6, 6, {1, 2, 3}));
  EXPECT_THAT(message_of(spec()), HasSubstr("cat"));
}

TEST_F(Images, NoImages) {
  TemporaryFolder empty;
  EXPECT_THAT(message_of("images:" + empty.path()), HasSubstr("has no folder"));
}

TEST_F(Images, JpegCutInHalf) {
  auto bytes = encode(".jpg", 64, 64, {200, 100, 50});
  bytes.resize(bytes.size() / 2);
  folder.write("train/bee/1.jpeg", bytes);
  EXPECT_THAT(message_of_reading(), AllOf(HasSubstr("bee/1.jpeg"), HasSubstr("cut short")));
}

TEST_F(Images, PngCutInHalf) {
  auto bytes = encode(".png", 64, 64, {200, 100, 50});
  bytes.resize(bytes.size() / 2);
  folder.write("train/ant/1.png", bytes);
  EXPECT_THAT(message_of_reading(), AllOf(HasSubstr("ant/1.png"), HasSubstr("cut short")));
}

TEST_F(Images, PngDamaged) {
  auto bytes = encode(".png", 64, 64, {200, 100, 50});
  bytes[bytes.size() - 20] ^= 0xff;
  folder.write("train/ant/1.png", bytes);
  EXPECT_THAT(message_of_reading(), AllOf(HasSubstr("ant/1.png"), HasSubstr("damaged")));
}

TEST_F(Images, ExtentsBeyondTheLimit) {
  auto bytes = encode(".png", 64, 64, {200, 100, 50});
  for (std::size_t i = 16; i < 24; ++i) bytes[i] = 0x7f;
  folder.write("train/ant/1.png", bytes);
  EXPECT_THAT(message_of_reading(), HasSubstr("2139062143x2139062143 pixels"));
}

TEST_F(Images, NotAnImage) {
  folder.write("train/ant/1.png", Bytes{1, 2, 3});
  EXPECT_THAT(message_of_reading(), HasSubstr("neither a JPEG nor a PNG"));
  folder.write("train/ant/1.png", Bytes{});
  EXPECT_THAT(message_of_reading(), HasSubstr("neither a JPEG nor a PNG"));
}

TEST_F(Images, EveryCutOfAnImageIsAnError) {
  for (const char* ending : {".png", ".jpg"}) {
    const auto bytes = encode(ending, 12, 12, {200, 100, 50});
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      folder.write("train/ant/1.png", std::span(bytes).first(size));
      EXPECT_NE(message_of_reading(), "no error") << ending << " " << size;
    }
  }
}

Bytes npy(std::string_view header, std::size_t element_bytes) {
  std::string text("\x93NUMPY\x01\x00", 8);
  text += {static_cast<char>(header.size()), '\0'};
  text += header;
  text.resize(text.size() + element_bytes, '\0');
  return {text.begin(), text.end()};
}

class Npy : public testing::Test {
 protected:
  Npy() {
    std::vector<float> values(24);
    std::iota(values.begin(), values.end(), 0.5f);
    write_npy(folder.path("x.npy"), {4, 2, 3}, values);
    auto labels = npy("{'descr': '<i8', 'fortran_order': False, 'shape': (4,), }", 32);
    labels[labels.size() - 8] = 2;
    folder.write("y.npy", labels);
  }
  std::string spec(std::string_view options = "") const {
    return "npy:x=" + folder.path("x.npy") + ",y=" + folder.path("y.npy") + std::string(options);
  }
  std::string message_of_x(const Bytes& bytes) const {
    folder.write("x.npy", bytes);
    return message_of(spec());
  }
  TemporaryFolder folder;
};

TEST_F(Npy, TakesSamplesOfAnyShape) {
  const auto data = make_dataset(spec(",validation=0"));
  EXPECT_EQ(data->sample_shape(), (Shape{2, 3}));
  EXPECT_EQ(data->classes(), 3);
  EXPECT_EQ(data->size(Part::train), 4);
  EXPECT_EQ(data->size(Part::test), 0);
  const auto train = read(*data, Part::train);
  EXPECT_THAT(train.labels, ElementsAre(0, 0, 0, 2));
  EXPECT_EQ(train.x[7], 7.5f);
  EXPECT_EQ(make_dataset(data->spec())->spec(), data->spec());
}

TEST_F(Npy, HasATestPart) {
  const auto data =
      make_dataset(spec(",test_x=" + folder.path("x.npy") + ",test_y=" + folder.path("y.npy")));
  EXPECT_EQ(data->size(Part::test), 4);
  EXPECT_THAT(message_of(spec(",test_x=" + folder.path("x.npy")), ErrorCode::invalid_argument),
              HasSubstr("together"));
}

TEST_F(Npy, Augmentation) {
  EXPECT_THAT(message_of(spec(",flip=true"), ErrorCode::invalid_argument),
              HasSubstr("channels x height x width"));
}

TEST_F(Npy, Header) {
  EXPECT_THAT(message_of_x({1, 2, 3}), HasSubstr("NumPy's mark"));
  EXPECT_THAT(message_of_x(npy("{}", 0)), HasSubstr("lacks descr"));
  EXPECT_THAT(message_of_x(npy("{'descr': '<c8', 'fortran_order': False, 'shape': (4,1)}", 32)),
              HasSubstr("float32"));
  EXPECT_THAT(message_of_x(npy("{'descr': '<f4', 'fortran_order': True, 'shape': (4,1)}", 16)),
              HasSubstr("Fortran"));
  EXPECT_THAT(message_of_x(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (4,-1)}", 16)),
              HasSubstr("extents"));
  EXPECT_THAT(message_of_x(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (4,2)}", 28)),
              HasSubstr("cut short"));
  EXPECT_THAT(
      message_of_x(
          npy("{'descr': '<f4', 'fortran_order': False, 'shape': (4000000000,4000000000)}", 28)),
      HasSubstr("beyond all memory"));
  EXPECT_THAT(message_of_x(npy("{'descr': '", 0)), HasSubstr("lacks"));
  EXPECT_THAT(message_of_x(npy("{'fortran_order': False, 'shape': (4,1), 'descr':", 0)),
              HasSubstr("lacks"));
}

TEST_F(Npy, CountsThatDisagree) {
  EXPECT_THAT(message_of_x(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (3,2)}", 24)),
              HasSubstr("3 labels"));
}

TEST_F(Npy, ValuesThatAreNotFinite) {
  auto bytes = npy("{'descr': '<f4', 'fortran_order': False, 'shape': (4,2)}", 32);
  std::fill(bytes.end() - 4, bytes.end(), std::uint8_t{0xff});
  EXPECT_THAT(message_of_x(bytes), HasSubstr("sample 3"));
}

TEST_F(Npy, LabelOutOfRange) {
  EXPECT_THAT(message_of(spec(",classes=2")), HasSubstr("label 2"));
  auto labels = npy("{'descr': '<i8', 'fortran_order': False, 'shape': (4,), }", 32);
  std::fill(labels.end() - 8, labels.end(), std::uint8_t{0xff});
  folder.write("y.npy", labels);
  EXPECT_THAT(message_of(spec()), HasSubstr("label -1"));
}

TEST(Datasets, AnswerUnknownNames) {
  EXPECT_THAT(message_of("mnits:x", ErrorCode::invalid_argument), HasSubstr("mnist"));
}

}  // namespace
}  // namespace laconic
