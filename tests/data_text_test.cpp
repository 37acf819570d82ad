#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "data_support.h"
#include "temporary_folder.h"

namespace laconic {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

class TextData : public testing::Test {
 protected:
  std::string file(std::string_view text) {
    const auto path = folder_.path("text");
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }

  TemporaryFolder folder_;
};

TEST_F(TextData, ASequenceIsOfOneHotCharactersAndLabeledWithTheNext) {
  const auto data = make_dataset("text:" + file("abcacb") + ",steps=2,train=1,validation=0");
  EXPECT_THAT(data->sample_shape(), ElementsAre(2, 3));
  EXPECT_EQ(data->classes(), 3);
  EXPECT_EQ(data->labels_per_sample(), 2);
  ASSERT_EQ(data->size(Part::train), 2);
  Samples samples{std::vector<float>(12), std::vector<std::int64_t>(4)};
  data->read(Part::train, std::vector<std::int64_t>{1, 0}, samples.x, samples.labels);
  EXPECT_THAT(samples.x, ElementsAre(0, 0, 1, 1, 0, 0, 1, 0, 0, 0, 1, 0));
  EXPECT_THAT(samples.labels, ElementsAre(0, 2, 1, 2));
}

TEST_F(TextData, BytesAreClassesInAscendingOrder) {
  const auto data = make_dataset("text:" + file("z\xff\n") + ",steps=2,train=1,validation=0");
  std::vector<float> x(6);
  std::vector<std::int64_t> labels(2);
  data->read(Part::train, std::vector<std::int64_t>{0}, x, labels);
  EXPECT_THAT(x, ElementsAre(0, 1, 0, 0, 0, 1));
  EXPECT_THAT(labels, ElementsAre(2, 0));
}

TEST_F(TextData, PartsFollowOneAnotherAndShareNoCharacter) {
  std::string text(100, 'x');
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i);
  const auto data = make_dataset("text:" + file(text) + ",steps=3");
  // 80, 10 and 10 characters: the last of a sequence needs one more for its label.
  EXPECT_EQ(data->size(Part::train), 26);
  EXPECT_EQ(data->size(Part::validation), 3);
  EXPECT_EQ(data->size(Part::test), 3);
  std::vector<float> x(300);
  std::vector<std::int64_t> labels(3);
  data->read(Part::validation, std::vector<std::int64_t>{0}, x, labels);
  EXPECT_THAT(labels, ElementsAre(81, 82, 83));
  data->read(Part::test, std::vector<std::int64_t>{2}, x, labels);
  EXPECT_THAT(labels, ElementsAre(97, 98, 99));
}

TEST_F(TextData, SharesThatAddUpLeaveNothing) {
  const auto data = make_dataset("text:" + file(std::string(50, 'a') + std::string(50, 'b')) +
                                 ",steps=9,train=0.7,validation=0.3");
  EXPECT_EQ(data->size(Part::validation), 3);
  EXPECT_EQ(data->size(Part::test), 0);
}

TEST_F(TextData, BadInputIsNamed) {
  EXPECT_THAT(message_of("text:" + file("aaaa")), HasSubstr("repeats a single character"));
  EXPECT_THAT(message_of("text:" + file("")), HasSubstr("is empty"));
  EXPECT_THAT(message_of("text:" + folder_.path("none")), HasSubstr("cannot read"));
  EXPECT_THAT(message_of("text:" + file("abab") + ",steps=4"),
              AllOf(HasSubstr("sequences of 4 characters"), HasSubstr("3 of 4 characters")));
  EXPECT_THAT(
      message_of("text:" + file("abab") + ",train=0.8,validation=0.3", ErrorCode::invalid_argument),
      HasSubstr("1 at most together"));
  EXPECT_THAT(message_of("text:" + file("abab") + ",train=0", ErrorCode::invalid_argument),
              HasSubstr("train is 0"));
}

TEST_F(TextData, RequestsItCannotMeetAreRefused) {
  const auto data = make_dataset("text:" + file("abcabcabc") + ",steps=2");
  std::vector<float> x(6);
  std::vector<std::int64_t> labels(2);
  const auto refuses = [&](std::vector<std::int64_t> indices, std::size_t room,
                           const Augmentation& augmentation = {}) {
    return error_of(
        [&] { data->read(Part::train, indices, std::span(x).first(room), labels, augmentation); },
        ErrorCode::invalid_argument);
  };
  EXPECT_THAT(refuses({0}, 5), HasSubstr("room for 5 values"));
  EXPECT_THAT(refuses({3}, 6), HasSubstr("no train sample 3 among 3"));
  EXPECT_THAT(refuses({-1}, 6), HasSubstr("no train sample -1"));
  EXPECT_THAT(refuses({0}, 6, {.flip = true}), HasSubstr("cannot be mirrored"));
}

}  // namespace
}  // namespace laconic
