#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <algorithm>
#include <numeric>
#include <set>

#include "data_support.h"
#include "laconic/threads.h"
#include "temporary_folder.h"

namespace laconic {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

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

TEST(Datasets, AnswerUnknownNames) {
  EXPECT_THAT(message_of("mnits:x", ErrorCode::invalid_argument), HasSubstr("mnist"));
}

}  // namespace
}  // namespace laconic
