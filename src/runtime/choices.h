// A file of what was measured when a network was loaded and run, so that later loads need not
// measure it again, and run the same kernels.

#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "runtime/batch.h"

namespace laconic::runtime {

struct Choices {
  /// The kernels of a node's layers: one, but for a recurrence, which multiplies several times.
  struct Layer {
    std::string node;  ///< As describe() has it.
    std::vector<LayerKernels> kernels;
    bool operator==(const Layer&) const = default;
  };

  /// What steps are run alone for inputs of these shapes, on so many threads.
  struct Steps {
    int threads = 0;
    std::vector<Shape> shapes;
    std::vector<bool> alone;
    bool operator==(const Steps&) const = default;
  };

  std::string cpu, isa;  ///< What it was measured on,
  std::string network;   ///< and of what: fingerprint().
  std::vector<Layer> layers;
  std::int64_t samples_at_once = 0, largest_batch = 0;  ///< As BatchTuning has them.
  bool settled = false;
  std::vector<Steps> steps;

  bool operator==(const Choices&) const = default;
};

/// The processor's name as the system has it.
[[nodiscard]] std::string cpu_name();

/// Changes with all that decides which kernels there are to choose from and what they are run on:
/// the nodes, the inputs' shapes, shapes and levels of the layers' weights, but not with single
/// weights. `layers` are nodes.
[[nodiscard]] std::string fingerprint(const Program& program, std::span<const std::size_t> layers,
                                      std::span<const Value> inputs);

/// What a file holds, and if that is not for `wanted`, why; nothing if there is no file. Throws
/// Error(invalid_data) naming the file for one that is damaged, or of another kind, whatever its
/// bytes.
struct ReadChoices {
  Choices choices;
  std::string stale;  ///< "it is for another network"; empty: it is for this.
};
[[nodiscard]] std::optional<ReadChoices> read_choices(const std::filesystem::path& path,
                                                      const Choices& wanted);

/// The file appears whole or not at all. Throws Error(cannot_write).
void write_choices(const std::filesystem::path& path, const Choices& choices);

/// What a session does with its file.
class ChoicesKeeper {
 public:
  /// For the nodes `layers` of a program that is planned for such inputs.
  ChoicesKeeper(std::filesystem::path path, const Program& program,
                std::span<const std::size_t> layers, std::span<const Value> inputs);

  /// Reads the file: the kernels that it has are `recorded`. `tuning`, if given, gets what else it
  /// has. Throws what read_choices() throws.
  void take(ChosenKernels& kernels, BatchTuning* tuning);

  /// Writes the file if there is more to keep than it has. Throws what write_choices() throws.
  void keep(const ChosenKernels& kernels, const PreparedLayers& prepared,
            const BatchTuning* tuning);

  [[nodiscard]] const ChoicesReport& report() const noexcept { return report_; }

 private:
  struct Layer {
    std::size_t node;
    std::string name;
  };
  [[nodiscard]] std::map<std::size_t, std::vector<LayerKernels>> by_node() const;

  std::filesystem::path path_;
  std::vector<Layer> layers_;
  Choices kept_;  ///< As in the file.
  ChoicesReport report_;
};

}  // namespace laconic::runtime
