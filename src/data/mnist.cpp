// MNIST and the sets that took over its format.

#include <algorithm>

#include "data/idx.h"
#include "data/members.h"
#include "data/sample_dataset.h"
#include "laconic/error.h"

namespace laconic {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t class_count = 10;

/// Copies of these files go by names with "-" or ".", packed or not.
fs::path find_file(const fs::path& folder, const std::string& stem, const std::string& kind) {
  for (const char* separator : {"-", "."}) {
    for (const char* suffix : {"", ".gz"}) {
      auto path = folder / (stem + separator + kind + suffix);
      if (std::error_code ignored; fs::exists(path, ignored)) return path;
    }
  }
  fail(ErrorCode::invalid_data, "there is no file \"{}-{}\", nor one with .gz, in \"{}\"", stem,
       kind, folder.string());
}

struct LoadedPart {
  Shape shape;
  StoredPart part;
};

LoadedPart load_part(const fs::path& folder, const std::string& prefix) {
  const auto image_path = find_file(folder, prefix + "-images", "idx3-ubyte");
  const auto label_path = find_file(folder, prefix + "-labels", "idx1-ubyte");
  auto images = read_idx(image_path, 3);
  auto labels = read_idx(label_path, 1);
  if (images.shape[0] != labels.shape[0]) {
    fail(ErrorCode::invalid_data, "\"{}\" holds {} images, but \"{}\" holds {} labels",
         image_path.string(), images.shape[0], label_path.string(), labels.shape[0]);
  }
  if (images.bytes.empty())
    fail(ErrorCode::invalid_data, "\"{}\" holds no image", image_path.string());
  const auto highest = *std::ranges::max_element(labels.bytes);
  if (highest >= class_count) {
    fail(ErrorCode::invalid_data, "\"{}\" has the label {}, but must have 0 to {}",
         label_path.string(), highest, class_count - 1);
  }
  return {{1, images.shape[1], images.shape[2]},
          {std::move(images.bytes), std::move(labels.bytes)}};
}

}  // namespace

std::unique_ptr<Dataset> make_mnist(const Options& options) {
  const fs::path folder = existing_folder(options);
  auto train = load_part(folder, "train");
  auto test = load_part(folder, "t10k");
  if (train.shape != test.shape) {
    fail(ErrorCode::invalid_data, "\"{}\": training images are {}x{}, but test images {}x{}",
         folder.string(), train.shape[1], train.shape[2], test.shape[1], test.shape[2]);
  }
  return make_sample_dataset(
      options, make_stored_source(std::move(train.shape), class_count, std::move(train.part),
                                  std::move(test.part)));
}

}  // namespace laconic
