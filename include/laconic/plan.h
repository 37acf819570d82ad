// Which tensors are quantized, how finely and by what: the one value that bit allocation produces
// and everything after it consumes. Plans are written and read as small text files: a row a line,
//
//     TENSORS  QUANTIZER  [granularity=channel] [zeros=keep] [coder=rans]
//
// with # to the end of a line for comments. A name with blanks, quotes or # in it stands in double
// quotes, with \ before a quote or backslash and \n for a line break.

#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "laconic/quantizer.h"

namespace laconic {

/// Applies to the tensors whose name matches and that no earlier row has matched. With
/// Granularity::Kind::joint, these tensors share one codebook, and so do those of other such rows
/// of equal quantizer and zeros.
struct PlanRow {
  std::string tensors;    ///< Name, with * for any run of characters: "layer2.*.weight".
  std::string quantizer;  ///< Spec: "kmeans:levels=16".
  Granularity granularity = {};
  Zeros zeros = Zeros::free;
  std::string coder = "auto";  ///< Spec of the entropy coder.

  bool operator==(const PlanRow&) const = default;
};

/// Tensors that no row matches stay dense.
using Plan = std::vector<PlanRow>;

/// Whether `name` matches `pattern`, in which * stands for any run of characters.
[[nodiscard]] bool matches(std::string_view pattern, std::string_view name) noexcept;

/// The row of `plan` that applies to a tensor, or null.
[[nodiscard]] const PlanRow* row_for(const Plan& plan, std::string_view tensor) noexcept;

/// Throws Error(invalid_argument) naming the line and what is wrong with it.
[[nodiscard]] Plan parse_plan(std::string_view text);
[[nodiscard]] std::string print_plan(const Plan& plan);

}  // namespace laconic
