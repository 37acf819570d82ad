#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>

#include "data_support.h"
#include "temporary_folder.h"

namespace laconic {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

// Types of elements and classes of arrays, by the format's numbers.
constexpr std::uint32_t int8 = 1, uint8 = 2, uint16 = 4, int32 = 5, uint32 = 6, float64 = 9;
constexpr std::uint32_t matrix = 14, packed = 15;
constexpr std::uint32_t char_class = 4, double_class = 6, uint8_class = 9, opaque_class = 17;
constexpr std::uint32_t complex_flag = 0x800;

template <typename T>
Bytes bytes_of(const std::vector<T>& values) {
  Bytes out(values.size() * sizeof(T));
  if (!out.empty()) std::memcpy(out.data(), values.data(), out.size());
  return out;
}

Bytes joined(const std::vector<Bytes>& parts) {
  Bytes out;
  for (const auto& part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

Bytes tag(std::uint32_t type, std::size_t bytes) {
  return bytes_of<std::uint32_t>({type, static_cast<std::uint32_t>(bytes)});
}

/// An element whose tag has 8 bytes.
Bytes element(std::uint32_t type, const Bytes& payload) {
  auto out = joined({tag(type, payload.size()), payload});
  out.resize((out.size() + 7) / 8 * 8);
  return out;
}

/// An element of at most 4 bytes, which lie in its tag.
Bytes small_element(std::uint32_t type, const Bytes& payload) {
  const auto bytes = static_cast<std::uint32_t>(payload.size());
  auto out = joined({bytes_of<std::uint32_t>({bytes << 16 | type}), payload});
  out.resize(8);
  return out;
}

Bytes array(std::string_view name, std::uint32_t flags, const std::vector<std::int32_t>& extents,
            const Bytes& elements) {
  const Bytes letters(name.begin(), name.end());
  const auto name_element = name.size() > 4 ? element(int8, letters) : small_element(int8, letters);
  return element(matrix, joined({element(uint32, bytes_of<std::uint32_t>({flags, 0})),
                                 element(int32, bytes_of(extents)), name_element, elements}));
}

Bytes deflated(const Bytes& bytes) {
  Bytes out(compressBound(bytes.size()));
  auto size = static_cast<uLongf>(out.size());
  EXPECT_EQ(compress(out.data(), &size, bytes.data(), bytes.size()), Z_OK);
  out.resize(size);
  return out;
}

Bytes pack(const Bytes& array) {
  const auto stream = deflated(array);
  return joined({tag(packed, stream.size()), stream});
}

Bytes header(std::uint16_t version = 0x100, std::string_view mark = "IM") {
  Bytes out(124, ' ');
  out.push_back(static_cast<std::uint8_t>(version & 0xff));
  out.push_back(static_cast<std::uint8_t>(version >> 8));
  out.insert(out.end(), mark.begin(), mark.end());
  return out;
}

/// No two of its axes can change places unseen.
std::uint8_t pixel(std::size_t sample, std::size_t channel, std::size_t row, std::size_t column) {
  return static_cast<std::uint8_t>(sample * 91 + channel * 57 + row * 7 + column * 3);
}

Bytes pixels(std::size_t samples) {
  Bytes out;
  for (std::size_t sample = 0; sample < samples; ++sample) {
    for (std::size_t channel = 0; channel < 3; ++channel) {
      for (std::size_t column = 0; column < 32; ++column) {
        for (std::size_t row = 0; row < 32; ++row)
          out.push_back(pixel(sample, channel, row, column));
      }
    }
  }
  return out;
}

Bytes images(std::int32_t samples) {
  return array("X", uint8_class, {32, 32, 3, samples},
               element(uint8, pixels(static_cast<std::size_t>(samples))));
}

Bytes labels(const Bytes& values) {
  return array("y", uint8_class, {static_cast<std::int32_t>(values.size()), 1},
               values.size() > 4 ? element(uint8, values) : small_element(uint8, values));
}

Bytes double_labels(const std::vector<double>& values) {
  return array("y", double_class, {static_cast<std::int32_t>(values.size()), 1},
               element(float64, bytes_of(values)));
}

class Svhn : public testing::Test {
 protected:
  Svhn() {
    folder.write("train_32x32.mat", joined({header(), pack(images(3)), pack(labels({1, 10, 9}))}));
    write_test({images(2), double_labels({10, 4})});
  }
  void write_test(const std::vector<Bytes>& arrays) const {
    folder.write("test_32x32.mat", joined({header(), joined(arrays)}));
  }
  std::string spec(std::string_view options = "") const {
    return "svhn:" + folder.path() + std::string(options);
  }
  /// What is said of a test file of these arrays.
  std::string refusal(const std::vector<Bytes>& arrays) const {
    write_test(arrays);
    return message_of(spec());
  }
  std::vector<std::int64_t> test_labels(const std::vector<Bytes>& arrays) const {
    write_test(arrays);
    return read(*make_dataset(spec()), Part::test).labels;
  }
  TemporaryFolder folder;
};

void expect_pixels(const Samples& samples) {
  ASSERT_EQ(samples.x.size(), samples.labels.size() * 3 * 32 * 32);
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < samples.x.size(); ++i)
    wrong += samples.x[i] != pixel(i / 3072, i / 1024 % 3, i / 32 % 32, i % 32);
  EXPECT_EQ(wrong, 0u);
}

TEST_F(Svhn, ReadsPackedAndPlainInRows) {
  const auto data = make_dataset(spec(",scale=1,validation=0"));
  EXPECT_EQ(data->sample_shape(), (Shape{3, 32, 32}));
  EXPECT_EQ(data->classes(), 10);
  const auto train = read(*data, Part::train);
  const auto test = read(*data, Part::test);
  EXPECT_THAT(train.labels, ElementsAre(1, 0, 9));
  EXPECT_THAT(test.labels, ElementsAre(0, 4));
  expect_pixels(train);
  expect_pixels(test);
  EXPECT_EQ(make_dataset(data->spec())->spec(), data->spec());
}

TEST_F(Svhn, TakesTheOptionsOfCifar10) {
  const auto member = [](std::string_view name) {
    return *std::ranges::find(datasets(), name, &MemberInfo::name);
  };
  const auto ours = member("svhn").options, theirs = member("cifar10").options;
  ASSERT_EQ(ours.size(), theirs.size());
  for (std::size_t i = 0; i < ours.size(); ++i) {
    EXPECT_EQ(ours[i].key, theirs[i].key);
    EXPECT_EQ(ours[i].default_value, theirs[i].default_value);
    EXPECT_EQ(ours[i].range, theirs[i].range);
  }
}

TEST_F(Svhn, OrdersChannelsAndAxes) {
  const auto x = read(*make_dataset(spec(",scale=1,channels=bgr,layout=hwc")), Part::test, {1}).x;
  EXPECT_THAT(std::span(x).subspan(3 * (5 * 32 + 7), 3),
              ElementsAre(pixel(1, 2, 5, 7), pixel(1, 1, 5, 7), pixel(1, 0, 5, 7)));
}

TEST_F(Svhn, NormalizesAndSplits) {
  const auto data =
      make_dataset(spec(",mean=0.4/0.5/0.6,std=0.2/0.3/0.4,validation=1,flip=true,pad=2"));
  EXPECT_EQ(data->size(Part::train), 2);
  EXPECT_EQ(data->size(Part::validation), 1);
  EXPECT_EQ(data->augmentation().pad, 2);
  EXPECT_EQ(read(*data, Part::test, {1}).x[3071],
            static_cast<float>((pixel(1, 2, 31, 31) / 255.0 - 0.6) / 0.4));
}

TEST_F(Svhn, HasTheLayoutThatMatlabGivesOneSample) {
  const auto one = array("X", uint8_class, {32, 32, 3}, element(uint8, pixels(1)));
  EXPECT_THAT(test_labels({one, labels({7})}), ElementsAre(7));
}

TEST_F(Svhn, ReadsLabelsHoweverTheyAreStored) {
  const auto stored = [](std::uint32_t flags, const Bytes& elements) {
    return array("y", flags, {2, 1}, elements);
  };
  // MATLAB stores doubles in the smallest type that has room for them.
  EXPECT_THAT(test_labels({images(2), stored(double_class, small_element(uint8, {10, 3}))}),
              ElementsAre(0, 3));
  EXPECT_THAT(test_labels({images(2), stored(double_class, element(uint8, {10, 3}))}),
              ElementsAre(0, 3));
  const auto words = bytes_of<std::uint16_t>({10, 3});
  EXPECT_THAT(test_labels({images(2), stored(double_class, small_element(uint16, words))}),
              ElementsAre(0, 3));
  EXPECT_THAT(test_labels({pack(double_labels({5, 6})), pack(images(2))}), ElementsAre(5, 6));
}

TEST_F(Svhn, PassesOverOtherArrays) {
  const auto note = array("a_long_name", char_class, {1, 2}, small_element(16, {'h', 'i'}));
  const auto opaque = element(matrix, element(uint32, bytes_of<std::uint32_t>({opaque_class, 0})));
  const auto empty = element(matrix, {});
  const auto vast = array("vast", uint8_class, {1 << 30, 1 << 30, 1 << 30}, {});
  EXPECT_THAT(test_labels({pack(note), opaque, images(2), empty, vast, labels({2, 3}), pack(vast)}),
              ElementsAre(2, 3));
}

TEST_F(Svhn, MissingFolderAndFile) {
  EXPECT_THAT(message_of("svhn:/nowhere"), HasSubstr("\"/nowhere\""));
  std::filesystem::remove(folder.path("test_32x32.mat"));
  EXPECT_THAT(message_of(spec()), AllOf(HasSubstr("test_32x32.mat"), HasSubstr("No such file")));
  std::filesystem::create_directory(folder.path("test_32x32.mat"));
  EXPECT_THAT(message_of(spec()), AllOf(HasSubstr("test_32x32.mat"), HasSubstr("directory")));
}

TEST_F(Svhn, Header) {
  const auto arrays = joined({images(1), labels({1})});
  const auto said_of = [&](const Bytes& start) {
    folder.write("test_32x32.mat", joined({start, arrays}));
    return message_of(spec());
  };
  EXPECT_THAT(said_of(header(1, "MI")), HasSubstr("big-endian"));
  EXPECT_THAT(said_of(header(0x100, "XX")), HasSubstr("IM"));
  EXPECT_THAT(said_of(header(0x200)), AllOf(HasSubstr("version 2.0"), HasSubstr("-v7")));
}

TEST_F(Svhn, MissingArray) {
  EXPECT_THAT(refusal({labels({1})}), HasSubstr("0 images in X and 1 labels"));
  EXPECT_THAT(refusal({images(1)}), HasSubstr("1 images in X and 0 labels"));
  EXPECT_THAT(refusal({}), HasSubstr("0 images in X and 0 labels"));
}

TEST_F(Svhn, ArrayThatComesTwice) {
  EXPECT_THAT(refusal({images(1), labels({1}), images(1)}), HasSubstr("holds X twice"));
}

TEST_F(Svhn, CountsThatDisagree) {
  EXPECT_THAT(refusal({images(2), labels({1, 2, 3})}),
              AllOf(HasSubstr("test_32x32.mat"), HasSubstr("2 images"), HasSubstr("3 labels")));
}

TEST_F(Svhn, LabelOutOfRange) {
  for (const std::uint8_t label : {0, 11, 255}) {
    EXPECT_THAT(refusal({images(2), labels({1, label})}),
                HasSubstr(fmt::format("label {} in sample 1, but must have 1 to 10", label)));
  }
  for (const double label : {1.5, -1.0, 1e300, std::nan(""), HUGE_VAL})
    EXPECT_THAT(refusal({images(1), double_labels({label})}), HasSubstr("must have 1 to 10"));
}

TEST_F(Svhn, ClassOfArray) {
  const auto x = [](std::uint32_t flags) {
    return array("X", flags, {32, 32, 3, 1}, element(uint8, pixels(1)));
  };
  EXPECT_THAT(refusal({x(double_class), labels({1})}), HasSubstr("class double"));
  EXPECT_THAT(refusal({x(uint8_class | complex_flag), labels({1})}), HasSubstr("class complex"));
  const auto y = array("y", char_class, {1, 1}, small_element(uint16, {49, 0}));
  EXPECT_THAT(refusal({images(1), y}), HasSubstr("class char"));
}

TEST_F(Svhn, TypeOfElements) {
  const auto x = array("X", uint8_class, {32, 32, 3, 1}, element(int8, pixels(1)));
  EXPECT_THAT(refusal({x, labels({1})}), HasSubstr("of type 1, but must be bytes"));
  const auto y = array("y", double_class, {1, 1}, small_element(matrix, {1}));
  EXPECT_THAT(refusal({images(1), y}), HasSubstr("of type 14"));
  EXPECT_THAT(refusal({element(77, {})}), HasSubstr("type 77"));
}

TEST_F(Svhn, ShapeOfArray) {
  const auto said_of = [&](const std::vector<std::int32_t>& extents) {
    return refusal({array("X", uint8_class, extents, element(uint8, pixels(1))), labels({1})});
  };
  EXPECT_THAT(said_of({32, 32, 1, 3}), HasSubstr("X is 32x32x1x3"));
  EXPECT_THAT(said_of({32, 32, 3, 1, 1}), HasSubstr("X is 32x32x3x1x1"));
  EXPECT_THAT(said_of({32, 32, 3, 0}), HasSubstr("N from 1"));
  EXPECT_THAT(said_of({32, 32, 3, -1}), HasSubstr("extent -1"));
  EXPECT_THAT(said_of({}), HasSubstr("X is  of"));
  EXPECT_THAT(said_of(std::vector<std::int32_t>(33, 1)), HasSubstr("extents are 132 bytes"));
  const auto row = array("y", uint8_class, {1, 2}, small_element(uint8, {1, 2}));
  EXPECT_THAT(refusal({images(2), row}), HasSubstr("y is 1x2"));
}

TEST_F(Svhn, ExtentsBeyondTheFile) {
  const auto huge = [](std::int32_t samples) {
    return array("X", uint8_class, {32, 32, 3, samples}, element(uint8, pixels(1)));
  };
  EXPECT_THAT(refusal({huge(0x7fffffff)}), HasSubstr("N from 1 to 1048576"));
  EXPECT_THAT(refusal({huge(1 << 20)}), HasSubstr("3072 bytes of elements"));
  EXPECT_THAT(refusal({pack(huge(1 << 20))}), HasSubstr("3072 bytes of elements"));
  const auto y = array("y", uint8_class, {0x7fffffff, 1}, small_element(uint8, {1}));
  EXPECT_THAT(refusal({images(1), y}), HasSubstr("y is 2147483647x1"));
}

TEST_F(Svhn, LengthsBeyondTheFile) {
  EXPECT_THAT(refusal({tag(matrix, 0xffffffff), images(1)}), HasSubstr("takes 4294967295 bytes"));
  const auto vast = deflated(joined({tag(matrix, 0xfffffff0), images(1)}));
  EXPECT_THAT(refusal({tag(packed, vast.size()), vast}), HasSubstr("can hold at most"));
  // The elements of X reach beyond the array that they are of.
  auto beyond = array("X", uint8_class, {32, 32, 3, 4096}, tag(uint8, 4096 * 3072));
  EXPECT_THAT(refusal({beyond, images(1)}), HasSubstr("0 are left of it"));
  EXPECT_THAT(refusal({pack(beyond)}), HasSubstr("0 are left of it"));
}

TEST_F(Svhn, StreamOfAnotherLengthThanPromised) {
  auto less = images(2);
  less.resize(less.size() - 100);
  EXPECT_THAT(refusal({pack(less), labels({1, 2})}), HasSubstr("fewer bytes than it promises"));
  const Bytes zeros(1 << 22);
  const auto more = deflated(joined({images(2), zeros}));
  EXPECT_THAT(refusal({tag(packed, more.size()), more, labels({1, 2})}),
              HasSubstr("goes on after the bytes it promises"));
  const auto followed = joined({deflated(images(2)), {1, 2, 3}});
  EXPECT_THAT(refusal({tag(packed, followed.size()), followed, labels({1, 2})}),
              HasSubstr("stream ends 3 bytes before"));
  auto unended = deflated(images(2));
  unended.resize(unended.size() - 4);
  EXPECT_THAT(refusal({tag(packed, unended.size()), unended, labels({1, 2})}),
              HasSubstr("stream does not end"));
  const auto longer =
      array("X", uint8_class, {32, 32, 3, 1}, joined({element(uint8, pixels(1)), Bytes(16)}));
  EXPECT_THAT(refusal({longer, labels({1})}), HasSubstr("goes on for 16 bytes"));
}

TEST_F(Svhn, EveryTruncation) {
  for (const bool plain : {false, true}) {
    const auto x = images(3), y = labels({1, 10, 9});
    const auto whole = joined({header(), plain ? x : pack(x), plain ? y : pack(y)});
    const auto path = folder.write("test_32x32.mat", whole);
    for (auto size = whole.size(); size-- > 0;) {
      std::filesystem::resize_file(path, size);
      EXPECT_THAT(message_of(spec()), HasSubstr("test_32x32.mat")) << size;
    }
  }
}

/// What a damaged test file is answered with, if it is.
Samples answer(const std::string& spec) {
  try {
    return read(*make_dataset(spec), Part::test);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::invalid_data) << error.what();
    EXPECT_THAT(error.what(), HasSubstr("test_32x32.mat"));
    return {};
  }
}

/// A file whose bytes are flipped where they are: to write it anew takes the disk much longer.
class FlippedFile {
 public:
  FlippedFile(std::string path, Bytes bytes)
      : file_(path, std::ios::binary | std::ios::in | std::ios::out), bytes_(std::move(bytes)) {}
  void flip(std::size_t at, std::uint8_t bits) {
    bytes_[at] ^= bits;
    file_.seekp(static_cast<std::streamoff>(at));
    file_.put(static_cast<char>(bytes_[at])).flush();
  }

 private:
  std::fstream file_;
  Bytes bytes_;
};

TEST_F(Svhn, EveryFlippedByteOfPlainArrays) {
  const auto bytes = joined({header(), images(3), double_labels({1, 10, 9})});
  FlippedFile file(folder.write("test_32x32.mat", bytes), bytes);
  std::size_t answered = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    file.flip(i, 0xff);
    const auto samples = answer(spec());
    EXPECT_EQ(samples.x.size(), samples.labels.size() * 3072);
    EXPECT_TRUE(std::ranges::all_of(samples.labels, [](auto y) { return y >= 0 && y <= 9; }));
    answered += !samples.labels.empty();
    file.flip(i, 0xff);
  }
  EXPECT_GE(answered, 3 * 3072u);  // Pixels have no checksum.
}

TEST_F(Svhn, EveryFlippedBitOfPackedArraysIsNoticedOrChangesNothing) {
  const auto bytes = joined({header(), pack(images(3)), pack(labels({1, 10, 9}))});
  FlippedFile file(folder.write("test_32x32.mat", bytes), bytes);
  const auto whole = answer(spec());
  std::size_t refused = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      file.flip(i, static_cast<std::uint8_t>(1 << bit));
      const auto samples = answer(spec());
      if (samples.labels.empty()) {
        ++refused;
      } else {
        EXPECT_EQ(samples.labels, whole.labels) << i;
        EXPECT_TRUE(samples.x == whole.x) << i;
      }
      file.flip(i, static_cast<std::uint8_t>(1 << bit));
    }
  }
  // All but the text at the start and a few bits that the streams do not use.
  EXPECT_GE(refused, (bytes.size() - 128) * 8 - 32);
}

}  // namespace
}  // namespace laconic
