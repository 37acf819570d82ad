// The parameters of a network that a plan quantizes: found once, with the quantizers made, and then
// quantized as often as a method asks.

#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "laconic/methods.h"
#include "laconic/network.h"

namespace laconic {

/// A parameter that the plan names.
struct PlannedTensor {
  std::string name;
  Shape shape;
  const PlanRow* row = nullptr;
  std::shared_ptr<const Quantizer> quantizer;  ///< Of the row.
};

/// What a quantizer is given of one parameter.
struct Values {
  std::span<const float> weights;
  std::span<const float> importance = {};  ///< Empty: all ones.
  const QuantizedTensor* start = nullptr;  ///< As WeightsView::start.
  bool whole_pattern = false;              ///< Likewise.
};

class PlannedTensors {
 public:
  /// Running statistics are left out, whatever the plan says of them. Throws
  /// Error(invalid_argument) for a plan without rows, and naming a row that matches none of the
  /// network's other parameters. `plan` must outlive the object.
  PlannedTensors(const Plan& plan, const Network& network);

  /// In the order of network.parameters().
  [[nodiscard]] std::span<const PlannedTensor> tensors() const noexcept { return tensors_; }

  /// Places of tensors that are quantized together: alone, or with those that share a codebook.
  [[nodiscard]] std::span<const std::vector<std::size_t>> batches() const noexcept {
    return batches_;
  }

  /// Quantizes all, one entry of `values` each, in parallel; rows of joint granularity that are
  /// alike make one codebook for all their tensors.
  [[nodiscard]] std::vector<QuantizedTensor> quantize(std::span<const Values> values) const;

 private:
  [[nodiscard]] std::int64_t weights_of(const std::vector<std::size_t>& batch) const;

  std::vector<PlannedTensor> tensors_;
  std::vector<std::vector<std::size_t>> batches_;  ///< The larger first.
  std::int64_t weights_ = 0;                       ///< Of all.
};

/// The importance that the setup has of a tensor. Throws Error(invalid_argument) naming it if that
/// is of another length.
[[nodiscard]] std::span<const float> importance_of(const MethodSetup& setup,
                                                   const PlannedTensor& tensor);

/// A copy of a parameter's elements, from whatever device.
[[nodiscard]] std::vector<float> elements_of(const Network& network, std::string_view parameter);

/// All parameters: those planned as `quantized` has them (in the order of `planned`), the others
/// dense, as the network has them.
[[nodiscard]] QuantizedModel assemble(const Network& network, const PlannedTensors& planned,
                                      std::vector<QuantizedTensor> quantized);

}  // namespace laconic
