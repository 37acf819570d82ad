// Damaged and hostile files: whatever the bytes, the answer is an Error that names what is broken.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "container/pack.h"
#include "container_models.h"
#include "container_support.h"
#include "laconic/error.h"

namespace laconic {
namespace {

using namespace container;
using namespace testing;
using ::testing::HasSubstr;

/// A few hundred bytes with a tensor of every coder, and dense ones.
Model small_model() {
  Random random(1);
  Model model;
  model.graph = "a graph";
  model.metadata = {{"seed", "1"}};
  for (const MemberInfo& coder : coders()) {
    auto tensor = uniform({3, 8}, 1, 0.7F, 2, random);
    if (coder.name == "trellis") tensor = on_paths(std::move(tensor));
    model.tensors.push_back(
        {std::string(coder.name), std::move(tensor), "uniform", std::string(coder.name)});
  }
  model.tensors.push_back({"list", nearest({5}, 5, {Codebook({-1, 0.3F, 2})}, {0, 2, 1, -1, 0})});
  model.tensors.push_back({"bias", dense({4}, random)});
  model.tensors.push_back({"constant", DenseTensor{{9}, std::vector<float>(9, 1.0F)}});
  return model;
}

/// Whether `file` is refused as damaged, or as of another version.
void expect_refused(const Bytes& file, const std::string& what) {
  const Outcome outcome = read_all(file);
  ASSERT_TRUE(outcome.refused) << what;
  EXPECT_TRUE(outcome.code == ErrorCode::corrupt_data ||
              outcome.code == ErrorCode::unsupported_version)
      << what << ": " << outcome.message;
  EXPECT_FALSE(outcome.message.empty());
}

TEST(ContainerDamage, EveryTruncationIsRefused) {
  const Bytes file = file_of(small_model());
  EXPECT_FALSE(read_all(file).refused);
  for (std::size_t size = 0; size < file.size(); ++size) {
    expect_refused(Bytes(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(size)),
                   fmt::format("cut to {} bytes", size));
  }
}

TEST(ContainerDamage, EveryFlippedBitIsRefused) {
  Bytes file = file_of(small_model());
  for (std::size_t bit = 0; bit < 8 * file.size(); ++bit) {
    const auto mask = static_cast<std::byte>(1 << bit % 8);
    file[bit / 8] ^= mask;
    expect_refused(file, fmt::format("bit {} flipped", bit));
    file[bit / 8] ^= mask;
  }
}

TEST(ContainerDamage, EveryCutOutIsRefused) {
  const Bytes file = file_of(small_model());
  for (std::size_t first = 0; first < file.size(); first += 3) {
    for (std::size_t count = 1; first + count <= file.size(); count += 7) {
      Bytes rest = file;
      rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(first),
                 rest.begin() + static_cast<std::ptrdiff_t>(first + count));
      expect_refused(rest, fmt::format("{} bytes cut out at {}", count, first));
    }
  }
}

TEST(ContainerDamage, TrailingBytesAreRefused) {
  Bytes file = file_of(small_model());
  for (int i = 0; i < 20; ++i) {
    file.push_back(static_cast<std::byte>(i * i));
    EXPECT_THAT(read_all(file).message, HasSubstr("left over"));
  }
}

TEST(ContainerDamage, SectionsCannotChangePlaces) {
  Random random(2);
  Model model;
  const auto tensor = uniform({40'000}, 1, 0.1F, 30, random);
  auto other = tensor;
  std::rotate(other.indices.begin(), other.indices.begin() + 7, other.indices.end());
  model.tensors = {{"a", tensor, "", "raw"}, {"b", other, "", "raw"}};
  Bytes file = file_of(model);
  const std::size_t section = ModelReader::from_bytes(file).entries()[0].bytes + checksum_bytes;
  std::swap_ranges(file.end() - static_cast<std::ptrdiff_t>(section), file.end(),
                   file.end() - static_cast<std::ptrdiff_t>(2 * section));
  EXPECT_THAT(read_all(file).message, HasSubstr("tensor \"a\": its bytes are damaged"));
}

TEST(ContainerDamage, NoiseIsRefused) {
  const Bytes file = file_of(small_model());
  Random random(3);
  for (int round = 0; round < 2000; ++round) {
    Bytes noise(file.begin(), file.begin() + random.below(40));
    const std::int64_t count = 1 + random.below(300);
    for (std::int64_t i = 0; i < count; ++i) noise.push_back(static_cast<std::byte>(random.bits()));
    expect_refused(noise, fmt::format("noise {}", round));
  }
}

/// With the checksums made right again, damage reaches the tables and the coders.
TEST(ContainerDamage, NothingBehindTheChecksumsIsTrusted) {
  const Bytes small = file_of(small_model());
  const Bytes large = file_of(model_of_all_kinds());
  const ReadLimits limits{.max_tensors = 1000,
                          .max_elements = 1 << 20,
                          .max_graph_bytes = 1 << 16,
                          .max_header_bytes = 1 << 16};
  Random random(4);
  int refused = 0;
  for (int round = 0; round < 6000; ++round) {
    Bytes file = round % 2 == 0 ? small : large;
    for (std::int64_t changes = 1 + random.below(3); changes > 0; --changes) {
      const auto at =
          static_cast<std::size_t>(random.below(static_cast<std::int64_t>(file.size())));
      file[at] = static_cast<std::byte>(random.bits());
    }
    reseal(file, limits);
    refused += read_all(file, limits).refused;
  }
  EXPECT_GT(refused, 1000);  // The rest has other indices and values, or was not changed at all.
  EXPECT_LT(refused, 5900);
}

TEST(Limits, AreCheckedByName) {
  const Model model = model_of_all_kinds();
  const Bytes file = file_of(model);
  const auto expect = [&](const ReadLimits& limits, const std::string& message) {
    const Outcome outcome = read_all(file, limits);
    EXPECT_EQ(outcome.code, ErrorCode::invalid_data);
    EXPECT_THAT(outcome.message, HasSubstr(message));
  };
  expect({.max_tensors = 3}, "tensors, but 3 are allowed");
  expect({.max_elements = 1500}, "more elements than the 1500 that are allowed");
  expect({.max_elements = 40}, "levels, but 40 are allowed");
  expect({.max_graph_bytes = model.graph.size() - 1}, "the graph has 49 bytes, but 48 are allowed");
  expect({.max_header_bytes = 200}, "bytes, but 200 are allowed");
  EXPECT_FALSE(
      read_all(file, {.max_tensors = model.tensors.size(), .max_graph_bytes = model.graph.size()})
          .refused);
}

TEST(Limits, HoldBeforeMemoryIsTaken) {
  using Clock = std::chrono::steady_clock;
  // A name of 10,000 characters, shared by 2,000 tensors: 20 MB from a few hundred bytes.
  Table table;
  const std::string name(10'000, 'n');
  for (int i = 0; i < 2000; ++i) {
    table.tensors.push_back({fmt::format("{}{:04}", name, i), {0}, {}, {}, 0, 0});
  }
  const Packed packed = pack(encode_table(table));
  EXPECT_EQ(packed.packing, Packing::zstd);
  const Bytes names = encode_header({Packed{}, packed, Packed{Packing::plain, {std::byte{0}}}});
  const auto start = Clock::now();
  const Outcome outcome = read_all(names, {.max_header_bytes = 1 << 20});
  EXPECT_THAT(outcome.message, HasSubstr("the names have more than the 1048576 characters"));
  // A frame of 12 bytes that claims a terabyte.
  Bytes frame = {std::byte{0xe0}};
  for (int i = 0; i < 8; ++i)
    frame.push_back(std::byte{i == 5 ? std::uint8_t{1} : std::uint8_t{0}});
  frame.insert(frame.end(), {std::byte{1}, std::byte{0}, std::byte{0}});
  const Bytes bomb = encode_header({Packed{Packing::zstd, frame}, Packed{}, Packed{}});
  EXPECT_THAT(read_all(bomb).message, HasSubstr("the graph is damaged"));
  EXPECT_LT(Clock::now() - start, std::chrono::seconds(1));
}

}  // namespace
}  // namespace laconic
