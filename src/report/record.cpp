#include "report/record.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "laconic/error.h"
#include "report/json_fields.h"
#include "report/markup.h"

namespace laconic {
namespace {

Provenance provenance(const Json& json, const Provenance& from) {
  Provenance out = from;
  out.data = text(json, "data");
  if (find(json, "seed") != nullptr) out.seed = fmt::format("{}", whole(json, "seed"));
  return out;
}

/// Detectors are judged by mean average precision, whatever the record calls it.
std::string figure_of(const std::string& data) {
  return data.starts_with("voc:") || data.starts_with("coco:") ? "mAP50" : "accuracy";
}

Outcome outcome(const Json& json, const std::string& file, const Provenance& from) {
  const auto data = text(json, "data");
  return {.file = file,
          .model = text(json, "model"),
          .data = data,
          .part = text(json, "part"),
          .figure = figure_of(data),
          .bytes = number(json, "bytes"),
          .score = number(json, find(json, "map50") != nullptr ? "map50" : "accuracy"),
          .loss = number(json, "loss"),
          .samples = whole(json, "samples"),
          .from = from};
}

void add_training(const Json& json, const Provenance& from, Findings& findings) {
  TrainingRun run{.output = text(json, "output"),
                  .model = text(json, "model"),
                  .method = text(json, "method"),
                  .seconds = number(json, "seconds"),
                  .epochs = {},
                  .from = from};
  for (const auto* row : rows(json, "epochs")) {
    const auto& validation = part(*row, "validation");
    run.epochs.push_back({number(*row, "epoch"), number(*row, "loss"), number(*row, "accuracy"),
                          number(validation, "loss"), number(validation, "accuracy")});
  }
  auto measured = outcome(json, run.output, from);
  if (!std::isnan(measured.score)) findings.outcomes.push_back(std::move(measured));
  findings.training.push_back(std::move(run));
}

void add_search(const Json& json, const Provenance& from, Findings& findings) {
  const auto& validation = part(json, "validation");
  SearchFigures search{.file = text(json, "file"),
                       .model = text(json, "model"),
                       .bytes = number(json, "bytes"),
                       .ratio = number(json, "ratio"),
                       .before = number(validation, "before"),
                       .after = number(validation, "after"),
                       .samples = whole(validation, "samples"),
                       .trials = {},
                       .from = from};
  for (const auto* row : rows(json, "trials")) {
    const auto* fits = find(*row, "fits");
    search.trials.push_back({text(*row, "choice"), number(*row, "bytes"), number(*row, "ratio"),
                             number(*row, "drop"),
                             fits != nullptr && fits->is_boolean() && fits->get<bool>()});
  }
  findings.searches.push_back(std::move(search));
}

void add_evaluation(const Json& json, const Provenance& from, Findings& findings) {
  findings.outcomes.push_back(outcome(json, text(json, "file"), from));
}

/// The parts that a record claims must add up, as a file's do.
SizeReport sizes(const Json& json) {
  const auto& parts = part(json, "parts");
  const auto bytes = [](const Json& at, const char* key) {
    const double value = number(at, key);
    if (!(value >= 0)) fail(ErrorCode::invalid_data, "its \"{}\" is no number of bytes", key);
    return static_cast<std::uint64_t>(value);
  };
  const SizeReport out{bytes(parts, "header"),       bytes(parts, "graph"),
                       bytes(parts, "codebooks"),    bytes(parts, "indices"),
                       bytes(parts, "dense"),        bytes(json, "bytes"),
                       bytes(json, "original_bytes")};
  if (out.header + out.graph + out.codebooks + out.indices + out.dense != out.total)
    fail(ErrorCode::invalid_data, "its parts do not add up to {} bytes", out.total);
  return out;
}

void add_inspection(const Json& json, const Provenance& from, Findings& findings) {
  FileBytes file{text(json, "file"), sizes(json), whole(json, "weights"), {}};
  std::uint64_t sum = 0;
  for (const auto* row : rows(json, "tensors")) {
    TensorBytes tensor{text(*row, "name"),     {},
                       whole(*row, "weights"), 0,
                       whole(*row, "levels"),  text(*row, "coder"),
                       text(*row, "quantizer")};
    const double bytes = number(*row, "bytes");
    tensor.bytes = bytes >= 0 ? static_cast<std::uint64_t>(bytes) : 0;
    sum += tensor.bytes;
    file.tensors.push_back(std::move(tensor));
  }
  if (sum != file.sizes.indices + file.sizes.dense)
    fail(ErrorCode::invalid_data, "its tensors do not add up to their parts");
  findings.files.push_back({std::move(file), from});
}

void add_sensitivities(const Json& json, const Provenance& from, Findings& findings) {
  Sensitivities out{.file = text(json, "file"),
                    .accuracy = number(json, "accuracy"),
                    .loss = number(json, "loss"),
                    .samples = whole(json, "samples"),
                    .layers = {},
                    .most_sensitive = words(json, "most_sensitive"),
                    .from = from};
  for (const auto* row : rows(json, "layers")) {
    LayerFigures layer{text(*row, "tensor"), whole(*row, "weights"), {}};
    for (const auto* width : rows(*row, "widths")) {
      layer.widths.push_back({text(*width, "quantizer"), number(*width, "bits_per_weight"),
                              number(*width, "loss_rise"), number(*width, "accuracy_drop"),
                              number(*width, "damage")});
    }
    out.layers.push_back(std::move(layer));
  }
  findings.sensitivities.push_back(std::move(out));
}

void add_plan(const Json& json, const Provenance& from, Findings& findings) {
  PlanFigures plan{.file = text(json, "plan"),
                   .allocator = text(json, "allocator"),
                   .bits_per_weight = number(json, "bits_per_weight"),
                   .damage = number(json, "damage"),
                   .tensors = {},
                   .from = from};
  for (const auto* row : rows(json, "tensors")) {
    plan.tensors.push_back({text(*row, "tensor"), text(*row, "quantizer"), number(*row, "bits"),
                            number(*row, "damage")});
  }
  findings.plans.push_back(std::move(plan));
}

void add_speed(const Json& json, const Provenance& from, Findings& findings) {
  const auto& latency = part(json, "latency_ms");
  const auto& against = part(json, "against");
  Speed speed{.file = text(json, "model"),
              .kernels = text(json, "kernels"),
              .isa = text(json, "isa"),
              .rival = text(against, "name") + ' ' + text(against, "version"),
              .threads = whole(json, "threads"),
              .batch = whole(json, "batch"),
              .load = number(json, "load_ms"),
              .one = number(latency, "median"),
              .one_p99 = number(latency, "p99"),
              .per_second = number(json, "samples_per_second"),
              .weight_bytes = number(json, "weight_bytes"),
              .peak_bytes = number(json, "peak_bytes"),
              .forms = {},
              .from = from};
  for (const auto& [name, form] : part(against, "forms").items()) {
    if (!form.is_object()) fail(ErrorCode::invalid_data, "its \"forms\" holds what is no object");
    speed.forms.push_back({name, number(part(form, "batch_1_ms"), "median"),
                           number(form, "ratio_batch_1"), number(form, "ratio_batch")});
  }
  findings.speeds.push_back(std::move(speed));
}

struct Kind {
  std::array<const char*, 3> keys;  ///< Only records of this kind have all of them.
  void (*add)(const Json&, const Provenance&, Findings&);  ///< Null: nothing to show of it.
};

constexpr std::array kinds = {
    Kind{{"output", "steps", "resumed_at"}, add_training},
    Kind{{"file", "trials", "validation"}, add_search},
    Kind{{"file", "part", "samples"}, add_evaluation},
    Kind{{"file", "parts", "tensors"}, add_inspection},
    Kind{{"layers", "most_sensitive", "samples"}, add_sensitivities},
    Kind{{"plan", "allocator", "tensors"}, add_plan},
    Kind{{"model", "latency_ms", "batch_ms"}, add_speed},
};

const Kind* kind_of(const Json& json) {
  const auto* kind = std::ranges::find_if(kinds, [&](const Kind& row) {
    return std::ranges::all_of(row.keys, [&](const char* key) { return json.contains(key); });
  });
  return kind == kinds.end() ? nullptr : kind;
}

}  // namespace

void add_record(std::string_view text_of_record, std::string_view source, std::size_t line,
                Findings& findings) {
  const Json json = parse_json(text_of_record);
  Provenance from{.source = std::string(source), .line = line};
  const Json* result = &json;
  const bool kept = json.is_object() && json.contains("laconic") && json.contains("result");
  if (kept) {
    from.version = text(json, "laconic");
    from.command = shell_line(words(json, "command"));
    from.time = text(json, "time");
    result = &part(json, "result");
  }
  const auto* kind = result->is_object() ? kind_of(*result) : nullptr;
  if (kind == nullptr && !kept)
    fail(ErrorCode::invalid_data, "it is not what a verb's --json prints");
  if (kind != nullptr) kind->add(*result, provenance(*result, from), findings);
  ++findings.records;
}

}  // namespace laconic
