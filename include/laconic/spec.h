// What all families share: the rows of their tables, and the specs that name their members.
//
// A spec is "name" or "name:key=value,key=value". A member whose table has an option with the empty
// key takes one value without a key, first: "cifar10:DIR,flip=true". Names, keys and words are
// lower case; numbers are as in C++, and a quotient "1/256" is a number too. Printing a member's
// spec and making a member from it are inverse to one another.

#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace laconic {

/// One option of a family member: the single source of its parsing, its check and its help text.
///
/// `range` is both for people and for the check:
///   "2..65536"   an integer in that range            "0..1 real"  a number in that range
///   ">0", ">=0"  a number, compared                  "keep|free"  one of these words
///   "true|false" a flag                              "text"       anything without a comma
///   "list"       numbers joined by "/"
struct OptionInfo {
  std::string_view key;            ///< Empty: the value that stands without a key.
  std::string_view default_value;  ///< As it would be written; "required" where there is none.
  std::string_view range;
  std::string_view summary;  ///< One sentence.
};

/// A row of a family's table.
struct MemberInfo {
  std::string_view name;       ///< First part of a spec: "kmeans".
  std::string_view summary;    ///< One sentence.
  std::string_view reference;  ///< Paper, equation or section that it implements.
  std::span<const OptionInfo> options;
};

/// The options of one spec, complete (defaults filled in) and checked against the member's table.
class Options {
 public:
  [[nodiscard]] const MemberInfo& member() const noexcept { return *member_; }
  [[nodiscard]] const std::string& text(std::string_view key) const;
  [[nodiscard]] std::int64_t integer(std::string_view key) const;
  [[nodiscard]] double number(std::string_view key) const;
  [[nodiscard]] bool flag(std::string_view key) const;
  [[nodiscard]] std::vector<double> numbers(std::string_view key) const;

  /// Canonical spec, every option written out in the order of the table.
  [[nodiscard]] std::string spec() const;

 private:
  friend Options parse_spec(std::string_view, std::string_view, std::span<const MemberInfo>);
  const MemberInfo* member_ = nullptr;
  std::map<std::string, std::string, std::less<>> values_;
};

/// The member name of a spec: what stands before the first colon.
[[nodiscard]] std::string_view spec_name(std::string_view spec) noexcept;

/// Parses and checks `spec` against a family's rows. `family` is what messages call it: "quantizer".
/// Throws Error(invalid_argument) that names the valid names, keys or range, nearest first.
[[nodiscard]] Options parse_spec(std::string_view family, std::string_view spec,
                                 std::span<const MemberInfo> members);

/// A number as specs and the command line write it: "0.5", "1e-3", "1/256". Throws
/// Error(invalid_argument) naming `what` for anything else, NaN and infinity included.
[[nodiscard]] double parse_number(std::string_view what, std::string_view text);

/// The shortest text that parses back to the same number.
[[nodiscard]] std::string print_number(double value);

}  // namespace laconic
