#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <opencv2/imgcodecs.hpp>

#include "data/decode_image.h"
#include "data_support.h"
#include "temporary_folder.h"

namespace laconic {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

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
    return error_of([&] { (void)read(*make_dataset(spec()), Part::train); });
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

TEST_F(Images, APartWithoutTheTrainingPart) {
  TemporaryFolder parts;
  parts.write("test/ant/1.png", encode(".png", 6, 6, {1, 2, 3}));
  EXPECT_THAT(message_of("images:" + parts.path()), HasSubstr("no folder \"train\""));

  // A class may be called so.
  TemporaryFolder classes;
  classes.write("test/1.png", encode(".png", 6, 6, {1, 2, 3}));
  classes.write("wrong/1.png", encode(".png", 6, 6, {1, 2, 3}));
  EXPECT_EQ(make_dataset("images:" + classes.path() + ",validation=0")->classes(), 2);
}

TEST_F(Images, NoImages) {
  TemporaryFolder empty;
  EXPECT_THAT(message_of("images:" + empty.path()), HasSubstr("has no folder"));
}

TEST_F(Images, JpegsHaveThePixelsThatOpenCVDecodes) {
  cv::Mat noise(8, 8, CV_8UC3), gray;
  cv::RNG random(7);
  random.fill(noise, cv::RNG::UNIFORM, 0, 256);
  cv::extractChannel(noise, gray, 1);
  for (const auto& image : {noise, gray}) {
    for (const int progressive : {0, 1}) {
      Bytes bytes;
      cv::imencode(".jpg", image, bytes, {cv::IMWRITE_JPEG_PROGRESSIVE, progressive});
      folder.write("test/bee/1.png", bytes);  // The name does not decide.
      for (const bool one : {false, true}) {
        const auto decoded = cv::imdecode(bytes, one ? cv::IMREAD_GRAYSCALE : cv::IMREAD_COLOR);
        std::vector<cv::Mat> planes;
        cv::split(decoded, planes);
        std::vector<float> expected;
        for (const auto& plane : planes)
          expected.insert(expected.end(), plane.begin<uchar>(), plane.end<uchar>());
        const auto data = make_dataset(spec(one ? ",channels=gray" : ",channels=bgr"));
        EXPECT_EQ(read(*data, Part::test).x, expected);
      }
    }
  }
}

TEST_F(Images, JpegsAreDecodedNoSmallerThanAskedFor) {
  folder.write("a.jpg", encode(".jpg", 40, 80, {10, 20, 30}));
  folder.write("a.png", encode(".png", 40, 80, {10, 20, 30}));
  const EncodedImage jpeg(folder.path() + "/a.jpg"), png(folder.path() + "/a.png");
  const auto rows = [](const EncodedImage& image, int height, int width) {
    return image.decode(Channels::bgr, height, width).rows;
  };
  EXPECT_EQ(rows(jpeg, 20, 40), 20);
  EXPECT_EQ(rows(jpeg, 21, 40), 40);
  EXPECT_EQ(rows(jpeg, 20, 41), 40);
  EXPECT_EQ(rows(jpeg, 10, 20), 10);
  EXPECT_EQ(rows(jpeg, 1, 1), 5);
  EXPECT_EQ(rows(jpeg, 400, 800), 40);
  EXPECT_EQ(rows(png, 1, 1), 40);
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

}  // namespace
}  // namespace laconic
