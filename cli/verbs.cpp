#include "verbs.h"

#include <array>

#include "context.h"
#include "session_options.h"

namespace laconic::cli {
namespace {

constexpr std::array table = {
    Verb{"train", "Train a network of the zoo, or go on with one", add_train},
    Verb{"compress", "Make a model small within a budget: --max-drop, --ratio or --size",
         add_compress},
    Verb{"analyze", "What each width does to each layer, and which layer to protect", add_analyze},
    Verb{"plan", "Decide how many bits each layer gets within a budget", add_plan},
    Verb{"eval", "Accuracy of a model (.lac or .onnx) on a data set's test part", add_eval},
    Verb{"inspect", "Where every byte of a .lac file went", add_inspect},
    Verb{"export", "Write a .lac file as a standard ONNX model", add_export},
    Verb{"run", "Run a model (.lac or .onnx) on inputs from .npy files", add_run},
    Verb{"bench",
         "Latency, throughput, load time and memory of a model (.lac or .onnx); of kernels",
         add_bench},
    Verb{"report", "One page of curves and tables over all that lies in folders", add_report},
    Verb{"list", "Every family, member and option, with ranges and papers", add_list},
};

}  // namespace

std::span<const Verb> verbs() noexcept {
  return table;
}

}  // namespace laconic::cli
