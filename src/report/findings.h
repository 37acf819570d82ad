// What a report is made of: everything that was found in folders, as plain values. Figures that a
// record leaves open, or had no number for, are NaN.

#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "report/file_bytes.h"

namespace laconic {

inline constexpr double no_figure = std::numeric_limits<double>::quiet_NaN();

/// Where a figure comes from; what was not recorded is empty.
struct Provenance {
  std::string source;    ///< The file that it stands in.
  std::size_t line = 0;  ///< Of that file, from 1; 0: the file is one record.
  std::string command;   ///< As for a shell.
  std::string version, time, seed, data;
};

/// One model, measured on one part of a data set.
struct Outcome {
  std::string file, model;  ///< `model`: what it was compressed from, if that is known.
  std::string data, part, figure = "accuracy";
  double bytes = no_figure, score = no_figure, loss = no_figure;
  std::int64_t samples = 0;
  Provenance from;
};

struct EpochFigures {
  double epoch = 0, loss = no_figure, accuracy = no_figure;
  double validation_loss = no_figure, validation_accuracy = no_figure;
};

struct TrainingRun {
  std::string output, model, method;
  double seconds = no_figure;
  std::vector<EpochFigures> epochs;
  Provenance from;
};

struct TrialFigures {
  std::string choice;
  double bytes = no_figure, ratio = no_figure, drop = no_figure;  ///< Points of accuracy lost.
  bool fits = false;
};

struct SearchFigures {
  std::string file, model;
  double bytes = no_figure, ratio = no_figure, before = no_figure, after = no_figure;
  std::int64_t samples = 0;
  std::vector<TrialFigures> trials;
  Provenance from;
};

struct WidthFigures {
  std::string quantizer;
  double bits = no_figure, loss_rise = no_figure, drop = no_figure, damage = no_figure;
};

struct LayerFigures {
  std::string tensor;
  std::int64_t weights = 0;
  std::vector<WidthFigures> widths;
};

struct Sensitivities {
  std::string file;
  double accuracy = no_figure, loss = no_figure;
  std::int64_t samples = 0;
  std::vector<LayerFigures> layers;
  std::vector<std::string> most_sensitive;
  Provenance from;
};

struct PlannedFigures {
  std::string tensor, quantizer;
  double bits = no_figure, damage = no_figure;
};

struct PlanFigures {
  std::string file, allocator;
  double bits_per_weight = no_figure, damage = no_figure;
  std::vector<PlannedFigures> tensors;
  Provenance from;
};

/// Times in milliseconds; ratios are the other's time over ours.
struct RivalFigures {
  std::string form;
  double one = no_figure, ratio_one = no_figure, ratio_many = no_figure;
};

struct Speed {
  std::string file, kernels, isa, rival;
  std::int64_t threads = 0, batch = 0;
  double load = no_figure, one = no_figure, one_p99 = no_figure, per_second = no_figure,
         weight_bytes = no_figure, peak_bytes = no_figure;
  std::vector<RivalFigures> forms;
  Provenance from;
};

struct ResultTable {
  std::string source;
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;  ///< Each as long as the header.
};

struct FileFound {
  FileBytes bytes;
  Provenance from;
};

struct Skipped {
  std::string path, reason;
};

struct Findings {
  std::vector<Outcome> outcomes;
  std::vector<TrainingRun> training;
  std::vector<SearchFigures> searches;
  std::vector<FileFound> files;
  std::vector<Sensitivities> sensitivities;
  std::vector<PlanFigures> plans;
  std::vector<Speed> speeds;
  std::vector<ResultTable> tables;
  std::vector<Skipped> skipped;
  std::int64_t not_listed = 0;  ///< Skipped ones beyond those listed.
  std::int64_t records = 0;
};

}  // namespace laconic
