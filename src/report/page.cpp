#include "report/page.h"

#include <fmt/format.h>

#include <array>

#include "report/html.h"
#include "report/markup.h"
#include "report/sections.h"

namespace laconic {
namespace {

constexpr std::string_view style = R"(
:root{color-scheme:light dark;--page:#fbfbf9;--card:#fff;--ink:#1d2126;--soft:#636b74;--line:#e2e3e0;
--c0:#0072b2;--c1:#d55e00;--c2:#009e73;--c3:#b8629a;--c4:#c98a00;--c5:#3a9bd6;--c6:#555}
@media (prefers-color-scheme:dark){:root{--page:#14171a;--card:#1c2024;--ink:#e6e8ea;--soft:#98a1aa;
--line:#31373d;--c0:#58b4ee;--c1:#ff8a4c;--c2:#3ecf9f;--c3:#e29ac8;--c4:#f0bb45;--c5:#8fd0f7;--c6:#bbb}}
*{box-sizing:border-box}
body{margin:0 auto;padding:2rem 1.5rem 4rem;max-width:70rem;background:var(--page);color:var(--ink);
font:15px/1.5 system-ui,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
h1{font-size:1.9rem;line-height:1.2;margin:0 0 .2rem;overflow-wrap:anywhere}
h2{font-size:1.3rem;margin:3rem 0 .8rem;padding-bottom:.3rem;border-bottom:2px solid var(--line)}
h3{font-size:1.02rem;margin:1.8rem 0 .6rem;overflow-wrap:anywhere}
small,.lead,nav,.from,figcaption,footer{color:var(--soft);font-weight:400}
small{font-size:.88rem}
p{margin:.4rem 0}
nav a{color:var(--c0);margin-right:1rem;text-decoration:none}
nav a:hover{text-decoration:underline}
.cards{display:flex;flex-wrap:wrap;gap:.8rem;margin:1.4rem 0}
.card{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:.8rem 1.1rem;
display:flex;flex-direction:column;font-size:.88rem;color:var(--soft);min-width:12rem}
.card b{font-size:1.65rem;line-height:1.3;color:var(--ink);font-weight:650}
figure{margin:.6rem 0;padding:1rem;background:var(--card);border:1px solid var(--line);border-radius:10px}
figcaption{font-size:.86rem;margin-top:.5rem}
.charts{display:flex;flex-wrap:wrap;gap:1rem}
svg{max-width:100%;height:auto}
svg text{fill:var(--ink);font-family:inherit}
svg .tick{fill:var(--soft);font-size:11px}
svg .label{font-size:11.5px}
.paper{fill:none}
.grid{stroke:var(--line)}
.stripe{stroke:var(--card);stroke-width:1.2}
.whole{display:block;width:100%;border-radius:5px}
.bar{display:block}
.hollow{fill:var(--card)}
.legend span{white-space:nowrap;margin-right:1.1rem}
.scroll{overflow-x:auto;margin:.6rem 0}
table{border-collapse:collapse;font-size:.86rem;font-variant-numeric:tabular-nums}
th{text-align:left;font-weight:600;color:var(--soft);vertical-align:bottom}
th,td{padding:.28rem .75rem .28rem 0;border-bottom:1px solid var(--line);overflow-wrap:break-word}
td{max-width:26rem}
td.n{white-space:nowrap}
.n{text-align:right}
.heat{display:block;padding:0 .35rem;border-radius:3px;
background:color-mix(in srgb,var(--c1) var(--heat),transparent)}
pre,.from{font-size:.8rem;margin:.15rem 0}
pre{white-space:pre-wrap;overflow-wrap:anywhere;font-family:ui-monospace,"DejaVu Sans Mono",monospace}
summary{cursor:pointer;color:var(--c0);font-size:.9rem;margin:.5rem 0}
footer{margin-top:3rem;padding-top:.8rem;border-top:1px solid var(--line);font-size:.84rem}
)";

std::string colors() {
  std::string out;
  for (std::size_t c = 0; c < chart_colors; ++c)
    out += fmt::format(".s{0}{{stroke:var(--c{0})}}.f{0}{{fill:var(--c{0})}}\n", c);
  return out;
}

std::string skipped_section(const Findings& findings) {
  if (findings.skipped.empty()) return {};
  constexpr std::array columns{Column{"what"}, Column{"why"}};
  std::vector<std::vector<std::string>> rows;
  for (const auto& skipped : findings.skipped)
    rows.push_back({escape(skipped.path), escape(skipped.reason)});
  auto out = html_table(columns, rows, rows.size());
  if (findings.not_listed > 0) out += fmt::format("<p>And {} more.</p>\n", findings.not_listed);
  return out;
}

std::string count(std::size_t number, std::string_view thing) {
  return fmt::format("{} {}{}", number, thing, number == 1 ? "" : "s");
}

struct Section {
  std::string_view id, title;
  std::string (*make)(const Findings&);
};

constexpr std::array sections{
    Section{"outcomes", "Accuracy against size", outcomes_section},
    Section{"results", "Tables of results", results_section},
    Section{"bytes", "Where every byte went", bytes_section},
    Section{"search", "What the search tried", search_section},
    Section{"training", "Training", training_section},
    Section{"layers", "Layers", layers_section},
    Section{"speed", "Speed", speed_section},
    Section{"skipped", "Skipped", skipped_section},
};

}  // namespace

std::string make_page(const Findings& findings, const PageOptions& options) {
  std::string links, body;
  for (const auto& section : sections) {
    const auto made = section.make(findings);
    if (made.empty()) continue;
    links += fmt::format("<a href=\"#{}\">{}</a>\n", section.id, section.title);
    body += fmt::format("<section id=\"{}\">\n<h2>{}</h2>\n{}</section>\n", section.id,
                        section.title, made);
  }
  return fmt::format(
      "<!DOCTYPE html>\n"
      "<html xmlns=\"http://www.w3.org/1999/xhtml\" lang=\"en\">\n<head>\n"
      "<meta charset=\"utf-8\"/>\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
      "'unsafe-inline'\"/>\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
      "<title>{0} – laconic report</title>\n<style>{1}{2}</style>\n</head>\n<body>\n"
      "<header>\n<h1>{0}</h1>\n<p class=\"lead\">{3}, {4}, {5}</p>\n<nav>\n{6}</nav>\n</header>\n"
      "{7}{8}"
      "<footer>\n<p>Made by laconic {9}. Sizes are of whole files; ratios are against 32-bit "
      "floats.</p>\n<pre>$ {10}</pre>\n</footer>\n</body>\n</html>\n",
      escape(options.title), style, colors(), count(findings.files.size(), "compressed file"),
      count(static_cast<std::size_t>(findings.records), "record"),
      count(findings.tables.size(), "table"), links, headline_cards(findings), body,
      escape(options.version), escape(options.command, 2000));
}

}  // namespace laconic
