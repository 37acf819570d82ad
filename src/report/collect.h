// Finds what there is to report in folders.

#pragma once

#include <cstdint>
#include <filesystem>
#include <span>

#include "report/findings.h"

namespace laconic {

/// Ceilings, so that a folder that nobody expected costs neither hours nor memory.
struct CollectLimits {
  std::int64_t entries = 100'000;        ///< Files and folders looked at.
  std::int64_t files = 4'000;            ///< Files read.
  std::int64_t lines = 20'000;           ///< Of `.jsonl` files, all together.
  std::uint64_t text_bytes = 8U << 20;   ///< Of a record, or a table.
  std::uint64_t all_bytes = 256U << 20;  ///< Of all records and tables.
  int depth = 32;                        ///< Folders within folders.
  std::size_t skipped = 200;             ///< Listed; the rest is counted.
};

/// Looks at each path and, where it is a folder, at all within, in order of names: `.lac` files,
/// records in `.json` (one) and `.jsonl` (one a line), tables of results in `.csv`. Links to
/// folders are not followed. What cannot be used is listed as skipped, with the reason. Of records
/// of the same command in one file, the last counts. Throws Error(invalid_data) for a path that is
/// not there.
[[nodiscard]] Findings collect(std::span<const std::filesystem::path> paths,
                               const CollectLimits& limits = {});

}  // namespace laconic
