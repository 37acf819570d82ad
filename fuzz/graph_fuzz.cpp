// Feeds bytes to the reader of packed graphs. What it accepts must pack and unpack to itself.

#include <cstdlib>
#include <span>
#include <string>
#include <vector>

#include "laconic/error.h"
#include "laconic/graph.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace laconic;
  const std::vector<std::string> tensors = {"a", "b", "c"};
  Graph graph;
  try {
    graph = unpack_graph(std::as_bytes(std::span(data, size)), tensors);
  } catch (const Error& error) {
    const auto code = error.code();
    if (code != ErrorCode::corrupt_data && code != ErrorCode::unsupported_version) std::abort();
    return 0;
  }
  const auto packed = pack_graph(graph, tensors);
  if (pack_graph(unpack_graph(packed, tensors), tensors) != packed) std::abort();
  for (const auto& name : tensors) graph.constants.try_emplace(name);
  const auto number = parameters(graph).size();
  if (number > graph.constants.size()) std::abort();
  return 0;
}
