#include <fmt/format.h>

#include <algorithm>

#include "core/human.h"
#include "report/html.h"
#include "report/markup.h"
#include "report/sections.h"

namespace laconic {
namespace {

constexpr std::size_t most_files = 60, most_open = 2, most_stripes = 400;

struct Part {
  std::string name;
  std::uint64_t bytes = 0;
  std::size_t color = 0;
};

enum PartColor : std::size_t { indices = 0, dense = 1, codebooks = 2, graph = 3, header = 4 };

double share(std::uint64_t bytes, const FileBytes& file) {
  return file.sizes.total > 0 ? static_cast<double>(bytes) / static_cast<double>(file.sizes.total)
                              : 0;
}

std::string percent(std::uint64_t bytes, const FileBytes& file) {
  return fmt::format("{:.1f} %", 100 * share(bytes, file));
}

std::string exactly(std::uint64_t bytes) {
  return grouped(static_cast<std::int64_t>(bytes));
}

/// Tensors and all else, in the order in which they are shown.
std::vector<Part> stripes(const FileBytes& file) {
  std::vector<Part> out;
  for (const auto& tensor : file.tensors)
    out.push_back({tensor.name, tensor.bytes, tensor.levels > 0 ? indices : dense});
  out.push_back({"codebooks", file.sizes.codebooks, codebooks});
  out.push_back({"graph", file.sizes.graph, graph});
  out.push_back({"header", file.sizes.header, header});
  return out;
}

/// The whole file as one bar, a stripe per tensor.
std::string draw_bar(const FileBytes& file) {
  constexpr double width = 960, height = 34;
  std::string out = fmt::format(
      "<svg class=\"whole\" xmlns=\"http://www.w3.org/2000/svg\" width=\"{0:.0f}\" "
      "height=\"{1:.0f}\" viewBox=\"0 0 {0:.0f} {1:.0f}\" role=\"img\">\n",
      width, height);
  double at = 0;
  std::size_t drawn = 0;
  for (const auto& part : stripes(file)) {
    const double wide = width * share(part.bytes, file);
    if (wide > 0.05 && drawn++ < most_stripes) {
      out += fmt::format(
          "<rect class=\"f{} stripe\" x=\"{:.2f}\" width=\"{:.2f}\" height=\"{:.0f}\" "
          "fill=\"{}\"><title>{}: {} bytes, {}</title></rect>\n",
          part.color, at, wide, height, chart_color(part.color), escape(part.name),
          exactly(part.bytes), percent(part.bytes, file));
    }
    at += wide;
  }
  return out + "</svg>\n";
}

std::string legend(const FileBytes& file) {
  std::string out = "<p class=\"legend\">";
  const std::array parts{Part{"coded indices", file.sizes.indices, indices},
                         Part{"dense tensors", file.sizes.dense, dense},
                         Part{"codebooks", file.sizes.codebooks, codebooks},
                         Part{"graph", file.sizes.graph, graph},
                         Part{"header, checksums", file.sizes.header, header}};
  for (const auto& part : parts) {
    out += fmt::format(
        "<span><svg width=\"10\" height=\"10\" viewBox=\"0 0 10 10\"><rect class=\"f{}\" "
        "width=\"10\" height=\"10\" fill=\"{}\"/></svg> {} {} ({})</span> ",
        part.color, chart_color(part.color), part.name, exactly(part.bytes),
        percent(part.bytes, file));
  }
  return out + "</p>\n";
}

std::vector<std::string> tensor_row(const TensorBytes& tensor, const FileBytes& file) {
  return {escape(tensor.name),
          fmt::format("{}", fmt::join(tensor.shape, "×")),
          grouped(tensor.weights),
          tensor.levels > 0 ? grouped(tensor.levels) : "–",
          fmt::format("{:.2f}", tensor.bits_per_weight()),
          escape(tensor.coder),
          escape(tensor.quantizer, 120),
          exactly(tensor.bytes),
          percent(tensor.bytes, file),
          html_bar(share(tensor.bytes, file), tensor.levels > 0 ? indices : dense)};
}

std::vector<std::string> part_row(const Part& part, const FileBytes& file) {
  return {part.name,
          "",
          "",
          "",
          "",
          "",
          "",
          exactly(part.bytes),
          percent(part.bytes, file),
          html_bar(share(part.bytes, file), part.color)};
}

std::string table_of(const FileBytes& file) {
  constexpr std::array columns{Column{"tensor"},
                               Column{"shape"},
                               Column{"weights", true},
                               Column{"levels", true},
                               Column{"bits per weight", true},
                               Column{"coder"},
                               Column{"quantizer"},
                               Column{"bytes", true},
                               Column{"share", true},
                               Column{""}};
  constexpr std::size_t most_tensors = 500;
  std::vector<std::vector<std::string>> rows;
  std::uint64_t rest = 0;
  for (const auto& tensor : file.tensors) {
    if (rows.size() < most_tensors) {
      rows.push_back(tensor_row(tensor, file));
    } else {
      rest += tensor.bytes;
    }
  }
  if (file.tensors.size() > most_tensors) {
    rows.push_back(part_row(
        {fmt::format("{} more tensors", file.tensors.size() - most_tensors), rest, indices}, file));
  }
  rows.push_back(part_row({"codebooks", file.sizes.codebooks, codebooks}, file));
  rows.push_back(part_row({"graph", file.sizes.graph, graph}, file));
  rows.push_back(part_row({"header, checksums", file.sizes.header, header}, file));
  rows.push_back({"<b>whole file</b>", "", fmt::format("<b>{}</b>", grouped(file.weights)), "",
                  fmt::format("<b>{:.3f}</b>", file.bits_per_weight()), "", "",
                  fmt::format("<b>{}</b>", exactly(file.sizes.total)), "", ""});
  return html_table(columns, rows, rows.size());
}

std::string overview(const Findings& findings) {
  constexpr std::array columns{Column{"file"}, Column{"bytes", true}, Column{"smaller by", true},
                               Column{"weights", true}, Column{"bits per weight", true}};
  std::vector<std::vector<std::string>> rows;
  for (const auto& found : findings.files) {
    const auto& file = found.bytes;
    rows.push_back({escape(file.file), exactly(file.sizes.total),
                    fmt::format("{:.2f}x", file.sizes.ratio()), grouped(file.weights),
                    fmt::format("{:.3f}", file.bits_per_weight())});
  }
  return html_table(columns, rows, 2000);
}

}  // namespace

std::string bytes_section(const Findings& findings) {
  if (findings.files.empty()) return {};
  std::string out = findings.files.size() > 1 ? overview(findings) : "";
  for (std::size_t f = 0; f < std::min(findings.files.size(), most_files); ++f) {
    const auto& file = findings.files[f].bytes;
    const auto table = table_of(file);
    out += fmt::format(
        "<h3>{} <small>{} bytes, {:.2f}x smaller, {:.3f} bits per weight</small></h3>\n"
        "<figure>\n{}<figcaption>{}{}</figcaption></figure>\n{}",
        escape(file_name(file.file)), exactly(file.sizes.total), file.sizes.ratio(),
        file.bits_per_weight(), draw_bar(file), legend(file),
        html_provenance(findings.files[f].from),
        f < most_open ? table : html_fold("Tensor by tensor", table));
  }
  return out + html_left_out(findings.files.size(), most_files, "files in detail");
}

}  // namespace laconic
