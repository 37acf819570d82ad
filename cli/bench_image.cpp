#include "bench_image.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "laconic/threads.h"

namespace laconic::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr DetectOptions usual{.least_score = usual_least_score};

double median(const std::vector<double>& sorted) {
  return sorted[(sorted.size() - 1) / 2];
}

Json times(const std::vector<double>& sorted) {
  return {{"least", sorted.front()}, {"median", median(sorted)}};
}

}  // namespace

ImageBench::ImageBench(const std::filesystem::path& model, const SessionChoice& choice,
                       std::filesystem::path image)
    : detector_(open_image_detector(model, choice)), image_(std::move(image)) {
  (void)find_in_image(detector_, image_, usual);  // The first takes memory and loads libraries.
}

void ImageBench::measure(double seconds) {
  const auto end = Clock::now() + std::chrono::duration<double>(seconds);
  do {
    throw_if_interrupted();
    const auto run = find_in_image(detector_, image_, usual);
    whole_.push_back(run.image + run.network + run.boxes);
    reading_.push_back(run.image);
    network_.push_back(run.network);
    boxes_.push_back(run.boxes);
  } while (Clock::now() < end);
  for (auto* const all : {&whole_, &reading_, &network_, &boxes_}) std::ranges::sort(*all);
}

Json ImageBench::json(const Rival* rival) const {
  Json out{{"image", image_.string()},   {"end_to_end_ms", times(whole_)},
           {"read_ms", times(reading_)}, {"network_ms", times(network_)},
           {"boxes_ms", times(boxes_)},  {"runs", whole_.size()}};
  if (rival == nullptr) return out;
  for (const auto& form : rival->times()) {
    const double theirs = reading_.front() + form.one.front() + boxes_.front();
    out["against"][form.form] = {{"least_ms", theirs}, {"ratio", theirs / whole_.front()}};
  }
  return out;
}

std::string ImageBench::text(const Rival* rival) const {
  std::string out = fmt::format(
      "\nfile to boxes {:.3f} ms median, {:.3f} least: {:.3f} to read the image, {:.3f} for the "
      "network, {:.3f} from maps to boxes; {} runs",
      median(whole_), whole_.front(), reading_.front(), network_.front(), boxes_.front(),
      whole_.size());
  if (rival == nullptr) return out;
  for (const auto& form : rival->times()) {
    const double theirs = reading_.front() + form.one.front() + boxes_.front();
    out += fmt::format("\n  with ONNX Runtime's {} network {:.3f} least, {:.2f}x ours", form.form,
                       theirs, theirs / whole_.front());
  }
  return out;
}

}  // namespace laconic::cli
