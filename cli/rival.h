// ONNX Runtime beside a session: its package for Node.js runs the same model on the same inputs.

#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "laconic/graph.h"

namespace laconic::cli {

/// A model exported for ONNX Runtime in every form in which it might run fast, in a temporary
/// folder that goes with it.
class Rival {
 public:
  /// `modules` is a folder that has node_modules/onnxruntime-node, or empty: it is looked for from
  /// the current folder upwards and in NODE_PATH.
  Rival(const std::filesystem::path& model, std::filesystem::path modules);

  struct Times {
    std::string form;               ///< "float", or "int8": DequantizeLinear and Gather.
    std::vector<double> one, many;  ///< Of single runs, in milliseconds.
  };

  /// Adds runs of `seconds` for each form and each of the two sets of inputs. Throws
  /// Error(invalid_argument) with ONNX Runtime's words where it cannot be run.
  void measure(const std::vector<ValueInfo>& inputs, const std::vector<Constant>& one,
               const std::vector<Constant>& many, int threads, double seconds);

  [[nodiscard]] const std::vector<Times>& times() const noexcept { return times_; }
  [[nodiscard]] const std::string& version() const noexcept { return version_; }

 private:
  /// Goes with all that is in it.
  struct Folder {
    Folder();
    ~Folder();
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    [[nodiscard]] std::filesystem::path operator/(const std::string& name) const {
      return path / name;
    }
    std::filesystem::path path;
  };

  Folder folder_;
  std::filesystem::path modules_;
  std::vector<Times> times_;
  std::string version_;
};

}  // namespace laconic::cli
