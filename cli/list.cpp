#include <fmt/format.h>

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "context.h"
#include "families.h"
#include "laconic/error.h"

namespace laconic::cli {
namespace {

std::string describe(const MemberInfo& member, int verbose) {
  std::string text = fmt::format("  {:<20} {}\n", member.name, member.summary);
  if (!member.reference.empty()) text += fmt::format("  {:<20} [{}]\n", "", member.reference);
  if (verbose == 0) return text;
  for (const auto& option : member.options) {
    text += fmt::format("    {:<18} {} ({}; default {})\n",
                        option.key.empty() ? "(value)" : option.key, option.summary, option.range,
                        option.default_value.empty() ? "none" : option.default_value);
  }
  return text;
}

Json to_json(const MemberInfo& member) {
  Json options = Json::array();
  for (const auto& option : member.options) {
    options.push_back({{"key", option.key},
                       {"default", option.default_value},
                       {"range", option.range},
                       {"summary", option.summary}});
  }
  return {{"name", member.name},
          {"summary", member.summary},
          {"reference", member.reference},
          {"options", options}};
}

void list(const Context& context, const std::string& wanted) {
  std::string text, names;
  Json json = Json::object();
  for (const auto& [name, summary, members] : families()) {
    names += fmt::format("{}{}", names.empty() ? "" : ", ", name);
    if (!wanted.empty() && wanted != name) continue;
    text += fmt::format("{}: {}\n", name, summary);
    auto& rows = json[std::string(name)] = Json::array();
    for (const auto& member : members) {
      text += describe(member, wanted.empty() ? context.verbose : 1);
      rows.push_back(to_json(member));
    }
    text += '\n';
  }
  if (json.empty())
    fail(ErrorCode::invalid_argument, "unknown family \"{}\"; valid: {}", wanted, names);
  while (text.ends_with('\n')) text.pop_back();
  print_result(context, json, text);
}

}  // namespace

void add_list(CLI::App& app, Context& context) {
  add_common(app, context);
  auto family = std::make_shared<std::string>();
  app.add_option("family", *family, "Only this family, with all options");
  app.callback(
      [&context, family] { context.run = [&context, family] { list(context, *family); }; });
}

}  // namespace laconic::cli
