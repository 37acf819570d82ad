// The table of the coder family, and what is looked up in it.

#include "core/family.h"

#include <algorithm>

#include "entropy/members.h"
#include "laconic/coder.h"
#include "laconic/error.h"

namespace laconic {
namespace {

struct CoderRow : FamilyRow<Coder> {
  std::uint8_t id;  ///< In files: never changed, never reused.
  /// Whether it can code such indices; null: any.
  bool (*applies)(std::span<const Index>, const IndexLayout&) = nullptr;
  std::string_view quantizer = {};  ///< The only one that makes such indices; empty: any does.
};

bool is_on_trellis(std::span<const Index> indices, const IndexLayout& layout) {
  return trellis_misfit(indices, layout) < 0;
}

constexpr std::array gaps_options = {
    OptionInfo{"code", "rans", "rans|huffman", "How gaps and values become bits."},
    OptionInfo{"bits", "0", "0..15",
               "Gaps of 2^bits - 1 or more take fillers; 0 tries up to four."},
};

constexpr std::array table = {
    CoderRow{{{"raw", "Every index in the same number of bits.", "", {}}, make_raw}, 1},
    CoderRow{{{"huffman",
               "A prefix code of whole bits, optimal for each tensor.",
               "Huffman, 1952; Choi et al., section 2",
               {}},
              make_huffman},
             2},
    CoderRow{{{"gaps", "Distances between the indices that are not zero, then their values.",
               "Han et al., 2016; Choi et al., section 2", gaps_options},
              make_gaps},
             3},
    CoderRow{{{"rans",
               "Fractions of bits by a state that divides and multiplies, with one table for each "
               "tensor.",
               "Duda, 2013",
               {}},
              make_rans},
             4},
    CoderRow{{{"adaptive_binary",
               "Adaptive binary decisions, mixed from contexts of neighbours.",
               "CABAC's binarization (Marpe et al., 2003), Mahoney's context mixing",
               {}},
              make_adaptive_binary},
             5},
    CoderRow{{{"trellis",
               "The same, of indices that quantizer \"trellis\" has made: only from those that may "
               "follow.",
               "Marcellin, Fischer 1990; Schwarz et al. 2019 (dependent quantization of VVC)",
               {}},
              make_trellis_coder},
             6,
             is_on_trellis,
             "trellis"},
};

constexpr auto rows = infos(table);

const CoderRow& row_of(std::string_view spec) {
  const Options options = parse_spec("coder", spec, rows);
  return table[static_cast<std::size_t>(&options.member() - rows.data())];
}

}  // namespace

std::span<const MemberInfo> coders() noexcept {
  return rows;
}

std::unique_ptr<Coder> make_coder(std::string_view spec) {
  return make_member("coder", spec, table, rows);
}

void check_coder(std::string_view coder, std::string_view quantizer) {
  if (coder == "auto") return;
  const auto& row = row_of(coder);
  if (row.quantizer.empty() || row.quantizer == spec_name(quantizer)) return;
  fail(ErrorCode::invalid_argument, "coder \"{}\" codes what quantizer \"{}\" makes, not \"{}\"",
       row.info.name, row.quantizer, quantizer);
}

std::uint8_t coder_id(std::string_view name) {
  return row_of(name).id;
}

const Coder* coder_for_id(std::uint8_t id) noexcept {
  static const auto members = [] {
    std::array<std::unique_ptr<Coder>, table.size()> made;
    for (std::size_t i = 0; i < table.size(); ++i) made[i] = make_coder(table[i].info.name);
    return made;
  }();
  const auto row =
      std::find_if(table.begin(), table.end(), [&](const auto& r) { return r.id == id; });
  return row == table.end() ? nullptr
                            : members[static_cast<std::size_t>(row - table.begin())].get();
}

Encoded encode(std::string_view spec, std::span<const Index> indices, const IndexLayout& layout) {
  if (spec != "auto") {
    const auto coder = make_coder(spec);
    return {coder->spec(), coder->encode(indices, layout)};
  }
  Encoded smallest;
  for (const auto& row : table) {
    if (row.applies != nullptr && !row.applies(indices, layout)) continue;
    const auto coder = make_coder(row.info.name);
    auto bytes = coder->encode(indices, layout);
    if (smallest.coder.empty() || bytes.size() < smallest.bytes.size()) {
      smallest = {coder->spec(), std::move(bytes)};
    }
  }
  return smallest;
}

}  // namespace laconic
