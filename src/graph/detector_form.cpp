// The spec of a detector: what its graph's name says.

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "laconic/detection.h"
#include "laconic/error.h"
#include "laconic/spec.h"

namespace laconic {
namespace {

constexpr std::array options{
    OptionInfo{"classes", "required", "text", "Names, joined by \"/\"."},
    OptionInfo{"stride", "16", "1..256", "Pixels from one cell of a map to the next."},
    OptionInfo{"bins", "7", "1..32", "Rows, and columns, that a region is divided into."},
    OptionInfo{"sizes", "required", "list", "Of anchors: roots of their areas, in pixels."},
    OptionInfo{"ratios", "required", "list", "Of anchors: height against width."},
    OptionInfo{"scale", "1/255", ">0", "An input is (pixel * scale - mean) / std."},
    OptionInfo{"mean", "0", "list", "One for all channels, or one each."},
    OptionInfo{"std", "1", "list", "One for all channels, or one each; positive."},
};
constexpr std::array rows{
    MemberInfo{"rfcn", "A region-based fully convolutional network.",
               "Dai et al. 2016, R-FCN, arXiv:1605.06409", options},
};

std::string list(std::span<const double> values) {
  std::string text;
  for (const double value : values) text += (text.empty() ? "" : "/") + print_number(value);
  return text;
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == '/') {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

void check(bool good, const Graph& graph, std::string_view what) {
  if (!good) fail(ErrorCode::invalid_data, "detector \"{}\": {}", graph.name, what);
}

bool all_positive(std::span<const double> values) {
  return !values.empty() && std::ranges::all_of(values, [](double v) { return v > 0; });
}

DetectorForm parse(const Graph& graph) {
  const Options options_of = parse_spec("detector", graph.name, rows);
  DetectorForm form;
  form.classes = split(options_of.text("classes"));
  form.stride = options_of.integer("stride");
  form.bins = options_of.integer("bins");
  form.sizes = options_of.numbers("sizes");
  form.ratios = options_of.numbers("ratios");
  form.scale = options_of.number("scale");
  form.mean = options_of.numbers("mean");
  form.deviation = options_of.numbers("std");
  return form;
}

}  // namespace

std::string DetectorForm::spec() const {
  std::string names;
  for (const auto& name : classes) {
    if (name.empty() || name.find_first_of(",/=:") != std::string::npos) {
      fail(ErrorCode::invalid_data,
           "a class is called \"{}\", but names must have none of , / = :", name);
    }
    names += (names.empty() ? "" : "/") + name;
  }
  return fmt::format("rfcn:classes={},stride={},bins={},sizes={},ratios={},scale={},mean={},std={}",
                     names, stride, bins, list(sizes), list(ratios), print_number(scale),
                     list(mean), list(deviation));
}

bool is_detector(const Graph& graph) noexcept {
  return graph.name.starts_with("rfcn:");
}

DetectorForm detector_form(const Graph& graph) {
  DetectorForm form;
  try {
    form = parse(graph);
  } catch (const Error& error) {
    fail(ErrorCode::invalid_data, "the graph's name does not tell a detector: {}", error.what());
  }
  check(all_positive(form.sizes) && all_positive(form.ratios), graph,
        "sizes and ratios must be positive");
  check(form.anchors() <= 1000, graph, "there must be at most 1000 anchors in a cell");
  check(all_positive(form.deviation), graph, "std must be positive");
  for (const auto count : {form.mean.size(), form.deviation.size()})
    check(count == 1 || count == 3, graph, "mean and std must have 1 or 3 entries");
  (void)form.spec();  // Refuses classes without a name.

  check(graph.inputs.size() == 1 && graph.inputs[0].shape.size() == 4, graph,
        "it must have one input of 4 axes");
  const std::int64_t bins = form.bins * form.bins;
  const std::array<std::int64_t, 4> channels{form.anchors(), 4 * form.anchors(),
                                             (form.class_count() + 1) * bins, 4 * bins};
  check(graph.outputs.size() == channels.size(), graph, "it must have 4 outputs");
  for (std::size_t i = 0; i < channels.size(); ++i) {
    const auto& output = graph.outputs[i];
    if (output.type != ElementType::float32 || output.shape.size() != 4 ||
        output.shape[1] != channels[i]) {
      fail(ErrorCode::invalid_data,
           "output \"{}\" of the detector has shape [{}], but must be of {} channels of floats",
           output.name, fmt::join(output.shape, ", "), channels[i]);
    }
  }
  return form;
}

}  // namespace laconic
