#include "train/train_state.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <sstream>

#include "laconic/error.h"

namespace laconic {
namespace {

[[noreturn]] void malformed(std::string_view what) {
  fail(ErrorCode::corrupt_data, "the checkpoint does not fit the run: {}", what);
}

std::string print(const std::vector<EpochReport>& epochs) {
  std::string text;
  for (const auto& epoch : epochs) {
    text +=
        fmt::format("{} {} {} {}", epoch.epoch, epoch.loss, epoch.accuracy, epoch.learning_rate);
    if (const auto& score = epoch.validation) {
      text += fmt::format(" {} {} {}", score->accuracy, score->loss, score->samples);
    }
    text += '\n';
  }
  return text;
}

std::vector<EpochReport> parse_epochs(const std::string& text) {
  std::vector<EpochReport> epochs;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    EpochReport epoch;
    if (!(fields >> epoch.epoch >> epoch.loss >> epoch.accuracy >> epoch.learning_rate)) {
      malformed("its epochs");
    }
    if (Score score; fields >> score.accuracy >> score.loss >> score.samples)
      epoch.validation = score;
    epochs.push_back(epoch);
  }
  return epochs;
}

template <typename T>
T parse(const Checkpoint& checkpoint, std::string_view key) {
  std::istringstream text(checkpoint.text(key));
  T value{};
  if (!(text >> value) || value < 0) malformed(key);
  return value;
}

at::Tensor to_torch(const DenseTensor& tensor) {
  // The copy that follows each use reads it only.
  return at::from_blob(const_cast<float*>(tensor.values.data()), tensor.shape, at::kFloat);
}

/// The tensors under "prefix/", by the rest of their names.
template <typename Map, typename Convert>
Map under(const Checkpoint& checkpoint, const std::string& prefix, Convert convert) {
  Map out;
  for (const auto& [name, tensor] : checkpoint.tensors) {
    if (name.starts_with(prefix)) out.emplace(name.substr(prefix.size()), convert(tensor));
  }
  return out;
}

}  // namespace

DenseTensor to_dense(const at::Tensor& tensor) {
  const auto values = tensor.detach().to(at::kCPU, at::kFloat).contiguous();
  const auto* data = values.data_ptr<float>();
  return {values.sizes().vec(), {data, data + values.numel()}};
}

void capture_parameters(const Network& network, Checkpoint& checkpoint) {
  for (const auto& info : network.parameters()) {
    checkpoint.tensors.emplace("parameter/" + info.name, to_dense(network.parameter(info.name)));
  }
}

void restore_parameters(const Checkpoint& checkpoint, Network& network) {
  const at::NoGradGuard no_gradients;
  for (const auto& info : network.parameters()) {
    const auto found = checkpoint.tensors.find("parameter/" + info.name);
    at::Tensor& parameter = network.parameter(info.name);
    if (found == checkpoint.tensors.end() || found->second.shape != parameter.sizes().vec()) {
      malformed(info.name);
    }
    parameter.copy_(to_torch(found->second));
  }
}

Checkpoint capture_state(const TrainState& state, const Network& network,
                         const Optimizer& optimizer, const Method* method) {
  Checkpoint out;
  out.progress = {{"step", fmt::format("{}", state.step)},
                  {"loss", fmt::format("{}", state.loss)},
                  {"right", fmt::format("{}", state.right)},
                  {"labels", fmt::format("{}", state.labels)},
                  {"epochs", print(state.epochs)}};
  capture_parameters(network, out);
  for (const auto& [name, tensor] : optimizer.state()) {
    out.tensors.emplace("optimizer/" + name, to_dense(tensor));
  }
  if (method != nullptr) {
    for (auto& [name, tensor] : method->state())
      out.tensors.emplace("method/" + name, std::move(tensor));
  }
  return out;
}

TrainState restore_state(const Checkpoint& checkpoint, Network& network, Optimizer& optimizer,
                         Method* method) {
  TrainState state;
  state.step = parse<std::int64_t>(checkpoint, "step");
  state.loss = parse<double>(checkpoint, "loss");
  state.right = parse<std::int64_t>(checkpoint, "right");
  state.labels = parse<std::int64_t>(checkpoint, "labels");
  state.epochs = parse_epochs(checkpoint.text("epochs"));
  restore_parameters(checkpoint, network);
  optimizer.restore(under<TensorMap>(checkpoint, "optimizer/", to_torch), state.step);
  if (method != nullptr) {
    method->restore(under<MethodState>(checkpoint, "method/", [](const auto& t) { return t; }));
  }
  return state;
}

}  // namespace laconic
