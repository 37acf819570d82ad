// The model zoo: networks as graphs with random initial weights, by name.

#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "laconic/graph.h"
#include "laconic/spec.h"

namespace laconic {

/// All networks, in the order of the table in src/graph/zoo/family.cpp: perceptrons, LeNets and
/// ResNets for small images, networks for images of 224x224, a character LSTM, detectors.
[[nodiscard]] std::span<const MemberInfo> networks() noexcept;

/// Builds a network for samples of that shape and so many classes, weights drawn from the seed
/// (He's normal for layers before a ReLU). Throws Error(invalid_argument) for an unknown name or a
/// sample shape that the network does not take.
[[nodiscard]] Graph make_network(std::string_view spec, const Shape& sample_shape,
                                 std::int64_t classes, std::uint64_t seed);

}  // namespace laconic
