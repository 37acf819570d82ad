#include "widths.h"

#include <charconv>

#include "laconic/error.h"

namespace laconic::cli {

void add_widths(CLI::App& app, WidthRequest& request) {
  app.add_option(
         "--choices", request.choices,
         "What b bits buy: kmeans (2^b levels), kmeans_zero (2^(b-1)+1, zero among them) or "
         "uniform (b bits of entropy)")
      ->capture_default_str();
  app.add_option("--widths", request.widths, "Bits a weight may take, LEAST..MOST")
      ->capture_default_str();
  app.add_option("--importance", request.importance,
                 "What an error is worth: sensitivity, measured layer by layer, or an estimator "
                 "(laconic list estimators)")
      ->capture_default_str();
  app.add_option("--temper", request.temper, "Power of an estimator's importance")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  app.add_option("--samples", request.samples, "Training samples for sensitivity")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  app.add_option("--table", request.table,
                 "File that the damage table is kept in: measured once, then read");
}

DamageSource damage_source(const WidthRequest& request, std::uint64_t seed) {
  DamageSource source;
  source.widths.kind = parse_choice_kind(request.choices);
  const std::string& text = request.widths;
  const char* const end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, source.widths.least);
  const bool dots =
      first.ec == std::errc{} && end - first.ptr > 2 && first.ptr[0] == '.' && first.ptr[1] == '.';
  if (!dots || std::from_chars(first.ptr + 2, end, source.widths.most).ptr != end) {
    fail(ErrorCode::invalid_argument, "widths are \"{}\", but must be LEAST..MOST, such as 1..8",
         text);
  }
  if (request.importance != "sensitivity") (void)make_estimator(request.importance);
  source.importance = request.importance;
  source.temper = request.temper;
  source.samples = request.samples;
  source.seed = seed;
  source.kept = request.table;
  return source;
}

}  // namespace laconic::cli
