#include "core/family.h"

#include <utility>

#include "train/methods/members.h"

namespace laconic {
namespace {

/// Methods are made for a plan, which is not part of their spec.
struct MethodRow {
  MemberInfo info;
  std::unique_ptr<Method> (*make)(const Options&, MethodSetup);
};

constexpr std::array table = {
    MethodRow{{"post",
               "Nothing while the network trains; quantizes its weights once, at the end.",
               "Han, Mao, Dally 2016, Deep compression, section 3",
               {}},
              make_post},
};
constexpr auto rows = infos(table);

}  // namespace

std::span<const MemberInfo> methods() noexcept {
  return rows;
}

std::unique_ptr<Method> make_method(std::string_view spec, MethodSetup setup) {
  const Options options = parse_spec("method", spec, rows);
  const auto index = static_cast<std::size_t>(&options.member() - rows.data());
  return table[index].make(options, std::move(setup));
}

}  // namespace laconic
