// Files of every version of the format must decode to what was written, and sizes must not change
// unseen. LACONIC_UPDATE_GOLDEN=1 writes those golden files that are missing, and sizes.csv anew.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "container_models.h"
#include "container_support.h"
#include "graph/packed_form.h"
#include "laconic/error.h"

namespace laconic {
namespace {

using namespace testing;

const std::filesystem::path golden = LACONIC_GOLDEN;

bool updating() {
  return std::getenv("LACONIC_UPDATE_GOLDEN") != nullptr;
}

/// A file that a version of the format wrote, and what it holds.
struct GoldenFile {
  std::string path;
  Model model;
};

/// Of the coder `trellis`, which cannot code what is not on its paths.
Model coded_on_paths() {
  Random random(9, "golden");
  Model model;
  const auto add = [&](const char* name, const Shape& shape, double deviation, float step,
                       std::int64_t reach) {
    model.tensors.push_back(
        {name, on_paths(uniform(shape, deviation, step, reach, random)), "trellis", "trellis"});
  };
  add("paths", {16, 16, 3, 3}, 1, 0.3F, 12);
  add("sparse", {16, 16, 3, 3}, 0.35, 1, 2);
  add("many.levels", {9, 100}, 1, 0.03F, 127);
  add("one.path", {300}, 1, 0.5F, 6);
  return model;
}

/// Whatever one coder is given: tensors of all kinds, few and many levels, many zeros.
Model coded_by(const std::string& coder) {
  if (coder == "trellis") return coded_on_paths();
  Model model = model_of_all_kinds({coder});
  Random random(8, "golden");
  model.tensors.push_back({"sparse", uniform({16, 16, 3, 3}, 0.35, 1, 2, random)});
  model.tensors.push_back({"many.levels", uniform({8, 16, 3, 3}, 1, 0.03F, 127, random)});
  for (NamedTensor& tensor : model.tensors) {
    if (std::holds_alternative<QuantizedTensor>(tensor.tensor)) tensor.coder = coder;
  }
  return model;
}

std::vector<GoldenFile> golden_files() {
  std::vector<GoldenFile> files{{"v1/kinds.lac", model_of_all_kinds({"raw"})},
                                {"v1/empty.lac", {}}};
  for (const std::string& coder : coder_names()) {
    files.push_back({"v1/" + coder + ".lac", coded_by(coder)});
  }
  return files;
}

TEST(ContainerGolden, FilesOfEveryVersionDecode) {
  for (const auto& [name, model] : golden_files()) {
    const auto path = golden / name;
    if (updating() && !std::filesystem::exists(path)) writer_of(model, path).finish();
    const auto reader = ModelReader::open(path);
    EXPECT_TRUE(std::ranges::equal(reader.graph(), bytes_of(model.graph)));
    for (const auto& [key, value] : model.metadata) EXPECT_EQ(reader.metadata(key), value);
    ASSERT_EQ(reader.entries().size(), model.tensors.size()) << name;
    for (std::size_t i = 0; i < model.tensors.size(); ++i) {
      const TensorEntry& entry = reader.entries()[i];
      EXPECT_EQ(entry.name, model.tensors[i].name);
      EXPECT_EQ(entry.quantizer, model.tensors[i].quantizer);
      EXPECT_TRUE(identical(reader.read(entry), model.tensors[i].tensor))
          << name << ": " << entry.name;
    }
  }
}

/// The models whose sizes are kept: one tensor each, but for the last.
std::vector<std::pair<std::string, Model>> size_models() {
  Random random(7, "sizes");
  const auto one = [](Tensor tensor) { return Model{{{"weight", std::move(tensor)}}, "", {}}; };
  const Shape shape{64, 32, 3, 3};
  std::vector<Codebook> channels;
  for (int c = 0; c < 64; ++c) {
    channels.push_back(Codebook::evenly_spaced(0.3F + 0.005F * static_cast<float>(c), -7, 15));
  }
  return {
      {"ternary", one(uniform(shape, 1, 1, 1, random))},
      {"sparse", one(uniform(shape, 0.35, 1, 2, random))},
      {"levels31", one(uniform(shape, 1, 0.2F, 15, random))},
      {"levels255", one(uniform(shape, 1, 0.03F, 127, random))},
      {"channels", one(nearest(shape, 288, channels, bell_values(shape, 1, random)))},
      {"vector", one(uniform({64}, 1, 0.03F, 127, random))},
      {"dense", one(dense({64, 32}, random))},
      {"resnet20", ResNet20::make()},
      {"paths", {{{"weight", on_paths(uniform(shape, 1, 0.4F, 12, random)), "trellis"}}, "", {}}},
  };
}

std::string size_table() {
  std::ostringstream table;
  table << "model,coder,header,codebooks,indices,dense,total\n";
  std::vector<std::string> coder_choices = coder_names();
  coder_choices.emplace_back("auto");
  for (auto& [name, model] : size_models()) {
    for (const std::string& coder : coder_choices) {
      bool quantized = false;
      for (NamedTensor& tensor : model.tensors) {
        if (std::holds_alternative<DenseTensor>(tensor.tensor)) continue;
        tensor.coder = coder == "trellis" && tensor.quantizer != "trellis" ? "auto" : coder;
        quantized = true;
      }
      if (!quantized && coder != "auto") continue;
      if (coder == "trellis" && name != "paths") continue;
      const auto file = file_of(model);
      const SizeReport sizes = ModelReader::from_bytes(file).sizes();
      table << fmt::format("{},{},{},{},{},{},{}\n", name, coder, sizes.header, sizes.codebooks,
                           sizes.indices, sizes.dense, sizes.total);
    }
  }
  return table.str();
}

TEST(ContainerGolden, SizesAreThoseOfTheTable) {
  const auto path = golden / "sizes.csv";
  const std::string found = size_table();
  if (updating()) std::ofstream(path) << found;
  std::ostringstream wanted;
  wanted << std::ifstream(path).rdbuf();
  EXPECT_EQ(found, wanted.str()) << "LACONIC_UPDATE_GOLDEN=1 writes the table anew";
}

TEST(ContainerGolden, LittleIsSpentOnWhatIsNotIndices) {
  const auto file = file_of(ResNet20::make());
  const SizeReport sizes = ModelReader::from_bytes(file).sizes();
  EXPECT_LT(sizes.header + sizes.codebooks, 900u);
}

/// The text with all white space as single spaces.
std::string words_of(const std::string& text) {
  std::istringstream in(text);
  std::string out;
  for (std::string word; in >> word;) out += word + " ";
  return out;
}

TEST(FormatPage, ListsTheWordsOfGraphs) {
  std::ostringstream text;
  text << std::ifstream(LACONIC_FORMAT_PAGE).rdbuf();
  const std::string page = words_of(text.str());
  const auto lists = [&](const auto& words) {
    std::string list = "``` ";
    for (const std::string_view word : words) list += std::string(word) + " ";
    return page.find(list + "``` ") != std::string::npos;
  };
  EXPECT_TRUE(lists(packed::operator_words));
  EXPECT_TRUE(lists(packed::attribute_words));
}

}  // namespace
}  // namespace laconic
