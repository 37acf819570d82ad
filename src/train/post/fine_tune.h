// Training on after quantization: the network learns with its quantized weights in place.
//
// Each weight keeps a shadow in float. Forward and backward run on the nearest affordable levels of
// the shadows (straight-through gradients); the update moves the shadows, and with them now and
// then an index. Biases and normalisation parameters train as they are. A method as any other: the
// training loop knows nothing of it.

#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "laconic/method.h"
#include "laconic/network.h"

namespace laconic {

/// What the file of the trained model may take.
struct SizeBudget {
  std::int64_t most = 0;  ///< Bytes.
  std::function<std::int64_t(const QuantizedModel&)> bytes_of;
};

class FineTune : public Method {
 public:
  /// `start`: a quantized model of the network, whose codebooks stay as they are. `price`: of bits,
  /// as in PassOptions; within a budget it is where the price begins, which then follows the size.
  /// If the last assignment is too large, it takes the least price that keeps the budget, if any
  /// within its bounds does. Of the weights that `pruned` names, those that are zero in the network
  /// stay so; the codebooks of these have a zero.
  FineTune(QuantizedModel start, double price, std::optional<SizeBudget> budget = {},
           std::set<std::string> pruned = {});

  /// Shadows begin where the float weights are, but within the cells of their levels: what error
  /// compensation chose is kept, and what was lost in rounding is not forgotten.
  void begin(Network& network) override;

  /// Learning rates count in units of each weight's step, and for vectors, in tenths of their root
  /// mean square: one rate suits layers of all scales.
  [[nodiscard]] double rate(std::string_view parameter) const override;
  void before_forward(Network& network, const Progress& progress) override;
  void after_backward(Network& network, const Progress& progress) override;
  void before_evaluation(Network& network) override;
  void after_evaluation(Network& network) override;
  [[nodiscard]] QuantizedModel finish(Network& network) override;
  /// The price, and the indices: their frequencies are what the next assignment prices bits by.
  [[nodiscard]] MethodState state() const override;
  void restore(const MethodState& state) override;
  [[nodiscard]] std::string spec() const override;

 private:
  void follow_budget();
  void settle_price(Network& network);
  void assign_all(Network& network);
  void put_levels_in(Network& network, bool weights_only);
  void put_shadows_back(Network& network);

  QuantizedModel model_;
  double first_price_, price_;
  std::optional<SizeBudget> budget_;
  std::map<std::string, std::vector<bool>> kept_zeros_;  ///< Where, by name of a pruned weight.
  std::map<std::string, double, std::less<>> rates_;
  std::map<std::string, DenseTensor, std::less<>> shadows_;  ///< While levels stand in for them.
};

}  // namespace laconic
