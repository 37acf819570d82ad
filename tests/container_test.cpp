// The laws of the container: what was written is read, in any order; equal inputs give equal bytes;
// the parts of a size report add up. Damage is container_damage_test's subject.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <numeric>

#include "container/numbers.h"
#include "container_models.h"
#include "container_support.h"
#include "core/atomic_file.h"
#include "laconic/error.h"
#include "laconic/threads.h"

namespace laconic {
namespace {

using namespace testing;
using ::testing::HasSubstr;

class Folder {
 public:
  Folder() : path_(std::filesystem::temp_directory_path() / fmt::format("laconic-{}", ::getpid())) {
    std::filesystem::create_directory(path_);
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

template <typename Body>
std::string message_of(ErrorCode code, Body body) {
  try {
    body();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    return error.what();
  }
  return "no error";
}

void expect_holds(const ModelReader& reader, const Model& model) {
  EXPECT_EQ(reader.entries().size(), model.tensors.size());
  EXPECT_TRUE(std::ranges::equal(reader.graph(), bytes_of(model.graph)));
  for (const auto& [key, value] : model.metadata) EXPECT_EQ(reader.metadata(key), value);
  for (std::size_t i = 0; i < model.tensors.size(); ++i) {
    const NamedTensor& wanted = model.tensors[i];
    const TensorEntry& entry = reader.entries()[i];
    EXPECT_EQ(entry.name, wanted.name);
    EXPECT_EQ(entry.shape, shape_of(wanted.tensor)) << wanted.name;
    EXPECT_EQ(entry.quantizer, wanted.quantizer) << wanted.name;
    EXPECT_TRUE(identical(reader.read(entry), wanted.tensor)) << wanted.name;
  }
}

void expect_adds_up(const SizeReport& sizes, std::uint64_t total) {
  EXPECT_EQ(sizes.total, total);
  EXPECT_EQ(sizes.header + sizes.graph + sizes.codebooks + sizes.indices + sizes.dense, total);
}

TEST(Container, ReadsWhatWasWritten) {
  const Model model = model_of_all_kinds();
  const auto file = file_of(model);
  expect_holds(ModelReader::from_bytes(file), model);
  expect_holds(ModelReader::from_bytes(file_of({})), {});
}

TEST(Container, ReadsFromDiskInAnyOrderAndFromManyThreads) {
  const Folder folder;
  const auto path = folder.path() / "model.lac";
  const Model model = model_of_all_kinds();
  ModelWriter writer = writer_of(model, path);
  EXPECT_FALSE(std::filesystem::exists(path));
  const auto bytes = writer.bytes();
  const SizeReport written = writer.finish();
  EXPECT_EQ(read_file(path), bytes);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);

  ModelReader opened = ModelReader::open(path);
  const ModelReader reader = std::move(opened);
  expect_holds(reader, model);
  expect_adds_up(written, bytes.size());
  expect_adds_up(reader.sizes(), bytes.size());
  EXPECT_EQ(written.original, reader.sizes().original);
  std::uint64_t floats = 0;
  for (const TensorEntry& entry : reader.entries())
    floats += 4 * static_cast<std::uint64_t>(element_count(entry.shape));
  EXPECT_EQ(written.original, floats);
  std::uint64_t payloads = 0;
  for (const TensorEntry& entry : reader.entries()) payloads += entry.bytes;
  EXPECT_EQ(payloads, written.indices + written.dense);

  set_threads(8);
  const auto count = static_cast<std::int64_t>(model.tensors.size());
  std::vector<int> right(model.tensors.size());
  for (int round = 0; round < 20; ++round) {
    parallel_for(count, [&](std::int64_t i) {
      const auto n = static_cast<std::size_t>((i * 7 + round) % count);
      right[n] +=
          identical(reader.read(*reader.find(model.tensors[n].name)), model.tensors[n].tensor);
    });
  }
  set_threads(0);
  EXPECT_THAT(right, ::testing::Each(20));
}

TEST(Container, EqualCallsGiveEqualBytes) {
  const Model model = model_of_all_kinds();
  set_threads(1);
  const ModelWriter writer = writer_of(model);
  const auto file = writer.bytes();
  EXPECT_EQ(writer.bytes(), file);
  set_threads(8);
  EXPECT_EQ(file_of(model), file);
  set_threads(0);
}

TEST(Container, SharesCodebooks) {
  const Model model = model_of_all_kinds();
  const auto file = file_of(model);
  const auto reader = ModelReader::from_bytes(file);
  const auto levels = [&](std::string_view name) {
    return std::get<QuantizedTensor>(reader.read(*reader.find(name))).codebooks[0].levels().data();
  };
  EXPECT_EQ(levels("a.joint"), levels("b.joint"));

  Model twice = model;
  for (const NamedTensor& t : model.tensors) {
    twice.tensors.push_back({"again." + t.name, t.tensor, t.quantizer, t.coder});
  }
  EXPECT_EQ(writer_of(twice).bytes().size() > file.size(), true);
  const auto more = file_of(twice);
  EXPECT_EQ(ModelReader::from_bytes(more).sizes().codebooks, reader.sizes().codebooks);
}

TEST(Container, OneLevelTakesNoIndices) {
  const auto file = file_of(model_of_all_kinds());
  const auto reader = ModelReader::from_bytes(file);
  EXPECT_EQ(reader.find("one.level")->bytes, 0u);
  EXPECT_EQ(reader.find("one.level")->coder, "");
  EXPECT_EQ(reader.find("dense.constant")->bytes, 2u);
  EXPECT_EQ(reader.find("missing"), nullptr);
  EXPECT_EQ(reader.metadata("missing"), "");
}

TEST(Container, CoderIsNamedWithItsOptions) {
  const auto file = file_of(model_of_all_kinds());
  const auto reader = ModelReader::from_bytes(file);
  for (const MemberInfo& coder : coders()) {
    EXPECT_EQ(reader.find("coder." + std::string(coder.name))->coder,
              make_coder(coder.name)->spec());
  }
}

TEST(Container, LargeTensorsHaveSectionsOfTheirOwn) {
  Random random(3);
  Model model;
  for (int i = 0; i < 40; ++i) {
    const std::int64_t count = i % 5 == 4 ? 60'000 : 900;
    model.tensors.push_back({fmt::format("t{}", i), uniform({count}, 1, 0.1F, 30, random)});
  }
  const auto file = file_of(model);
  const auto reader = ModelReader::from_bytes(file);
  expect_holds(reader, model);
  expect_adds_up(reader.sizes(), file.size());
  // A broken byte of one tensor leaves those in other sections readable.
  auto broken = file;
  broken[broken.size() - 100] ^= std::byte{1};
  const auto damaged = ModelReader::from_bytes(broken);
  EXPECT_THAT(
      message_of(ErrorCode::corrupt_data, [&] { (void)damaged.read(damaged.entries()[39]); }),
      HasSubstr("tensor \"t39\": its bytes are damaged"));
  EXPECT_TRUE(identical(damaged.read(damaged.entries()[38]), model.tensors[38].tensor));
}

TEST(Container, RefusesWhatCannotBeWritten) {
  ModelWriter writer{""};
  const Tensor values = DenseTensor{{2}, {1, 2}};
  writer.add("a", values);
  const auto add = [&](std::string_view name, const Tensor& tensor, std::string_view quantizer = "",
                       std::string_view coder = "auto") {
    return message_of(ErrorCode::invalid_argument,
                      [&] { writer.add(name, tensor, quantizer, coder); });
  };
  EXPECT_THAT(add("a", values), HasSubstr("two tensors are named \"a\""));
  EXPECT_THAT(add("b", DenseTensor{{3}, {1, 2}}), HasSubstr("tensor \"b\": there are 2 values"));
  EXPECT_THAT(add("b", DenseTensor{{-1}, {}}), HasSubstr("an extent of -1"));
  EXPECT_THAT(add("b", values, "", "raw"), HasSubstr("takes no quantizer and no coder"));
  const QuantizedTensor good{{2}, 2, {Codebook({0, 1})}, {0, 1}};
  EXPECT_THAT(add("b", good, "", "rwa"), HasSubstr("raw"));
  QuantizedTensor bad = good;
  bad.indices[1] = 2;
  EXPECT_THAT(add("b", bad), HasSubstr("tensor \"b\": index 1"));
  writer.add("b", good);
  const auto file = writer.bytes();
  EXPECT_EQ(ModelReader::from_bytes(file).entries().size(), 2u);
}

TEST(Container, SaysWhyItCannotWrite) {
  const Folder folder;
  ModelWriter writer(folder.path() / "none" / "model.lac");
  EXPECT_THAT(message_of(ErrorCode::cannot_write, [&] { writer.finish(); }),
              HasSubstr("model.lac"));
  std::filesystem::create_directory(folder.path() / "none");
  writer.finish();  // A failed attempt can be repeated.
  ModelWriter twice(folder.path() / "model.lac");
  twice.finish();
  EXPECT_THAT(message_of(ErrorCode::invalid_argument, [&] { twice.finish(); }),
              HasSubstr("before"));
}

TEST(Container, NamesTheFileItCannotRead) {
  const Folder folder;
  const auto path = folder.path() / "cut.onnx";
  const auto open = [&](ErrorCode code) {
    return message_of(code, [&] { (void)ModelReader::open(path); });
  };
  EXPECT_THAT(open(ErrorCode::invalid_data), HasSubstr("cut.onnx\": No such file"));
  write_file(path, bytes_of("\x08\x07 something else, longer than a header"));
  EXPECT_THAT(open(ErrorCode::corrupt_data), HasSubstr("cut.onnx\": it is not a Laconic file"));
  write_file(path, {});
  EXPECT_THAT(open(ErrorCode::corrupt_data), HasSubstr("cut.onnx\": it is not a Laconic file"));
  auto file = file_of(model_of_all_kinds());
  file[file.size() - 6] ^= std::byte{4};
  write_file(path, file);
  const auto reader = ModelReader::open(path);
  EXPECT_THAT(
      message_of(ErrorCode::corrupt_data, [&] { (void)reader.read(reader.entries().back()); }),
      HasSubstr("cut.onnx\": tensor \"coder."));
  EXPECT_THROW((void)ModelReader::open(folder.path()), Error);
}

TEST(Container, StreamsGiveWhatReadingGives) {
  const Folder folder;
  const auto path = folder.path() / "n.lac";
  write_file(path, file_of(model_of_all_kinds()));
  std::vector<StreamedTensor> streams;
  std::vector<Tensor> wanted;
  {
    const auto reader = ModelReader::open(path);
    for (const TensorEntry& entry : reader.entries()) {
      const Tensor tensor = reader.read(entry);
      if (std::holds_alternative<DenseTensor>(tensor)) {
        EXPECT_THAT(message_of(ErrorCode::invalid_argument, [&] { (void)reader.stream(entry); }),
                    HasSubstr("it is dense"));
        continue;
      }
      streams.push_back(reader.stream(entry));
      wanted.push_back(tensor);
    }
  }
  ASSERT_GT(streams.size(), 10U);
  for (std::size_t i = 0; i < streams.size(); ++i) {  // The reader is gone.
    EXPECT_TRUE(identical(collect(streams[i]), wanted[i]));
    EXPECT_EQ(dequantize(streams[i]), dequantize(wanted[i]));
    EXPECT_TRUE(identical(collect(streams[i]), wanted[i])) << "once more";
  }
}

TEST(Container, NumbersKeepEveryBit) {
  using namespace container;
  for (std::uint32_t half = 0; half < 0x10000; ++half) {
    const float value = from_bits(half, NumberFormat::float16);
    if (std::isnan(value)) continue;
    ASSERT_EQ(to_bits(value, NumberFormat::float16), half);
    const float wide = from_bits(half, NumberFormat::bfloat16);
    ASSERT_EQ(to_bits(wide, NumberFormat::bfloat16), half);
    // Against the definition: sign, exponent, fraction.
    if ((half & 0x7fff) >= 0x7c00) continue;
    const int exponent = static_cast<int>(half >> 10 & 31);
    const double fraction = (half & 0x3ff) + (exponent > 0 ? 1024.0 : 0.0);
    ASSERT_EQ(std::abs(value), std::ldexp(fraction, std::max(exponent, 1) - 25));
    ASSERT_EQ(std::signbit(value), half >= 0x8000);
  }
  const auto format_of = [](float value) { return narrowest(std::span(&value, 1)); };
  EXPECT_EQ(format_of(0x1.fep20F), NumberFormat::bfloat16);
  EXPECT_EQ(format_of(0x1.ffcp15F), NumberFormat::float16);
  EXPECT_EQ(format_of(0x1.ffcp16F), NumberFormat::float32);
  EXPECT_EQ(format_of(0x1.8p-24F + 0x1p-30F), NumberFormat::bfloat16);
  EXPECT_EQ(format_of(0x1.004p-20F), NumberFormat::float32);
}

}  // namespace
}  // namespace laconic
