#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <thread>

#include "core/atomic_file.h"
#include "laconic/error.h"
#include "laconic/random.h"
#include "laconic/spec.h"
#include "laconic/threads.h"

namespace laconic {
namespace {

using testing::HasSubstr;

constexpr std::array bread_options = {
    OptionInfo{"", "required", "text", "Where it comes from."},
    OptionInfo{"slices", "8", "1..100", "How many."},
    OptionInfo{"crust", "keep", "keep|free", "What becomes of it."},
    OptionInfo{"salt", "0.5", ">=0", "Grams."},
    OptionInfo{"share", "1", "0..1 real", "Of the loaf."},
    OptionInfo{"seeds", "", "list", "Weights."},
};
constexpr std::array cake_options = {OptionInfo{"layers", "2", "1..9", "How many."}};
constexpr std::array family = {MemberInfo{"bread", "Bread.", "", bread_options},
                               MemberInfo{"cake", "Cake.", "", cake_options}};

std::string message_of(std::string_view spec) {
  try {
    (void)parse_spec("food", spec, family);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
    return error.what();
  }
  return "no error";
}

TEST(Spec, FillsInDefaultsAndPrintsBack) {
  const auto options = parse_spec("food", "bread:rye,salt=1/4,seeds=1/2.5/3", family);
  EXPECT_EQ(options.text(""), "rye");
  EXPECT_EQ(options.integer("slices"), 8);
  EXPECT_EQ(options.number("salt"), 0.25);
  EXPECT_EQ(options.numbers("seeds"), (std::vector<double>{1, 2.5, 3}));
  EXPECT_EQ(options.spec(), "bread:rye,slices=8,crust=keep,salt=1/4,share=1,seeds=1/2.5/3");
  EXPECT_EQ(parse_spec("food", options.spec(), family).spec(), options.spec());
}

TEST(Spec, AnswersMistakesWithWhatIsValid) {
  EXPECT_THAT(message_of("caek"), HasSubstr("\"caek\"; valid, nearest first: cake"));
  EXPECT_THAT(message_of("cake:layer=3"), HasSubstr("\"layer\"; valid, nearest first: layers"));
  EXPECT_THAT(message_of("cake:layers=10"), HasSubstr("must be 1..9"));
  EXPECT_THAT(message_of("cake:layers=2.5"), HasSubstr("must be 1..9"));
  EXPECT_THAT(message_of("cake:layers=3,layers=3"), HasSubstr("twice"));
  EXPECT_THAT(message_of("bread"), HasSubstr("needs a value"));
  EXPECT_THAT(message_of("bread:x,salt=-1"), HasSubstr("must be >=0"));
  EXPECT_THAT(message_of("bread:x,salt=nan"), HasSubstr("must be >=0"));
  EXPECT_THAT(message_of("bread:x,share=1.5"), HasSubstr("must be 0..1 real"));
  EXPECT_THAT(message_of("bread:x,crust=burn"), HasSubstr("must be keep|free"));
  EXPECT_THAT(message_of("bread:x,seeds=1//2"), HasSubstr("must be list"));
}

TEST(Threads, RunsEveryItemOnceAndRethrowsTheFirstError) {
  for (const int count : {1, 2, 8}) {
    set_threads(count);
    std::vector<int> hits(1000);
    parallel_for(1000, [&](std::int64_t i) { ++hits[static_cast<std::size_t>(i)]; });
    EXPECT_EQ(std::accumulate(hits.begin(), hits.end(), 0), 1000);
    EXPECT_EQ(*std::min_element(hits.begin(), hits.end()), 1);
    try {
      parallel_for(100, [&](std::int64_t i) {
        if (i >= 3) throw std::runtime_error(std::to_string(i));
      });
      ADD_FAILURE() << "no error";
    } catch (const std::runtime_error& error) {
      EXPECT_STREQ(error.what(), "3");
    }
  }
  set_threads(0);
}

TEST(Threads, AreOneWithinALoopAndWhereLoopsAreSerial) {
  set_threads(4);
  EXPECT_EQ(threads(), 4);
  const auto caller = std::this_thread::get_id();
  {
    const SerialLoops serial;
    { const SerialLoops nested; }
    EXPECT_EQ(threads(), 1);
    parallel_for(100, [&](std::int64_t) { EXPECT_EQ(std::this_thread::get_id(), caller); });
  }
  parallel_for(100, [&](std::int64_t) { EXPECT_EQ(threads(), 1); });
  EXPECT_EQ(threads(), 4);
  set_threads(0);
}

/// Helpers may wake when a loop is over and the next has begun.
TEST(Threads, ShortLoopsFollowOneAnother) {
  set_threads(4);
  for (int round = 0; round < 20'000; ++round) {
    std::array<int, 6> hits{};
    parallel_for(round % 7, [&](std::int64_t i) { ++hits[static_cast<std::size_t>(i)]; });
    EXPECT_EQ(std::accumulate(hits.begin(), hits.end(), 0), round % 7);
  }
  set_threads(0);
}

TEST(Random, IsTheSameEverywhere) {
  Random random(std::mt19937_64::default_seed);
  for (int i = 1; i < 10000; ++i) (void)random.bits();
  EXPECT_EQ(random.bits(), 9981545732273789042u);  // By the C++ standard, [rand.predef].
  EXPECT_NE(Random(7, "a").bits(), Random(7, "b").bits());
  EXPECT_NE(Random(7, "a", 0).bits(), Random(7, "a", 1).bits());
  for (int i = 0; i < 1000; ++i) {
    const auto value = random.below(10);
    EXPECT_GE(value, 0);
    EXPECT_LT(value, 10);
  }
}

TEST(AtomicFile, AppearsWholeOrNotAtAll) {
  const auto folder =
      std::filesystem::temp_directory_path() / fmt::format("laconic-core-test-{}", ::getpid());
  std::filesystem::create_directory(folder);
  const auto path = folder / "x";
  const std::array bytes{std::byte{1}, std::byte{2}};
  {
    AtomicFile file(path);
    file.write(bytes);
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder));
  write_file(path, bytes);
  write_file(path, bytes);  // Replaces.
  EXPECT_EQ(read_file(path), std::vector<std::byte>(bytes.begin(), bytes.end()));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder), {}), 1);
  EXPECT_THROW(write_file(folder / "no" / "x", bytes), Error);
  EXPECT_THROW(write_file(folder, bytes), Error);
  EXPECT_THROW((void)read_file(folder / "y"), Error);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace laconic
