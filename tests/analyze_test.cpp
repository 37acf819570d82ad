// Plans and analyses of a small network on a problem that the test makes itself.

#include "laconic/analyze.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "errors.h"
#include "laconic/train.h"
#include "laconic/zoo.h"
#include "temporary_folder.h"
#include "toy_data.h"

namespace laconic {
namespace {

using testing::HasSubstr;

const Shape shape{1, 28, 28};

struct Trained {
  Trained() {
    Network network(make_network("lenet300", shape, 3, 1));
    train(network, data, {.epochs = 1, .batch = 20, .optimizer = "adam:lr=0.001"});
    graph = network.to_graph();
  }
  ToyData data{shape, 3, 60, 3.0};
  Graph graph;
};

const Trained& trained() {
  static const Trained instance;
  return instance;
}

DamageSource widths(int least, int most) {
  DamageSource source;
  source.widths = {ChoiceKind::kmeans, least, most};
  source.samples = 30;
  return source;
}

TEST(DamageTableOfANetwork, HasItsWeightsInOrder) {
  const auto table = damage_table(trained().graph, nullptr, widths(2, 4));
  ASSERT_EQ(table.size(), 3u);
  EXPECT_EQ(table[0].tensor, "fc1.weight");
  EXPECT_EQ(table[2].tensor, "fc3.weight");
  EXPECT_EQ(table[0].choices.size(), 3u);
  EXPECT_EQ(weight_count(trained().graph), 28 * 28 * 300 + 300 * 100 + 100 * 3);
}

TEST(DamageTableOfANetwork, IsKeptInAFile) {
  const TemporaryFolder folder;
  auto source = widths(1, 3);
  const auto measured = damage_table(trained().graph, &trained().data, source);
  source.kept = folder.path("table");
  const auto same = [&] {
    const auto table = damage_table(trained().graph, &trained().data, source);
    ASSERT_EQ(table.size(), measured.size());
    for (std::size_t t = 0; t < table.size(); ++t) {
      EXPECT_EQ(table[t].tensor, measured[t].tensor);
      ASSERT_EQ(table[t].choices.size(), measured[t].choices.size());
      for (std::size_t c = 0; c < table[t].choices.size(); ++c) {
        EXPECT_EQ(table[t].choices[c].bits, measured[t].choices[c].bits);
        EXPECT_EQ(table[t].choices[c].damage, measured[t].choices[c].damage);
        EXPECT_EQ(table[t].choices[c].what, measured[t].choices[c].what);
      }
    }
  };
  same();
  const auto written = std::filesystem::last_write_time(source.kept);
  same();
  EXPECT_EQ(std::filesystem::last_write_time(source.kept), written);

  source.samples = 20;
  const auto message = [&](ErrorCode code) {
    return error_of([&] { (void)damage_table(trained().graph, &trained().data, source); }, code);
  };
  EXPECT_THAT(message(ErrorCode::invalid_argument), HasSubstr("samples=30"));
  source.samples = 30;
  std::string text;
  {
    std::ifstream file(source.kept);
    text.assign(std::istreambuf_iterator<char>(file), {});
  }
  const auto with = [&](const std::string& broken) {
    std::ofstream(source.kept) << broken;
    return message(ErrorCode::corrupt_data);
  };
  EXPECT_THAT(with(text.substr(0, text.size() - 4)), HasSubstr("line 14"));
  const auto second = text.find('\n') + 1;
  EXPECT_THAT(with(text.substr(0, second) + "1 2 kmeans\n"), HasSubstr("line 2"));
  EXPECT_THAT(with(text.substr(0, second) + "tensor a\n1 -2 kmeans\nend\n"), HasSubstr("line 3"));
  EXPECT_THAT(with(""), HasSubstr("line 1"));
  for (const std::string rest : {"", "tensor a\n1 2 kmeans\n", "tensor a\n"}) {
    EXPECT_THAT(with(text.substr(0, second) + rest + "end\n"), HasSubstr("does not have the"));
  }
}

TEST(DamageTableOfANetwork, CountsErrorsAsTheirSourceSays) {
  auto source = widths(2, 2);
  const auto plain = damage_table(trained().graph, nullptr, source);
  source.importance = "ones";
  const auto ones = damage_table(trained().graph, &trained().data, source);
  source.importance = "sensitivity";
  const auto measured = damage_table(trained().graph, &trained().data, source);
  for (std::size_t t = 0; t < plain.size(); ++t) {
    EXPECT_EQ(plain[t].choices[0].damage, ones[t].choices[0].damage);
    EXPECT_GT(measured[t].choices[0].damage, 0);
  }
  // The three classes' outputs hang on few weights: each matters more than one of the first layer.
  EXPECT_GT(measured[2].choices[0].damage / plain[2].choices[0].damage,
            measured[0].choices[0].damage / plain[0].choices[0].damage);
}

TEST(WeightBudget, SaysBothEndsWhereItLiesOutside) {
  const auto table = damage_table(trained().graph, nullptr, widths(2, 4));
  const auto weights = weight_count(trained().graph);
  EXPECT_EQ(budget_bits({.bits = 3.0, .ratio = {}}, table, weights),
            3.0 * static_cast<double>(weights));
  EXPECT_EQ(budget_bits({.bits = {}, .ratio = 10.0}, table, weights),
            3.2 * static_cast<double>(weights));
  for (const double bits : {1.0, 5.0}) {
    const auto message =
        error_of([&] { (void)budget_bits({.bits = bits, .ratio = {}}, table, weights); },
                 ErrorCode::out_of_reach);
    EXPECT_THAT(message, HasSubstr("from 2.00"));
    EXPECT_THAT(message, HasSubstr("to 4.00"));
  }
  (void)error_of([&] { (void)budget_bits({}, table, weights); }, ErrorCode::invalid_argument);
  (void)error_of([&] { (void)budget_bits({.bits = -1.0, .ratio = {}}, table, weights); },
                 ErrorCode::invalid_argument);
}

TEST(QualityOfPlans, IsMeasuredOnceAndRemembered) {
  const TemporaryFolder folder;
  const auto file = folder.path("rewards");
  const PlanQualityOptions kept{.memory = file};
  const auto table = damage_table(trained().graph, nullptr, widths(1, 3));
  const Network network(trained().graph);
  const std::vector<std::vector<std::size_t>> plans{{0, 1, 2}, {2, 2, 2}, {0, 0, 0}};
  std::vector<double> expected;
  {
    const auto quality = quality_of_plans(network, trained().data, table, ChoiceKind::kmeans, kept);
    for (const auto& plan : plans) expected.push_back(quality(plan));
  }
  // Cut off within the last line: that plan is measured again.
  std::filesystem::resize_file(file, std::filesystem::file_size(file) - 3);
  const auto again = quality_of_plans(network, trained().data, table, ChoiceKind::kmeans, kept);
  for (std::size_t i = 0; i < plans.size(); ++i) EXPECT_EQ(again(plans[i]), expected[i]);
  // What the file says is believed.
  std::ofstream(file, std::ios::app) << "1,1,1 0.125\n";
  const auto told = quality_of_plans(network, trained().data, table, ChoiceKind::kmeans, kept);
  EXPECT_EQ(told(std::vector<std::size_t>{1, 1, 1}), 0.125);

  const auto refused = [&](const PlanQualityOptions& options, ErrorCode code) {
    return error_of(
        [&] {
          (void)quality_of_plans(network, trained().data, table, ChoiceKind::kmeans, options);
        },
        code);
  };
  for (const PlanQualityOptions& other :
       {PlanQualityOptions{.samples = 10, .memory = file},
        PlanQualityOptions{.measure = PlanMeasure::likelihood, .memory = file}}) {
    EXPECT_THAT(refused(other, ErrorCode::invalid_argument), HasSubstr("of another search"));
  }
  for (const char* const line : {"1,1,x 0.5\n", "1,1\n", "1 \n", "1,2 0.5 6\n"}) {
    const auto size = std::filesystem::file_size(file);
    std::ofstream(file, std::ios::app) << line;
    EXPECT_THAT(refused(kept, ErrorCode::corrupt_data), HasSubstr("line 6")) << line;
    std::filesystem::resize_file(file, size);
  }
}

TEST(QualityOfPlans, ANetworkThatAnswersNothingIsWorthNothing) {
  const auto table = damage_table(trained().graph, nullptr, widths(1, 3));
  Graph graph = trained().graph;
  for (const auto& info : parameters(graph)) {
    if (info.role == Role::weight) continue;
    const Shape sizes = graph.constants.find(info.name)->second.shape();
    const std::vector<float> values(static_cast<std::size_t>(element_count(sizes)), NAN);
    graph.constants.insert_or_assign(info.name, Constant::of(sizes, std::span(values)));
  }
  const Network network(graph);
  for (const auto measure : {PlanMeasure::accuracy, PlanMeasure::likelihood}) {
    const auto quality = quality_of_plans(network, trained().data, table, ChoiceKind::kmeans,
                                          {.measure = measure, .samples = 0, .memory = {}});
    EXPECT_EQ(quality(std::vector<std::size_t>{1, 1, 1}), 0);
  }
}

TEST(QualityOfPlans, LikelihoodIsThatOfALabelOnAverage) {
  const auto table = damage_table(trained().graph, nullptr, widths(1, 8));
  const Network network(trained().graph);
  const auto quality =
      quality_of_plans(network, trained().data, table, ChoiceKind::kmeans,
                       {.measure = PlanMeasure::likelihood, .samples = 0, .memory = {}});
  const double fine = quality(std::vector<std::size_t>{7, 7, 7});
  EXPECT_NEAR(fine, std::exp(-evaluate(network, trained().data, Part::validation).loss), 0.01);
  EXPECT_NE(fine, quality(std::vector<std::size_t>{0, 0, 0}));
  EXPECT_EQ(parse_plan_measure("likelihood"), PlanMeasure::likelihood);
  EXPECT_THAT(error_of([] { (void)parse_plan_measure("loss"); }, ErrorCode::invalid_argument),
              HasSubstr("accuracy, likelihood"));
}

TEST(Analyze, MeasuresEveryLayerAtEveryWidth) {
  const auto analysis = analyze(trained().graph, trained().data, widths(1, 8), 0);
  ASSERT_EQ(analysis.layers.size(), 3u);
  double coarse = 0, fine = 0;
  for (const auto& layer : analysis.layers) {
    ASSERT_EQ(layer.widths.size(), 8u);
    EXPECT_GT(layer.widths[0].damage, layer.widths[7].damage);
    coarse += std::abs(layer.widths[0].loss_rise);
    fine += std::abs(layer.widths[7].loss_rise);
  }
  EXPECT_GT(coarse, 20 * fine);
  const auto rise = [&](std::size_t place) {
    return analysis.layers[analysis.most_sensitive[place]].widths[0].loss_rise;
  };
  EXPECT_GE(rise(0), rise(1));
  EXPECT_GE(rise(1), rise(2));
}

}  // namespace
}  // namespace laconic
