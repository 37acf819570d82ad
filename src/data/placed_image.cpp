#include "data/placed_image.h"

#include <algorithm>
#include <cmath>

#include "data/decode_image.h"
#include "detection/boxes.h"
#include "laconic/random.h"

namespace laconic {
namespace {

/// With less of it in sight, an object need not be found.
constexpr double least_share = 0.4;

double entry(std::span<const double> values, std::size_t channel) {
  return values.size() == 1 ? values[0] : values[channel];
}

/// Uniform between 0 and `room`, which may be negative, widened by `pad` on both sides; whole, so
/// that pixels need no interpolation.
double offset(double room, std::int64_t pad, Random& random) {
  const double p = static_cast<double>(pad);
  const double from = std::min(room, 0.0) - p, to = std::max(room, 0.0) + p;
  return std::floor(from + random.uniform() * (to - from) + 0.5);
}

}  // namespace

Placement place_image(const Canvas& canvas, std::int64_t height, std::int64_t width,
                      const Augmentation& augmentation, std::uint64_t seed, std::int64_t index) {
  const auto h = static_cast<double>(height), w = static_cast<double>(width);
  const auto rows = static_cast<double>(canvas.height), columns = static_cast<double>(canvas.width);
  Placement place;
  place.factor = std::min(rows / h, columns / w);
  if (!augmentation.flip && augmentation.pad == 0 && augmentation.scale == 0) return place;
  Random random(seed, "augment", static_cast<std::uint64_t>(index));
  place.mirrored = random.below(2) == 1 && augmentation.flip;
  place.factor *= std::exp((2 * random.uniform() - 1) * std::log1p(augmentation.scale));
  place.left = offset(columns - std::round(w * place.factor), augmentation.pad, random);
  place.top = offset(rows - std::round(h * place.factor), augmentation.pad, random);
  return place;
}

ShownImage show_image(const Canvas& canvas, std::int64_t height, std::int64_t width) {
  const double factor = place_image(canvas, height, width, {}, 0, 0).factor;
  return {factor, factor * static_cast<double>(height), factor * static_cast<double>(width)};
}

std::vector<Object> place_objects(const Canvas& canvas, const Placement& placement,
                                  std::span<const Object> objects) {
  std::vector<Object> placed;
  const auto rows = static_cast<double>(canvas.height), columns = static_cast<double>(canvas.width);
  for (Object object : objects) {
    const auto x = [&](float v) {
      const double at = static_cast<double>(v) * placement.factor + placement.left;
      return static_cast<float>(placement.mirrored ? columns - at : at);
    };
    const auto y = [&](float v) {
      return static_cast<float>(static_cast<double>(v) * placement.factor + placement.top);
    };
    Box moved{x(object.box.x1), y(object.box.y1), x(object.box.x2), y(object.box.y2)};
    if (placement.mirrored) std::swap(moved.x1, moved.x2);
    object.box = clipped(moved, rows, columns);
    const double whole = static_cast<double>(moved.width()) * moved.height();
    const double seen = static_cast<double>(object.box.width()) * object.box.height();
    if (!(seen > 0)) continue;
    object.difficult = object.difficult || seen < least_share * whole;
    placed.push_back(object);
  }
  return placed;
}

void place_pixels(const Canvas& canvas, const Placement& placement, const EncodedImage& image,
                  const DetectorForm& form, std::span<float> out) {
  const auto scaled = [&](std::int64_t side) {
    return std::max(1, static_cast<int>(std::lround(static_cast<double>(side) * placement.factor)));
  };
  const cv::Size size(scaled(image.width()), scaled(image.height()));
  const cv::Mat small =
      resized(image.decode(Channels::bgr, size.height, size.width), size, placement.factor < 1);
  const auto left = static_cast<std::int64_t>(placement.left);
  const auto top = static_cast<std::int64_t>(placement.top);
  // Columns that the image covers, and where the first of them comes from.
  const bool mirrored = placement.mirrored;
  const auto start = mirrored ? canvas.width - left - small.cols : left;
  const auto begin = std::clamp(start, std::int64_t{0}, canvas.width);
  const auto end = std::clamp(start + small.cols, begin, canvas.width);
  const auto first = mirrored ? canvas.width - 1 - begin - left : begin - left;
  const std::int64_t step = mirrored ? -3 : 3;
  for (std::int64_t c = 0; c < 3; ++c) {
    const auto channel = static_cast<std::size_t>(c);
    const double mean = entry(form.mean, channel), deviation = entry(form.deviation, channel);
    std::array<float, 256> value{};
    for (std::size_t v = 0; v < value.size(); ++v) {
      value[v] = static_cast<float>((static_cast<double>(v) * form.scale - mean) / deviation);
    }
    for (std::int64_t y = 0; y < canvas.height; ++y) {
      float* row = out.data() + (c * canvas.height + y) * canvas.width;
      const auto from_y = y - top;
      if (from_y < 0 || from_y >= small.rows) {
        std::fill(row, row + canvas.width, value[0]);
        continue;
      }
      std::fill(row, row + begin, value[0]);
      std::fill(row + end, row + canvas.width, value[0]);
      const auto* source = small.ptr<std::uint8_t>(static_cast<int>(from_y)) + first * 3 + 2 - c;
      for (std::int64_t x = begin; x < end; ++x) row[x] = value[source[(x - begin) * step]];
    }
  }
}

PreparedImage prepare_image(const std::filesystem::path& file, const DetectorForm& form,
                            std::int64_t height, std::int64_t width) {
  const EncodedImage image(file);
  const Canvas canvas{height, width};
  const auto place = place_image(canvas, image.height(), image.width(), {}, 0, 0);
  PreparedImage prepared;
  prepared.shown = show_image(canvas, image.height(), image.width());
  prepared.pixels.resize(static_cast<std::size_t>(3 * height * width));
  place_pixels(canvas, place, image, form, prepared.pixels);
  return prepared;
}

}  // namespace laconic
