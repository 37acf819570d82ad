#include "train/identity.h"

#include <ATen/core/Tensor.h>

#include "laconic/error.h"
#include "laconic/optimizer.h"
#include "laconic/prune.h"
#include "laconic/schedule.h"
#include "train/checkpoint.h"

namespace laconic {
namespace {

std::string digest_of(const std::vector<std::string>& names) {
  std::string all;
  for (const auto& name : names) all += name + '\n';
  return digest(std::as_bytes(std::span(all)));
}

}  // namespace

std::string digest_of(const Network& network) {
  const Graph graph = network.to_graph();
  std::vector<std::string> names;
  for (const auto& [name, constant] : graph.constants) names.push_back(name);
  std::string all = digest(pack_graph(graph, names));
  for (const auto& [name, constant] : graph.constants) all += name + digest(constant.bytes());
  return digest(std::as_bytes(std::span(all)));
}

Identity identity_of(const Network& network, const Dataset& data, const TrainOptions& options,
                     const std::vector<std::string>& trained) {
  Identity identity = {
      {"bound on gradients", print_number(options.clip_gradients)},
      {"batch", fmt::format("{}", options.batch)},
      {"data", data.spec()},
      {"device", network.parameter(trained[0]).is_cpu() ? "cpu" : "gpu"},
      {"epochs", fmt::format("{}", options.epochs)},
      {"loss", std::string(name(options.loss))},
      {"network", digest_of(network)},
      {"optimizer", make_optimizer(options.optimizer)->spec()},
      {"schedule", make_schedule(options.schedule)->spec()},
      {"seed", fmt::format("{}", options.seed)},
      {"training mode", options.training_mode ? "on" : "off"},
      {"training samples", fmt::format("{}", data.size(Part::train))},
      {"trained parameters", digest_of(trained)},
      {"weight decay", print_number(options.weight_decay)},
  };
  if (options.hard_examples) identity["regions"] = "of highest loss";
  if (!options.pruning.empty()) identity["pruning"] = print_pruning(options.pruning);
  if (options.method != nullptr) {
    identity["method"] = options.method->spec();
    const auto plan = options.method->plan();
    if (!plan.empty()) identity["plan"] = digest(std::as_bytes(std::span(plan)));
  }
  if (const auto& teacher = options.distillation; teacher.teacher != nullptr) {
    identity["distillation"] =
        fmt::format("{} at temperature {}, weight {}, {} of samples mixed",
                    digest_of(*teacher.teacher), teacher.temperature, teacher.weight, teacher.mix);
  }
  return identity;
}

void check_same_run(const Identity& checkpoint, const Identity& run,
                    const std::filesystem::path& path) {
  const auto value = [](const Identity& identity, const std::string& key) {
    const auto found = identity.find(key);
    return found == identity.end() ? std::string("none") : found->second;
  };
  Identity keys = checkpoint;
  keys.insert(run.begin(), run.end());
  for (const auto& [key, ignored] : keys) {
    const auto theirs = value(checkpoint, key), ours = value(run, key);
    if (theirs == ours) continue;
    fail(ErrorCode::invalid_argument,
         "the checkpoint \"{}\" is of another run: its {} is \"{}\", this run's is \"{}\"",
         path.string(), key, theirs, ours);
  }
}

}  // namespace laconic
