#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "core/npy.h"
#include "data_support.h"
#include "temporary_folder.h"

namespace laconic {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

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

}  // namespace
}  // namespace laconic
