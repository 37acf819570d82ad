#include "train/plan/kept_table.h"

#include <charconv>
#include <cmath>
#include <span>

#include "core/atomic_file.h"
#include "laconic/error.h"

namespace laconic {
namespace {

constexpr std::string_view tensor_mark = "tensor ", end_mark = "end";

std::string print(const std::string& what, const std::vector<TensorChoices>& table) {
  std::string text = what + '\n';
  for (const auto& [tensor, choices] : table) {
    text += fmt::format("{}{}\n", tensor_mark, tensor);
    for (const auto& choice : choices) {
      text += fmt::format("{} {} {}\n", choice.bits, choice.damage, choice.what);
    }
  }
  return text + std::string(end_mark) + '\n';
}

/// "12288 0.0625 kmeans:levels=16"
TensorChoice parse_choice(std::string_view line, const std::function<void()>& malformed) {
  TensorChoice choice;
  for (double* number : {&choice.bits, &choice.damage}) {
    const auto [next, error] = std::from_chars(line.data(), line.data() + line.size(), *number);
    const auto length = static_cast<std::size_t>(next - line.data());
    if (error != std::errc{} || length == line.size() || *next != ' ' ||
        !(*number >= 0 && std::isfinite(*number))) {
      malformed();
    }
    line.remove_prefix(length + 1);
  }
  if (line.empty()) malformed();
  choice.what = line;
  return choice;
}

std::vector<TensorChoices> parse(std::string_view text, const std::string& what,
                                 const std::filesystem::path& path) {
  std::vector<TensorChoices> table;
  for (std::size_t number = 1;; ++number) {
    const auto malformed = [&] {
      fail(ErrorCode::corrupt_data, "line {} of \"{}\" does not belong to a damage table", number,
           path.string());
    };
    const auto length = text.find('\n');
    if (length == std::string_view::npos) malformed();
    const auto line = text.substr(0, length);
    text.remove_prefix(length + 1);
    if (number == 1) {
      if (line == what) continue;
      fail(ErrorCode::invalid_argument, "\"{}\" is another damage table: {}, not {}", path.string(),
           line, what);
    }
    if (line == end_mark && text.empty()) return table;
    if (line.starts_with(tensor_mark)) {
      table.push_back({std::string(line.substr(tensor_mark.size())), {}});
    } else if (table.empty()) {
      malformed();
    } else {
      table.back().choices.push_back(parse_choice(line, malformed));
    }
  }
}

}  // namespace

std::vector<TensorChoices> kept_table(const std::filesystem::path& path, const std::string& what,
                                      const std::function<std::vector<TensorChoices>()>& measure) {
  if (std::filesystem::exists(path)) {
    const auto bytes = read_file(path);
    return parse({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, what, path);
  }
  auto table = measure();
  const auto text = print(what, table);
  write_file(path, std::as_bytes(std::span(text)));
  return table;
}

}  // namespace laconic
