#include "methods.h"

#include "core/atomic_file.h"
#include "laconic/error.h"

namespace laconic::cli {

void add_method_options(CLI::App& app, MethodRequest& request) {
  auto* method = app.add_option("--method", request.method,
                                "When weights are quantized: see laconic list methods");
  auto* plan =
      app.add_option("--plan", request.plan, "A file: which tensors are quantized, and how")
          ->needs(method);
  app.add_option("--quantizer", request.quantizer,
                 "Of all weight matrices, where there is no plan: see laconic list quantizers")
      ->capture_default_str()
      ->needs(method)
      ->excludes(plan);
  app.add_option("--granularity", request.granularity,
                 "Likewise: joint, tensor, channel or group:SIZE")
      ->capture_default_str()
      ->needs(method)
      ->excludes(plan);
}

Plan requested_plan(const MethodRequest& request, const Graph& graph) {
  if (!request.plan.empty()) {
    const auto bytes = read_file(request.plan);
    return parse_plan({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  }
  (void)make_quantizer(request.quantizer);
  auto plan = plan_weights(graph, request.quantizer, parse_granularity(request.granularity));
  if (plan.empty()) {
    fail(ErrorCode::invalid_argument, "the network has no weight matrix to quantize");
  }
  return plan;
}

}  // namespace laconic::cli
