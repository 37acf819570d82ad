#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/human.h"
#include "report/html.h"
#include "report/markup.h"
#include "report/sections.h"

namespace laconic {
namespace {

constexpr std::size_t most_records = 40, most_widths = 16;

std::string heading(const std::string& file, std::string_view otherwise, const std::string& small) {
  return fmt::format("<h3>{} <small>{}</small></h3>\n",
                     file.empty() ? otherwise : escape(file_name(file)), small);
}

/// Shaded by the root of its share of the worst, so that small ones are told apart, too.
std::string shaded(double rise, double worst) {
  const double share = rise > 0 && worst > 0 ? std::sqrt(rise / worst) : 0;
  return fmt::format("<span class=\"heat\" style=\"--heat:{:.0f}%\">{}</span>", 100 * share,
                     std::isfinite(rise) ? fmt::format("{:.3g}", rise) : "–");
}

/// "levels=4" of "kmeans:levels=4".
std::string_view options_of(std::string_view spec) {
  return spec.substr(spec.find(':') + 1);
}

/// A row per layer, a column per width; names of widths are those of the first layer.
std::string widths_table(const Sensitivities& record, double WidthFigures::*field) {
  std::vector<Column> columns{{"layer"}, {"weights", true}};
  const auto& first = record.layers[0].widths;
  for (std::size_t w = 0; w < std::min(first.size(), most_widths); ++w)
    columns.push_back({options_of(first[w].quantizer), true});
  double worst = 0;
  for (const auto& layer : record.layers) {
    for (const auto& width : layer.widths) worst = std::max(worst, width.*field);
  }
  std::vector<std::vector<std::string>> rows;
  for (const auto& layer : record.layers) {
    auto& cells = rows.emplace_back();
    cells = {escape(layer.tensor), grouped(layer.weights)};
    for (std::size_t w = 0; w + 2 < columns.size(); ++w)
      cells.push_back(w < layer.widths.size() ? shaded(layer.widths[w].*field, worst) : "");
  }
  return html_table(columns, rows);
}

std::string protect_first(const Sensitivities& record) {
  std::string out;
  for (std::size_t i = 0; i < std::min<std::size_t>(record.most_sensitive.size(), 3); ++i)
    out += fmt::format("{}<b>{}</b>", i > 0 ? ", " : "", escape(record.most_sensitive[i]));
  return out.empty() ? out : fmt::format("<p>Protect first: {}.</p>\n", out);
}

std::string show(const Sensitivities& record) {
  const auto small = fmt::format("each tensor quantized alone; {} before, on {} samples",
                                 figure(record.accuracy, Unit::percent), grouped(record.samples));
  return heading(record.file, "Sensitivity of layers", small) + protect_first(record) +
         "<p>Rise of the loss:</p>\n" + widths_table(record, &WidthFigures::loss_rise) +
         html_fold("Points lost", widths_table(record, &WidthFigures::drop)) +
         html_fold("Damage as predicted", widths_table(record, &WidthFigures::damage)) +
         html_provenance(record.from);
}

std::string show(const PlanFigures& plan) {
  constexpr std::array columns{Column{"tensor"},      Column{"quantizer"}, Column{"bits", true},
                               Column{"share", true}, Column{""},          Column{"damage", true}};
  double all = 0, most = 0;
  for (const auto& tensor : plan.tensors) {
    if (!(tensor.bits > 0)) continue;
    all += tensor.bits;
    most = std::max(most, tensor.bits);
  }
  std::vector<std::vector<std::string>> rows;
  for (const auto& tensor : plan.tensors) {
    const bool known = tensor.bits > 0;
    rows.push_back({escape(tensor.tensor), escape(tensor.quantizer),
                    known ? grouped(static_cast<std::int64_t>(tensor.bits)) : "–",
                    known ? fmt::format("{:.1f} %", 100 * tensor.bits / all) : "–",
                    html_bar(known ? tensor.bits / most : 0, 0), figure(tensor.damage)});
  }
  const auto small =
      fmt::format("plan by {}: {} bits per weight, damage {}", escape(plan.allocator),
                  figure(plan.bits_per_weight), figure(plan.damage));
  return heading(plan.file, "Plan", small) + html_table(columns, rows) + html_provenance(plan.from);
}

}  // namespace

std::string layers_section(const Findings& findings) {
  std::string out;
  std::size_t shown = 0;
  for (const auto& record : findings.sensitivities) {
    if (!record.layers.empty() && shown++ < most_records) out += show(record);
  }
  for (const auto& plan : findings.plans) {
    if (shown++ < most_records) out += show(plan);
  }
  return out + html_left_out(shown, most_records, "records of layers");
}

}  // namespace laconic
