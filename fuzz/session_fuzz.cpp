// Opens mutated files as sessions, and runs them: a file is refused with an Error, at load, or it
// runs. Inputs that are no files yet become one of a few small networks.

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>

#include "container_support.h"
#include "laconic/threads.h"
#include "mutate_file.h"
#include "session_graphs.h"

namespace {

using namespace laconic;
using namespace laconic::session_graphs;
using testing::Bytes;

/// Enough for every path, little enough that claims cost no time.
constexpr ReadLimits limits{.max_tensors = 64,
                            .max_elements = 1 << 14,
                            .max_graph_bytes = 1 << 16,
                            .max_header_bytes = 1 << 16};
constexpr std::int64_t most_elements = 1 << 12;

/// Recurrent layers with weights of a codebook, behind what moves elements about.
Graph sequence_tagger() {
  Graph graph;
  graph.inputs = {{"x", ElementType::float32, {5, -1, 6}}};
  graph.outputs = {{"y", ElementType::float32, {5, -1, 3}}};
  const auto hidden = [](std::int64_t size) {
    return std::map<std::string, Attribute, std::less<>>{{"hidden_size", size}};
  };
  graph.nodes = {
      node("LSTM", {"x", "w", "r", "b"}, "h", hidden(4)),
      node("Squeeze", {"h", "one"}, "s"),
      node("GRU", {"s", "w2", "r2"}, "g", hidden(4)),
      node("Squeeze", {"g", "one"}, "t"),
      node("Transpose", {"m"}, "turned", {{"perm", std::vector<std::int64_t>{1, 0}}}),
      node("MatMul", {"t", "turned"}, "p"),
      node("Softmax", {"p"}, "q", {{"axis", std::int64_t{-1}}}),
      node("Pad", {"q", "pads"}, "padded"),
      node("Slice", {"padded", "starts", "ends"}, "y"),
  };
  const auto integers = [](std::vector<std::int64_t> values) {
    return Constant(
        ElementType::int64, {std::ssize(values)},
        {std::as_bytes(std::span(values)).begin(), std::as_bytes(std::span(values)).end()});
  };
  graph.constants = {{"w", random_constant({1, 16, 6}, 1)},
                     {"r", random_constant({1, 16, 4}, 2)},
                     {"b", random_constant({1, 32}, 3)},
                     {"w2", random_constant({1, 12, 4}, 4)},
                     {"r2", random_constant({1, 12, 4}, 5)},
                     {"m", random_constant({3, 4}, 6)},
                     {"one", integers({1})},
                     {"pads", integers({0, 0, 0, 0, 0, 2})},
                     {"starts", integers({0, 0, 0})},
                     {"ends", integers({5, 9, 3})}};
  return graph;
}

const std::vector<Bytes>& seeds() {
  static const std::vector<Bytes> all = [] {
    std::vector<Bytes> out;
    for (const Graph& graph :
         {residual_classifier(), padded_shortcut("reflect"), sequence_tagger(), gated_block(),
          transformer_block(), hard_swish_graph(0), layer_normalization_graph(true)}) {
      for (const char* spec : {"uniform:levels=15", "kmeans:levels=4", "kmeans:levels=200"}) {
        out.push_back(pack(quantized(graph, spec)));
      }
    }
    return out;
  }();
  return all;
}

/// A file in memory with a name.
class NamedBytes {
 public:
  explicit NamedBytes(const Bytes& bytes) : descriptor_(memfd_create("session_fuzz", MFD_CLOEXEC)) {
    if (write(descriptor_, bytes.data(), bytes.size()) != std::ssize(bytes)) std::abort();
  }
  ~NamedBytes() { close(descriptor_); }
  NamedBytes(const NamedBytes&) = delete;
  NamedBytes& operator=(const NamedBytes&) = delete;
  [[nodiscard]] std::string path() const { return fmt::format("/proc/self/fd/{}", descriptor_); }

 private:
  int descriptor_;
};

/// Runs a session on small numbers, twice with a batch of its own.
void run(Session& session, std::int64_t open_extent) {
  std::vector<Constant> inputs;
  for (const ValueInfo& info : session.inputs()) {
    Shape shape = info.shape;
    for (auto& extent : shape) extent = extent < 0 ? open_extent : extent;
    const std::int64_t count = element_count(shape);
    if (count > most_elements) return;
    std::vector<std::byte> bytes(static_cast<std::size_t>(count) * element_bytes(info.type));
    for (std::size_t i = 0; info.type == ElementType::float32 && i < bytes.size(); i += 4) {
      const float value = 0.25F * static_cast<float>(i % 23) - 2;
      std::memcpy(bytes.data() + i, &value, sizeof value);
    }
    inputs.emplace_back(info.type, std::move(shape), std::move(bytes));
  }
  std::vector<TensorView> views;
  for (const Constant& input : inputs) {
    views.emplace_back(input.type(), input.shape(), input.bytes());
  }
  for (int again = 0; again < 2; ++again) {
    for (const TensorView& answer : session.run(views)) {
      // Every byte of an answer is there to be read.
      volatile unsigned sum = 0;
      for (const std::byte byte : answer.bytes) sum = sum + std::to_integer<unsigned>(byte);
    }
  }
}

void open_and_run(const Bytes& file, LayerKernels kernels) {
  const NamedBytes named(file);
  try {
    Session session = Session::open(named.path(), {.kernels = kernels,
                                                   .samples_at_once = std::ssize(file) % 2,
                                                   .limits = limits,
                                                   .max_value_elements = most_elements});
    run(session, 1);
    run(session, 3);
  } catch (const Error& error) {
    if (std::string_view(error.what()).empty()) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* /*count*/, char*** /*words*/) {
  set_threads(1);
  return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t max_size, unsigned int seed) {
  const Bytes& other = seeds()[seed % seeds().size()];
  const bool is_file = size > sizeof file_magic && std::memcmp(data, file_magic, 4) == 0;
  if ((!is_file || seed % 64 == 0) && other.size() <= max_size) {
    std::memcpy(data, other.data(), other.size());
    size = other.size();
  }
  return testing::mutate_unpacked(data, size, max_size, limits);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = std::as_bytes(std::span(data, size));
  Bytes file(input.begin(), input.end());
  testing::reseal(file, limits);
  constexpr LayerKernels ways[] = {LayerKernels::int8, LayerKernels::packed, LayerKernels::dense};
  open_and_run(file, ways[size % 3]);
  return 0;
}
