#include "container/codebooks.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "core/bytes.h"
#include "container/checksum.h"

namespace laconic::container {
namespace {

constexpr std::string_view part = "the table of codebooks";

/// Multiples beyond this are not worth a step: a list is no longer then.
constexpr std::int64_t largest_multiple = std::int64_t{1} << 31;

constexpr std::uint64_t most_levels = 65'536;

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
  if (!find_even_spacing(codebook, even.spacing) || even.spacing.first < -largest_multiple ||
      even.spacing.first > largest_multiple) {
    return list;
  }
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
  if (count > bytes.size())
    corrupt("{} is damaged: {} bytes cannot hold {} codebooks", part, bytes.size(), count);
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
  std::uint64_t all = 0;
  for (Stored& stored : stored_) {
    stored.levels = static_cast<std::uint32_t>(
        1 + reader.below(most_levels, "the size of a codebook less one"));
    all += stored.levels;
  }
  if (all > max_levels) {
    fail(ErrorCode::invalid_data, "codebooks have {} levels, but {} are allowed", all, max_levels);
  }
  std::array<std::uint64_t, number_formats> counts{};
  for (Stored& stored : stored_) {
    counts[static_cast<std::size_t>(stored.format)] += stored.even ? 1 : stored.levels;
    if (!stored.even) continue;
    constexpr std::uint64_t end = 4 * static_cast<std::uint64_t>(largest_multiple);
    stored.first = unzigzag(reader.below(end, "the first multiple of a codebook")) +
                   expected_first(stored.levels);
  }
  std::array<std::size_t, number_formats> next{};
  for (std::size_t f = 0; f < number_formats; ++f) {
    const auto format = static_cast<NumberFormat>(f);
    const auto planes = reader.take(width(format) * counts[f], "the numbers of codebooks");
    numbers_[f].resize(counts[f]);
    from_planes(planes, format, numbers_[f]);
  }
  reader.end();
  for (Stored& stored : stored_) {
    const auto f = static_cast<std::size_t>(stored.format);
    const std::size_t used = stored.even ? 1 : stored.levels;
    stored.numbers = std::span(numbers_[f]).subspan(next[f], used);
    next[f] += used;
  }
  built_.resize(stored_.size());
}

Codebook CodebookTable::build(std::uint64_t number) const {
  const Stored& stored = stored_[number];
  try {
    if (stored.even) {
      return Codebook::evenly_spaced(stored.numbers.front(), stored.first, stored.levels);
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
