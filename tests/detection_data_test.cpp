#include "laconic/detection_data.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <opencv2/imgcodecs.hpp>

#include "data_support.h"
#include "voc_folder.h"

namespace laconic {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class Voc : public testing::Test, protected VocFolder {
 protected:
  [[nodiscard]] const DetectionDataset& open(std::string_view options = "") {
    data = make_dataset(spec(options));
    return *as_detection(*data);
  }

  std::unique_ptr<Dataset> data;
};

TEST_F(Voc, ReadsBoxesInPixelsOfSamples) {
  const auto& voc = open();
  EXPECT_THAT(voc.class_names(), ElementsAre("ant", "bee"));
  EXPECT_EQ(voc.sample_shape(), (Shape{3, 32, 40}));
  ASSERT_EQ(voc.size(Part::train), 2);
  EXPECT_EQ(voc.size(Part::validation), 0);
  ASSERT_EQ(voc.size(Part::test), 1);
  const auto shown = voc.shown(Part::train, 0);
  EXPECT_EQ(shown.factor, 0.5);
  EXPECT_EQ(shown.height, 20);
  EXPECT_EQ(shown.width, 40);
  const auto first = voc.objects(Part::train, 0);
  ASSERT_EQ(first.size(), 2u);
  EXPECT_EQ(first[0].label, 1);
  EXPECT_EQ(first[0].box, (Box{0, 0, 10, 5}));
  EXPECT_EQ(first[1].box, (Box{10, 5, 30, 15}));
  EXPECT_TRUE(voc.objects(Part::train, 1)[0].difficult);
  for (const auto part : {Part::train, Part::validation, Part::test})
    EXPECT_THAT(describe(voc.skipped(part)), IsEmpty());
}

TEST_F(Voc, PadsImagesBelow) {
  const auto samples = read(open(",scale=1"), Part::train, {0});
  EXPECT_THAT(samples.labels, ElementsAre(0));
  EXPECT_NEAR(samples.x[0], 30, 3);
  EXPECT_NEAR(samples.x[19 * 40 + 39], 30, 3);
  EXPECT_EQ(samples.x[20 * 40], 0);
}

/// An image with a bright object: wherever augmentation puts it, the box is there.
TEST_F(Voc, BoxesMoveWithTheirPixels) {
  cv::Mat image(40, 80, CV_8UC3, cv::Scalar(0, 0, 0));
  image(cv::Rect(20, 10, 24, 16)).setTo(cv::Scalar(255, 255, 255));
  Bytes bytes;
  cv::imencode(".jpg", image, bytes);
  folder.write("JPEGImages/1.jpg", bytes);
  folder.write("Annotations/1.xml",
               bytes_of("<annotation>" + object("ant", "21 11 44 26") + "</annotation>"));
  const auto& voc = open();
  bool moved = false;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const Augmentation change{.flip = true, .scale = 0.3};
    const auto x = read(voc, Part::train, {0}, change, seed).x;
    const auto objects = voc.objects(Part::train, 0, change, seed);
    ASSERT_EQ(objects.size(), 1u);
    const Box box = objects[0].box;
    moved = moved || box != voc.objects(Part::train, 0)[0].box;
    float left = 40, right = 0, top = 32, bottom = 0;
    for (int row = 0; row < 32; ++row) {
      for (int column = 0; column < 40; ++column) {
        if (x[static_cast<std::size_t>(row * 40 + column)] < 0.5F) continue;
        left = std::min(left, static_cast<float>(column));
        right = std::max(right, static_cast<float>(column + 1));
        top = std::min(top, static_cast<float>(row));
        bottom = std::max(bottom, static_cast<float>(row + 1));
      }
    }
    EXPECT_NEAR(box.x1, left, 1.1) << seed;
    EXPECT_NEAR(box.x2, right, 1.1) << seed;
    EXPECT_NEAR(box.y1, top, 1.1) << seed;
    EXPECT_NEAR(box.y2, bottom, 1.1) << seed;
  }
  EXPECT_TRUE(moved);
}

TEST_F(Voc, CountsAndSkipsBadBoxes) {
  add("1", object("bee", "5 5 5 9") + object("ant", "200 5 220 9") + object("wasp", "1 1 9 9") +
               object("ant", "70 30 200 200") + object("ant", "9 9 4 4") + "<object/>");
  const auto& voc = open(",classes=ant/bee");
  const auto& skipped = voc.skipped(Part::train);
  EXPECT_EQ(skipped.empty_boxes, 2);
  EXPECT_EQ(skipped.outside_boxes, 1);
  EXPECT_EQ(skipped.unknown_classes, 2);
  EXPECT_EQ(voc.skipped(Part::test).boxes(), 0);
  EXPECT_THAT(describe(skipped),
              AllOf(HasSubstr("2 boxes without an area"), HasSubstr("1 box outside its image"),
                    HasSubstr("the first: the box 4 4 4 9 in ")));
  const auto objects = voc.objects(Part::train, 0);
  ASSERT_EQ(objects.size(), 1u);
  EXPECT_EQ(objects[0].box, (Box{34.5F, 14.5F, 40, 20}));
}

TEST_F(Voc, ABoxWithoutAllSidesIsNoBox) {
  const auto box = [](std::string_view sides) {
    return fmt::format("<object><name>ant</name><bndbox>{}</bndbox></object>", sides);
  };
  add("1", box("<ymin>3</ymin><xmax>30</xmax><ymax>9</ymax>") +
               box("<xmin>left</xmin><ymin>3</ymin><xmax>30</xmax><ymax>9</ymax>") +
               box("<xmin>1</xmin><ymin>3</ymin><xmax>inf</xmax><ymax>9</ymax>") +
               box("<xmin> 21.0 </xmin><ymin>11</ymin><xmax>60</xmax><ymax>30</ymax>"));
  const auto& voc = open();
  EXPECT_EQ(voc.skipped(Part::train).unreadable_boxes, 3);
  EXPECT_THAT(describe(voc.skipped(Part::train)), HasSubstr("3 boxes that cannot be read"));
  const auto objects = voc.objects(Part::train, 0);
  ASSERT_EQ(objects.size(), 1u);
  EXPECT_EQ(objects[0].box, (Box{10, 5, 30, 15}));
}

TEST_F(Voc, ClassesAreThoseOfTheDataOrOfVoc) {
  add("1", "<object/>" + object("\xff", "1 1 9 9") + object("ant", "1 1 9 9"));
  EXPECT_THAT(open().class_names(), ElementsAre("ant"));
  EXPECT_EQ(open().skipped(Part::train).unknown_classes, 2);
  const auto& voc = open(",classes=voc");
  EXPECT_EQ(voc.classes(), 20);
  EXPECT_EQ(voc.class_names().front(), "aeroplane");
  EXPECT_EQ(voc.class_names().back(), "tvmonitor");
  EXPECT_EQ(voc.skipped(Part::train).unknown_classes, 4);
}

TEST_F(Voc, CountsAndSkipsBadImages) {
  auto half = jpeg(40, 80);
  half.resize(half.size() / 2);
  for (const char* const name : {"half", "broken", "empty", "text"})
    add(name, object("ant", "1 1 9 9"));
  folder.write("JPEGImages/half.jpg", half);
  folder.write("JPEGImages/text.jpg", bytes_of("hello"));
  folder.write("Annotations/broken.xml", bytes_of("<annotation><object></annot"));
  folder.write("Annotations/empty.xml", bytes_of("<html/>"));
  folder.write("JPEGImages/silent.jpg", jpeg(4, 4));
  list("train", "1\nhalf\nbroken\nempty\ntext\nsilent\nabsent\n");
  const auto& voc = open();
  EXPECT_EQ(voc.size(Part::train), 1);
  const auto& skipped = voc.skipped(Part::train);
  EXPECT_EQ(skipped.damaged_images, 2);
  EXPECT_EQ(skipped.bad_annotations, 3);
  EXPECT_EQ(skipped.missing_images, 1);
  EXPECT_THAT(describe(skipped), HasSubstr("half.jpg\" is cut short"));
}

// Marks are in order, but without tables there are no pixels.
TEST_F(Voc, SkipsImagesThatCannotBeDecoded) {
  auto image = jpeg(40, 80);
  for (std::size_t i = 0; i + 1 < image.size(); ++i)
    if (image[i] == 0xff && image[i + 1] == 0xdb) image[i + 1] = 0xfe;
  add("undecodable", object("ant", "1 1 9 9"));
  folder.write("JPEGImages/undecodable.jpg", image);
  // A second header, behind the pixels, says 4x4.
  auto twice = jpeg(40, 80);
  const Bytes header{0xff, 0xc0, 0, 11, 8, 0, 4, 0, 4, 1, 1, 0x11, 0};
  twice.insert(twice.end() - 2, header.begin(), header.end());
  add("twice", object("ant", "1 1 4 4"));
  folder.write("JPEGImages/twice.jpg", twice);
  list("test", "3\nundecodable\ntwice\n");
  const auto& voc = open();
  EXPECT_EQ(voc.size(Part::test), 1);
  EXPECT_EQ(voc.skipped(Part::test).damaged_images, 2);
  EXPECT_THAT(describe(voc.skipped(Part::test)), HasSubstr("undecodable.jpg\" is damaged"));
}

TEST_F(Voc, SaysWhatIsWrongWithTheWhole) {
  EXPECT_THAT(message_of("voc:/no/such/folder"), HasSubstr("no folder"));
  for (const char* const part : {"train", "validation", "test"})
    EXPECT_THAT(message_of(spec(fmt::format(",{}=missing", part))), HasSubstr("missing.txt"));
  list("train", "../etc/passwd\n");
  EXPECT_THAT(message_of(spec()), HasSubstr("no name of an image"));
  list("train", "absent\n");
  EXPECT_THAT(message_of(spec(",classes=ant,test=none")),
              AllOf(HasSubstr("no image that can be used"), HasSubstr("absent.jpg")));
  EXPECT_THAT(message_of(spec()), HasSubstr("no annotation has an object"));
  list("train", "1\n");
  EXPECT_THAT(message_of(spec(",classes=ant/ant"), ErrorCode::invalid_argument),
              HasSubstr("must differ"));
  EXPECT_THAT(message_of(spec(",std=0"), ErrorCode::invalid_argument), HasSubstr("std"));
  EXPECT_THAT(message_of(spec(",train=../x"), ErrorCode::invalid_argument),
              HasSubstr("no name of a list"));
}

TEST_F(Voc, AnImageThatChangedIsAnError) {
  const auto& voc = open();
  folder.write("JPEGImages/1.jpg", jpeg(20, 20));
  EXPECT_THAT(error_of([&] { (void)read(voc, Part::train, {0}); }), HasSubstr("1.jpg"));
}

TEST_F(Voc, DrawsWhatWasFound) {
  const std::vector<Detection> found{{{5, 5, 30, 30}, 1, 0.9F}};
  const std::vector<std::string> names{"ant", "bee"};
  const auto output = folder.path("out.png");
  draw_detections(folder.path("JPEGImages/1.jpg"), found, names, output);
  const cv::Mat drawn = cv::imread(output);
  ASSERT_EQ(drawn.rows, 40);
  EXPECT_NE(drawn.at<cv::Vec3b>(20, 5), drawn.at<cv::Vec3b>(20, 15));
}

TEST(Coco, ReadsWhatVocReads) {
  const TemporaryFolder folder;
  for (const char* const part : {"train2017", "val2017"}) {
    folder.write(std::string(part) + "/7.jpg", jpeg(40, 80));
    folder.write("annotations/instances_" + std::string(part) + ".json", bytes_of(R"({
      "images": [{"id": 7, "file_name": "7.jpg"}],
      "categories": [{"id": 3, "name": "bee"}, {"id": 9, "name": "ant"}],
      "annotations": [
        {"image_id": 7, "category_id": 9, "bbox": [20, 10, 40, 20], "iscrowd": 0},
        {"image_id": 7, "category_id": 3, "bbox": [0, 0, 20, 10], "iscrowd": 1},
        {"image_id": 7, "category_id": 3, "bbox": [0, 0, 0, 10]},
        {"image_id": 7, "category_id": 3, "bbox": [0, 0, null, 10]},
        {"image_id": 7, "category_id": 4, "bbox": [0, 0, 5, 10]},
        {"image_id": 8, "category_id": 3, "bbox": [0, 0, 5, 10]}]})"));
  }
  const auto spec = "coco:" + folder.path() + ",height=32,width=40";
  const auto data = make_dataset(spec);
  const auto& coco = *as_detection(*data);
  EXPECT_THAT(coco.class_names(), ElementsAre("ant", "bee"));
  const auto objects = coco.objects(Part::test, 0);
  ASSERT_EQ(objects.size(), 2u);
  EXPECT_EQ(objects[0].box, (Box{10, 5, 30, 15}));
  EXPECT_FALSE(objects[0].crowd);
  EXPECT_TRUE(objects[1].crowd && objects[1].difficult);
  const auto& skipped = coco.skipped(Part::test);
  EXPECT_EQ(skipped.empty_boxes, 1);
  EXPECT_EQ(skipped.unreadable_boxes, 1);
  EXPECT_EQ(skipped.unknown_classes, 1);
  EXPECT_EQ(skipped.stray_boxes, 1);
  EXPECT_THAT(describe(skipped), HasSubstr("the first: entry 5 of \"annotations\""));

  const std::string path = "annotations/instances_train2017.json";
  folder.write(path, bytes_of("{\"images\": 3}"));
  EXPECT_THAT(message_of(spec), HasSubstr("no list \"images\""));
  folder.write(path, bytes_of("{\"images\": [], \"categories\": [], \"annotations\": [{}]}"));
  EXPECT_THAT(message_of(spec), HasSubstr("entry 0 of \"annotations\""));
  folder.write(path, bytes_of("not json"));
  EXPECT_THAT(message_of(spec), HasSubstr("no COCO annotation: it is no JSON"));
}

}  // namespace
}  // namespace laconic
