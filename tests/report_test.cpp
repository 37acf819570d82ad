// Reports: what is found in folders, and the page that shows it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cfloat>
#include <filesystem>
#include <pugixml.hpp>

#include "errors.h"
#include "report/chart.h"
#include "report/collect.h"
#include "report/csv.h"
#include "report/markup.h"
#include "report/page.h"
#include "report/record.h"
#include "report/results.h"
#include "report_samples.h"
#include "temporary_folder.h"

namespace laconic {
namespace {

using testing::HasSubstr;
using testing::Not;

void put(const TemporaryFolder& folder, std::string_view name, std::string_view text) {
  folder.write(name, {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

Findings found_in(const TemporaryFolder& folder, const CollectLimits& limits = {}) {
  const std::filesystem::path path = folder.path();
  return collect({&path, 1}, limits);
}

std::string page_of(const Findings& findings) {
  return make_page(findings, {"runs <1>", "laconic report 'runs <1>'", "0.1.0"});
}

/// Fails the test unless the page is well-formed.
pugi::xml_document parse(const std::string& page) {
  pugi::xml_document document;
  const auto result = document.load_buffer(page.data(), page.size(), pugi::parse_full);
  EXPECT_TRUE(result) << result.description() << " at "
                      << page.substr(static_cast<std::size_t>(result.offset), 200);
  return document;
}

std::string one_line(std::string_view record) {
  std::string out(record);
  std::erase(out, '\n');
  return out;
}

std::uint64_t whole_number(std::string text) {
  std::erase(text, ',');
  return std::stoull(text);
}

TEST(Markup, EscapesWhatWouldNotBeText) {
  EXPECT_EQ(escape("<script>\"&'"), "&lt;script&gt;&quot;&amp;'");
  EXPECT_EQ(escape(std::string_view("a\0b\x1F\x7F\n", 6)), "a b   ");
  EXPECT_EQ(escape("é€😀"), "é€😀");
  // A lone byte, an overlong slash, half a surrogate pair, a non-character, beyond U+10FFFF, cut.
  EXPECT_EQ(escape("\xFFz"), "\uFFFDz");
  EXPECT_EQ(escape("\xC0\xAF"), "\uFFFD\uFFFD");
  EXPECT_EQ(escape("\xED\xA0\x80"), "\uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(escape("\xEF\xBF\xBF"), "\uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(escape("\xF4\x90\x80\x80").substr(0, 3), "\uFFFD");
  EXPECT_EQ(escape("\xE2\x82"), "\uFFFD\uFFFD");
  EXPECT_EQ(escape("ab€€", 6), "ab€…");
  const std::vector<std::string> command{"laconic", "a b", "it's", ""};
  EXPECT_EQ(shell_line(command), "laconic 'a b' 'it'\\''s' ''");
}

TEST(Csv, ReadsQuotedFieldsAndRefusesOpenQuotes) {
  const auto rows = read_csv("a,b\r\n\"1,\"\"2\"\"\n3\",\n\nx,y", 10);
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_THAT(rows[1], testing::ElementsAre("1,\"2\"\n3", ""));
  EXPECT_THAT(rows[2], testing::ElementsAre("x", "y"));
  EXPECT_THAT(error_of([] { (void)read_csv("a\n\"b", 10); }), HasSubstr("row 2 is not closed"));
  EXPECT_THAT(error_of([] { (void)read_csv("a\nb\nc", 2); }), HasSubstr("more than 2 rows"));
  EXPECT_THAT(error_of([] { (void)result_table("name,size\na,1", "x"); }), HasSubstr("\"bytes\""));
  EXPECT_THAT(error_of([] { (void)result_table("bytes,accuracy\n1", "x"); }),
              HasSubstr("row 2 has 1 fields, but the first has 2"));
}

TEST(Chart, IsFiniteWhateverTheNumbers) {
  const std::vector<double> values{-1e18, 1e18, 0, NAN, INFINITY, 1e-320, 7, -DBL_MAX};
  for (const auto scale : {Scale::linear, Scale::logarithmic}) {
    for (std::size_t n = 0; n <= values.size() - 1; ++n) {  // The last is beyond what is let in.
      const std::span some(values.data(), n);
      ChartSeries series{"s", {}, true, true, 9};
      for (const double value : some) series.points.push_back({value, value, "label", "title"});
      const auto picture = draw(
          {Axis("x", scale, Unit::bytes, some), Axis("y", scale, Unit::percent, some), {series}});
      EXPECT_THAT(picture, Not(testing::ContainsRegex("[\" MLH](-?nan|-?inf)")));
      parse(picture);
    }
  }
  const Axis axis("x", 0, 1);
  EXPECT_THAT(axis.ticks(),
              testing::Pointwise(testing::DoubleNear(1e-12), {0.0, 0.2, 0.4, 0.6, 0.8, 1.0}));
}

TEST(Record, IsKnownByItsContent) {
  Findings findings;
  for (const auto record : {training_record, search_record, evaluation_record, analysis_record,
                            plan_record, speed_record}) {
    add_record(record, "r.jsonl", 1, findings);
  }
  EXPECT_EQ(findings.records, 6);
  ASSERT_EQ(findings.training.size(), 1U);
  const auto& run = findings.training[0];
  EXPECT_EQ(run.from.command, "laconic train lenet5 --data 'mnist:my data'");
  EXPECT_EQ(run.from.seed, "7");
  ASSERT_EQ(run.epochs.size(), 2U);
  EXPECT_TRUE(std::isnan(run.epochs[1].loss));
  EXPECT_EQ(run.epochs[1].validation_accuracy, 0.75);
  ASSERT_EQ(findings.speeds.size(), 1U);
  EXPECT_EQ(findings.speeds[0].forms[0].ratio_many, 2.9);
  EXPECT_EQ(findings.outcomes.size(), 2U);
  EXPECT_EQ(findings.searches.size() + findings.sensitivities.size() + findings.plans.size(), 3U);
}

TEST(Record, TellsWhatIsWrongAndTakesNothingIn) {
  const std::string deep(100, '[');
  const std::pair<std::string, std::string> cases[] = {
      {"{\"file\":", "is no JSON: parse error"},
      {"[1,2]", "is not what a verb's --json prints"},
      {"{\"name\":\"package\"}", "is not what a verb's --json prints"},
      {deep, "nests deeper than 32 levels"},
      {R"({"file":1,"part":"test","samples":1})", "\"file\" is not a text"},
      {R"({"file":"a","part":"test","samples":"x"})", "\"samples\" is not a number"},
      {R"({"output":"a","steps":1,"resumed_at":0,"epochs":[3]})", "\"epochs\" holds what is no"},
      {R"({"file":"a","tensors":[],"bytes":9,"original_bytes":9,"parts":{"header":1,"graph":1,
          "codebooks":1,"indices":1,"dense":1}})",
       "parts do not add up to 9 bytes"},
      {"{\"file\":\"\xFF\",\"part\":1}", "is no JSON"},
      {R"({"file":"a","part":"test","samples":1e999})", "is no JSON"}};
  for (const auto& [text, reason] : cases) {
    Findings findings;
    EXPECT_THAT(error_of([&] { add_record(text, "x", 0, findings); }), HasSubstr(reason)) << text;
    EXPECT_EQ(findings.records, 0);
    EXPECT_TRUE(findings.outcomes.empty() && findings.training.empty());
  }
}

TEST(Report, AddsUpToTheFile) {
  const TemporaryFolder folder;
  const auto path = folder.path("a.lac");
  const auto sizes = write_sample_model(path, "conv<1>.weight");
  ASSERT_EQ(sizes.total, std::filesystem::file_size(path));
  const auto page = parse(page_of(found_in(folder)));
  const auto table = page.select_node("//section[@id='bytes']//table").node();
  std::uint64_t sum = 0, last = 0;
  std::vector<std::string> levels;
  for (const auto& row : table.child("tbody").children("tr")) {
    const auto cells = row.select_nodes("td");
    sum += last;
    last = whole_number(cells[7].node().select_node(".//text()").node().value());
    levels.emplace_back(cells[3].node().child_value());
  }
  EXPECT_EQ(sum, sizes.total);   // All rows but the last,
  EXPECT_EQ(last, sizes.total);  // which is the whole file.
  EXPECT_THAT(levels, testing::ElementsAre("4", "2", "–", "", "", "", ""));
}

TEST(Report, ShowsEverythingThatAFolderHolds) {
  const TemporaryFolder folder;
  write_sample_model(folder.path("lenet5.lac"), "w");
  const auto bytes = std::to_string(std::filesystem::file_size(folder.path("lenet5.lac")));
  auto evaluation = one_line(evaluation_record);
  evaluation.replace(evaluation.find("100"), 3, bytes);
  put(folder, "log/record.jsonl",
      one_line(training_record) + "\n" + one_line(training_record) + "\n{\"half\":\n" + evaluation);
  put(folder, "search.json", search_record);
  put(folder, "analysis.json", analysis_record);
  put(folder, "plan.json", plan_record);
  put(folder, "speed.json", speed_record);
  put(folder, "results.csv", "row,bytes,accuracy\nfloat,1000,0.99\nsmall,nan,0.9\nodd,100,x\n");
  const auto findings = found_in(folder);
  EXPECT_EQ(findings.training.size(), 1U);  // Twice the same command.
  ASSERT_EQ(findings.skipped.size(), 1U);
  EXPECT_THAT(findings.skipped[0].path, HasSubstr("record.jsonl, line 3"));

  const auto page = page_of(findings);
  EXPECT_EQ(page, page_of(found_in(folder)));
  const auto document = parse(page);
  for (const auto* id : {"outcomes", "results", "bytes", "search", "training", "layers", "speed"}) {
    EXPECT_TRUE(document.select_node(fmt::format("//section[@id='{}']", id).c_str())) << id;
  }
  // The search says which network the file was made from: 91.0 % and 90.5 % on the test part.
  EXPECT_THAT(page, HasSubstr("<td class=\"n\">+0.50</td>"));
  EXPECT_THAT(page, HasSubstr("accuracy 90.50 %, float 91.00 %"));
  EXPECT_THAT(page, HasSubstr("$ laconic train lenet5 --data 'mnist:my data'"));
  EXPECT_THAT(page, HasSubstr("seed 7"));
  EXPECT_THAT(page, HasSubstr("3.00x"));
  EXPECT_THAT(page, HasSubstr("Protect first: <b>conv1.weight</b>"));
}

TEST(Report, EscapesNamesAndLoadsNothing) {
  const TemporaryFolder folder;
  const std::string evil = "<script>alert(1)</script>\"onload=\"x";
  write_sample_model(folder.path("<img src=x>.lac"), evil);
  put(folder, "results.csv", "model,bytes,accuracy," + std::string("\"<b>\"\n") + "<i>,1,1,<u>\n");
  put(folder, "bad \xFF <s>.json", "{}");
  auto record = std::string(evaluation_record);
  record.replace(record.find("r/lenet5"), 8, "<script>\\u0000");
  put(folder, "eval.json", record);
  const auto page = page_of(found_in(folder));
  EXPECT_THAT(page, HasSubstr("&lt;script&gt;alert(1)"));
  EXPECT_THAT(page, Not(testing::AnyOf(HasSubstr("url("), HasSubstr("@import"))));
  const auto document = parse(page);
  for (const auto& found : document.select_nodes("//*")) {
    const std::string_view name = found.node().name();
    EXPECT_THAT(name, Not(testing::AnyOf("script", "img", "image", "link", "iframe", "use", "i",
                                         "u", "s")));
    for (const auto& attribute : found.node().attributes()) {
      const std::string_view key = attribute.name(), value = attribute.value();
      EXPECT_FALSE(key.starts_with("on") || key == "src" || key == "srcset") << name;
      EXPECT_TRUE(!key.ends_with("href") || value.starts_with("#")) << value;
    }
  }
}

TEST(Collect, SkipsWhatItCannotUse) {
  const TemporaryFolder folder;
  put(folder, "a/broken.lac", "LAC\x1A broken");
  put(folder, "a/long.json", std::string(2000, ' '));
  put(folder, "a/b/c/deep.json", search_record);
  std::filesystem::create_directory_symlink(folder.path("a"), folder.path("a/loop"));
  std::filesystem::create_symlink("nowhere", folder.path("gone.json"));
  ASSERT_EQ(::mkfifo(folder.path("pipe.json").c_str(), 0600), 0);
  const auto findings = found_in(folder, {.text_bytes = 1000, .depth = 2});
  std::map<std::string, std::string> reasons;
  for (const auto& skipped : findings.skipped) {
    const std::filesystem::path path = skipped.path;  // Not relative(), which follows links.
    reasons[path.lexically_relative(folder.path()).string()] = skipped.reason;
  }
  EXPECT_THAT(reasons, testing::UnorderedElementsAre(
                           testing::Pair("a/broken.lac", testing::_),
                           testing::Pair("a/long.json", HasSubstr("2.0 KB, more than 1.0 KB")),
                           testing::Pair("a/b/c", HasSubstr("deeper than 2 folders")),
                           testing::Pair("a/loop", HasSubstr("link to a folder")),
                           testing::Pair("gone.json", testing::_),
                           testing::Pair("pipe.json", HasSubstr("not a file"))));
  parse(page_of(findings));
}

TEST(Collect, IsBounded) {
  const TemporaryFolder folder;
  for (int i = 0; i < 20; ++i) put(folder, fmt::format("{}.json", i), "{}");
  const auto few = found_in(folder, {.entries = 10, .files = 4, .skipped = 3});
  EXPECT_EQ(few.skipped.size(), 3U);
  EXPECT_EQ(few.not_listed, 3);  // A fourth file, the rest of files, the rest of entries.
  put(folder, "r.jsonl", std::string(evaluation_record.size(), '\n') + one_line(evaluation_record));
  EXPECT_EQ(found_in(folder, {.lines = 5}).records, 0);
  EXPECT_THAT(error_of([] {
                const std::filesystem::path path = "/no/such/folder";
                (void)collect({&path, 1});
              }),
              HasSubstr("cannot read \"/no/such/folder\": No such file or directory"));
}

}  // namespace
}  // namespace laconic
