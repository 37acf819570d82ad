#include "train/identity.h"

#include <ATen/core/Tensor.h>

#include "laconic/error.h"
#include "laconic/methods.h"
#include "laconic/optimizer.h"
#include "laconic/prune.h"
#include "laconic/schedule.h"
#include "train/checkpoint.h"
#include "train/processes/processes.h"

namespace laconic {
namespace {

std::string digest_of(const std::vector<std::string>& names) {
  std::string all;
  for (const auto& name : names) all += name + '\n';
  return digest(std::as_bytes(std::span(all)));
}

std::string digest_of(const ImportanceMap& importance) {
  std::string all;
  for (const auto& [name, values] : importance)
    all += name + '\n' + digest(std::as_bytes(std::span(values)));
  return digest(std::as_bytes(std::span(all)));
}

struct Difference {
  std::string key, left, right;
};

std::optional<Difference> first_difference(const Identity& left, const Identity& right) {
  const auto value = [](const Identity& identity, const std::string& key) {
    const auto found = identity.find(key);
    return found == identity.end() ? std::string("none") : found->second;
  };
  Identity keys = left;
  keys.insert(right.begin(), right.end());
  for (const auto& [key, ignored] : keys) {
    Difference difference{key, value(left, key), value(right, key)};
    if (difference.left != difference.right) return difference;
  }
  return {};
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
  // On a GPU a shard is a process's share of the minibatch.
  if (const auto& group = processes(); !group.alone() && identity["device"] == "gpu")
    identity["processes"] = fmt::format("{}", group.size());
  if (options.hard_examples) identity["regions"] = "of highest loss";
  if (!options.pruning.empty()) {
    identity["pruning"] = print_pruning(options.pruning);
    if (!options.importance.empty())
      identity["importance of pruning"] = digest_of(options.importance);
  }
  if (options.method != nullptr) {
    identity["method"] = options.method->spec();
    if (const auto* setup = options.method->setup()) {
      const auto plan = print_plan(setup->plan);
      identity["plan"] = digest(std::as_bytes(std::span(plan)));
      if (!setup->importance.empty()) identity["importance"] = digest_of(setup->importance);
    }
  }
  if (const auto& teacher = options.distillation; teacher.teacher != nullptr) {
    identity["distillation"] =
        fmt::format("{} at temperature {}, weight {}, {} of samples mixed",
                    digest_of(*teacher.teacher), teacher.temperature, teacher.weight, teacher.mix);
  }
  return identity;
}

void check_same_on_all(const Identity& mine) {
  auto& group = processes();
  if (group.alone()) return;
  const auto all = group.gather("options", pack_checkpoint({mine, {}, {}}));
  const auto first = unpack_checkpoint(all[0]).identity;
  for (std::size_t rank = 1; rank < all.size(); ++rank) {
    const auto other = first_difference(first, unpack_checkpoint(all[rank]).identity);
    if (!other) continue;
    fail(ErrorCode::invalid_argument,
         "the processes are of different runs: the {} of process 0 is \"{}\", that of process {} "
         "is \"{}\"; all must be started with the same command",
         other->key, other->left, rank, other->right);
  }
}

void check_same_run(const Identity& checkpoint, const Identity& run,
                    const std::filesystem::path& path) {
  const auto other = first_difference(checkpoint, run);
  if (!other) return;
  fail(ErrorCode::invalid_argument,
       "the checkpoint \"{}\" is of another run: its {} is \"{}\", this run's is \"{}\"",
       path.string(), other->key, other->left, other->right);
}

}  // namespace laconic
