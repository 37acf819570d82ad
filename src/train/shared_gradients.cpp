#include "train/shared_gradients.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <utility>

#include "core/bytes.h"

namespace laconic {
namespace {

void append(ByteWriter& writer, const at::Tensor& tensor) {
  const auto values = tensor.to(at::kCPU, at::kFloat).contiguous();
  writer.append(
      std::as_bytes(std::span(values.data_ptr<float>(), static_cast<std::size_t>(values.numel()))));
}

at::Tensor read_floats(ByteReader& reader, std::int64_t count, const at::Device& device) {
  const auto tensor = at::empty({count}, at::kFloat);
  const auto bytes = reader.take(static_cast<std::uint64_t>(count) * sizeof(float), "statistics");
  std::memcpy(tensor.data_ptr<float>(), bytes.data(), bytes.size());
  return tensor.to(device);
}

/// All of shards but their gradients.
Bytes pack(std::span<const Shard> shards, const Graph& graph) {
  ByteWriter writer;
  for (const auto& shard : shards) {
    const auto loss = std::bit_cast<std::array<std::byte, sizeof(double)>>(shard.loss);
    writer.append(loss);
    writer.varint(static_cast<std::uint64_t>(shard.right));
    writer.varint(shard.statistics.size());
    for (const auto& [node, mean, variance, count] : shard.statistics) {
      writer.varint(static_cast<std::uint64_t>(node - graph.nodes.data()));
      writer.varint(static_cast<std::uint64_t>(count));
      writer.varint(static_cast<std::uint64_t>(mean.numel()));
      append(writer, mean);
      append(writer, variance);
    }
  }
  return writer.take();
}

void unpack(std::span<const std::byte> bytes, const Graph& graph, const at::Device& device,
            std::vector<Shard>& shards) {
  ByteReader reader(bytes, "what another process says of its shards");
  while (reader.remaining() > 0) {
    Shard shard;
    std::memcpy(&shard.loss, reader.take(sizeof(double), "a loss").data(), sizeof(double));
    shard.right = static_cast<std::int64_t>(reader.varint("right answers"));
    for (auto nodes = reader.count("nodes"); nodes > 0; --nodes) {
      ShardStatistics statistics;
      statistics.node = &graph.nodes[reader.below(graph.nodes.size(), "a node")];
      statistics.count = static_cast<std::int64_t>(reader.varint("elements"));
      const auto channels = static_cast<std::int64_t>(reader.count("channels"));
      statistics.mean = read_floats(reader, channels, device);
      statistics.variance = read_floats(reader, channels, device);
      shard.statistics.push_back(std::move(statistics));
    }
    shards.push_back(std::move(shard));
  }
}

}  // namespace

ProcessShare Round::of(int rank) const noexcept {
  return {first + std::min(count, rank * per_process),
          first + std::min(count, (rank + 1) * per_process)};
}

SharedGradients::SharedGradients(Processes& group, std::span<const at::Tensor> parameters)
    : group_(group) {
  std::int64_t all = 0;
  for (const auto& parameter : parameters) {
    sizes_.push_back(parameter.numel());
    all += parameter.numel();
  }
  stretch_ = (all + group.size() - 1) / group.size();
  flat_ = at::zeros({stretch_ * group.size()}, parameters[0].detach().options());
  sum_ = at::zeros({stretch_}, flat_.options());
}

void SharedGradients::reset() {
  sum_.zero_();
}

void SharedGradients::lay_out(const std::vector<at::Tensor>& gradients, at::Tensor rows) const {
  std::int64_t at = 0;
  for (std::size_t i = 0; i < sizes_.size(); ++i) {
    auto part = flat_.narrow(0, at, sizes_[i]);
    // Adding zeros is adding nothing: a sum that begins with zero never is a negative one.
    gradients[i].defined() ? part.copy_(gradients[i].reshape(-1)) : part.zero_();
    at += sizes_[i];
  }
  rows.copy_(flat_.view({group_.size(), stretch_}));
}

std::vector<Shard> SharedGradients::add(const Round& round, std::vector<Shard> mine,
                                        const Graph& graph) {
  const at::NoGradGuard no_gradients;
  const auto ran = std::ssize(mine);
  const auto sent = at::empty({group_.size(), ran, stretch_}, flat_.options());
  for (std::int64_t i = 0; i < ran; ++i) {
    auto& gradients = mine[static_cast<std::size_t>(i)].gradients;
    lay_out(gradients, sent.select(1, i));
    gradients.clear();
  }
  const auto received = at::empty({round.count, stretch_}, flat_.options());
  std::vector<std::int64_t> to, from;
  for (int rank = 0; rank < group_.size(); ++rank) {
    to.push_back(ran * stretch_);
    from.push_back(round.of(rank).count() * stretch_);
  }

  std::vector<Shard> shards;
  const auto told = group_.gather_within_step(
      fmt::format("shards from {} of a minibatch", round.first), pack(mine, graph));
  group_.exchange(sent.view(-1), std::move(to), received.view(-1), std::move(from));
  for (std::int64_t i = 0; i < round.count; ++i) sum_.add_(received.select(0, i));
  for (const auto& bytes : told) unpack(bytes, graph, flat_.device(), shards);
  return shards;
}

void SharedGradients::put_into(std::span<at::Tensor> gradients) {
  const at::NoGradGuard no_gradients;
  group_.gather(sum_, flat_.view({group_.size(), stretch_}));
  std::int64_t at = 0;
  for (std::size_t i = 0; i < sizes_.size(); ++i) {
    gradients[i].copy_(flat_.narrow(0, at, sizes_[i]).view(gradients[i].sizes()));
    at += sizes_[i];
  }
}

}  // namespace laconic
