// What makes a training run the one it is: everything that its result depends on.

#pragma once

#include <map>
#include <string>
#include <vector>

#include "laconic/train.h"

namespace laconic {

using Identity = std::map<std::string, std::string, std::less<>>;

/// Of structure and all constants.
[[nodiscard]] std::string digest_of(const Network& network);

/// `trained` are the names of the trained parameters. The network is described as it is now.
[[nodiscard]] Identity identity_of(const Network& network, const Dataset& data,
                                   const TrainOptions& options,
                                   const std::vector<std::string>& trained);

/// Throws Error(invalid_argument) naming the first difference, if another process has another.
/// Collective.
void check_same_on_all(const Identity& mine);

/// Throws Error(invalid_argument) naming the first difference.
void check_same_run(const Identity& checkpoint, const Identity& run,
                    const std::filesystem::path& path);

}  // namespace laconic
