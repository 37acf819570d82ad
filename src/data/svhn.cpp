// SVHN's cropped digits as they are published: MAT-files of images X and labels y.

#include <algorithm>
#include <cmath>

#include "data/mat_file.h"
#include "data/members.h"
#include "data/sample_dataset.h"
#include "laconic/error.h"

namespace laconic {
namespace {

constexpr std::size_t side = 32;
constexpr std::size_t plane = side * side;
constexpr std::size_t pixel_count = 3 * plane;
constexpr std::int64_t class_count = 10;

// Twice as many as the largest of its parts, "extra", has: 3 GB of pixels.
constexpr std::int64_t most_samples = 1 << 20;

std::string text(const Shape& shape) {
  return fmt::format("{}", fmt::join(shape, "x"));
}

/// From MATLAB's order, columns of each plane one after another, to rows.
void transpose_planes(std::span<std::uint8_t> pixels) {
  for (; !pixels.empty(); pixels = pixels.subspan(plane)) {
    for (std::size_t row = 1; row < side; ++row) {
      for (std::size_t column = 0; column < row; ++column)
        std::swap(pixels[row * side + column], pixels[column * side + row]);
    }
  }
}

void reverse_channels(std::span<std::uint8_t> pixels) {
  for (; !pixels.empty(); pixels = pixels.subspan(pixel_count)) {
    const auto first = pixels.first(plane);
    std::ranges::swap_ranges(first, pixels.subspan(2 * plane, plane));
  }
}

std::vector<std::uint8_t> read_images(const std::string& path, MatReader& file, MatArray array) {
  auto& shape = array.shape;
  if (shape.size() == 3) shape.push_back(1);  // MATLAB drops a last axis of one.
  const bool sized = shape.size() == 4 && shape[0] == side && shape[1] == side && shape[2] == 3;
  if (array.type != "uint8" || !sized || shape[3] < 1 || shape[3] > most_samples) {
    fail(ErrorCode::invalid_data,
         "\"{}\": X is {} of class {}, but must be 32x32x3xN of class uint8, N from 1 to {}", path,
         text(shape), array.type, most_samples);
  }
  return file.read_bytes();
}

std::vector<std::uint8_t> read_labels(const std::string& path, MatReader& file,
                                      const MatArray& array) {
  const auto& shape = array.shape;
  const bool known = array.type == "uint8" || array.type == "double";
  if (!known || shape.size() != 2 || shape[0] > most_samples || shape[1] != 1) {
    fail(ErrorCode::invalid_data,
         "\"{}\": y is {} of class {}, but must be Nx1 of class uint8 or double, N at most {}",
         path, text(shape), array.type, most_samples);
  }
  std::vector<std::uint8_t> labels;
  for (const double label : file.read_numbers()) {
    if (!(label >= 1 && label <= class_count) || label != std::floor(label)) {
      fail(ErrorCode::invalid_data, "\"{}\" has the label {} in sample {}, but must have 1 to {}",
           path, label, labels.size(), class_count);
    }
    labels.push_back(static_cast<std::uint8_t>(static_cast<int>(label) % class_count));
  }
  return labels;
}

StoredPart read_part(const std::filesystem::path& path, bool bgr) {
  MatReader file(path);
  StoredPart part;
  while (const auto array = file.next()) {
    if (array->name != "X" && array->name != "y") continue;
    auto& into = array->name == "X" ? part.pixels : part.labels;
    if (!into.empty())
      fail(ErrorCode::invalid_data, "\"{}\" holds {} twice", path.string(), array->name);
    into = array->name == "X" ? read_images(path.string(), file, *array)
                              : read_labels(path.string(), file, *array);
  }
  const auto images = part.pixels.size() / pixel_count;
  if (images == 0 || images != part.labels.size()) {
    fail(ErrorCode::invalid_data,
         "\"{}\" holds {} images in X and {} labels in y, but must hold as many of both",
         path.string(), images, part.labels.size());
  }
  transpose_planes(part.pixels);
  if (bgr) reverse_channels(part.pixels);
  return part;
}

}  // namespace

std::unique_ptr<Dataset> make_svhn(const Options& options) {
  const std::filesystem::path folder = existing_folder(options);
  const bool bgr = options.text("channels") == "bgr";
  auto train = read_part(folder / "train_32x32.mat", bgr);
  auto test = read_part(folder / "test_32x32.mat", bgr);
  return make_sample_dataset(
      options, make_stored_source({3, side, side}, class_count, std::move(train), std::move(test)));
}

}  // namespace laconic
