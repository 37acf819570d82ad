// The front door on a small problem that the test makes itself: budgets kept, equal bytes, files
// that decode to what was measured.

#include "laconic/compress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>
#include <optional>
#include <set>

#include "errors.h"
#include "laconic/error.h"
#include "laconic/random.h"
#include "laconic/threads.h"
#include "laconic/train.h"
#include "laconic/zoo.h"
#include "train/checkpoint.h"
#include "train/compress/workshop.h"

namespace laconic {
namespace {

using testing::HasSubstr;

template <typename T>
void write_npy(const std::filesystem::path& path, std::string_view type, const std::string& shape,
               const std::vector<T>& values) {
  std::string header =
      fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': {}, }}", type, shape);
  while ((header.size() + 11) % 64 != 0) header += ' ';
  header += '\n';
  std::ofstream file(path, std::ios::binary);
  const auto size = static_cast<std::uint16_t>(header.size());
  file.write("\x93NUMPY\x01\x00", 8);
  file.write(reinterpret_cast<const char*>(&size), 2);
  file << header;
  file.write(reinterpret_cast<const char*>(values.data()),
             static_cast<std::streamsize>(values.size() * sizeof(T)));
}

/// Images of 28x28 whose class is where a bright spot lies, in noise; and a LeNet that was trained
/// on them. Made once for all tests.
struct Setting {
  Setting() {
    folder = std::filesystem::temp_directory_path() /
             fmt::format("laconic-compress-test-{}", ::getpid());
    std::filesystem::create_directory(folder);
    constexpr std::int64_t count = 600, side = 28;
    Random random(1);
    std::vector<float> x(static_cast<std::size_t>(count * side * side));
    std::vector<std::int64_t> y;
    for (std::int64_t n = 0; n < count; ++n) {
      const auto label = n % 10;
      y.push_back(label);
      float* image = x.data() + n * side * side;
      for (std::int64_t i = 0; i < side * side; ++i)
        image[i] = static_cast<float>(0.3 * random.normal());
      const auto top = 3 + label / 5 * 12 + random.below(3),
                 left = 1 + label % 5 * 5 + random.below(2);
      for (std::int64_t i = 0; i < 4; ++i) {
        for (std::int64_t j = 0; j < 4; ++j) image[(top + i) * side + left + j] += 1;
      }
    }
    write_npy(folder / "x.npy", "<f4", fmt::format("({}, 1, {}, {})", count, side, side), x);
    write_npy(folder / "y.npy", "<i8", fmt::format("({},)", count), y);
    data = make_dataset(fmt::format("npy:x={},y={},scale=1,validation=0.25",
                                    (folder / "x.npy").string(), (folder / "y.npy").string()));
    Network network(make_network("lenet300", data->sample_shape(), data->classes(), 1));
    train(network, *data, {.epochs = 4, .batch = 25, .optimizer = "adam:lr=0.002"});
    graph = network.to_graph();
  }
  ~Setting() { std::filesystem::remove_all(folder); }

  std::filesystem::path folder;
  std::unique_ptr<Dataset> data;
  Graph graph;
};

const Setting& setting() {
  static const Setting instance;
  return instance;
}

CompressOptions within(Budget budget, std::int64_t epochs = 0) {
  CompressOptions options;
  options.budget = budget;
  options.epochs = epochs;
  options.samples = 200;
  return options;
}

std::vector<std::string> weight_names(const Graph& graph) {
  std::vector<std::string> names;
  for (const auto& info : parameters(graph)) {
    if (info.role == Role::weight) names.push_back(info.name);
  }
  return names;
}

TEST(Compress, KeepsABudgetOfAccuracy) {
  const auto result = compress(setting().graph, *setting().data, within({.max_drop = 1}));
  EXPECT_LE(100 * (result.before.accuracy - result.after.accuracy), 1 + 1e-9);
  EXPECT_GT(result.ratio, 15);
  EXPECT_GT(result.trials.size(), 2u);
}

// Samples drawn again and again, of which a network answers some right that it did not, and others
// no more.
TEST(Compress, KnowsHowFarADropIsChance) {
  constexpr int draws = 2000, samples = 1000;
  Random random(4, "drops");
  double sum = 0, squares = 0, told = 0;
  for (int draw = 0; draw < draws; ++draw) {
    std::vector<std::uint8_t> before(samples), after(samples);
    double drop = 0;
    for (std::size_t i = 0; i < before.size(); ++i) {
      const double u = random.uniform();
      before[i] = u < 0.9;
      after[i] = u < 0.88 || u > 0.99;
      drop += 0.1 * (before[i] - after[i]);
    }
    sum += drop;
    squares += drop * drop;
    told += standard_error_of_drop(before, after);
  }
  const double mean = sum / draws, deviation = std::sqrt(squares / draws - mean * mean);
  EXPECT_NEAR(mean, 1, 0.05);
  EXPECT_NEAR(told / draws, deviation, 0.05 * deviation);
}

// The fewer samples a network that knows them by heart gets wrong, the less they tell of others.
TEST(Compress, KeepsMoreFreeTheFewerSamplesKnownByHeartAreWrong) {
  EXPECT_EQ(standard_errors_by_heart(0), 3.5);
  EXPECT_EQ(standard_errors_by_heart(0.002), 3.5);
  EXPECT_DOUBLE_EQ(standard_errors_by_heart(0.07), std::sqrt(2));
  EXPECT_DOUBLE_EQ(standard_errors_by_heart(1), std::sqrt(1.07));
}

TEST(Compress, KeepsABudgetOfBytes) {
  const auto by_ratio = compress(setting().graph, *setting().data, within({.ratio = 12}));
  EXPECT_GE(by_ratio.ratio, 12);
  EXPECT_LT(by_ratio.ratio, 12.5);
  EXPECT_LE(by_ratio.trials.size(), 9u);
  const auto by_size = compress(setting().graph, *setting().data, within({.bytes = 50000}));
  EXPECT_LE(by_size.bytes, 50000u);
  EXPECT_GT(by_size.bytes, 48000u);
}

TEST(Compress, WritesWhatItMeasured) {
  const auto result = compress(setting().graph, *setting().data, within({.ratio = 20}));
  const auto path = setting().folder / "x.lac";
  const auto sizes = save(result.network, path);
  EXPECT_EQ(sizes.total, std::filesystem::file_size(path));
  EXPECT_EQ(sizes.total, result.bytes);
  const Network network(to_graph(load(path)));
  const auto score = evaluate(network, *setting().data, Part::validation);
  EXPECT_EQ(score.accuracy, result.after.accuracy);
}

TEST(Compress, GivesEqualBytesForAnyNumberOfThreads) {
  std::vector<std::byte> first;
  for (const int count : {1, 2, 5}) {
    set_threads(count);
    const auto bytes =
        pack(compress(setting().graph, *setting().data, within({.ratio = 25}, 1)).network);
    if (first.empty()) first = bytes;
    EXPECT_EQ(bytes, first) << count << " threads";
  }
  set_threads(0);
}

TEST(Compress, TrainingWinsAccuracyBack) {
  const auto without = compress(setting().graph, *setting().data, within({.ratio = 40}));
  const auto with = compress(setting().graph, *setting().data, within({.ratio = 40}, 20));
  EXPECT_GT(with.after.accuracy, without.after.accuracy + 0.05);
}

TEST(Compress, TrainingKeepsABudgetOfAccuracy) {
  const auto result = compress(setting().graph, *setting().data, within({.max_drop = 1}, 3));
  EXPECT_LE(100 * (result.before.accuracy - result.after.accuracy), 1 + 1e-9);
  EXPECT_THAT(result.trials.back().choice, HasSubstr("of training"));
}

TEST(Compress, TrainingFillsABudgetOfBytes) {
  const auto result = compress(setting().graph, *setting().data, within({.ratio = 25}, 4));
  EXPECT_GE(result.ratio, 25);
  EXPECT_LT(result.trials.back().ratio, 26.5) << "bytes that would have bought accuracy are left";
}

TEST(Compress, ForcesEachChoice) {
  const auto weight = weight_names(setting().graph)[0];
  const auto forced = [&](const std::function<void(CompressOptions&)>& force, double ratio = 8) {
    auto options = within({.ratio = ratio});
    force(options);
    const auto result = compress(setting().graph, *setting().data, options);
    EXPECT_GE(result.ratio, ratio);
    EXPECT_GT(result.after.accuracy, ratio > 8 ? 0.5 : 0.9);
    return result.network.tensors;
  };
  const auto spec = [&](const QuantizedModel& model) {
    return model.find(weight)->second.quantizer;
  };
  const auto tensor = [&](const QuantizedModel& model) {
    return std::get<QuantizedTensor>(model.find(weight)->second.tensor);
  };
  const auto free = forced([](auto&) {});
  EXPECT_EQ(spec(free), "trellis");
  EXPECT_EQ(tensor(free).codebooks.size(), 1u);
  EXPECT_THAT(spec(forced([](auto& o) { o.quantizer = "kmeans"; })),
              testing::StartsWith("kmeans:levels="));

  const auto constrained = [&](const char* importance) {
    return forced([=](auto& o) { o.quantizer = "entropy_constrained", o.importance = importance; });
  };
  const auto by_curvature = constrained("fisher");
  EXPECT_THAT(spec(by_curvature), testing::StartsWith("entropy_constrained:lambda="));
  EXPECT_NE(tensor(by_curvature), tensor(constrained("ones")));

  const auto channels = forced([](auto& o) { o.granularity = "channel", o.coder = "rans"; });
  EXPECT_EQ(std::ssize(tensor(channels).codebooks), tensor(free).shape[0]);
  EXPECT_EQ(channels.find(weight)->second.coder, "rans");
  const auto groups = forced([](auto& o) { o.granularity = "group:64"; });
  EXPECT_EQ(std::ssize(tensor(groups).codebooks), (element_count(tensor(free).shape) + 63) / 64);

  // Steps are as equal slopes ask for already, so that exact allocators leave them there.
  const auto few_bits = forced([](auto&) {}, 28);
  const auto drawn = forced([](auto& o) { o.allocator = "policy_gradient:updates=5"; }, 28);
  EXPECT_TRUE(std::ranges::any_of(weight_names(setting().graph), [&](const auto& name) {
    return drawn.find(name)->second.tensor != few_bits.find(name)->second.tensor;
  }));
}

TEST(Compress, RefusesWhatAMethodLeavesNothingTo) {
  const auto refused = [](const std::function<void(CompressOptions&)>& change) {
    auto options = within({.ratio = 8});
    options.method = "post";
    change(options);
    return error_of([&] { check(options); }, ErrorCode::invalid_argument);
  };
  EXPECT_THAT(refused([](auto& o) { o.allocator = "rate"; }), HasSubstr("allocator"));
  const auto beside_a_plan = [&](std::string CompressOptions::*option, const char* value) {
    return refused([&](auto& o) { o.plan = Plan{{"*", "uniform"}}, o.*option = value; });
  };
  EXPECT_THAT(beside_a_plan(&CompressOptions::quantizer, "kmeans"), HasSubstr("quantizer"));
  EXPECT_THAT(beside_a_plan(&CompressOptions::granularity, "channel"), HasSubstr("granularity"));
  EXPECT_THAT(beside_a_plan(&CompressOptions::coder, "rans"), HasSubstr("coder"));
  EXPECT_THAT(refused([](auto& o) { o.compensate = false; }), HasSubstr("compensation"));
  EXPECT_THAT(refused([](auto& o) { o.recalibrate = false; }), HasSubstr("recalibration"));
}

TEST(Compress, FollowsAMethod) {
  for (const auto* method : {"post", "projected", "incremental", "incremental:make_up=true"}) {
    auto options = within({.ratio = 4}, method == std::string_view("post") ? 0 : 1);
    options.method = method;
    const auto result = compress(setting().graph, *setting().data, options);
    EXPECT_GE(result.ratio, 4) << method;
    EXPECT_GT(result.after.accuracy, 0.9) << method;
    EXPECT_EQ(result.trials.size(), 1u);
  }
}

std::set<float> levels_of(const CompressedNetwork& network, std::string_view name) {
  const auto levels =
      std::get<QuantizedTensor>(network.tensors.find(name)->second.tensor).codebooks[0].levels();
  return {levels.begin(), levels.end()};
}

TEST(Compress, MakesUpForFrozenSharesWithoutTraining) {
  const auto loss = [](std::string_view make_up) {
    auto options = within({.ratio = 2}, 0);
    options.quantizer = "kmeans:levels=3";
    options.method = fmt::format("incremental:shares=0.5/0.75/1,settle=false,make_up={}", make_up);
    return compress(setting().graph, *setting().data, options).after.loss;
  };
  EXPECT_LT(loss("true"), 0.9 * loss("false"));
}

TEST(Compress, SharesAJointCodebook) {
  const auto weights = weight_names(setting().graph);
  ASSERT_GE(weights.size(), 2u);
  for (const std::int64_t epochs : {0, 1}) {
    auto options = within({.ratio = 32}, epochs);
    options.quantizer = epochs > 0 ? "trellis" : "kmeans";
    options.granularity = "joint";
    const auto result = compress(setting().graph, *setting().data, options);
    EXPECT_EQ(levels_of(result.network, weights[0]), levels_of(result.network, weights[1]))
        << epochs << " epochs";
    const auto& tensors = result.network.tensors;
    EXPECT_EQ(tensors.find(weights[0])->second.quantizer,
              tensors.find(weights[1])->second.quantizer);
  }
}

TEST(Compress, FollowsAPlanWhereItNamesTensors) {
  std::string first;
  for (const auto& info : parameters(setting().graph)) {
    if (info.role == Role::weight && first.empty()) first = info.name;
  }
  auto options = within({.ratio = 8});
  options.plan = Plan{{first, "kmeans:levels=3"}};
  const auto result = compress(setting().graph, *setting().data, options);
  EXPECT_EQ(levels_of(result.network, first).size(), 3u);

  options.plan = Plan{{first, "kmeans:levels=3"}, {"nothing*", "uniform"}};
  try {
    (void)compress(setting().graph, *setting().data, options);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
    EXPECT_THAT(error.what(), HasSubstr("nothing*"));
  }
}

TEST(Compress, KeepsPrunedWeightsAtZero) {
  Graph graph = setting().graph;
  const auto name = weight_names(graph)[0];
  auto& constant = graph.constants.find(name)->second;
  std::vector<float> weights(constant.floats().begin(), constant.floats().end());
  for (std::size_t i = 0; i < weights.size(); i += 2) weights[i] = 0;
  constant = Constant::of(constant.shape(), weights);
  for (const std::string_view row : {"uniform", "kmeans granularity=joint"}) {
    auto options = within({.ratio = 8});
    options.plan = parse_plan(fmt::format("{} {} zeros=keep", name, row));
    const auto result = compress(graph, *setting().data, options);
    const auto values = dequantize(result.network.tensors.find(name)->second.tensor);
    std::size_t lost = 0, others = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
      lost += i % 2 == 0 && values[i] != 0;
      others += values[i] != 0;
    }
    EXPECT_EQ(lost, 0u) << row;
    EXPECT_GT(others, values.size() / 10) << row;
  }
}

TEST(Compress, GoesOnToTheSameBytes) {
  for (const std::string_view run : {"search", "stretch", "method"}) {
    auto options = run == "stretch" ? within({.ratio = 20}, 3) : within({.max_drop = 1}, 3);
    if (run == "method") options.method = "projected", options.quantizer = "kmeans:levels=8";
    const auto whole = compress(setting().graph, *setting().data, options);
    options.checkpoint = setting().folder / fmt::format("run-{}", run);
    options.existing = Existing::resume;
    int stops = 0, messages = 0;
    std::optional<CompressResult> result;
    // Stopped again and again, a little later each time: between files, and within epochs.
    for (int until = 1; !result && until < 2000; until += until / 2 + 1) {
      const auto counting = [&](const ProgressEvent&) {
        if (++messages == until) request_interrupt();
      };
      messages = 0;
      try {
        result = compress(setting().graph, *setting().data, options, counting);
      } catch (const Error& error) {
        ASSERT_EQ(error.code(), ErrorCode::interrupted) << error.what();
        if (testing::Matches(HasSubstr("continues it"))(std::string(error.what()))) ++stops;
      }
      clear_interrupt();
    }
    ASSERT_TRUE(result);
    EXPECT_GE(stops, 2);
    EXPECT_EQ(pack(result->network), pack(whole.network));
    EXPECT_EQ(result->trials.size(), whole.trials.size());
  }
}

TEST(Compress, RefusesACheckpointOfAnotherRun) {
  auto options = within({.ratio = 12});
  options.checkpoint = setting().folder / "other";
  (void)compress(setting().graph, *setting().data, options);
  const auto message = [&] {
    try {
      (void)compress(setting().graph, *setting().data, options);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_THAT(message(), HasSubstr("is of an earlier run"));
  options.existing = Existing::resume;
  options.budget = {.ratio = 13};
  EXPECT_THAT(message(), HasSubstr("budget is \"ratio 12\", this run's is \"ratio 13\""));
  options.existing = Existing::replace;
  EXPECT_EQ(message(), "");
}

// An epoch, then twice as many each time, and the last stretch takes what is left.
TEST(Compress, SearchesByEpochsAndThenTrainsLonger) {
  const auto lengths = [](Budget budget, std::int64_t epochs) {
    const auto result = compress(setting().graph, *setting().data, within(budget, epochs));
    std::vector<std::int64_t> found;
    for (const auto& trial : result.trials) {
      const auto at = trial.choice.find(", ");
      if (at != std::string::npos) found.push_back(std::stoll(trial.choice.substr(at + 2)));
    }
    return found;
  };
  using testing::ElementsAre;
  EXPECT_THAT(lengths({.max_drop = 5}, 1), ElementsAre(1));
  EXPECT_THAT(lengths({.max_drop = 5}, 2), ElementsAre(1, 1));
  EXPECT_THAT(lengths({.max_drop = 5}, 3), ElementsAre(1, 1, 1));
  EXPECT_THAT(lengths({.max_drop = 5}, 7), ElementsAre(1, 1, 1, 1, 3));
  EXPECT_THAT(lengths({.ratio = 20}, 3), ElementsAre(3));
}

// Steps and sizes go on while files keep the budget, and then lie between those that did and those
// that did not. Choices tell steps to four digits.
TEST(Compress, SearchesTheStepOfEachStretch) {
  struct Mark {
    double step = 0, bytes = 0;
  };
  int missed = 0, kept = 0;
  for (const double drop : {1.0, 5.0, 20.0, 60.0}) {
    const auto result = compress(setting().graph, *setting().data, within({.max_drop = drop}, 7));
    Mark fits, misses;
    std::int64_t epochs = 0;
    for (const auto& trial : result.trials) {
      const Mark mark{std::stod(trial.choice.substr(5)), static_cast<double>(trial.bytes)};
      const auto at = trial.choice.find(", ");
      if (at == std::string::npos) {
        if (trial.fits && mark.step > fits.step) fits = mark;
        continue;
      }
      const auto length = std::stoll(trial.choice.substr(at + 2));
      epochs += length;
      if (epochs == 1) {
        EXPECT_NEAR(mark.step, 1.2 * fits.step, 1e-3 * mark.step) << drop;
      } else if (misses.step > 0) {
        EXPECT_NEAR(mark.step, std::sqrt(fits.step * misses.step), 2e-3 * mark.step);
        EXPECT_TRUE(length == 1 || mark.bytes <= std::sqrt(fits.bytes * misses.bytes) + 1);
      } else {
        const double ratio = mark.step / fits.step;
        EXPECT_GT(ratio, 1.05);
        EXPECT_LT(ratio, length > 1 ? 1.102 : 1.502);
        EXPECT_TRUE(length == 1 || mark.bytes <= 1.001 * fits.bytes / ratio);
      }
      (trial.fits ? fits : misses) = mark;
      ++(trial.fits ? kept : missed);
    }
    EXPECT_EQ(epochs, 7);
  }
  EXPECT_GT(kept, 0);
  EXPECT_GT(missed, 0);
}

TEST(Compress, EachPartOfAPassHasItsOption) {
  const auto loss = [](const std::function<void(CompressOptions&)>& without, std::int64_t epochs) {
    auto options = within({.ratio = 30}, epochs);
    without(options);
    return compress(setting().graph, *setting().data, options).after.loss;
  };
  const double all = loss([](auto&) {}, 0);
  EXPECT_NE(loss([](auto& o) { o.compensate = false; }, 0), all);
  EXPECT_NE(loss([](auto& o) { o.recalibrate = false; }, 0), all);
  EXPECT_NE(loss([](auto& o) { o.teach = false; }, 10), loss([](auto&) {}, 10));
}

TEST(Compress, RefusesACheckpointOfNoPlaceInTheTraining) {
  auto options = within({.ratio = 12}, 1);
  options.checkpoint = setting().folder / "tampered";
  std::filesystem::create_directories(options.checkpoint / "training" / "mine");
  (void)compress(setting().graph, *setting().data, options);
  EXPECT_TRUE(std::filesystem::exists(options.checkpoint / "training" / "mine"));

  const auto path = checkpoint_path(options.checkpoint);
  auto kept = read_checkpoint(path);
  options.existing = Existing::resume;
  // Epochs made; step and bytes of what is next, of the last that fits, of the last that misses.
  for (const std::string_view place :
       {"", "1 0.5 9 0.5 9 0", "-1 0.5 9 0.5 9 0 0", "2 0.5 9 0.5 9 0 0", "1 0 9 0.5 9 0 0",
        "1 -1 9 0.5 9 0 0", "1 1e9 9 0.5 9 0 0", "1 1e-9 9 0.5 9 0 0", "1 nan 9 0.5 9 0 0",
        "1 0.5 0 0.5 9 0 0", "1 0.5 1e18 0.5 9 0 0", "1 0.5 9 0 9 0 0", "1 0.5 9 0.5 0 0 0",
        "1 0.5 9 0.5 9 -1 9", "1 0.5 9 0.5 9 0.5 0", "1 0.5 9 0.5 9 1e9 9",
        "9223372036854775807 0.5 9 0.5 9 0 0"}) {
    kept.progress.find("tuning")->second = place;
    write_checkpoint(path, kept);
    try {
      (void)compress(setting().graph, *setting().data, options);
      ADD_FAILURE() << "no error: " << place;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::corrupt_data) << place;
      EXPECT_THAT(error.what(), HasSubstr("does not fit the search")) << place;
    }
  }
}

TEST(Compress, RefusesACheckpointWhoseTrialsGoAnotherWay) {
  auto options = within({.ratio = 12}, 0);
  options.checkpoint = setting().folder / "trials";
  (void)compress(setting().graph, *setting().data, options);
  const auto path = checkpoint_path(options.checkpoint);
  auto kept = read_checkpoint(path);
  options.existing = Existing::resume;
  // Another step first; a size that does not fit and is said to.
  for (const std::string_view trials :
       {"9000 15 0 0 1 step 2\n", "9000000 15 0 0 1 step 1\n", "9 15 0 0 0 step 1\n"}) {
    kept.progress.find("trials")->second = trials;
    write_checkpoint(path, kept);
    const auto message =
        error_of([&] { (void)compress(setting().graph, *setting().data, options); },
                 ErrorCode::corrupt_data);
    EXPECT_THAT(message, HasSubstr("does not fit the search")) << trials;
  }
}

TEST(Compress, SaysTheNearestWhereABudgetIsOutOfReach) {
  try {
    (void)compress(setting().graph, *setting().data, within({.bytes = 20}));
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::out_of_reach);
    EXPECT_THAT(error.what(), HasSubstr("the smallest reached has"));
  }
}

TEST(Compress, TakesABudgetBeyondAnyFile) {
  const auto most = std::numeric_limits<std::uint64_t>::max();
  const auto result = compress(setting().graph, *setting().data, within({.bytes = most}, 1));
  EXPECT_EQ(result.after.accuracy, result.before.accuracy);
}

TEST(Compress, RefusesABudgetOfLessThanASample) {
  EXPECT_THAT(
      error_of([] { (void)compress(setting().graph, *setting().data, within({.max_drop = 0.5})); },
               ErrorCode::out_of_reach),
      HasSubstr("one of 150 validation samples"));
}

TEST(Compress, RefusesOptionsOutOfRange) {
  const auto code = [](const CompressOptions& options) {
    try {
      check(options);
    } catch (const Error& error) {
      return error.code();
    }
    return ErrorCode::interrupted;
  };
  EXPECT_EQ(code(within({})), ErrorCode::invalid_argument);
  EXPECT_EQ(code(within({.max_drop = 0})), ErrorCode::invalid_argument);
  EXPECT_EQ(code(within({.ratio = 1})), ErrorCode::invalid_argument);
  EXPECT_EQ(code(within({.ratio = 2, .bytes = 100})), ErrorCode::invalid_argument);
  auto options = within({.ratio = 2});
  EXPECT_EQ(code(options), ErrorCode::interrupted);
  options.quantizer = "kmeanz";
  EXPECT_EQ(code(options), ErrorCode::invalid_argument);

  // Coders that cannot code what the quantizer makes, before any work.
  options.quantizer = "auto";
  options.coder = "trellis";
  EXPECT_EQ(code(options), ErrorCode::interrupted);
  options.granularity = "group:64";
  EXPECT_EQ(code(options), ErrorCode::invalid_argument);
  options.quantizer = "kmeans";
  options.granularity = "auto";
  EXPECT_EQ(code(options), ErrorCode::invalid_argument);
}

}  // namespace
}  // namespace laconic
