// Making members of the method family: what a method is told besides its own options, and the plan
// that it follows where none is given.

#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "laconic/graph.h"
#include "laconic/importance.h"
#include "laconic/method.h"
#include "laconic/plan.h"
#include "laconic/spec.h"

namespace laconic {

class Dataset;

/// What every method is made for.
struct MethodSetup {
  /// Which parameters are quantized, and how; the others stay dense. Taken literally: a row that
  /// matches biases quantizes biases.
  Plan plan;

  /// One entry per weight, by parameter name; those not named weigh all alike. What estimators
  /// give (laconic/importance.h).
  ImportanceMap importance;

  /// For members that measure losses, on the training part; null: they cannot. Must outlive them.
  const Dataset* data = nullptr;
};

/// A row for each weight of at least two dimensions: not for biases and normalisation. The gates of
/// a recurrent layer get a codebook each (per direction) where `granularity` is per tensor, and
/// what follows the last recurrent layer, its output layer, is left dense.
[[nodiscard]] Plan plan_weights(const Graph& graph, std::string_view quantizer,
                                Granularity granularity = {});

/// All members, in the order of the table in src/train/methods/family.cpp.
[[nodiscard]] std::span<const MemberInfo> methods() noexcept;

/// Builds a member from "name" or "name:key=value,key=value". Throws Error(invalid_argument) that
/// names the nearest valid name, key or range. Plan and importance are checked against a network
/// when the method first meets it, in begin() or finish(): Error(invalid_argument) naming a row
/// that matches none of its parameters, or a parameter whose importance has another length.
[[nodiscard]] std::unique_ptr<Method> make_method(std::string_view spec, MethodSetup setup);

}  // namespace laconic
