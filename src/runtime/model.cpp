#include "laconic/model.h"

#include <array>
#include <cstring>
#include <fstream>

#include "laconic/detection.h"
#include "laconic/error.h"
#include "laconic/threads.h"

namespace laconic {
namespace {

constexpr std::string_view detector_key = "detector";

void fill(ModelWriter& writer, const CompressedNetwork& network) {
  writer.set_graph(pack_graph(network.graph));
  for (const auto& [key, value] : network.metadata) writer.set_metadata(key, value);
  // What a detector's graph does not say by itself is in its name.
  if (is_detector(network.graph)) writer.set_metadata(detector_key, network.graph.name);
  for (const auto& [name, parameter] : network.tensors) {
    writer.add(name, parameter.tensor, parameter.quantizer, parameter.coder);
  }
}

CompressedNetwork read_all(const ModelReader& reader) {
  CompressedNetwork network;
  network.graph = unpack_graph(reader.graph());
  const auto entries = reader.entries();
  std::vector<Tensor> tensors(entries.size());
  parallel_for(static_cast<std::int64_t>(entries.size()), [&](std::int64_t i) {
    const auto at = static_cast<std::size_t>(i);
    tensors[at] = reader.read(entries[at]);
  });
  for (std::size_t i = 0; i < entries.size(); ++i) {
    QuantizedParameter parameter{std::move(tensors[i]), entries[i].quantizer};
    if (!entries[i].coder.empty()) parameter.coder = entries[i].coder;
    network.tensors.emplace(entries[i].name, std::move(parameter));
  }
  for (const auto key : reader.metadata_keys()) network.metadata.emplace(key, reader.metadata(key));
  if (const auto name = network.metadata.find(detector_key); name != network.metadata.end())
    network.graph.name = name->second;
  validate(to_graph(network));
  return network;
}

}  // namespace

std::vector<std::byte> pack(const CompressedNetwork& network) {
  ModelWriter writer("");
  fill(writer, network);
  return writer.bytes();
}

SizeReport save(const CompressedNetwork& network, const std::filesystem::path& path) {
  ModelWriter writer(path);
  fill(writer, network);
  return writer.finish();
}

CompressedNetwork unpack(std::span<const std::byte> bytes, const ReadLimits& limits) {
  return read_all(ModelReader::from_bytes(bytes, limits));
}

CompressedNetwork load(const std::filesystem::path& path, const ReadLimits& limits) {
  return read_all(ModelReader::open(path, limits));
}

Graph to_graph(const CompressedNetwork& network) {
  Graph graph = network.graph;
  for (const auto& [name, parameter] : network.tensors) {
    graph.constants.insert_or_assign(
        name, Constant::of(shape_of(parameter.tensor), dequantize(parameter.tensor)));
  }
  return graph;
}

bool is_compressed_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file)
    fail(ErrorCode::invalid_data, "cannot read \"{}\": {}", path.string(), std::strerror(errno));
  std::array<char, sizeof file_magic> start{};
  file.read(start.data(), start.size());
  return file && std::memcmp(start.data(), file_magic, sizeof file_magic) == 0;
}

}  // namespace laconic
