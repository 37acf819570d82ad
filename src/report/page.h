// The whole report: one page that needs nothing beside itself.

#pragma once

#include <string>

#include "report/findings.h"

namespace laconic {

struct PageOptions {
  std::string title;    ///< What was looked at: "runs/quickstart".
  std::string command;  ///< The line that makes this page again.
  std::string version;
};

/// HTML5 that is well-formed XML, too. It holds no script and no address, and its style depends on
/// whether its reader wants light or dark. Equal findings, equal bytes.
[[nodiscard]] std::string make_page(const Findings& findings, const PageOptions& options);

}  // namespace laconic
