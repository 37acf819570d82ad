// Text in pages and pictures. What is shown comes from files that anybody may have written: all of
// it passes through escape().

#pragma once

#include <span>
#include <string>
#include <string_view>

namespace laconic {

/// `text` as XML content or in a quoted attribute: well-formed whatever the bytes. Ill-formed UTF-8
/// becomes U+FFFD, control characters become spaces; of long text, the first `most` bytes and an
/// ellipsis are left.
[[nodiscard]] std::string escape(std::string_view text, std::size_t most = 400);

/// The arguments as one line for a shell.
[[nodiscard]] std::string shell_line(std::span<const std::string> arguments);

}  // namespace laconic
