#include "train/compress/by_method.h"

#include <fmt/format.h>

#include "laconic/error.h"
#include "laconic/importance.h"
#include "laconic/methods.h"
#include "laconic/train.h"
#include "train/compress/search_checkpoint.h"

namespace laconic {
namespace {

Plan plan_for(const CompressOptions& options, const Graph& graph) {
  if (options.plan) return *options.plan;
  Plan plan = plan_weights(
      graph, usual_quantizer(options),
      options.granularity == "auto" ? Granularity{} : parse_granularity(options.granularity));
  if (plan.empty())
    fail(ErrorCode::invalid_argument, "the network has no weight matrix to quantize");
  for (auto& row : plan) row.coder = options.coder;
  return plan;
}

}  // namespace

Candidate by_method(const Workshop& workshop) {
  const auto& options = workshop.options();
  Network student(workshop.network().graph());
  MethodSetup setup{plan_for(options, student.graph()), {}, &workshop.data()};
  if (options.importance != "auto") {
    const auto estimate =
        make_estimator(options.importance)->estimate(student, workshop.data(), workshop.progress());
    setup.importance = temper(estimate.values, options.temper);
  }
  const auto method = make_method(options.method, std::move(setup));
  if (options.epochs > 0) {
    TrainOptions training;
    training.epochs = options.epochs;
    training.optimizer = "adam:lr=0.0003";
    training.distillation = workshop.teaching();
    training.seed = options.seed;
    training.training_mode = false;  // Normalisation has become a scale and bias.
    training.method = method.get();
    training.checkpoint = training_folder(options);
    training.existing = Existing::resume;
    train(student, workshop.data(), training, workshop.progress());
  } else {
    method->begin(student);
  }
  return workshop.wrap(method->finish(student),
                       fmt::format("{}, {} epochs", method->spec(), options.epochs));
}

}  // namespace laconic
