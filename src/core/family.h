// How every family keeps its table: one written-out array of rows, looked up by name.

#pragma once

#include <array>
#include <memory>
#include <span>
#include <string_view>

#include "laconic/spec.h"

namespace laconic {

/// A row of a family's table: what people are told of a member, and how to make it. A family that
/// must say more of its members derives its own row.
template <typename Member>
struct FamilyRow {
  MemberInfo info;
  std::unique_ptr<Member> (*make)(const Options&);
};

/// The rows as people are told of them, in the table's order.
template <typename Row, std::size_t n>
constexpr std::array<MemberInfo, n> infos(const std::array<Row, n>& table) {
  std::array<MemberInfo, n> out{};
  for (std::size_t i = 0; i < n; ++i) out[i] = table[i].info;
  return out;
}

/// Makes the member that `spec` names. `family` is what messages call it.
template <typename Row, std::size_t n>
auto make_member(std::string_view family, std::string_view spec, const std::array<Row, n>& table,
                 std::span<const MemberInfo> rows) {
  const Options options = parse_spec(family, spec, rows);
  const auto index = static_cast<std::size_t>(&options.member() - rows.data());
  return table[index].make(options);
}

}  // namespace laconic
