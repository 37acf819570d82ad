#include "train/plan/remembered.h"

#include <fmt/ranges.h>

#include <charconv>
#include <fstream>
#include <map>
#include <memory>
#include <vector>

#include "core/atomic_file.h"
#include "laconic/error.h"

namespace laconic {
namespace {

using Picks = std::vector<std::size_t>;

/// "3,0,5 0.9125": the picks, and what they were worth.
std::pair<Picks, double> parse_line(std::string_view line, std::size_t number,
                                    const std::filesystem::path& path) {
  Picks picks;
  const char* at = line.data();
  const char* const end = at + line.size();
  const auto malformed = [&] {
    fail(ErrorCode::corrupt_data, "line {} of \"{}\" is no plan with its worth", number,
         path.string());
  };
  for (;;) {
    std::size_t pick = 0;
    const auto [next, error] = std::from_chars(at, end, pick);
    if (error != std::errc{} || next == end) malformed();
    picks.push_back(pick);
    at = next + 1;
    if (*next == ' ') break;
    if (*next != ',') malformed();
  }
  double worth = 0;
  const auto [next, error] = std::from_chars(at, end, worth);
  if (error != std::errc{} || next != end) malformed();
  return {std::move(picks), worth};
}

class Memory {
 public:
  Memory(PlanQuality quality, const std::filesystem::path& path, const std::string& what)
      : quality_(std::move(quality)), path_(path) {
    std::string kept = what + '\n';
    if (std::filesystem::exists(path)) kept = read(what);
    // Written whole, so that a line that was cut off is gone.
    write_file(path, std::as_bytes(std::span(kept)));
    file_.open(path, std::ios::app);
  }

  double operator()(std::span<const std::size_t> picks) {
    const Picks key(picks.begin(), picks.end());
    if (const auto found = worth_.find(key); found != worth_.end()) return found->second;
    const double worth = quality_(picks);
    file_ << fmt::format("{} {}\n", fmt::join(key, ","), worth) << std::flush;
    if (!file_) {
      fail(ErrorCode::cannot_write, "cannot write \"{}\": it takes no more", path_.string());
    }
    worth_.emplace(key, worth);
    return worth;
  }

 private:
  /// Takes the file's lines into memory; returns those that are whole.
  std::string read(const std::string& what) {
    const auto bytes = read_file(path_);
    std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    text.resize(text.rfind('\n') + 1);
    std::string_view rest = text;
    for (std::size_t number = 1; !rest.empty(); ++number) {
      const auto line = rest.substr(0, rest.find('\n'));
      rest.remove_prefix(line.size() + 1);
      if (number > 1) {
        worth_.insert(parse_line(line, number, path_));
      } else if (line != what) {
        fail(ErrorCode::invalid_argument, "\"{}\" is of another search: {}, not {}", path_.string(),
             line, what);
      }
    }
    return text.empty() ? what + '\n' : text;
  }

  PlanQuality quality_;
  std::filesystem::path path_;
  std::map<Picks, double> worth_;
  std::ofstream file_;
};

}  // namespace

PlanQuality remembered(PlanQuality quality, const std::filesystem::path& path,
                       const std::string& what) {
  // Functions are copied; the file and what is known of it are one.
  const auto memory = std::make_shared<Memory>(std::move(quality), path, what);
  return [memory](std::span<const std::size_t> picks) { return (*memory)(picks); };
}

}  // namespace laconic
