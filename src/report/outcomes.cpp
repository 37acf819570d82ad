#include "report/outcomes.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

#include "report/html.h"

namespace laconic {
namespace {

/// The networks that files were compressed from, as far as records say.
std::map<std::string, std::string> models_of(const Findings& findings) {
  std::map<std::string, std::string> out;
  for (const auto& run : findings.training) {
    if (!run.method.empty()) out[run.output] = run.model;
  }
  for (const auto& search : findings.searches) {
    if (!search.model.empty()) out[search.file] = search.model;
  }
  return out;
}

/// A search judges what it begins with and what it ends with.
std::vector<Outcome> judged_by(const SearchFigures& search) {
  Outcome after{.file = search.file,
                .model = search.model,
                .data = search.from.data,
                .part = "validation",
                .bytes = search.bytes,
                .score = search.after,
                .samples = search.samples,
                .from = search.from};
  if (after.data.starts_with("voc:") || after.data.starts_with("coco:")) after.figure = "mAP50";
  Outcome before = after;
  before.file = search.model;
  before.model.clear();
  before.bytes = search.bytes * search.ratio;
  before.score = search.before;
  if (search.model.empty()) return {after};
  return {before, after};
}

/// Records tell names as they were typed, so names without folders, and sizes, say which file that
/// was found is the one that was measured.
using FilesByName = std::multimap<std::string, const FileBytes*>;

const FileBytes* find_file(const FilesByName& files, const Outcome& outcome) {
  const auto [first, last] = files.equal_range(file_name(outcome.file));
  for (auto at = first; at != last; ++at) {
    if (std::isnan(outcome.bytes) || outcome.bytes == static_cast<double>(at->second->sizes.total))
      return at->second;
  }
  return nullptr;
}

JoinedOutcome join(Outcome outcome, const FilesByName& files,
                   const std::map<std::string, std::string>& models) {
  JoinedOutcome out;
  out.compressed = outcome.file.ends_with(".lac");
  if (const auto model = models.find(outcome.file); model != models.end())
    outcome.model = model->second;
  if (const auto* file = out.compressed ? find_file(files, outcome) : nullptr) {
    outcome.bytes = static_cast<double>(file->sizes.total);
    out.ratio = file->sizes.ratio();
    out.bits_per_weight = file->bits_per_weight();
  }
  out.outcome = std::move(outcome);
  return out;
}

struct GrowingGroup {
  OutcomeGroup group;
  std::map<std::string, std::size_t> places;

  /// Of the same file, what the file itself gave beats what a search said of it, and a later record
  /// an earlier one.
  void add(JoinedOutcome row) {
    const auto& outcome = row.outcome;
    const auto key =
        row.compressed ? fmt::format("{} {}", outcome.bytes, outcome.file) : outcome.file;
    const auto [place, fresh] = places.emplace(key, group.outcomes.size());
    if (fresh) {
      group.outcomes.push_back(std::move(row));
    } else {
      group.outcomes[place->second] = std::move(row);
    }
  }
};

void compare_with_float(OutcomeGroup& group) {
  std::map<std::string, double> scores;
  for (const auto& row : group.outcomes) {
    if (!row.compressed) scores[row.outcome.file] = row.outcome.score;
  }
  for (auto& row : group.outcomes) {
    const auto found = scores.find(row.outcome.model);
    if (found != scores.end() && row.outcome.model != row.outcome.file)
      row.float_score = found->second;
  }
}

}  // namespace

std::vector<OutcomeGroup> outcome_groups(const Findings& findings) {
  std::vector<Outcome> all;
  for (const auto& search : findings.searches) {
    for (auto& outcome : judged_by(search)) all.push_back(std::move(outcome));
  }
  all.insert(all.end(), findings.outcomes.begin(), findings.outcomes.end());

  const auto models = models_of(findings);
  FilesByName files;
  for (const auto& found : findings.files) files.emplace(file_name(found.bytes.file), &found.bytes);
  std::map<std::tuple<bool, std::string, std::string, std::string>, GrowingGroup> groups;
  for (auto& outcome : all) {
    auto& growing = groups[{outcome.part != "test", outcome.data, outcome.part, outcome.figure}];
    growing.group.figure = outcome.figure;
    growing.group.data = outcome.data;
    growing.group.part = outcome.part;
    growing.add(join(std::move(outcome), files, models));
  }
  std::vector<OutcomeGroup> out;
  for (auto& [key, growing] : groups) {
    auto& group = growing.group;
    compare_with_float(group);
    std::ranges::stable_sort(group.outcomes, [](const auto& a, const auto& b) {
      const auto size = [](double bytes) { return std::isnan(bytes) ? 1e18 : bytes; };
      return size(a.outcome.bytes) > size(b.outcome.bytes);
    });
    out.push_back(std::move(group));
  }
  return out;
}

}  // namespace laconic
