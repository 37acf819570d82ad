// Writes a network of the zoo, its weights random and quantized, as a .lac file: something to
// measure the runtime on where trained weights do not matter.
//
//     network_file resnet18 scaled:pattern=powers,bits=6,scale=power_of_two 3x224x224 1000 x.lac

#include <fmt/format.h>

#include <charconv>
#include <string>

#include "laconic/error.h"
#include "laconic/graph.h"
#include "laconic/model.h"
#include "laconic/quantizer.h"
#include "laconic/zoo.h"

namespace laconic {
namespace {

std::int64_t number(std::string_view text) {
  std::int64_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc{} || end != text.data() + text.size() || out < 1) {
    fail(ErrorCode::invalid_argument, "\"{}\" is not a positive number", text);
  }
  return out;
}

/// "3x224x224".
Shape shape_of(std::string_view text) {
  Shape out;
  for (;;) {
    const auto cross = text.find('x');
    out.push_back(number(text.substr(0, cross)));
    if (cross == std::string_view::npos) return out;
    text.remove_prefix(cross + 1);
  }
}

/// A codebook for each output channel; what is no weight stays dense.
CompressedNetwork quantized(Graph graph, const Quantizer& quantizer) {
  CompressedNetwork out;
  for (const auto& info : parameters(graph)) {
    const Constant constant = graph.constants.find(info.name)->second;
    QuantizedParameter parameter{
        DenseTensor{constant.shape(), {constant.floats().begin(), constant.floats().end()}}};
    if (info.role == Role::weight) {
      const WeightsView view = {constant.shape(), constant.floats()};
      parameter.tensor =
          quantize(quantizer, {&view, 1}, {.kind = Granularity::Kind::per_channel})[0];
      parameter.quantizer = quantizer.spec();
      parameter.coder = "rans";
    }
    graph.constants.erase(info.name);
    out.tensors.emplace(info.name, std::move(parameter));
  }
  out.graph = std::move(graph);
  return out;
}

}  // namespace
}  // namespace laconic

int main(int argc, char** argv) {
  using namespace laconic;
  if (argc != 6) {
    fmt::print(stderr, "usage: network_file NETWORK QUANTIZER 3x224x224 CLASSES FILE\n");
    return 2;
  }
  try {
    const auto graph = make_network(argv[1], shape_of(argv[3]), number(argv[4]), 1);
    (void)save(quantized(graph, *make_quantizer(argv[2])), argv[5]);
  } catch (const Error& error) {
    fmt::print(stderr, "network_file: {}\n", error.what());
    return 1;
  }
}
