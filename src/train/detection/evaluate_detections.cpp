#include "laconic/evaluate_detections.h"

#include <ATen/ATen.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>

#include "core/bytes.h"
#include "laconic/error.h"
#include "laconic/threads.h"
#include "train/detection/detector_loss.h"
#include "train/identity.h"
#include "train/processes/processes.h"
#include "train/torch_threads.h"

namespace laconic {
namespace {

/// Maps of a detector are large.
constexpr std::int64_t most_in_a_batch = 4;

std::int64_t sample_count(const DetectionDataset& data, Part part, std::int64_t limit) {
  const auto available = data.size(part);
  if (available == 0) fail(ErrorCode::invalid_data, "the data have no {} samples", name(part));
  return limit > 0 ? std::min(limit, available) : available;
}

/// What is to be found in images, nothing of which has been found.
std::vector<JudgedImage> unseen_images(const DetectionDataset& data, Part part,
                                       std::int64_t count) {
  std::vector<JudgedImage> images;
  for (std::int64_t i = 0; i < count; ++i) images.push_back({{}, data.objects(part, i)});
  return images;
}

template <typename T>
void append(ByteWriter& writer, const T& value) {
  writer.append(std::as_bytes(std::span(&value, 1)));
}

template <typename T>
void read(ByteReader& reader, T& value) {
  std::memcpy(&value, reader.take(sizeof(T), "a detection").data(), sizeof(T));
}

/// What one process found: losses of its batches, detections of its images.
Bytes pack(std::span<const double> losses, std::span<const JudgedImage> images) {
  ByteWriter writer;
  writer.varint(losses.size());
  for (const double loss : losses) append(writer, loss);
  for (const auto& image : images) {
    writer.varint(image.detections.size());
    for (const auto& detection : image.detections) {
      append(writer, detection.box);
      append(writer, detection.label);
      append(writer, detection.score);
    }
  }
  return writer.take();
}

/// Puts the other processes' losses and detections where this one has not been. Images follow one
/// another by rank, and so do batches.
void join(std::vector<double>& losses, std::vector<JudgedImage>& images, ProcessShare batches,
          ProcessShare mine) {
  auto& group = processes();
  if (group.alone()) return;
  const auto part = [](auto& all, ProcessShare share) {
    return std::span(all).subspan(static_cast<std::size_t>(share.first),
                                  static_cast<std::size_t>(share.count()));
  };
  const auto told = group.gather(fmt::format("detections in {} images", images.size()),
                                 pack(part(losses, batches), part(images, mine)));
  auto loss = losses.begin();
  auto image = images.begin();
  for (const auto& bytes : told) {
    ByteReader reader(bytes, "what another process found");
    for (auto count = reader.count("losses"); count > 0; --count) read(reader, *loss++);
    for (; reader.remaining() > 0; ++image) {
      image->detections.resize(reader.count("detections"));
      for (auto& detection : image->detections) {
        read(reader, detection.box);
        read(reader, detection.label);
        read(reader, detection.score);
      }
    }
  }
}

}  // namespace

void check_detector_fits(const Graph& graph, const DetectionDataset& data) {
  if (!is_detector(graph)) {
    fail(ErrorCode::invalid_data,
         "the network is no detector, which {} asks for: its name is \"{}\", but a detector's "
         "begins with rfcn:",
         spec_name(data.spec()), graph.name);
  }
  const auto form = detector_form(graph);
  if (form.classes != data.class_names()) {
    fail(ErrorCode::invalid_data, "the detector knows the classes {}; the data have {}",
         fmt::join(form.classes, ", "), fmt::join(data.class_names(), ", "));
  }
  const auto& taken = graph.inputs[0].shape;
  const auto& sample = data.sample_shape();
  for (std::size_t i = 0; i < sample.size(); ++i) {
    if (taken[i + 1] == -1 || taken[i + 1] == sample[i]) continue;
    fail(ErrorCode::invalid_data, "the detector takes images of {}, samples are {}",
         fmt::join(std::span(taken).subspan(1), "x"), fmt::join(sample, "x"));
  }
}

DetectionEvaluation evaluate_detections(const Network& network, const DetectionDataset& data,
                                        Part part, const EvaluateOptions& options,
                                        const ProgressSink& progress) {
  check_detector_fits(network.graph(), data);
  const auto form = detector_form(network.graph());
  const auto count = sample_count(data, part, options.limit);
  const auto& sample = data.sample_shape();
  const auto size = std::min(most_in_a_batch, options.batch);
  RunOptions run;
  run.overrides = options.overrides;

  DetectionEvaluation evaluation;
  evaluation.images = unseen_images(data, part, count);
  const auto batches = (count + size - 1) / size;
  std::vector<double> losses(static_cast<std::size_t>(batches));
  const auto judge = [&](std::int64_t batch) {
    const at::NoGradGuard no_gradients;
    std::vector<std::int64_t> indices(
        static_cast<std::size_t>(std::min(size, count - batch * size)));
    std::iota(indices.begin(), indices.end(), batch * size);
    std::vector<std::int64_t> labels(indices.size());
    const auto x = at::empty({std::ssize(indices), sample[0], sample[1], sample[2]}, at::kFloat);
    data.read(part, indices, {x.data_ptr<float>(), static_cast<std::size_t>(x.numel())}, labels);
    const auto device = network.parameters().empty()
                            ? at::Device(at::kCPU)
                            : network.parameter(network.parameters()[0].name).device();
    const auto outputs = on_cpu(network.run(std::array{x.to(device)}, run));
    losses[static_cast<std::size_t>(batch)] =
        detector_loss(form, {data, part, indices}, outputs).item<double>();
    for (std::int64_t row = 0; row < std::ssize(indices); ++row) {
      const auto index = indices[static_cast<std::size_t>(row)];
      const auto shown = data.shown(part, index);
      evaluation.images[static_cast<std::size_t>(index)].detections =
          detect(form, maps_of(outputs, row), shown.height, shown.width);
    }
  };
  auto& together = processes();
  if (!together.alone()) together.check_same("network", digest_of(network));
  const auto share = together.share(batches);
  const std::int64_t group = std::max<std::int64_t>(threads(), 4);
  for (auto start = share.first; start < share.last; start += group) {
    throw_if_interrupted();
    torch_parallel_for(std::min(group, share.last - start),
                       [&](std::int64_t i) { judge(start + i); });
    const auto done = (start + group - share.first) * size * together.size();
    if (progress) progress({"evaluate", std::min(done, count), count, {}, false});
  }
  join(losses, evaluation.images, share,
       {std::min(share.first * size, count), std::min(share.last * size, count)});
  evaluation.loss = std::accumulate(losses.begin(), losses.end(), 0.0) / static_cast<double>(count);
  evaluation.score = score_detections(evaluation.images, data.classes());
  return evaluation;
}

DetectionEvaluation evaluate_detections(Session& session, const DetectorForm& form,
                                        const DetectionDataset& data, Part part, std::int64_t limit,
                                        const ProgressSink& progress) {
  const auto count = sample_count(data, part, limit);
  const auto& sample = data.sample_shape();
  const Shape shape{1, sample[0], sample[1], sample[2]};
  std::vector<float> pixels(static_cast<std::size_t>(element_count(shape)));
  DetectionEvaluation evaluation;
  evaluation.images = unseen_images(data, part, count);
  const auto share = processes().share(count);
  for (auto i = share.first; i < share.last; ++i) {
    throw_if_interrupted();
    std::int64_t label = 0;
    data.read(part, {&i, 1}, pixels, {&label, 1});
    const TensorView input(shape, pixels);
    const auto outputs = session.run({&input, 1});
    const auto shown = data.shown(part, i);
    evaluation.images[static_cast<std::size_t>(i)].detections =
        detect(form, maps_of(outputs), shown.height, shown.width);
    if (progress && i % 8 == 0)
      progress({"evaluate", i - share.first + 1, share.count(), {}, false});
  }
  std::vector<double> no_losses;
  join(no_losses, evaluation.images, {}, share);
  evaluation.score = score_detections(evaluation.images, data.classes());
  return evaluation;
}

}  // namespace laconic
