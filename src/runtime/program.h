// A network on its way to a session: its nodes, and its constants in the form in which they are
// used. The passes below make fewer and faster steps of it.

#pragma once

#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "laconic/model.h"
#include "runtime/operator.h"

namespace laconic::runtime {

using Signatures = std::map<std::string, Signature, std::less<>>;
using Values = std::map<std::string, Value, std::less<>>;

struct Program {
  Graph graph;                    ///< Without constants.
  Values constants;               ///< Known or quantized.
  std::int64_t max_elements = 0;  ///< Of a value; what the session allows.
};

/// Weights as a program has them.
[[nodiscard]] Value to_value(Weights weights);

[[nodiscard]] Program make_program(CompressedNetwork network);

/// The program of a file, whose matrices stay coded until they are packed: checksums are verified,
/// in parallel. Throws what ModelReader throws.
[[nodiscard]] Program read_program(const std::filesystem::path& path, const ReadLimits& limits);

/// Decodes what is still coded.
void decode_all(Program& program);

/// Gives products with a constant matrix its transpose, outputs first, as layers are packed.
void turn_weights(Program& program);

/// Folds BatchNormalization behind a convolution into its weights, level by level where they are
/// quantized, and its bias.
void fold_normalizations(Program& program);

/// Makes a vector that is added to a product with a constant matrix part of it.
void fuse_biases(Program& program);

/// Makes HardSigmoid of Clip(x + 3, 0, 6) / 6, and HardSwish where x was multiplied by it before.
void find_hard_sigmoids(Program& program);

/// Makes Swish of what computes it: a value times its Sigmoid. Makes HardSwish of a value times
/// its HardSigmoid, where alpha is 1 / 6 and beta 1 / 2.
void find_swishes(Program& program);

/// Makes Gelu of the products with Erf that compute it.
void find_gelus(Program& program);

/// Makes Relu, Clip and other functions of single values behind a layer part of it.
void fuse_functions(Program& program);

/// Makes the sum of a layer's output and another value of its shape part of the layer,
/// and a function behind it as well. Shapes must be the same by all guesses: where the batch is
/// guessed to be 1, what is broadcast over it looks as if it had its shape.
void fuse_sums(Program& program, std::span<const Signatures> guesses);

/// Makes LayerNormalization over the last axis of the ten or so operators that compute it, where
/// its scale and shift are constants of that extent by all guesses.
void find_layer_normalizations(Program& program, std::span<const Signatures> guesses);

/// Lets convolutions, pools and what stands between them exchange images with channels last.
void choose_layouts(Program& program, const Signatures& signatures);

/// Expands quantized tensors that something else than a packed layer reads.
void expand_others(Program& program);

/// The weights with row i of axis 0 times factors[i]. Quantized ones keep their indices as far as
/// signs allow; evenly spaced levels stay evenly spaced.
[[nodiscard]] Weights scale_rows(const Weights& weights, std::span<const double> factors);

}  // namespace laconic::runtime
