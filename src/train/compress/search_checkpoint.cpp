#include "train/compress/search_checkpoint.h"

#include <fmt/format.h>

#include <sstream>
#include <string_view>

#include "laconic/error.h"
#include "train/processes/processes.h"

namespace laconic {
namespace {

constexpr std::string_view trials_key = "trials", file_key = "best file", figures_key = "best";

[[noreturn]] void malformed(std::string_view what) {
  fail(ErrorCode::corrupt_data, "the checkpoint does not fit the search: {}", what);
}

std::string print(const Budget& budget) {
  if (budget.max_drop) return fmt::format("max-drop {}", *budget.max_drop);
  if (budget.ratio) return fmt::format("ratio {}", *budget.ratio);
  return fmt::format("size {}", *budget.bytes);
}

std::string plan_digest(const CompressOptions& options) {
  if (!options.plan) return "none";
  const auto text = print_plan(*options.plan);
  return digest(std::as_bytes(std::span(text)));
}

}  // namespace

Identity identity_of(const Workshop& workshop) {
  const auto& options = workshop.options();
  return {{"allocator", options.allocator},
          {"budget", print(options.budget)},
          {"coder", options.coder},
          {"compensation", options.compensate ? "on" : "off"},
          {"data", workshop.data().spec()},
          {"epochs", fmt::format("{}", options.epochs)},
          {"granularity", options.granularity},
          {"importance", options.importance},
          {"method", options.method},
          {"network", digest_of(workshop.network())},
          {"plan", plan_digest(options)},
          {"quantizer", options.quantizer},
          {"recalibration", options.recalibrate ? "on" : "off"},
          {"samples", fmt::format("{}", options.samples)},
          {"seed", fmt::format("{}", options.seed)},
          {"teacher", options.teach ? "on" : "off"},
          {"temper", fmt::format("{}", options.temper)},
          {"training samples", fmt::format("{}", workshop.data().size(Part::train))}};
}

std::filesystem::path training_folder(const CompressOptions& options) {
  return options.checkpoint.empty() ? options.checkpoint : options.checkpoint / "training";
}

void forget_training(const CompressOptions& options) {
  const auto folder = training_folder(options);
  if (folder.empty() || !processes().is_first()) return;
  std::error_code error, ignored;
  std::filesystem::remove(checkpoint_path(folder), error);
  if (error) {
    fail(ErrorCode::cannot_write, "cannot remove \"{}\": {}", checkpoint_path(folder).string(),
         error.message());
  }
  std::filesystem::remove(folder, ignored);  // Stays where it holds files of others.
}

void capture_trials(const std::vector<Trial>& trials, Checkpoint& checkpoint) {
  std::string lines;
  for (const auto& trial : trials) {
    lines += fmt::format("{} {} {} {} {:d} {}\n", trial.bytes, trial.ratio, trial.drop,
                         trial.margin, trial.fits, trial.choice);
  }
  checkpoint.progress.insert_or_assign(std::string(trials_key), std::move(lines));
}

std::vector<Trial> restore_trials(const Checkpoint& checkpoint) {
  std::vector<Trial> trials;
  std::istringstream lines(checkpoint.text(trials_key));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    Trial trial;
    if (!(fields >> trial.bytes >> trial.ratio >> trial.drop >> trial.margin >> trial.fits))
      malformed("its trials");
    std::getline(fields >> std::ws, trial.choice);
    trials.push_back(std::move(trial));
  }
  return trials;
}

void capture_candidate(const Candidate& candidate, Checkpoint& checkpoint) {
  const auto* bytes = reinterpret_cast<const char*>(candidate.file.data());
  checkpoint.progress.insert_or_assign(std::string(file_key),
                                       std::string(bytes, candidate.file.size()));
  const auto score = candidate.score.value_or(Score{});
  checkpoint.progress.insert_or_assign(
      std::string(figures_key),
      fmt::format("{} {} {:d} {} {} {} {} {}", candidate.step, candidate.ratio,
                  candidate.score.has_value(), score.accuracy, score.loss, score.samples,
                  candidate.chance, candidate.choice));
}

std::optional<Candidate> restore_candidate(const Checkpoint& checkpoint) {
  if (!checkpoint.progress.contains(figures_key)) return {};
  const auto& file = checkpoint.text(file_key);
  const auto bytes = std::as_bytes(std::span(file));
  Candidate candidate;
  candidate.file.assign(bytes.begin(), bytes.end());
  std::istringstream fields(checkpoint.text(figures_key));
  bool scored = false;
  Score score;
  if (!(fields >> candidate.step >> candidate.ratio >> scored >> score.accuracy >> score.loss >>
        score.samples >> candidate.chance)) {
    malformed("its best file");
  }
  if (scored) candidate.score = score;
  std::getline(fields >> std::ws, candidate.choice);
  return candidate;
}

}  // namespace laconic
