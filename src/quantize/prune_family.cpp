#include "core/family.h"
#include "laconic/prune.h"

namespace laconic {
namespace {

struct PrunerRow {
  MemberInfo info;
  PruneScore score;
};

constexpr std::array options = {
    OptionInfo{"keep", "0.1", "0..1 real", "Share of the weights that survives."},
    OptionInfo{"scope", "network", "tensor|network",
               "Among which weights the best survive: of each tensor, or of all."},
    OptionInfo{"until", "0.5", "0..1 real",
               "Share of the training after which no more are taken; 0: all before it begins."},
};

constexpr std::array table = {
    PrunerRow{{"magnitude", "Keeps the weights of largest magnitude.",
               "Han et al. 2015, arXiv 1506.02626; gradually: Zhu, Gupta 2017, arXiv 1710.01878",
               options},
              PruneScore::magnitude},
    PrunerRow{{"importance",
               "Keeps the weights of largest importance x weight^2: what their absence costs.",
               "LeCun, Denker, Solla 1990, Optimal brain damage", options},
              PruneScore::importance},
};
constexpr auto rows = infos(table);

}  // namespace

std::span<const MemberInfo> pruners() noexcept {
  return rows;
}

Pruning parse_pruning(std::string_view spec) {
  const Options parsed = parse_spec("pruner", spec, rows);
  const auto index = static_cast<std::size_t>(&parsed.member() - rows.data());
  return {{parsed.number("keep"), table[index].score,
           parsed.text("scope") == "tensor" ? PruneScope::tensor : PruneScope::network},
          parsed.number("until")};
}

std::string print_pruning(std::string_view spec) {
  return parse_spec("pruner", spec, rows).spec();
}

}  // namespace laconic
