#include "container/codebooks.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "container/checksum.h"
#include "core/bytes.h"

namespace laconic::container {
namespace {

constexpr std::string_view part = "the table of codebooks";

constexpr std::uint64_t most_levels = 65'536;

/// Multiples of a step lie within -65,535 to 65,535; so far from what is expected, none does.
constexpr std::uint64_t first_end = std::uint64_t{1} << 18;

bool same_bits(std::span<const float> a, std::span<const float> b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}

/// Levels around zero, as most are, have their first multiple near this.
std::int64_t expected_first(std::uint64_t levels) {
  return -static_cast<std::int64_t>(levels / 2);
}

/// A codebook as it is stored.
struct Form {
  bool even = false;
  NumberFormat format = NumberFormat::float32;
  EvenSpacing spacing = {};

  [[nodiscard]] std::uint8_t code() const {
    return static_cast<std::uint8_t>(static_cast<std::size_t>(format) +
                                     (even ? number_formats : 0));
  }
};

std::size_t varint_size(std::uint64_t value) {
  ByteWriter writer;
  writer.varint(value);
  return writer.size();
}

/// The shorter of both forms.
Form form_of(const Codebook& codebook) {
  const auto levels = codebook.levels();
  const Form list{false, narrowest(levels), {}};
  Form even{true, {}, {}};
  if (!find_even_spacing(codebook, even.spacing)) return list;
  const auto count = static_cast<std::int64_t>(levels.size());
  const auto again = Codebook::evenly_spaced(even.spacing.step, even.spacing.first, count);
  if (!same_bits(again.levels(), levels)) return list;
  even.format = narrowest(std::span(&even.spacing.step, 1));
  const std::size_t even_size =
      width(even.format) + varint_size(zigzag(even.spacing.first - expected_first(levels.size())));
  return even_size < levels.size() * width(list.format) ? even : list;
}

}  // namespace

std::uint64_t CodebookCollector::add(const Codebook& codebook) {
  const std::uint64_t hash = checksum(std::as_bytes(codebook.levels()));
  const auto [first, last] = numbers_.equal_range(hash);
  for (auto i = first; i != last; ++i) {
    if (same_bits(codebooks_[i->second].levels(), codebook.levels())) return i->second;
  }
  const std::uint64_t number = codebooks_.size();
  codebooks_.push_back(codebook);
  numbers_.emplace(hash, number);
  return number;
}

std::vector<std::byte> CodebookCollector::encode() const {
  std::vector<Form> forms;
  forms.reserve(codebooks_.size());
  for (const Codebook& codebook : codebooks_) forms.push_back(form_of(codebook));

  ByteWriter writer;
  writer.varint(forms.size());
  for (std::size_t i = 0; i < forms.size();) {
    std::size_t end = i;
    while (end < forms.size() && forms[end].code() == forms[i].code()) ++end;
    writer.byte(forms[i].code());
    writer.varint(end - i);
    i = end;
  }
  for (const Codebook& codebook : codebooks_) writer.varint(codebook.size() - 1);
  std::array<std::vector<float>, number_formats> numbers;
  for (std::size_t i = 0; i < forms.size(); ++i) {
    auto& list = numbers[static_cast<std::size_t>(forms[i].format)];
    const auto levels = codebooks_[i].levels();
    if (forms[i].even) {
      writer.varint(zigzag(forms[i].spacing.first - expected_first(levels.size())));
      list.push_back(forms[i].spacing.step);
    } else {
      list.insert(list.end(), levels.begin(), levels.end());
    }
  }
  for (std::size_t f = 0; f < number_formats; ++f) {
    writer.append(to_planes(numbers[f], static_cast<NumberFormat>(f)));
  }
  return writer.take();
}

CodebookTable::CodebookTable(std::span<const std::byte> bytes, std::uint64_t max_levels) {
  ByteReader reader(bytes, part);
  const std::uint64_t count = reader.varint("the number of codebooks");
  if (count > bytes.size()) {
    corrupt("{} is damaged: {} bytes cannot hold {} codebooks", part, bytes.size(), count);
  }
  read_forms(reader, count);
  std::uint64_t all = 0;
  for (Stored& stored : stored_) {
    stored.levels = 1 + reader.below(most_levels, "the size of a codebook less one");
    all += stored.levels;
  }
  if (all > max_levels) {
    fail(ErrorCode::invalid_data, "codebooks have {} levels, but {} are allowed", all, max_levels);
  }
  for (Stored& stored : stored_) {
    if (!stored.even) continue;
    stored.first = unzigzag(reader.below(first_end, "the first multiple of a codebook")) +
                   expected_first(stored.levels);
  }
  read_numbers(reader);
  reader.end();
  built_.resize(stored_.size());
}

void CodebookTable::read_forms(ByteReader& reader, std::uint64_t count) {
  stored_.reserve(count);
  while (stored_.size() < count) {
    const std::uint64_t code = reader.below(2 * number_formats, "the form of a codebook");
    const std::uint64_t run = reader.below(count - stored_.size() + 1, "a run of codebooks");
    if (run == 0) corrupt("{} is damaged: a run of codebooks is empty", part);
    Stored stored;
    stored.even = code >= number_formats;
    stored.format = static_cast<NumberFormat>(code % number_formats);
    stored_.insert(stored_.end(), run, stored);
  }
}

void CodebookTable::read_numbers(ByteReader& reader) {
  for (std::size_t f = 0; f < number_formats; ++f) {
    const auto format = static_cast<NumberFormat>(f);
    const auto numbers_in = [&](const Stored& stored) {
      if (stored.format != format) return std::uint64_t{0};
      return stored.even ? 1 : stored.levels;
    };
    std::uint64_t count = 0;
    for (const Stored& stored : stored_) count += numbers_in(stored);
    const auto planes = reader.take(width(format) * count, "the numbers of codebooks");
    numbers_[f].resize(count);
    from_planes(planes, format, numbers_[f]);
    std::span<const float> rest = numbers_[f];
    for (Stored& stored : stored_) {
      if (stored.format != format) continue;
      stored.numbers = rest.first(numbers_in(stored));
      rest = rest.subspan(stored.numbers.size());
    }
  }
}

Codebook CodebookTable::build(std::uint64_t number) const {
  const Stored& stored = stored_[number];
  try {
    if (stored.even) {
      return Codebook::evenly_spaced(stored.numbers.front(), stored.first,
                                     static_cast<std::int64_t>(stored.levels));
    }
    return Codebook(std::vector<float>(stored.numbers.begin(), stored.numbers.end()));
  } catch (const Error& error) {
    corrupt("codebook {} is damaged: {}", number, error.what());
  }
}

Codebook CodebookTable::get(std::uint64_t number) const {
  const std::lock_guard lock(mutex_);
  if (!built_[number]) built_[number] = build(number);
  return *built_[number];
}

}  // namespace laconic::container
