// The training loop: minibatches in an order drawn from the seed, an optimizer and a schedule from
// their families, checkpoints, and a Method's hooks where there is one.
//
// Each minibatch is cut into shards of a fixed number of samples. A shard runs forward and backward
// on one thread; gradients are summed in the order of shards. So equal seeds give equal bytes for
// any number of threads, and a run that was broken off and continued ends in the bytes of one that
// was not. Batch normalisation takes its statistics over a shard. (On a GPU a minibatch is one
// shard.)

#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "laconic/dataset.h"
#include "laconic/evaluate.h"
#include "laconic/existing.h"
#include "laconic/importance.h"
#include "laconic/method.h"
#include "laconic/network.h"
#include "laconic/progress.h"

namespace laconic {

/// What training minimises, as a mean over samples. Outputs are logits unless the graph ends in
/// Softmax or LogSoftmax.
enum class Loss {
  cross_entropy,
  square_hinge,  ///< Mean over classes of max(0, 1 - t y)^2, t = 1 for the sample's class, or -1.
};

[[nodiscard]] std::string_view name(Loss loss) noexcept;

/// Learning what another network answers: (1 - weight) times the loss plus weight times
/// temperature^2 times KL(softmax(teacher / temperature) || softmax(outputs / temperature)); of a
/// detector, weight times the squared distance of its maps, each against the teacher's variance.
struct Distillation {
  const Network* teacher = nullptr;  ///< Takes the same samples; none: no distillation.
  double temperature = 4;            ///< Positive.
  double weight = 0.9;               ///< 0 to 1.

  /// Share of a minibatch's samples that are shown as a mixture of two, l x + (1 - l) y with l
  /// uniform in [0, 1) (mixup, Zhang et al. 2018), of which the teacher's answer is learned and no
  /// label (Beyer et al. 2022, arXiv:2106.05237). A teacher answers its training samples almost as
  /// their labels do; mixtures tell more of it, and no epoch repeats them. 0 to 1; not of
  /// detectors, of samples with a label at each step, nor of indices.
  double mix = 0;
};

struct TrainOptions {
  std::int64_t epochs = 10;
  std::int64_t batch = 64;  ///< Samples left over at the end of an epoch wait for another.
  std::string optimizer = "sgd";
  std::string schedule = "cosine";
  double weight_decay = 0;
  double clip_gradients = 0;  ///< Each element is kept within this magnitude; 0: left as it is.
  Loss loss = Loss::cross_entropy;  ///< Not of detectors, which have a loss of their own.
  bool hard_examples = false;       ///< Detectors: train on the regions of highest loss.
  Distillation distillation;
  std::uint64_t seed = 1;

  /// Which parameters are trained; by default weights, biases and normalisation's. The running
  /// statistics of batch normalisation never are: they are measured.
  std::function<bool(const ParameterInfo&)> trains;

  /// Dropout works, and batch normalisation takes the batch's statistics and updates the running
  /// ones. Otherwise the network runs as in evaluation; right for fine-tuning where batch
  /// normalisation has become a scale and bias.
  bool training_mode = true;

  /// Spec from pruners() (laconic/prune.h): weights become zero while the network trains, and stay
  /// so to the end. Empty: none. Weights that are zero at the start count as pruned.
  std::string pruning;
  /// For the pruner that weighs by it: an entry for each weight, by parameter name.
  ImportanceMap importance;

  Method* method = nullptr;  ///< begin() is called here, finish() is left to the caller.

  /// Folder for checkpoints, made if it is not there; empty: none are written.
  std::filesystem::path checkpoint;
  Existing existing = Existing::refuse;
};

struct EpochReport {
  std::int64_t epoch = 0;           ///< From 1.
  double loss = 0;                  ///< Mean over the epoch's samples, as they were trained on.
  double accuracy = 0;              ///< 0 for detectors.
  double learning_rate = 0;         ///< At the end of the epoch.
  std::optional<Score> validation;  ///< None where the data have no validation part.
};

struct TrainReport {
  std::vector<EpochReport> epochs;  ///< All, those before a resumption too.
  std::int64_t steps = 0;
  std::int64_t resumed_at = 0;  ///< Steps that a checkpoint had done.

  /// Optimizer::second_moment() of each trained parameter, where the optimizer keeps it.
  ImportanceMap second_moments;
};

/// Trains `network` in place, on the device where it is. Throws Error(invalid_data) if network and
/// data do not fit, Error(diverged) naming the step once loss or parameters are not finite (the
/// last checkpoint stays), Error(interrupted) when asked to stop (after writing a checkpoint),
/// Error(invalid_argument) if the checkpoint to resume is of another run, saying how, and
/// Error(corrupt_data) if it is damaged.
TrainReport train(Network& network, const Dataset& data, const TrainOptions& options,
                  const ProgressSink& progress = {});

}  // namespace laconic
