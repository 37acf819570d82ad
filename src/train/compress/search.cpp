#include "train/compress/search.h"

#include <algorithm>
#include <cmath>

#include "laconic/error.h"
#include "train/compress/by_method.h"
#include "train/compress/search_checkpoint.h"
#include "train/processes/processes.h"

namespace laconic {
namespace {

/// Share of a budget of bytes by which it counts as filled.
constexpr double full = 0.999;

}  // namespace

Search::Search(const Workshop& workshop)
    : workshop_(workshop),
      budget_(workshop.options().budget),
      store_(workshop.options().checkpoint, workshop.options().existing, identity_of(workshop)) {}

Candidate Search::run() {
  auto found = open();
  const bool searches = workshop_.options().method == "auto";
  if (searches) {
    if (!found || !Tuning::is_in(*found)) bisect();
  } else if (trials_.empty()) {
    auto candidate = by_method(workshop_);
    workshop_.evaluate(candidate);
    consider(std::move(candidate));
    forget_training(workshop_.options());
    save(nullptr);
  }
  if (!best_) give_up();
  if (searches && workshop_.options().epochs > 0) tune(std::move(found));
  workshop_.evaluate(*best_);
  return std::move(*best_);
}

void Search::tune(std::optional<Checkpoint> found) {
  workshop_.evaluate(*best_);
  Tuning tuning =
      found && Tuning::is_in(*found) ? Tuning(workshop_, *found) : Tuning(workshop_, *best_);
  found.reset();
  while (!tuning.is_done()) {
    auto candidate = tuning.train_stretch();
    tuning.adapt(candidate, used(candidate));
    consider(std::move(candidate));
    // What the stretch kept goes first: without it, a stretch is made again.
    forget_training(workshop_.options());
    save(&tuning);
  }
}

std::optional<Checkpoint> Search::open() {
  const auto& options = workshop_.options();
  auto found = store_.open();
  if (!found) {
    if (!options.checkpoint.empty() && options.existing == Existing::replace)
      forget_training(options);
    return {};
  }
  trials_ = restore_trials(*found);
  best_ = restore_candidate(*found);
  return found;
}

void Search::save(const Tuning* tuning) {
  if (!store_.writes()) return;
  Checkpoint checkpoint;
  capture_trials(trials_, checkpoint);
  if (best_) capture_candidate(*best_, checkpoint);
  if (tuning != nullptr) tuning->capture(checkpoint);
  store_.write(std::move(checkpoint));
}

void Search::bisect() {
  constexpr int most_tries = 30;
  double stride = 1.5;
  // Accuracies are noisy, and each costs an evaluation.
  const double closeness = budget_.max_drop ? 1.03 : 1.002;
  End fine, coarse;
  bool halve = true;
  double before = 0;  ///< Distance of the ends.
  double step = Workshop::typical_step;
  for (int tries = 0; tries < most_tries; ++tries) {
    const Trial& trial = probe(step);
    const Side now = side(trial);
    (now == Side::too_fine ? fine : coarse) = {step, static_cast<double>(trial.bytes)};
    if (now == Side::too_coarse && fills_budget(trial)) break;
    if (fine.step > 0 && coarse.step > 0) {
      const double width = coarse.step / fine.step;
      if (width < closeness) break;
      // Where sizes leap, a line through both ends creeps.
      halve = budget_.max_drop || (!halve && width > std::sqrt(before));
      step = halve ? std::sqrt(fine.step * coarse.step) : where_met(fine, coarse);
      before = width;
    } else {
      step = fine.step > 0 ? step * stride : step / stride;
      if (tries > 1) stride *= stride;  // Far off: stride out.
      // Beyond any sensible step: nothing changes any more.
      if (step > 1e4 * Workshop::typical_step || step < 1e-4 * Workshop::typical_step) break;
    }
  }
}

double Search::where_met(const End& fine, const End& coarse) const {
  const double wanted = (1 + full) / 2 * workshop_.most_bytes();
  const double share = std::log(fine.bytes / wanted) / std::log(fine.bytes / coarse.bytes);
  return fine.step * std::pow(coarse.step / fine.step, std::clamp(share, 0.05, 0.95));
}

bool Search::fills_budget(const Trial& trial) const {
  return !budget_.max_drop && static_cast<double>(trial.bytes) >= full * workshop_.most_bytes();
}

const Trial& Search::probe(double step) {
  if (probes_ == trials_.size()) {
    consider(workshop_.make(step));
    save(nullptr);
  }
  const Trial& trial = trials_[probes_++];
  // What was kept may have been changed, or be of a search that goes another way.
  const bool is_right = budget_.max_drop ||
                        trial.fits == (static_cast<double>(trial.bytes) <= workshop_.most_bytes());
  if (!is_right || trial.choice != Workshop::in_words(step)) {
    fail(ErrorCode::corrupt_data,
         "the checkpoint's trial {} (\"{}\") does not fit the search, which comes to \"{}\" there",
         probes_, trial.choice, Workshop::in_words(step));
  }
  return trial;
}

Search::Side Search::side(const Trial& trial) const {
  return trial.fits == budget_.max_drop.has_value() ? Side::too_fine : Side::too_coarse;
}

void Search::consider(Candidate candidate) {
  // Each process makes the file by itself; decisions are then the same in all.
  if (auto& group = processes(); !group.alone()) group.check_same("file", digest(candidate.file));
  if (budget_.max_drop) workshop_.evaluate(candidate);
  Trial trial{candidate.choice, candidate.bytes(), candidate.ratio, 0, 0, false};
  if (candidate.score) {
    trial.drop = workshop_.drop(candidate);
    trial.margin = workshop_.margin(candidate);
  }
  trial.fits = used(candidate) <= 1;
  trials_.push_back(trial);
  tell(trial);
  if (trial.fits && (!best_ || is_better(candidate, *best_))) best_ = std::move(candidate);
}

bool Search::is_better(const Candidate& candidate, const Candidate& best) const {
  if (budget_.max_drop) return candidate.bytes() < best.bytes();
  // Within a budget of bytes: the finer step, or once trained the more accurate.
  if (candidate.score && best.score) return candidate.score->accuracy > best.score->accuracy;
  return candidate.score ? true : candidate.bytes() > best.bytes();
}

double Search::used(const Candidate& candidate) const {
  if (budget_.max_drop) {
    // Drops are shares of samples, not quite exact.
    return (workshop_.drop(candidate) + workshop_.margin(candidate) - 1e-9) / *budget_.max_drop;
  }
  return static_cast<double>(candidate.bytes()) / workshop_.most_bytes();
}

void Search::tell(const Trial& trial) const {
  if (!workshop_.progress()) return;
  auto text = fmt::format("{}: {} bytes, {:.2f}x", trial.choice, trial.bytes, trial.ratio);
  if (budget_.max_drop)
    text += fmt::format(", {:.2f} points lost and {:.2f} for chance", trial.drop, trial.margin);
  if (!budget_.max_drop && trial.drop != 0) text += fmt::format(", {:.2f} points lost", trial.drop);
  text += trial.fits ? ", fits" : ", does not fit";
  workshop_.progress()({"search", static_cast<std::int64_t>(trials_.size()), 0, text, true});
}

void Search::give_up() const {
  if (budget_.max_drop) {
    const auto least =
        std::min_element(trials_.begin(), trials_.end(),
                         [](const auto& a, const auto& b) { return a.drop < b.drop; });
    fail(ErrorCode::out_of_reach,
         "no file keeps within {} points of accuracy with a margin for chance; the nearest loses "
         "{:.2f} "
         "points at {} bytes",
         *budget_.max_drop, least->drop, least->bytes);
  }
  const auto least =
      std::min_element(trials_.begin(), trials_.end(),
                       [](const auto& a, const auto& b) { return a.bytes < b.bytes; });
  fail(ErrorCode::out_of_reach,
       "no file is as small as {:.0f} bytes; the smallest reached has {} bytes, {:.2f}x",
       workshop_.most_bytes(), least->bytes, least->ratio);
}

}  // namespace laconic
