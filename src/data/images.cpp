// A folder per class with JPEG and PNG files in it; decoded when they are read.

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <map>

#include "data/image_file.h"
#include "data/members.h"
#include "data/sample_dataset.h"
#include "laconic/error.h"

namespace laconic {
namespace {

namespace fs = std::filesystem;

struct LabelledFile {
  fs::path path;
  std::int64_t label = 0;
};
using Classes = std::map<std::string, std::int64_t, std::less<>>;

std::vector<fs::path> sorted_entries(const fs::path& folder) {
  std::vector<fs::path> entries;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    entries.push_back(it->path());
  }
  if (error)
    fail(ErrorCode::invalid_data, "cannot read the folder \"{}\": {}", folder.string(),
         error.message());
  std::ranges::sort(entries);
  return entries;
}

bool is_image(const fs::path& path) {
  auto ending = path.extension().string();
  std::ranges::transform(ending, ending.begin(), [](unsigned char c) { return std::tolower(c); });
  return ending == ".jpg" || ending == ".jpeg" || ending == ".png";
}

std::vector<fs::path> class_folders(const fs::path& folder) {
  auto folders = sorted_entries(folder);
  std::erase_if(folders, [](const auto& path) {
    std::error_code ignored;
    return !fs::is_directory(path, ignored) || path.filename().string().starts_with('.');
  });
  return folders;
}

std::vector<LabelledFile> list_part(const fs::path& folder, const Classes& classes) {
  std::vector<LabelledFile> files;
  for (const auto& class_folder : class_folders(folder)) {
    const auto known = classes.find(class_folder.filename().string());
    if (known == classes.end()) {
      fail(ErrorCode::invalid_data, "\"{}\" is a class that the training part has not",
           class_folder.string());
    }
    for (auto& path : sorted_entries(class_folder)) {
      if (is_image(path)) files.push_back({std::move(path), known->second});
    }
  }
  return files;
}

/// A part without the one that says what its classes are is not a class either.
void check_not_parted(const fs::path& folder) {
  for (const std::string_view part : {"val", "test"}) {
    std::error_code ignored;
    if (!fs::is_directory(folder / part, ignored) || class_folders(folder / part).empty()) continue;
    fail(ErrorCode::invalid_data,
         "\"{}\" has a folder \"{}\" with folders in it, but no folder \"train\", whose classes it "
         "would have",
         folder.string(), part);
  }
}

class ImageFolder : public SampleSource {
 public:
  explicit ImageFolder(const Options& options) {
    const auto& channels = options.text("channels");
    form_.channels = channels == "rgb"   ? Channels::rgb
                     : channels == "bgr" ? Channels::bgr
                                         : Channels::gray;
    form_.size = options.integer("size");
    form_.resize = std::max(form_.size, options.integer("resize"));
    shape_ = {form_.channels == Channels::gray ? 1 : 3, form_.size, form_.size};

    const fs::path folder = existing_folder(options);
    std::error_code ignored;
    const bool parted = fs::is_directory(folder / "train", ignored);
    if (!parted) check_not_parted(folder);
    const auto train = parted ? folder / "train" : folder;
    for (const auto& class_folder : class_folders(train)) {
      classes_.emplace(class_folder.filename().string(),
                       static_cast<std::int64_t>(classes_.size()));
    }
    parts_[0] = list_part(train, classes_);
    if (parts_[0].empty()) {
      fail(ErrorCode::invalid_data, "\"{}\" has no folder with a .jpg, .jpeg or .png file in it",
           train.string());
    }
    for (const auto& [part, name] : {std::pair{1, "val"}, std::pair{2, "test"}}) {
      if (parted && fs::is_directory(folder / name, ignored)) {
        parts_[static_cast<std::size_t>(part)] = list_part(folder / name, classes_);
      }
    }
  }

  const Shape& shape() const noexcept override { return shape_; }
  std::int64_t classes() const noexcept override {
    return static_cast<std::int64_t>(classes_.size());
  }
  std::int64_t size(Part part) const noexcept override {
    return static_cast<std::int64_t>(files(part).size());
  }
  std::int64_t label(Part part, std::int64_t i) const override {
    return files(part)[static_cast<std::size_t>(i)].label;
  }
  void read(Part part, std::int64_t i, std::span<float> raw) const override {
    read_image(files(part)[static_cast<std::size_t>(i)].path, form_, raw);
  }

 private:
  const std::vector<LabelledFile>& files(Part part) const noexcept {
    return parts_[static_cast<std::size_t>(part)];
  }

  ImageForm form_;
  Shape shape_;
  Classes classes_;
  std::array<std::vector<LabelledFile>, 3> parts_;  ///< In the order of Part.
};

}  // namespace

std::unique_ptr<Dataset> make_images(const Options& options) {
  return make_sample_dataset(options, std::make_unique<ImageFolder>(options));
}

}  // namespace laconic
