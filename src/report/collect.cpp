#include "report/collect.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string_view>

#include "core/atomic_file.h"
#include "core/human.h"
#include "laconic/error.h"
#include "laconic/threads.h"
#include "report/record.h"
#include "report/results.h"

namespace laconic {
namespace {

namespace fs = std::filesystem;

class Collector {
 public:
  explicit Collector(const CollectLimits& limits) : limits_(limits) {}

  void look_at(const fs::path& path, int depth) {
    throw_if_interrupted();
    if (++entries_ > limits_.entries) return;
    std::error_code error;
    const auto kind = fs::symlink_status(path, error).type();
    if (kind == fs::file_type::directory || (depth == 0 && fs::is_directory(path, error))) {
      look_into(path, depth);
    } else if (kind == fs::file_type::symlink && fs::is_directory(path, error)) {
      skip(path.string(), "it is a link to a folder");
    } else {
      take(path);
    }
  }

  Findings finish() {
    if (entries_ > limits_.entries) {
      skip("the rest", fmt::format("more than {} files and folders", grouped(limits_.entries)));
    }
    if (files_ > limits_.files) {
      skip("the rest", fmt::format("{} more files than the {} that a report reads",
                                   grouped(files_ - limits_.files), grouped(limits_.files)));
    }
    return std::move(findings_);
  }

 private:
  void look_into(const fs::path& folder, int depth) {
    if (depth > limits_.depth)
      return skip(folder.string(), fmt::format("it lies deeper than {} folders", limits_.depth));
    std::error_code error;
    std::vector<fs::path> paths;
    for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
      paths.push_back(at->path());
      if (entries_ + static_cast<std::int64_t>(paths.size()) > limits_.entries) break;
    }
    if (error) skip(folder.string(), error.message());
    std::ranges::sort(paths);
    for (const auto& path : paths) look_at(path, depth + 1);
  }

  void take(const fs::path& path) {
    const auto extension = path.extension();
    const bool compressed = extension == ".lac";
    if (!compressed && extension != ".json" && extension != ".jsonl" && extension != ".csv") return;
    if (++files_ > limits_.files) return;
    try {
      std::error_code error;
      if (!fs::is_regular_file(path, error))
        fail(ErrorCode::invalid_data, "{}", error ? error.message() : "it is not a file");
      if (compressed) {
        findings_.files.push_back(
            {file_bytes(ModelReader::open(path), path.string()), {.source = path.string()}});
      } else {
        take_text(path, extension);
      }
    } catch (const Error& error) {
      if (error.code() == ErrorCode::interrupted) throw;
      skip(path.string(), error.what());
    } catch (const fs::filesystem_error& error) {
      skip(path.string(), error.code().message());
    }
  }

  void take_text(const fs::path& path, const fs::path& extension) {
    const auto size = fs::file_size(path);
    if (size > limits_.text_bytes) {
      fail(ErrorCode::invalid_data, "it has {}, more than {}",
           human_bytes(static_cast<double>(size)),
           human_bytes(static_cast<double>(limits_.text_bytes)));
    }
    if (bytes_ + size > limits_.all_bytes) {
      fail(ErrorCode::invalid_data, "records and tables before it have {} already",
           human_bytes(static_cast<double>(bytes_)));
    }
    bytes_ += size;
    const auto bytes = read_file(path);
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (extension == ".csv") {
      findings_.tables.push_back(result_table(text, path.string()));
    } else if (extension == ".json") {
      add_record(text, path.string(), 0, findings_);
    } else {
      take_lines(path, text);
    }
  }

  /// A line that is broken, by a process that was killed while it wrote, ends nothing.
  void take_lines(const fs::path& path, std::string_view text) {
    for (std::size_t line = 1; !text.empty(); ++line) {
      throw_if_interrupted();
      if (++lines_ > limits_.lines) {
        fail(ErrorCode::invalid_data,
             "from line {} on it was not read: records have {} lines already", line,
             grouped(limits_.lines));
      }
      const auto end = std::min(text.find('\n'), text.size());
      try {
        if (end > 0) add_record(text.substr(0, end), path.string(), line, findings_);
      } catch (const Error& error) {
        skip(fmt::format("{}, line {}", path.string(), line), error.what());
      }
      text.remove_prefix(std::min(end + 1, text.size()));
    }
  }

  void skip(std::string path, std::string reason) {
    if (findings_.skipped.size() < limits_.skipped) {
      findings_.skipped.push_back({std::move(path), std::move(reason)});
    } else {
      ++findings_.not_listed;
    }
  }

  CollectLimits limits_;
  Findings findings_;
  std::int64_t entries_ = 0, files_ = 0, lines_ = 0;
  std::uint64_t bytes_ = 0;
};

/// Of those that the same command left in the same file, the last.
template <typename T>
void keep_latest(std::vector<T>& found) {
  std::set<std::pair<std::string, std::string>> seen;
  std::vector<T> kept;
  for (auto at = found.rbegin(); at != found.rend(); ++at) {
    if (at->from.command.empty() || seen.emplace(at->from.source, at->from.command).second)
      kept.push_back(std::move(*at));
  }
  std::ranges::reverse(kept);
  found = std::move(kept);
}

/// A file that is there tells more than a record of it.
void drop_records_of_files(std::vector<FileFound>& files) {
  std::set<std::pair<std::string, std::uint64_t>> there;
  const auto key = [](const FileFound& file) {
    return std::pair(fs::path(file.bytes.file).filename().string(), file.bytes.sizes.total);
  };
  const auto is_record = [](const FileFound& file) { return file.from.source != file.bytes.file; };
  for (const auto& file : files) {
    if (!is_record(file)) there.insert(key(file));
  }
  std::erase_if(files,
                [&](const auto& file) { return is_record(file) && there.contains(key(file)); });
}

}  // namespace

Findings collect(std::span<const fs::path> paths, const CollectLimits& limits) {
  Collector collector(limits);
  for (const auto& path : paths) {
    std::error_code error;
    if (!fs::exists(path, error)) {
      fail(ErrorCode::invalid_data, "cannot read \"{}\": {}", path.string(),
           error ? error.message() : "No such file or directory");
    }
    collector.look_at(path, 0);
  }
  auto findings = collector.finish();
  keep_latest(findings.outcomes);
  keep_latest(findings.training);
  keep_latest(findings.searches);
  keep_latest(findings.files);
  keep_latest(findings.sensitivities);
  keep_latest(findings.plans);
  keep_latest(findings.speeds);
  drop_records_of_files(findings.files);
  return findings;
}

}  // namespace laconic
