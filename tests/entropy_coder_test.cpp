// The laws of the coder family, over its table.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <set>

#include "core/byte_window.h"
#include "entropy_samples.h"
#include "laconic/coder.h"
#include "laconic/error.h"
#include "laconic/random.h"

namespace laconic {
namespace {

using testing::IndexSample;

/// Bytes at the end of their own allocation, so that sanitizers see reads beyond it.
void expect_decodes_or_refuses(const Coder& coder, const IndexSample& sample,
                               std::span<const std::byte> bytes) {
  const std::vector<std::byte> exact(bytes.begin(), bytes.end());
  std::vector<Index> decoded(sample.indices.size());
  try {
    coder.decode(exact, sample.layout, decoded);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::corrupt_data) << error.what();
    return;
  }
  for (const Index index : decoded) ASSERT_LT(index, sample.layout.alphabet);
}

/// Runs `check` for every member with every small sample, named in failures.
void for_small_samples(const std::function<void(const Coder&, const IndexSample&)>& check) {
  for (const auto& row : coders()) {
    for (const auto& sample : testing::index_samples()) {
      if (sample.indices.size() > 5000 || !testing::can_code(row.name, sample)) continue;
      SCOPED_TRACE(std::string(row.name) + ", " + sample.name);
      check(*make_coder(row.name), sample);
    }
  }
}

TEST(Coders, WhatIsEncodedIsDecoded) {
  for (const auto& row : coders()) {
    const auto coder = make_coder(row.name);
    const Coder* by_id = coder_for_id(coder_id(row.name));
    ASSERT_NE(by_id, nullptr);
    for (const auto& sample : testing::index_samples()) {
      if (!testing::can_code(row.name, sample)) continue;
      SCOPED_TRACE(std::string(row.name) + ", " + sample.name);
      const auto bytes = coder->encode(sample.indices, sample.layout);
      EXPECT_EQ(coder->encode(sample.indices, sample.layout), bytes);
      std::vector<Index> decoded(sample.indices.size(), 1);
      by_id->decode(bytes, sample.layout, decoded);
      EXPECT_EQ(decoded, sample.indices);
    }
  }
}

/// What a stream gives of bytes that come through a window, in pieces of random sizes.
std::vector<Index> streamed(const Coder& coder, const IndexSample& sample,
                            std::span<const std::byte> bytes, Random& random) {
  ByteWindow window(bytes.size(), [&](std::uint64_t at, std::span<std::byte> to) {
    std::ranges::copy(bytes.subspan(at, to.size()), to.begin());
  });
  const auto stream = coder.stream(window, sample.layout);
  std::vector<Index> out(sample.indices.size(), 1);
  for (std::size_t done = 0; done < out.size();) {
    const auto most = random.below(3) == 0 ? 100 : random.below(3) == 0 ? 70'000 : 5000;
    const auto count = std::min(out.size() - done, static_cast<std::size_t>(random.below(most)));
    stream->read(std::span(out).subspan(done, count));
    done += count;
  }
  return out;
}

/// What `decode` gives, or nothing if it throws.
template <typename Decode>
std::optional<std::vector<Index>> given(Decode decode) {
  try {
    return decode();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::corrupt_data) << error.what();
    return std::nullopt;
  }
}

TEST(Coders, StreamsGiveWhatDecodingGives) {
  Random random(5);
  auto samples = testing::index_samples();
  const std::size_t large = 1'300'007;  // More than a window holds, of an odd number.
  samples.push_back({"larger than a window", {{large}, 200, 100}, {}});
  samples.back().indices = testing::gaussian_indices(large, 200, 30);
  for (const auto& row : coders()) {
    const auto coder = make_coder(row.name);
    for (const auto& sample : samples) {
      SCOPED_TRACE(std::string(row.name) + ", " + sample.name);
      if (!testing::can_code(row.name, sample)) continue;
      if (sample.indices.size() == large && row.name != "rans" && row.name != "raw") continue;
      const auto check = [&](std::span<const std::byte> bytes) {
        const auto whole = given([&] {
          std::vector<Index> indices(sample.indices.size());
          coder->decode(bytes, sample.layout, indices);
          return indices;
        });
        EXPECT_EQ(given([&] { return streamed(*coder, sample, bytes, random); }), whole);
      };
      auto bytes = coder->encode(sample.indices, sample.layout);
      EXPECT_EQ(streamed(*coder, sample, bytes, random), sample.indices);
      check(std::span(bytes).first(bytes.size() / 2));
      if (bytes.size() > 8) bytes[bytes.size() / 2] ^= std::byte{16};
      bytes.push_back(std::byte{0});
      check(bytes);
    }
  }
}

TEST(Coders, EveryCutEndIsRefused) {
  for_small_samples([](const Coder& coder, const IndexSample& sample) {
    auto bytes = coder.encode(sample.indices, sample.layout);
    std::vector<Index> decoded(sample.indices.size());
    const std::size_t step = 1 + bytes.size() / 64;
    for (std::size_t size = 0; size < bytes.size(); size += step) {
      expect_decodes_or_refuses(coder, sample, std::span(bytes).first(size));
    }
    bytes.push_back(std::byte{0});
    EXPECT_THROW(coder.decode(bytes, sample.layout, decoded), Error) << "a byte too many";
    if (bytes.size() < 2) return;
    bytes.resize(bytes.size() - 2);
    // What is left may be all that an encoder writes for other indices; nothing else may pass.
    try {
      coder.decode(bytes, sample.layout, decoded);
    } catch (const Error&) {
      return;
    }
    EXPECT_EQ(coder.encode(decoded, sample.layout), bytes) << "a byte too few";
  });
}

TEST(Coders, FlippedBitsAreHarmless) {
  for_small_samples([](const Coder& coder, const IndexSample& sample) {
    auto bytes = coder.encode(sample.indices, sample.layout);
    const std::size_t step = bytes.size() < 100 ? 1 : 1 + bytes.size() / 13;
    for (std::size_t bit = 0; bit < 8 * bytes.size(); bit += step) {
      bytes[bit / 8] ^= std::byte{1} << (bit % 8);
      expect_decodes_or_refuses(coder, sample, bytes);
      bytes[bit / 8] ^= std::byte{1} << (bit % 8);
    }
  });
}

TEST(Coders, ArbitraryBytesAreHarmless) {
  Random random(3);
  std::vector<std::byte> bytes(300);
  for_small_samples([&](const Coder& coder, const IndexSample& sample) {
    for (int i = 0; i < 50; ++i) {
      for (auto& byte : bytes) byte = static_cast<std::byte>(random.bits());
      expect_decodes_or_refuses(
          coder, sample, std::span(bytes).first(static_cast<std::size_t>(random.below(300))));
    }
  });
}

TEST(Coders, BadCallsAreRefused) {
  for (const auto& row : coders()) {
    const auto coder = make_coder(row.name);
    EXPECT_THROW((void)coder->encode(std::vector<Index>{4}, {{1}, 4, -1}), Error) << row.name;
    EXPECT_THROW((void)coder->encode(std::vector<Index>{0}, {{2}, 4, -1}), Error) << row.name;
    EXPECT_THROW((void)coder->encode(std::vector<Index>{0}, {{1}, 4, 4}), Error) << row.name;
    EXPECT_THROW((void)coder->encode(std::vector<Index>{0}, {{1}, 0, -1}), Error) << row.name;
  }
}

TEST(Coders, SpecsAndIdentifiersNameMembers) {
  std::vector<int> ids;
  for (const auto& row : coders()) {
    const auto coder = make_coder(row.name);
    EXPECT_EQ(make_coder(coder->spec())->spec(), coder->spec());
    ids.push_back(coder_id(row.name));
  }
  EXPECT_EQ(std::set<int>(ids.begin(), ids.end()).size(), ids.size());
  EXPECT_EQ(coder_for_id(0), nullptr);
}

TEST(Coders, AutoTakesTheSmallest) {
  for (const auto& sample : testing::index_samples()) {
    const Encoded chosen = encode("auto", sample.indices, sample.layout);
    for (const auto& row : coders()) {
      if (!testing::can_code(row.name, sample)) continue;
      const auto bytes = make_coder(row.name)->encode(sample.indices, sample.layout);
      EXPECT_LE(chosen.bytes.size(), bytes.size()) << row.name << ", " << sample.name;
    }
    EXPECT_EQ(make_coder(chosen.coder)->encode(sample.indices, sample.layout), chosen.bytes);
  }
}

}  // namespace
}  // namespace laconic
