// Every field of a file broken in turn, with its checksums right: each has an Error of its own.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "container/pack.h"
#include "container_support.h"
#include "laconic/error.h"

namespace laconic {
namespace {

using namespace container;
using namespace testing;
using ::testing::HasSubstr;

/// A part of a file as the writer would write it, field by field.
struct Field {
  std::string name;
  std::vector<int> bytes;
};
using Fields = std::vector<Field>;

Bytes join(const Fields& fields) {
  Bytes bytes;
  for (const Field& field : fields) {
    for (const int byte : field.bytes) bytes.push_back(static_cast<std::byte>(byte));
  }
  return bytes;
}

/// Two quantized tensors of two blocks each, of four weights, and a dense one.
const Fields table_fields = {
    {"the number of metadata", {2}},
    {"a metadata key", {1, 'k'}},
    {"a metadata value", {1, 'v'}},
    {"the second metadata key", {1, 'l'}},
    {"the second metadata value", {0}},
    {"the number of tensors", {3}},
    {"the number of quantizers", {1}},
    {"the spec of a quantizer", {2, 'q', 's'}},
    {"the number of coders", {1}},
    {"the identifier of a coder", {1}},
    {"the spec of a coder", {0}},
    {"the number of recipes", {3}},
    {"the kind of a recipe", {1}},
    {"the quantizer of a recipe", {0}},
    {"the coder of a recipe", {1}},
    {"the blocks of a recipe", {1}},
    {"the references of a recipe", {0}},
    {"the second recipe", {1, 0, 1, 1, 2}},
    {"the third recipe", {0}},
    {"the storage of a recipe", {0}},
    {"the format of a recipe", {1}},
    {"the number of shapes", {2}},
    {"the rank of a shape", {2}},
    {"an extent of a shape", {2, 4}},
    {"the second shape", {1, 3}},
    {"the recipe of a tensor", {0, 1, 2}},
    {"the shape of a tensor", {0, 0, 1}},
    {"the shared beginning of a name", {0, 1, 0}},
    {"the ending of a name", {2, 't', '1', 1, '2', 1, 'd'}},
    {"the codebook of a block", {1, 0}},
    {"the size of a tensor", {2, 2, 6}},
};

/// Three levels around zero by a step, and two levels of a list.
const Fields codebook_fields = {
    {"the number of codebooks", {2}},
    {"the form of a codebook", {4}},
    {"a run of codebooks", {1}},
    {"the second form", {0, 1}},
    {"the size of a codebook less one", {2, 1}},
    {"the first multiple of a codebook", {0}},
    {"the list", {0, 0x3f, 0, 0x9d, 0, 0xf3, 0, 0xb6}},
    {"the step", {0x3f, 0x80}},
};

Bytes file_of_parts(const Fields& table, const Fields& codebooks, Bytes payload,
                    Packing packing = Packing::plain) {
  const std::array<Packed, part_count> parts = {Packed{Packing::plain, {}},
                                                Packed{packing, join(table)},
                                                Packed{Packing::plain, join(codebooks)}};
  Bytes file = encode_header(parts);
  const std::uint32_t header = header_checksum(file);
  ByteWriter checksum;
  checksum.u32(section_checksum(payload, header, 0));
  file.insert(file.end(), payload.begin(), payload.end());
  file.insert(file.end(), checksum.bytes().begin(), checksum.bytes().end());
  return file;
}

/// Symbols of two bits, where 1 stands for zero, and three bfloat16 numbers.
const Bytes payload = join({{"", {0x15, 0x65, 0x59, 0x24, 0x3f, 0x40, 0x40, 0x80, 0, 0x40}}});

Fields with(const Fields& fields, const std::string& name, std::vector<int> bytes) {
  Fields changed = fields;
  const auto found = std::ranges::find(changed, name, &Field::name);
  EXPECT_NE(found, changed.end()) << name;
  found->bytes = std::move(bytes);
  return changed;
}

TEST(UnbrokenFields, AreAFile) {
  EXPECT_EQ(read_all(file_of_parts(table_fields, codebook_fields, payload)).message, "no error");
}

struct Broken {
  std::string field;
  std::vector<int> bytes;
  std::string message;  ///< Part of what the Error must say.
};

void PrintTo(const Broken& broken, std::ostream* out) {
  *out << broken.field << " as " << ::testing::PrintToString(broken.bytes);
}

/// The test's name: the field, in letters and digits.
std::string test_name(const ::testing::TestParamInfo<Broken>& info) {
  std::string name;
  for (const char c : info.param.field)
    name += std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  return fmt::format("{}_{}", name, info.index);
}

const std::vector<int> huge = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1};

class BrokenTable : public ::testing::TestWithParam<Broken> {};

TEST_P(BrokenTable, IsRefused) {
  const auto& [field, bytes, message] = GetParam();
  const auto outcome =
      read_all(file_of_parts(with(table_fields, field, bytes), codebook_fields, payload));
  EXPECT_THAT(outcome.message, HasSubstr(message));
  EXPECT_TRUE(outcome.code == ErrorCode::corrupt_data ||
              (outcome.code == ErrorCode::invalid_data && message.ends_with("allowed")))
      << outcome.message;
}

INSTANTIATE_TEST_SUITE_P(
    Fields, BrokenTable,
    ::testing::Values(
        Broken{"the number of metadata", huge, "the number of metadata is 18446744073709551615"},
        Broken{"the number of metadata", {0x82, 0}, "not a number as writers write them"},
        Broken{"a metadata key", {0x7f, 'k'}, "a metadata key needs 127 bytes"},
        Broken{"a metadata value", huge, "a metadata value needs 18446744073709551615 bytes"},
        Broken{"the second metadata key", {1, 'a'}, "metadata key \"a\" is out of order"},
        Broken{"the second metadata key", {1, 'k'}, "metadata key \"k\" is out of order"},
        Broken{"the number of tensors", huge, "the number of tensors is"},
        Broken{"the number of quantizers", {4}, "the number of quantizers is 4"},
        Broken{"the spec of a quantizer", {0x7f, 'q'}, "the spec of a quantizer needs 127 bytes"},
        Broken{"the number of coders", {4}, "the number of coders is 4"},
        Broken{"the identifier of a coder",
               {0xfe},
               "tensor \"t1\" needs coder 254, which is not known"},
        Broken{"the spec of a coder", {0x7f}, "the spec of a coder needs 127 bytes"},
        Broken{"the number of recipes", {4}, "the number of recipes is 4"},
        Broken{"the kind of a recipe", {2}, "the kind of a recipe is 2, but must be below 2"},
        Broken{"the quantizer of a recipe", {1}, "the quantizer of a recipe is 1"},
        Broken{"the coder of a recipe", {2}, "the coder of a recipe is 2"},
        Broken{"the coder of a recipe", {0}, "its 3 levels need a coder, but it names none"},
        Broken{"the blocks of a recipe", {2}, "the blocks of a tensor have no weights"},
        Broken{"the blocks of a recipe", huge, "the blocks of a recipe is"},
        Broken{"the blocks of a recipe", {3}, "has 8 blocks, but only 2 codebooks are left"},
        Broken{"the references of a recipe", {3}, "the references of a recipe is 3"},
        Broken{"the storage of a recipe", {4}, "the storage of a recipe is 4"},
        Broken{"the storage of a recipe", {1}, "is not one Zstandard frame"},
        Broken{"the storage of a recipe", {2}, "6 bytes do not hold 3 values, which need 2"},
        Broken{"the storage of a recipe", {3}, "exponents are held by coder 63"},
        Broken{"the format of a recipe", {3}, "the format of a recipe is 3"},
        Broken{"the format of a recipe", {0}, "6 bytes do not hold 3 values, which need 12"},
        Broken{"the number of shapes", {4}, "the number of shapes is 4"},
        Broken{"the rank of a shape", {0x7f}, "the rank of a shape is 127"},
        Broken{"an extent of a shape", {2, 5}, "tensor \"t1\": raw indices"},
        Broken{"an extent of a shape", {2, 0x80, 0x80, 0x80, 0x80, 0x80, 1}, "that are allowed"},
        Broken{"the second shape",
               {4, 0x80, 0x80, 0x80, 0x20, 0x80, 0x80, 0x80, 0x20, 0, 3},
               "that are allowed"},
        Broken{"the second shape", {1, 0xff, 0xff, 0xff, 0xff, 0x3f}, "that are allowed"},
        Broken{"the second shape", {1, 4}, "do not hold 4 values"},
        Broken{"the recipe of a tensor", {0, 1, 3}, "the recipe of a tensor is 3"},
        Broken{"the shape of a tensor", {0, 2, 1}, "the shape of a tensor is 2"},
        Broken{"the shared beginning of a name",
               {1, 1, 0},
               "name 0 shares 1 characters with one of 0"},
        Broken{"the shared beginning of a name",
               {0, 3, 0},
               "name 1 shares 3 characters with one of 2"},
        Broken{
            "the ending of a name", {2, 't', '1', 1, '1', 1, 'd'}, "two tensors are named \"t1\""},
        Broken{"the ending of a name",
               {2, 't', '1', 1, '2', 0x70},
               "the ending of a name needs 112 bytes"},
        Broken{
            "the codebook of a block", {1, 2}, "the codebook of a block is 2, but must be below 2"},
        Broken{"the codebook of a block", {1}, "the codebook of a block is 2"},
        Broken{"the size of a tensor", {2, 2}, "the size of a tensor needs 1 bytes"},
        Broken{"the size of a tensor", {2, 2, 6, 0}, "1 bytes are left over"},
        Broken{"the size of a tensor", {2, 2, 7}, "its tensors need 4 bytes"},
        Broken{"the size of a tensor", {2, 2, 5}, "left over"},
        Broken{"the size of a tensor", {2, 1, 7}, "tensor \"t2\": raw indices"},
        Broken{"the size of a tensor",
               {2, 2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1},
               "its tensors need 18446744073709551615 bytes"}),
    test_name);

class BrokenCodebooks : public ::testing::TestWithParam<Broken> {};

TEST_P(BrokenCodebooks, AreRefused) {
  const auto& [field, bytes, message] = GetParam();
  const auto outcome =
      read_all(file_of_parts(table_fields, with(codebook_fields, field, bytes), payload));
  EXPECT_THAT(outcome.message, HasSubstr(message));
  EXPECT_EQ(outcome.code, ErrorCode::corrupt_data) << outcome.message;
}

INSTANTIATE_TEST_SUITE_P(
    Fields, BrokenCodebooks,
    ::testing::Values(
        Broken{"the number of codebooks", huge, "cannot hold 18446744073709551615 codebooks"},
        Broken{"the number of codebooks", {1}, "11 bytes are left over"},
        Broken{"the number of codebooks", {3}, "the numbers of codebooks needs"},
        Broken{"the form of a codebook", {6}, "the form of a codebook is 6"},
        Broken{"a run of codebooks", {0}, "a run of codebooks is empty"},
        Broken{"a run of codebooks", {3}, "a run of codebooks is 3"},
        Broken{"the size of a codebook less one", {2, 0x80, 0x80, 4}, "less one is 65536"},
        Broken{
            "the size of a codebook less one", {2, 2}, "the numbers of codebooks needs 12 bytes"},
        Broken{
            "the size of a codebook less one", {1, 1}, "weight 6 has level 2 of a codebook of 2"},
        Broken{
            "the first multiple of a codebook", {0x80, 0x80, 0x80, 0x80, 0x20}, "first multiple"},
        Broken{"the first multiple of a codebook", {0x80, 0x80, 0x0b}, "codebook 0 is damaged"},
        Broken{"the list", {0x3f, 0, 0x9d, 0, 0xf3, 0, 0xb6, 0}, "levels must ascend"},
        Broken{"the list", {0, 0x7f, 0, 0xff, 0, 0xff, 0, 0xff}, "codebook 1 is damaged"},
        Broken{"the list", {0, 0x3f, 0, 0x9d}, "the numbers of codebooks needs"},
        Broken{"the step", {0xbf, 0x80}, "codebook 0 is damaged: the step"},
        Broken{"the step", {0x7f, 0x80}, "codebook 0 is damaged: the step"},
        Broken{"the step", {0x3f, 0x80, 0}, "1 bytes are left over"}),
    test_name);

TEST(BrokenFile, UnusedCodebooks) {
  Fields codebooks = with(codebook_fields, "the number of codebooks", {3});
  codebooks = with(codebooks, "the second form", {0, 1, 1, 1});
  codebooks = with(codebooks, "the size of a codebook less one", {2, 1, 0});
  codebooks = with(codebooks, "the step", {0x3f, 0x3f, 0x80, 0x80});
  EXPECT_THAT(read_all(file_of_parts(table_fields, codebooks, payload)).message,
              HasSubstr("2 of 3 codebooks are used"));
}

Bytes with_byte(std::size_t at, int value) {
  Bytes file = file_of_parts(table_fields, codebook_fields, payload);
  file[at] = static_cast<std::byte>(value);
  reseal(file);
  return file;
}

TEST(BrokenHeader, MagicNumber) {
  EXPECT_THAT(read_all(with_byte(3, 0)).message, HasSubstr("it is not a Laconic file"));
}

TEST(BrokenHeader, Version) {
  EXPECT_THAT(read_all(with_byte(4, 0)).message, HasSubstr("the version is 0"));
  const Outcome later = read_all(with_byte(4, 77));
  EXPECT_EQ(later.code, ErrorCode::unsupported_version);
  EXPECT_THAT(later.message, HasSubstr("it has version 77 of the format, but this program reads "
                                       "versions up to 1"));
}

TEST(BrokenHeader, SizeOfAPart) {
  EXPECT_THAT(read_all(with_byte(5, 0x7e)).message, HasSubstr("it ends early: the header needs"));
}

TEST(BrokenHeader, PackingOfAPart) {
  EXPECT_THAT(
      read_all(file_of_parts(table_fields, codebook_fields, payload, Packing::zstd)).message,
      HasSubstr("the table of contents is damaged: it is not one Zstandard frame"));
}

TEST(BrokenHeader, Checksum) {
  Bytes file = file_of_parts(table_fields, codebook_fields, payload);
  file[file.size() - payload.size() - 2 * checksum_bytes] ^= std::byte{1};
  EXPECT_THAT(read_all(file).message, HasSubstr("the header is damaged: its checksum is"));
}

}  // namespace
}  // namespace laconic
