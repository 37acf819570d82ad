// Fine-tuning of shared levels: assignments are made once and stay, the levels follow the gradient.
//
// Every weight's gradient is replaced by its level's, so weights that share a level take the same
// step, and the network's own parameters stay on the levels. Zero stays zero where the plan keeps
// zeros.

#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>
#include <utility>

#include "laconic/error.h"
#include "train/methods/members.h"
#include "train/methods/planned_tensors.h"
#include "train/methods/quantized_state.h"
#include "train/torch_threads.h"

namespace laconic {
namespace {

std::span<float> elements(const at::Tensor& tensor) {
  return {tensor.data_ptr<float>(), static_cast<std::size_t>(tensor.numel())};
}

class Centroids final : public Method {
 public:
  Centroids(const Options& options, MethodSetup setup)
      : spec_(options.spec()),
        mean_(options.text("gradient") == "mean"),
        setup_(std::move(setup)) {}

  void begin(Network& network) override {
    planned_.emplace(setup_.plan, network);
    std::vector<std::vector<float>> weights;
    std::vector<Values> values;
    weights.reserve(planned_->tensors().size());
    for (const auto& tensor : planned_->tensors()) {
      weights.push_back(elements_of(network, tensor.name));
      values.push_back({weights.back(), importance_of(setup_, tensor)});
    }
    codes_ = planned_->quantize(values);
    put_levels_in(network);
  }

  void after_backward(Network& network, const Progress&) override { share_gradients(network); }

  void after_update(Network& network, const Progress&) override {
    take_levels(network);
    put_levels_in(network);
  }

  QuantizedModel finish(Network& network) override {
    if (!planned_) begin(network);
    return assemble(network, *planned_, codes_);
  }

  MethodState state() const override {
    MethodState state;
    for (std::size_t i = 0; i < codes_.size(); ++i) {
      keep(codes_[i], planned_->tensors()[i].name, state);
    }
    return state;
  }

  void restore(const MethodState& state) override {
    for (std::size_t i = 0; i < codes_.size(); ++i) {
      take_up(state, planned_->tensors()[i].name, codes_[i]);
    }
    // Each tensor's indices fit its own levels; those that share levels must have the same.
    for (const auto& places : planned_->batches()) {
      for (const auto place : places) {
        if (codes_[place].codebooks == codes_[places[0]].codebooks) continue;
        fail(ErrorCode::corrupt_data,
             "the checkpoint does not fit the run: \"{}\" and \"{}\" share their levels, but have "
             "others in it",
             name(places[0]), name(place));
      }
    }
  }

  const MethodSetup* setup() const override { return &setup_; }
  std::string spec() const override { return spec_; }

 private:
  /// Calls function(places) in parallel: the tensors that share codebooks.
  template <typename Function>
  void for_each_batch(Function function) {
    const auto batches = planned_->batches();
    torch_parallel_for(static_cast<std::int64_t>(batches.size()), [&](std::int64_t b) {
      const at::NoGradGuard no_gradients;
      function(batches[static_cast<std::size_t>(b)]);
    });
  }

  /// Calls function(block, level, i) for every weight i of a tensor.
  template <typename Function>
  static void for_each_weight(const QuantizedTensor& codes, Function function) {
    const auto size = static_cast<std::size_t>(codes.block_size);
    for (std::size_t first = 0, block = 0; first < codes.indices.size(); first += size, ++block) {
      const std::size_t last = std::min(first + size, codes.indices.size());
      for (std::size_t i = first; i < last; ++i) function(block, codes.indices[i], i);
    }
  }

  [[nodiscard]] const std::string& name(std::size_t place) const {
    return planned_->tensors()[place].name;
  }

  [[nodiscard]] bool holds(std::size_t place, float level) const {
    return level == 0 && planned_->tensors()[place].row->zeros == Zeros::keep;
  }

  /// Those that training moves. Others that share their levels follow these.
  [[nodiscard]] std::vector<std::size_t> trained_of(const Network& network,
                                                    std::span<const std::size_t> places) const {
    std::vector<std::size_t> trained;
    std::ranges::copy_if(places, std::back_inserter(trained), [&](std::size_t place) {
      return network.parameter(name(place)).grad().defined();
    });
    return trained;
  }

  void share_gradients(Network& network) {
    for_each_batch([&](std::span<const std::size_t> places) {
      struct Sum {
        double gradient = 0, weights = 0;
      };
      std::vector<std::vector<Sum>> sums;  // Per block and level: of all tensors of the batch.
      for (const auto& codebook : codes_[places[0]].codebooks) sums.emplace_back(codebook.size());
      const auto trained = trained_of(network, places);
      std::vector<at::Tensor> gradients;
      for (const auto place : trained) {
        const auto& gradient = network.parameter(name(place)).grad();
        const auto values = elements(gradients.emplace_back(gradient.cpu().contiguous()));
        for_each_weight(codes_[place], [&](std::size_t block, Index level, std::size_t i) {
          sums[block][level].gradient += static_cast<double>(values[i]);
          ++sums[block][level].weights;
        });
      }
      for (std::size_t k = 0; k < trained.size(); ++k) {
        const auto values = elements(gradients[k]);
        const auto& codes = codes_[trained[k]];
        for_each_weight(codes, [&](std::size_t block, Index level, std::size_t i) {
          const auto& [gradient, weights] = sums[block][level];
          const bool held = holds(trained[k], codes.codebooks[block].levels()[level]);
          values[i] = held ? 0 : static_cast<float>(mean_ ? gradient / weights : gradient);
        });
        network.parameter(name(trained[k])).mutable_grad().copy_(gradients[k]);
      }
    });
  }

  /// Levels are where the first of their trained weights has gone; those of none stay. A codebook
  /// whose levels met or passed each other, or left the finite numbers, stays as well.
  void take_levels(const Network& network) {
    for_each_batch([&](std::span<const std::size_t> places) {
      std::vector<std::vector<float>> levels;
      std::vector<std::vector<bool>> known;
      for (const auto& codebook : codes_[places[0]].codebooks) {
        levels.emplace_back(codebook.levels().begin(), codebook.levels().end());
        known.emplace_back(codebook.size());
      }
      for (const auto place : trained_of(network, places)) {
        const auto weights = elements_of(network, name(place));
        for_each_weight(codes_[place], [&](std::size_t block, Index level, std::size_t i) {
          if (known[block][level]) return;
          known[block][level] = true;
          if (!holds(place, levels[block][level])) levels[block][level] = weights[i];
        });
      }
      for (std::size_t block = 0; block < levels.size(); ++block) {
        const auto& now = levels[block];
        const bool apart = std::ranges::adjacent_find(now, std::greater_equal<>()) == now.end();
        const bool finite =
            std::ranges::all_of(now, [](float level) { return std::isfinite(level); });
        if (!apart || !finite) continue;
        const Codebook codebook(now);
        for (const auto place : places) codes_[place].codebooks[block] = codebook;
      }
    });
  }

  void put_levels_in(Network& network) {
    for_each_batch([&](std::span<const std::size_t> places) {
      for (const auto place : places) {
        auto values = dequantize(codes_[place]);
        auto parameter = network.parameter(name(place)).detach();
        parameter.copy_(at::from_blob(values.data(), parameter.sizes(), at::kFloat));
      }
    });
  }

  std::string spec_;
  bool mean_;
  MethodSetup setup_;
  std::optional<PlannedTensors> planned_;
  std::vector<QuantizedTensor> codes_;
};

}  // namespace

std::unique_ptr<Method> make_centroids(const Options& options, MethodSetup setup) {
  return std::make_unique<Centroids>(options, std::move(setup));
}

}  // namespace laconic
