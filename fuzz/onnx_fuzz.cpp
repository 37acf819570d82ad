// Feeds bytes to the ONNX import. What it accepts must be a graph that everything after it can use.

#include <cstdlib>
#include <span>

#include "laconic/error.h"
#include "laconic/onnx.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace laconic;
  Graph graph;
  try {
    graph = read_onnx(std::as_bytes(std::span(data, size)));
  } catch (const Error& error) {
    const auto code = error.code();
    if (code != ErrorCode::invalid_data && code != ErrorCode::unsupported_operator) std::abort();
    return 0;
  }
  validate(graph);
  const auto packed = pack_graph(graph);
  if (pack_graph(unpack_graph(packed)) != packed) std::abort();
  try {
    normalize_batch_norm(graph);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::invalid_data) std::abort();
    return 0;
  }
  validate(graph);
  return 0;
}
