#include "laconic/compress.h"

#include <array>
#include <string_view>
#include <utility>

#include "laconic/coder.h"
#include "laconic/error.h"
#include "laconic/importance.h"
#include "laconic/methods.h"
#include "laconic/policy_gradient.h"
#include "train/checkpoint.h"
#include "train/compress/search.h"
#include "train/compress/workshop.h"

namespace laconic {
namespace {

/// What a forced method leaves nothing to.
void check_together(const CompressOptions& options) {
  const auto refuse = [](std::string_view option, std::string_view why) {
    fail(ErrorCode::invalid_argument, "{} does not apply: {}", option, why);
  };
  if (options.method == "auto") return;
  if (!options.compensate) refuse("no compensation", "a method does not compensate");
  if (!options.recalibrate) refuse("no recalibration", "a method does not recalibrate");
  if (options.allocator != "auto")
    refuse("allocator", "a method follows its plan (laconic plan takes an allocator)");
  if (!options.plan) return;
  const std::array<std::pair<std::string_view, std::string_view>, 3> rows_say = {
      {{"quantizer", options.quantizer},
       {"granularity", options.granularity},
       {"coder", options.coder}}};
  for (const auto& [option, value] : rows_say) {
    if (value != "auto") refuse(option, "a method follows its plan, which says it for each tensor");
  }
}

}  // namespace

void check(const CompressOptions& options) {
  const auto& budget = options.budget;
  const int given =
      budget.max_drop.has_value() + budget.ratio.has_value() + budget.bytes.has_value();
  if (given != 1) {
    fail(ErrorCode::invalid_argument, "one budget is needed, max-drop, ratio or size, not {}",
         given);
  }
  if (budget.max_drop && !(*budget.max_drop > 0 && *budget.max_drop <= 100)) {
    fail(ErrorCode::invalid_argument,
         "max-drop is {}, but must be more than 0 and at most 100 points", *budget.max_drop);
  }
  if (budget.ratio && !(*budget.ratio > 1)) {
    fail(ErrorCode::invalid_argument, "ratio is {}, but must be more than 1", *budget.ratio);
  }
  if (budget.bytes && *budget.bytes == 0) {
    fail(ErrorCode::invalid_argument, "size is 0, but must be at least 1 byte");
  }
  if (options.epochs < 0) {
    fail(ErrorCode::invalid_argument, "epochs is {}, but must be at least 0", options.epochs);
  }
  if (!(options.temper >= 0 && options.temper <= 1)) {
    fail(ErrorCode::invalid_argument, "temper is {}, but must be 0 to 1", options.temper);
  }
  if (options.importance != "auto") (void)make_estimator(options.importance);
  if (options.allocator != "auto") (void)make_any_allocator(options.allocator);
  if (options.method != "auto") (void)parse_spec("method", options.method, methods());
  if (options.quantizer != "auto") (void)make_quantizer(options.quantizer);
  if (options.granularity != "auto") (void)parse_granularity(options.granularity);
  check_coder(options.coder, usual_quantizer(options));
  check_together(options);
  if (options.samples < 1) {
    fail(ErrorCode::invalid_argument, "samples is {}, but must be at least 1", options.samples);
  }
}

CompressResult compress(const Graph& graph, const Dataset& data, const CompressOptions& options,
                        const ProgressSink& progress) {
  check(options);
  // Some need data for what they are asked.
  if (options.method != "auto") (void)make_method(options.method, {{}, {}, &data});
  try {
    const Workshop workshop(graph, data, options, progress);
    Search search(workshop);
    const Candidate best = search.run();
    return {unpack(best.file), best.bytes(), best.ratio,
            workshop.before(), *best.score,  search.trials()};
  } catch (const Error& error) {
    const auto kept = checkpoint_path(options.checkpoint);
    const bool continues = !options.checkpoint.empty() && std::filesystem::exists(kept);
    if (error.code() != ErrorCode::interrupted || !continues) throw;
    fail(ErrorCode::interrupted, "the search was interrupted; \"{}\" continues it", kept.string());
  }
}

}  // namespace laconic
