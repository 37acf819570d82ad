#include "train/checkpoint.h"

#include <xxhash.h>

#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

#include "core/atomic_file.h"
#include "core/bytes.h"
#include "laconic/error.h"

namespace laconic {
namespace {

constexpr std::string_view magic = "laconic checkpoint 1\n";
constexpr std::size_t digest_length = 16;

using Texts = std::map<std::string, std::string, std::less<>>;

void append(ByteWriter& writer, const Texts& texts) {
  writer.varint(texts.size());
  for (const auto& [key, value] : texts) {
    writer.text(key);
    writer.text(value);
  }
}

Texts read_texts(ByteReader& reader) {
  Texts texts;
  for (auto count = reader.count("texts"); count > 0; --count) {
    std::string key(reader.text("a key"));
    texts.emplace(std::move(key), reader.text("a text"));
  }
  return texts;
}

void append(ByteWriter& writer, const DenseTensor& tensor) {
  writer.varint(tensor.shape.size());
  for (const auto extent : tensor.shape) writer.varint(static_cast<std::uint64_t>(extent));
  writer.append(std::as_bytes(std::span(tensor.values)));
}

DenseTensor read_tensor(ByteReader& reader) {
  DenseTensor tensor;
  std::uint64_t bytes = sizeof(float);
  for (auto axes = reader.count("axes"); axes > 0; --axes) {
    const auto extent = reader.varint("an extent");
    if (__builtin_mul_overflow(bytes, extent, &bytes))
      corrupt("the checkpoint has an extent of {}", extent);
    tensor.shape.push_back(static_cast<std::int64_t>(extent));
  }
  const auto taken = reader.take(bytes, "a tensor");
  tensor.values.resize(taken.size() / sizeof(float));
  std::memcpy(tensor.values.data(), taken.data(), taken.size());
  return tensor;
}

}  // namespace

const std::string& Checkpoint::text(std::string_view key) const {
  const auto found = progress.find(key);
  if (found == progress.end()) corrupt("the checkpoint lacks \"{}\"", key);
  return found->second;
}

std::filesystem::path checkpoint_path(const std::filesystem::path& folder) {
  return folder / "checkpoint";
}

std::vector<std::byte> pack_checkpoint(const Checkpoint& checkpoint) {
  ByteWriter body;
  append(body, checkpoint.identity);
  append(body, checkpoint.progress);
  body.varint(checkpoint.tensors.size());
  for (const auto& [name, tensor] : checkpoint.tensors) {
    body.text(name);
    append(body, tensor);
  }
  return body.take();
}

Checkpoint unpack_checkpoint(std::span<const std::byte> bytes) {
  ByteReader reader(bytes, "the checkpoint");
  Checkpoint checkpoint;
  checkpoint.identity = read_texts(reader);
  checkpoint.progress = read_texts(reader);
  for (auto count = reader.count("tensors"); count > 0; --count) {
    std::string name(reader.text("a name"));
    checkpoint.tensors.emplace(std::move(name), read_tensor(reader));
  }
  reader.end();
  return checkpoint;
}

void write_checkpoint(const std::filesystem::path& path, const Checkpoint& checkpoint) {
  const auto body = pack_checkpoint(checkpoint);
  ByteWriter head;
  head.append(magic);
  head.append(digest(body));
  AtomicFile file(path);
  file.write(head.bytes());
  file.write(body);
  file.commit();
}

Checkpoint read_checkpoint(const std::filesystem::path& path) {
  const auto file = read_file(path);
  const std::span bytes(file);
  const std::string_view text(reinterpret_cast<const char*>(file.data()), file.size());
  if (!text.starts_with(magic))
    corrupt("\"{}\" is not a checkpoint of this version", path.string());
  const auto start = magic.size() + digest_length;
  if (bytes.size() < start ||
      text.substr(magic.size(), digest_length) != digest(bytes.subspan(start))) {
    corrupt("the checkpoint \"{}\" is damaged or cut short", path.string());
  }
  return unpack_checkpoint(bytes.subspan(start));
}

std::string digest(std::span<const std::byte> bytes) {
  return fmt::format("{:016x}", XXH3_64bits(bytes.data(), bytes.size()));
}

}  // namespace laconic
