// What rounding activations to 8 bits does to each layer of a network, on given inputs: whether
// LayerKernels::int8 may be used, and which layer suffers.

#pragma once

#include <span>
#include <string>
#include <vector>

#include "laconic/session.h"

namespace laconic {

struct LayerRounding {
  std::string node;    ///< As describe() names it.
  std::string kernel;  ///< That `error` is of; of float activations where no other fits.

  /// What rounding changes of the layer's outputs, root mean square, as a part of these: of its
  /// activations, and of levels that are no multiples of a step. Inputs are those that the network
  /// has with float activations, so that errors of the layers before do not count. 0 where outputs
  /// are all zero.
  double error = 0;
};

/// Of every node with quantized weights that kernels run, in order. Throws what Session does for
/// the network and for `inputs`, which are in the order of the graph's. Takes a session of the
/// whole network, and two of each layer, one after the other.
[[nodiscard]] std::vector<LayerRounding> rounding_of_layers(const CompressedNetwork& network,
                                                            std::span<const TensorView> inputs);

}  // namespace laconic
