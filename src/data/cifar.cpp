// CIFAR-10 and CIFAR-100 in their binary layout: records of one or two labels and 3 x 32 x 32
// bytes.

#include <algorithm>
#include <array>

#include "core/atomic_file.h"
#include "data/members.h"
#include "data/sample_dataset.h"
#include "laconic/error.h"

namespace laconic {
namespace {

constexpr std::size_t side = 32;
constexpr std::size_t plane = side * side;
constexpr std::size_t pixel_count = 3 * plane;

struct Layout {
  std::size_t label_bytes;  ///< Of a record,
  std::size_t label_at;     ///< and which of them is the class.
  std::int64_t classes;
  bool bgr;
};

void append_file(const std::filesystem::path& path, const Layout& layout, StoredPart& part) {
  const auto bytes = read_file(path);
  const auto record = layout.label_bytes + pixel_count;
  if (bytes.empty() || bytes.size() % record != 0) {
    fail(ErrorCode::invalid_data,
         "\"{}\" is cut short or not in CIFAR's binary layout: {} bytes, but records have {}",
         path.string(), bytes.size(), record);
  }
  part.pixels.reserve(part.pixels.size() + bytes.size() / record * pixel_count);
  for (std::size_t at = 0; at < bytes.size(); at += record) {
    const auto label = std::to_integer<std::uint8_t>(bytes[at + layout.label_at]);
    if (label >= layout.classes) {
      fail(ErrorCode::invalid_data, "\"{}\" has the label {} in record {}, but must have 0 to {}",
           path.string(), label, at / record, layout.classes - 1);
    }
    part.labels.push_back(label);
    for (std::size_t channel = 0; channel < 3; ++channel) {
      const auto* from = reinterpret_cast<const std::uint8_t*>(bytes.data()) + at +
                         layout.label_bytes + (layout.bgr ? 2 - channel : channel) * plane;
      part.pixels.insert(part.pixels.end(), from, from + plane);
    }
  }
}

std::unique_ptr<Dataset> make_cifar(const Options& options, const Layout& layout,
                                    std::span<const std::string_view> train_files,
                                    std::string_view test_file) {
  const std::filesystem::path folder = existing_folder(options);
  StoredPart train, test;
  for (const auto file : train_files) append_file(folder / file, layout, train);
  append_file(folder / test_file, layout, test);
  return make_sample_dataset(options, make_stored_source({3, side, side}, layout.classes,
                                                         std::move(train), std::move(test)));
}

bool bgr(const Options& options) {
  return options.text("channels") == "bgr";
}

}  // namespace

std::unique_ptr<Dataset> make_cifar10(const Options& options) {
  constexpr std::array<std::string_view, 5> files = {"data_batch_1.bin", "data_batch_2.bin",
                                                     "data_batch_3.bin", "data_batch_4.bin",
                                                     "data_batch_5.bin"};
  return make_cifar(options, {1, 0, 10, bgr(options)}, files, "test_batch.bin");
}

std::unique_ptr<Dataset> make_cifar100(const Options& options) {
  constexpr std::array<std::string_view, 1> files = {"train.bin"};
  const bool fine = options.text("labels") == "fine";
  return make_cifar(options, {2, fine ? 1u : 0u, fine ? 100 : 20, bgr(options)}, files, "test.bin");
}

}  // namespace laconic
