// What was measured is kept in a file, and taken from it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "errors.h"
#include "laconic/kernels.h"
#include "laconic/session.h"
#include "laconic/threads.h"
#include "session_graphs.h"
#include "temporary_folder.h"

namespace laconic {
namespace {

using namespace session_graphs;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

struct Threads {
  explicit Threads(int count) { set_threads(count); }
  ~Threads() { set_threads(0); }
};

class KeptChoices : public testing::Test {
 protected:
  [[nodiscard]] SessionOptions options() const { return {.choices = file}; }

  [[nodiscard]] std::string text() const {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void write(const std::string& content) const { std::ofstream(file, std::ios::binary) << content; }
  /// In what the file holds, once.
  void replace(const std::string& old, const std::string& now) const {
    auto content = text();
    const auto at = content.find(old);
    ASSERT_NE(at, std::string::npos) << old << " in " << content;
    write(content.replace(at, old.size(), now));
  }
  /// As if the layer had measured so.
  void decide(const std::string& layer, const std::string& kernels) const {
    auto content = text();
    const std::string start = "\"kernels\": [\"";
    const auto at = content.find(start, content.find(layer)) + start.size();
    write(content.replace(at, content.find('"', at) - at, kernels));
  }
  /// That the file as it is cannot be used; it stays.
  [[nodiscard]] std::string refused() const {
    const auto before = text();
    const auto said = error_of([&] { (void)Session(network, options()); });
    EXPECT_EQ(text(), before);
    return said;
  }

  TemporaryFolder folder;
  std::string file = folder.path("choices.json");
  CompressedNetwork network = quantized(residual_classifier(), "uniform:levels=15");
};

std::vector<std::string> kernels_of(const Session& session) {
  std::vector<std::string> out;
  for (const auto& layer : session.layers()) out.push_back(layer.tried.front().kernel);
  return out;
}

TEST_F(KeptChoices, AreWrittenByTheFirstLoadAndTakenByLaterOnes) {
  Session first(network, options());
  EXPECT_EQ(first.choices().taken, 0);
  EXPECT_EQ(first.choices().chosen, 3);
  EXPECT_EQ(first.choices().writings, 1);
  EXPECT_THAT(text(), AllOf(HasSubstr("Conv node 'a_node'"), HasSubstr("\"version\": 1")));
  EXPECT_THAT(std::vector<std::filesystem::path>(std::filesystem::directory_iterator(folder.path()),
                                                 std::filesystem::directory_iterator()),
              SizeIs(1));
  const auto before = text();
  Session second(network, options());
  EXPECT_EQ(second.choices().taken, 3);
  EXPECT_EQ(second.choices().chosen, 0);
  EXPECT_EQ(second.choices().writings, 0);
  EXPECT_EQ(second.choices().stale, "");
  EXPECT_EQ(text(), before);
  EXPECT_EQ(kernels_of(second), kernels_of(first));
  for (const auto& layer : second.layers()) EXPECT_THAT(layer.tried, SizeIs(1));
}

TEST_F(KeptChoices, AreNotAskedForByDefault) {
  Session session(network);
  EXPECT_EQ(session.choices().chosen, 0);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST_F(KeptChoices, MakeAnswersTheSameToTheBit) {
  const auto path = folder.path("n.lac");
  (void)save(network, path);
  std::vector<std::vector<float>> answers;
  for (int load = 0; load < 5; ++load) {
    Session session = Session::open(path, options());
    answers.push_back(answer(session, 3));
    EXPECT_EQ(answers.back(), answers.front());
  }
}

TEST_F(KeptChoices, AreObeyedWhateverIsFaster) {
  (void)Session(network, options());
  for (const std::string first : {"dense", "packed", "int8"}) {
    decide("a_node", first);
    decide("y_node", "dense");
    Session session(network, options());
    EXPECT_THAT(kernels_of(session).front(), StartsWith(first == "dense"    ? "floats"
                                                        : first == "packed" ? "bits4_floats"
                                                                            : "bits4_int8"));
    EXPECT_THAT(kernels_of(session).back(), StartsWith("floats"));
    EXPECT_EQ(session.choices().taken, 3);
  }
}

TEST_F(KeptChoices, OfLayersThatTheFileLacksAreMeasured) {
  Session forced(network, {.layer_kernels = {{"c_node", LayerKernels::dense}}, .choices = file});
  EXPECT_EQ(forced.choices().chosen, 2);
  EXPECT_THAT(text(), Not(HasSubstr("c_node")));
  decide("a_node", "dense");
  Session rest(network, options());
  EXPECT_EQ(rest.choices().taken, 2);
  EXPECT_EQ(rest.choices().chosen, 1);
  EXPECT_EQ(rest.choices().writings, 1);
  EXPECT_THAT(kernels_of(rest).front(), StartsWith("floats"));
  EXPECT_THAT(text(), HasSubstr("c_node"));
}

TEST_F(KeptChoices, GiveWayToWhatIsForced) {
  (void)Session(network, options());
  decide("a_node", "dense");
  const auto before = text();
  Session one(network, {.layer_kernels = {{"a_node", LayerKernels::packed}}, .choices = file});
  EXPECT_THAT(kernels_of(one).front(), StartsWith("bits4_floats"));
  EXPECT_EQ(one.choices().taken, 2);
  Session all(network, {.kernels = LayerKernels::int8, .choices = file});
  EXPECT_EQ(all.choices().taken, 0);
  EXPECT_EQ(text(), before);
  write("notes");
  Session left_alone(network, {.kernels = LayerKernels::int8, .choices = file});
  EXPECT_EQ(text(), "notes");
}

TEST_F(KeptChoices, OfAnotherNetworkCpuOrVersionAreMeasuredAgain) {
  (void)Session(network, options());
  const auto good = text();
  const auto stale = [&] {
    Session session(network, options());
    EXPECT_EQ(session.choices().taken, 0);
    EXPECT_EQ(session.choices().chosen, 3);
    EXPECT_EQ(session.choices().writings, 1);
    Session again(network, options());
    EXPECT_EQ(again.choices().taken, 3);
    return session.choices().stale;
  };
  replace("\"cpu\": \"", "\"cpu\": \"Not ");
  EXPECT_THAT(stale(), HasSubstr("it is for another CPU, Not "));
  replace("\"isa\": \"", "\"isa\": \"x");
  EXPECT_THAT(stale(), HasSubstr("it is for x"));
  replace("\"version\": 1", "\"version\": 2");
  EXPECT_EQ(stale(), "it is of another version");
  (void)Session(quantized(residual_classifier(), "uniform:levels=7"), options());
  EXPECT_EQ(stale(), "it is for another network, or inputs of other shapes");
  auto renamed = network;
  renamed.graph.nodes.back().attributes.emplace("beta", 1.0F);
  (void)Session(renamed, options());
  EXPECT_EQ(stale(), "it is for another network, or inputs of other shapes");
  (void)Session(network, {.shapes = {{"x", {4, 3, 8, 8}}}, .choices = file});
  EXPECT_EQ(stale(), "it is for another network, or inputs of other shapes");
  write(good);
  for (const Isa isa : {Isa::scalar, Isa::avx2, Isa::neon}) {
    if (!supported(isa) || isa == active_isa()) continue;
    {
      const ScopedIsa weaker(isa);
      Session session(network, options());
      EXPECT_THAT(session.choices().stale, HasSubstr(std::string("not ") + std::string(name(isa))));
    }
    EXPECT_THAT(stale(), HasSubstr(std::string("it is for ") + std::string(name(isa))));
  }
}

TEST_F(KeptChoices, OfANetworkWithOtherWeightsOnTheSameLevelsCount) {
  (void)Session(network, options());
  auto& weights = std::get<QuantizedTensor>(network.tensors.find("w2")->second.tensor);
  std::ranges::reverse(weights.indices);
  Session session(network, options());
  EXPECT_EQ(session.choices().taken, 3);
}

TEST_F(KeptChoices, AreOfEachProductOfARecurrence) {
  Graph graph;
  graph.inputs = {{"x", ElementType::float32, {3, -1, 4}}};
  graph.outputs = {{"y", ElementType::float32, {3, 1, -1, 2}}};
  graph.nodes = {node("GRU", {"x", "w", "r"}, "y", {{"hidden_size", std::int64_t{2}}})};
  graph.constants = {{"w", random_constant({1, 6, 4}, 1)}, {"r", random_constant({1, 6, 2}, 2)}};
  const auto recurrent = quantized(graph, "uniform:levels=15");
  Session first(recurrent, options());
  EXPECT_GE(first.choices().chosen, 2);
  decide("y_node", "dense");
  Session second(recurrent, options());
  EXPECT_EQ(second.choices().taken, first.choices().chosen);
  EXPECT_THAT(kernels_of(second).front(), StartsWith("floats"));
  auto rest = kernels_of(second), before = kernels_of(first);
  EXPECT_TRUE(std::equal(rest.begin() + 1, rest.end(), before.begin() + 1));
}

TEST_F(KeptChoices, HoldWhereNodesShareANameOrHaveNone) {
  for (Node& one : network.graph.nodes) one.name = "same \xff\"=/";
  network.graph.nodes.back().name = "";
  (void)Session(network, options());
  auto content = text();
  std::size_t at = 0;
  for (const char* const kernels : {"packed", "dense", "packed"}) {
    const std::string start = "\"kernels\": [\"";
    at = content.find(start, at) + start.size();
    content.replace(at, content.find('"', at) - at, kernels);
  }
  write(content);
  Session session(network, options());
  EXPECT_EQ(session.choices().taken, 3);
  EXPECT_EQ(session.choices().writings, 0);
  EXPECT_THAT(kernels_of(session), ElementsAre(StartsWith("bits4_floats"), StartsWith("floats"),
                                               StartsWith("bits4_floats")));
}

TEST_F(KeptChoices, HaveWhatRunsMeasured) {
  const Threads two(2);
  Session first(network, options());
  const auto one = answer(first, 1), many = answer(first, 32);
  EXPECT_GT(first.choices().writings, 1);
  EXPECT_THAT(text(), HasSubstr("\"threads\": 2, \"shapes\": [[1,3,8,8]]"));
  const auto written = text();
  Session second(network, options());
  EXPECT_EQ(answer(second, 1), one);
  EXPECT_EQ(answer(second, 32), many);
  EXPECT_EQ(second.choices().writings, 0);
  EXPECT_EQ(second.samples_at_once(), first.samples_at_once());
  {
    const Threads three(3);
    Session other(network, options());
    EXPECT_EQ(answer(other, 1), one);
    EXPECT_THAT(text(), AllOf(HasSubstr("\"threads\": 2"), HasSubstr("\"threads\": 3")));
  }
  set_threads(2);
  const auto both = text();
  Session third(network, options());
  EXPECT_EQ(answer(third, 1), one);
  EXPECT_EQ(text(), both);
}

TEST_F(KeptChoices, OfStepsAreObeyedAndAnswerTheSame) {
  const Threads two(2);
  Session first(network, options());
  const auto one = answer(first, 1);
  const std::string start = "\"alone\": \"";
  const auto content = text();
  const auto at = content.find(start) + start.size();
  const auto count = content.find('"', at) - at;
  for (const char step : {'0', '1'}) {
    auto edited = content;
    write(edited.replace(at, count, std::string(count, step)));
    Session session(network, options());
    EXPECT_EQ(answer(session, 1), one);
    EXPECT_EQ(session.threads_used(), step == '0' ? 2 : 1);
  }
}

/// Nothing but a run tells how many axes the input has.
TEST_F(KeptChoices, AreTakenWhenARunTellsShapes) {
  network.graph.inputs[0] = {"x", ElementType::float32, {}, false};
  const Shape shape{1, 3, 8, 8};
  const auto values = random_values(element_count(shape), 3);
  const TensorView view(shape, values);
  Session first(network, options());
  EXPECT_FALSE(std::filesystem::exists(file));
  (void)first.run({&view, 1});
  EXPECT_EQ(first.choices().chosen, 3);
  Session second(network, options());
  (void)second.run({&view, 1});
  EXPECT_EQ(second.choices().taken, 3);
}

TEST_F(KeptChoices, NameTheFileThatIsDamaged) {
  (void)Session(network, options());
  const auto good = text();
  const auto broken = [&](const std::string& old, const std::string& now) {
    write(good);
    replace(old, now);
    const auto said = refused();
    EXPECT_THAT(said, AllOf(HasSubstr("\"" + file + "\" is no file of choices: "),
                            HasSubstr("; remove it to have kernels measured again")));
    return said;
  };
  EXPECT_THAT(broken("{", ""), HasSubstr("it is no JSON"));
  EXPECT_THAT(broken("laconic choices", "notes"), HasSubstr("\"format\" is not"));
  EXPECT_THAT(broken("\"version\": 1", "\"version\": \"1\""), HasSubstr("\"version\" is no whole"));
  EXPECT_THAT(broken("\"version\": 1", "\"version\": -1"), HasSubstr("must be at least 0"));
  EXPECT_THAT(broken("\"version\": 1", "\"version\": 18446744073709551615"),
              HasSubstr("\"version\" is no whole"));
  EXPECT_THAT(broken("\"isa\": \"", "\"isa\": 1, \"was\": \""), HasSubstr("\"isa\" is no text"));
  EXPECT_THAT(broken("\"cpu\"", "\"CPU\""), HasSubstr("\"cpu\" is missing"));
  EXPECT_THAT(broken("\"layers\": [", "\"layers\": [1, "), HasSubstr("\"layers\" is no object"));
  EXPECT_THAT(broken("\"kernels\": [", "\"kernels\": [\"fastest\", "), HasSubstr("must be int8"));
  EXPECT_THAT(broken("\"kernels\": [", "\"kernels\": [3, "), HasSubstr("must be int8"));
  EXPECT_THAT(broken("\"kernels\": [", "\"kernels\": 3, \"was\": ["), HasSubstr("is no list"));
  EXPECT_THAT(broken("\"node\": \"", "\"node\": [], \"was\": \""),
              HasSubstr("\"node\" is no text"));
  EXPECT_THAT(broken("\"samples_at_once\": ", "\"samples_at_once\": 0.5e300, \"was\": "),
              HasSubstr("is no whole number"));
  EXPECT_THAT(broken("\"settled\": ", "\"settled\": 1, \"was\": "),
              HasSubstr("is not true or false"));
  const auto steps = [&](const std::string& entry) {
    return broken("\"steps\": [", "\"steps\": [" + entry);
  };
  EXPECT_THAT(steps("0"), HasSubstr("\"steps\" is no object"));
  EXPECT_THAT(steps(R"({"threads": 99999999999, "shapes": [], "alone": ""})"),
              HasSubstr("\"threads\" is 99999999999"));
  EXPECT_THAT(steps(R"({"threads": 1, "shapes": [[-1]], "alone": ""})"),
              HasSubstr("what is no extent"));
  EXPECT_THAT(steps(R"({"threads": 1, "shapes": [1], "alone": ""})"), HasSubstr("is no list"));
  EXPECT_THAT(steps(R"({"threads": 1, "shapes": [[1]], "alone": "012"})"),
              HasSubstr("must be of 0 and 1"));
}

TEST_F(KeptChoices, AreReadFromNothingButAFileOfASensibleSize) {
  for (const char* const content : {"", "\n", "[]", "null", "\"laconic choices\"", "{}"}) {
    write(content);
    EXPECT_THAT(refused(), HasSubstr("is no file of choices")) << content;
  }
  write(std::string(100'000, '['));
  EXPECT_THAT(refused(), HasSubstr("nests deeper"));
  std::filesystem::resize_file(file, 20'000'000);
  EXPECT_THAT(error_of([&] { (void)Session(network, options()); }),
              HasSubstr("it has more than 16000000 bytes"));
  std::filesystem::remove(file);
  for (const std::string& other : {folder.path(), std::string("/dev/zero")}) {
    EXPECT_THAT(error_of([&] { (void)Session(network, {.choices = other}); }),
                HasSubstr("it is not a file"));
  }
}

/// A file's steps may be those of another plan: what there is of them is taken.
TEST_F(KeptChoices, OfStepsThatAreTooManyOrTooFewDoNoHarm) {
  const Threads two(2);
  Session first(network, options());
  const auto one = answer(first, 1), many = answer(first, 32);
  const std::string start = "\"alone\": \"";
  const auto content = text();
  const auto at = content.find(start) + start.size();
  for (const std::size_t count : {0, 1, 1000}) {
    auto edited = content;
    write(edited.replace(at, content.find('"', at) - at, std::string(count, '1')));
    replace("\"samples_at_once\": ", "\"samples_at_once\": 4611686018427387904, \"was\": ");
    replace("\"largest_batch\": ", "\"largest_batch\": 4611686018427387904, \"too\": ");
    Session session(network, options());
    EXPECT_EQ(answer(session, 1), one);
    EXPECT_EQ(answer(session, 32), many);
  }
}

TEST_F(KeptChoices, ThatCannotBeWrittenAreAnError) {
  EXPECT_THAT(error_of([&] { (void)Session(network, {.choices = folder.path("none/c.json")}); },
                       ErrorCode::cannot_write),
              HasSubstr("none/c.json"));
}

}  // namespace
}  // namespace laconic
