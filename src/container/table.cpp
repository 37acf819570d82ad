#include "container/table.h"

#include <algorithm>
#include <unordered_set>

#include "core/bytes.h"

namespace laconic::container {
namespace {

constexpr std::string_view part = "the table of contents";

/// Whatever the limits, sizes in bytes must fit 64 bits.
constexpr std::uint64_t most_elements = std::uint64_t{1} << 60;

/// The distinct values of a column, in order of first use, and which of them each row has.
template <typename Value>
struct Distinct {
  std::vector<Value> values;
  std::vector<std::uint64_t> rows;
};

template <typename Value, typename Get>
Distinct<Value> distinct(const std::vector<TensorRecord>& tensors, Get get) {
  Distinct<Value> column;
  std::map<Value, std::uint64_t> numbers;
  for (const TensorRecord& tensor : tensors) {
    const auto [place, is_new] = numbers.emplace(get(tensor), column.values.size());
    if (is_new) column.values.push_back(place->first);
    column.rows.push_back(place->second);
  }
  return column;
}

void write(ByteWriter& writer, const Recipe& recipe) {
  writer.varint(recipe.quantized ? 1 : 0);
  if (!recipe.quantized) {
    writer.varint(static_cast<std::uint64_t>(recipe.storage));
    writer.varint(static_cast<std::uint64_t>(recipe.format));
    return;
  }
  writer.varint(recipe.quantizer);
  writer.varint(recipe.coder);
  writer.varint(recipe.blocks);
  writer.varint(static_cast<std::uint64_t>(recipe.references));
}

Recipe read_recipe(ByteReader& reader, const Table& table) {
  Recipe recipe;
  recipe.quantized = reader.below(2, "the kind of a recipe") == 1;
  if (!recipe.quantized) {
    recipe.storage =
        static_cast<DenseStorage>(reader.below(dense_storages, "the storage of a recipe"));
    recipe.format =
        static_cast<NumberFormat>(reader.below(number_formats, "the format of a recipe"));
    return recipe;
  }
  recipe.quantizer = reader.below(table.quantizers.size(), "the quantizer of a recipe");
  recipe.coder = reader.below(table.coders.size() + 1, "the coder of a recipe");
  recipe.blocks = reader.below((std::uint64_t{1} << 63) + 2, "the blocks of a recipe");
  recipe.references = static_cast<References>(reader.below(3, "the references of a recipe"));
  return recipe;
}

/// Throws unless the product of all extents that are not zero is at most `limit`.
void check_product(const Shape& shape, std::uint64_t limit) {
  std::uint64_t product = 1;
  for (const std::int64_t extent : shape) {
    if (extent == 0) continue;
    if (static_cast<std::uint64_t>(extent) > limit / product) {
      fail(ErrorCode::invalid_data, "a tensor has more elements than the {} that are allowed",
           limit);
    }
    product *= static_cast<std::uint64_t>(extent);
  }
}

Shape read_shape(ByteReader& reader, std::uint64_t limit) {
  Shape shape(reader.count("the rank of a shape"));
  for (std::int64_t& extent : shape) {
    extent =
        static_cast<std::int64_t>(reader.below(std::uint64_t{1} << 63, "an extent of a shape"));
  }
  check_product(shape, limit);
  return shape;
}

void read_metadata(ByteReader& reader, Table& table) {
  for (std::uint64_t n = reader.count("the number of metadata"); n > 0; --n) {
    const std::string_view key = reader.text("a metadata key");
    const std::string_view value = reader.text("a metadata value");
    if (!table.metadata.empty() && key <= table.metadata.rbegin()->first) {
      corrupt("{} is damaged: metadata key \"{}\" is out of order", part, key);
    }
    table.metadata.emplace_hint(table.metadata.end(), key, value);
  }
}

void check_elements(const std::vector<TensorRecord>& tensors, std::uint64_t limit) {
  std::uint64_t elements = 0;
  for (const TensorRecord& tensor : tensors) {
    const auto count = static_cast<std::uint64_t>(element_count(tensor.shape));
    if (count > limit - elements) {
      fail(ErrorCode::invalid_data, "the tensors have more elements than the {} that are allowed",
           limit);
    }
    elements += count;
    if (tensor.recipe.quantized && block_size(tensor) == 0) {
      corrupt("{} is damaged: the blocks of a tensor have no weights", part);
    }
  }
}

/// Names share their beginnings with those before them: how much, then what follows.
void write_names(ByteWriter& writer, const std::vector<TensorRecord>& tensors) {
  ByteWriter endings;
  std::string_view previous;
  for (const TensorRecord& tensor : tensors) {
    const std::string_view name = tensor.name;
    const auto shared = static_cast<std::size_t>(
        std::mismatch(name.begin(), name.end(), previous.begin(), previous.end()).first -
        name.begin());
    writer.varint(shared);
    endings.text(name.substr(shared));
    previous = name;
  }
  writer.append(endings.take());
}

void read_names(ByteReader& reader, std::vector<TensorRecord>& tensors, std::uint64_t limit) {
  std::vector<std::uint64_t> shared(tensors.size());
  for (auto& length : shared) length = reader.varint("the shared beginning of a name");
  std::unordered_set<std::string_view> names;
  std::uint64_t characters = 0;  // Of all names: a few bytes can repeat a long one.
  std::string_view previous;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    if (shared[i] > previous.size()) {
      corrupt("{} is damaged: name {} shares {} characters with one of {}", part, i, shared[i],
              previous.size());
    }
    tensors[i].name = previous.substr(0, shared[i]);
    tensors[i].name += reader.text("the ending of a name");
    characters += tensors[i].name.size();
    if (characters > limit) {
      fail(ErrorCode::invalid_data, "the names have more than the {} characters that are allowed",
           limit);
    }
    previous = tensors[i].name;
    if (!names.insert(previous).second)
      corrupt("{} is damaged: two tensors are named \"{}\"", part, previous);
  }
}

/// The codebook references of one tensor; `next` is the first codebook not used before.
void read_references(ByteReader& reader, TensorRecord& tensor, std::uint64_t& next,
                     std::uint64_t codebooks) {
  constexpr std::string_view what = "the codebook of a block";
  const auto read_one = [&] {
    const std::uint64_t number = reader.below(std::min(next + 1, codebooks), what);
    tensor.codebooks.push_back(number);
    next = std::max(next, number + 1);
  };
  const std::uint64_t blocks = block_count(tensor);
  tensor.first_codebook = next;
  switch (tensor.recipe.references) {
    case References::next:
      if (blocks > codebooks - next) {
        corrupt("tensor \"{}\" has {} blocks, but only {} codebooks are left", tensor.name, blocks,
                codebooks - next);
      }
      next += blocks;
      break;
    case References::same:
      read_one();
      break;
    case References::list:
      if (blocks > reader.remaining()) {
        corrupt("tensor \"{}\" has {} blocks, but only {} bytes are left to name their codebooks",
                tensor.name, blocks, reader.remaining());
      }
      for (std::uint64_t b = 0; b < blocks; ++b) read_one();
      break;
  }
}

}  // namespace

std::int64_t block_size(const TensorRecord& tensor) noexcept {
  if (tensor.recipe.blocks >= 2) return static_cast<std::int64_t>(tensor.recipe.blocks - 2);
  const std::int64_t count = element_count(tensor.shape);
  if (tensor.recipe.blocks == 0) return count;
  return tensor.shape.empty() || tensor.shape[0] == 0 ? 0 : count / tensor.shape[0];
}

std::uint64_t block_count(const TensorRecord& tensor) noexcept {
  const auto count = static_cast<std::uint64_t>(element_count(tensor.shape));
  const auto size = static_cast<std::uint64_t>(block_size(tensor));
  return size == 0 ? 0 : count / size + (count % size != 0 ? 1 : 0);
}

std::uint64_t block_rule(const Shape& shape, std::int64_t block_size) noexcept {
  const std::int64_t count = element_count(shape);
  if (block_size == count) return 0;
  if (!shape.empty() && shape[0] > 0 && block_size == count / shape[0]) return 1;
  return static_cast<std::uint64_t>(block_size) + 2;
}

std::vector<std::byte> encode_table(const Table& table) {
  const auto& tensors = table.tensors;
  const auto recipes = distinct<Recipe>(tensors, [](const auto& t) { return t.recipe; });
  const auto shapes = distinct<Shape>(tensors, [](const auto& t) { return t.shape; });
  ByteWriter writer;
  writer.varint(table.metadata.size());
  for (const auto& [key, value] : table.metadata) {
    writer.text(key);
    writer.text(value);
  }
  writer.varint(tensors.size());
  writer.varint(table.quantizers.size());
  for (const std::string& spec : table.quantizers) writer.text(spec);
  writer.varint(table.coders.size());
  for (const CoderRecord& coder : table.coders) {
    writer.byte(coder.id);
    writer.text(coder.spec);
  }
  writer.varint(recipes.values.size());
  for (const Recipe& recipe : recipes.values) write(writer, recipe);
  writer.varint(shapes.values.size());
  for (const Shape& shape : shapes.values) {
    writer.varint(shape.size());
    for (const std::int64_t extent : shape) writer.varint(static_cast<std::uint64_t>(extent));
  }
  for (const std::uint64_t row : recipes.rows) writer.varint(row);
  for (const std::uint64_t row : shapes.rows) writer.varint(row);
  write_names(writer, tensors);
  for (const TensorRecord& tensor : tensors) {
    for (const std::uint64_t codebook : tensor.codebooks) writer.varint(codebook);
  }
  for (const TensorRecord& tensor : tensors) writer.varint(tensor.bytes);
  return writer.take();
}

Table decode_table(std::span<const std::byte> bytes, std::uint64_t codebooks,
                   const ReadLimits& limits) {
  ByteReader reader(bytes, part);
  Table table;
  read_metadata(reader, table);
  const std::uint64_t count = reader.count("the number of tensors");
  if (count > limits.max_tensors) {
    fail(ErrorCode::invalid_data, "the file has {} tensors, but {} are allowed", count,
         limits.max_tensors);
  }
  const std::uint64_t end = count + 1;  // No more of anything shared than there are tensors.
  table.quantizers.resize(reader.below(end, "the number of quantizers"));
  for (std::string& spec : table.quantizers) spec = reader.text("the spec of a quantizer");
  table.coders.resize(reader.below(end, "the number of coders"));
  for (CoderRecord& coder : table.coders) {
    coder.id = reader.byte("the identifier of a coder");
    coder.spec = reader.text("the spec of a coder");
  }
  std::vector<Recipe> recipes(reader.below(end, "the number of recipes"));
  for (Recipe& recipe : recipes) recipe = read_recipe(reader, table);
  const std::uint64_t max_elements = std::min(limits.max_elements, most_elements);
  std::vector<Shape> shapes(reader.below(end, "the number of shapes"));
  for (Shape& shape : shapes) shape = read_shape(reader, max_elements);

  table.tensors.resize(count);
  for (TensorRecord& tensor : table.tensors) {
    tensor.recipe = recipes[reader.below(recipes.size(), "the recipe of a tensor")];
  }
  for (TensorRecord& tensor : table.tensors) {
    tensor.shape = shapes[reader.below(shapes.size(), "the shape of a tensor")];
  }
  check_elements(table.tensors, max_elements);
  read_names(reader, table.tensors, limits.max_header_bytes);
  std::uint64_t next = 0;
  for (TensorRecord& tensor : table.tensors) {
    if (tensor.recipe.quantized) read_references(reader, tensor, next, codebooks);
  }
  if (next != codebooks) {
    corrupt("{} is damaged: {} of {} codebooks are used", part, next, codebooks);
  }
  for (TensorRecord& tensor : table.tensors) tensor.bytes = reader.varint("the size of a tensor");
  reader.end();
  return table;
}

}  // namespace laconic::container
