// What the numbers that a network answers with are.

#pragma once

#include "laconic/graph.h"

namespace laconic {

enum class Answer { logits, probabilities, log_probabilities };

/// Logits, unless the node that makes the graph's first output is Softmax or LogSoftmax.
[[nodiscard]] Answer answer_of(const Graph& graph);

}  // namespace laconic
