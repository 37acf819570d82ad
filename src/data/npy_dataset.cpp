// Samples and labels from NumPy arrays: any shape of sample, any preprocessing done beforehand.

#include <cmath>
#include <optional>

#include "core/npy.h"
#include "data/members.h"
#include "data/sample_dataset.h"
#include "laconic/error.h"

namespace laconic {
namespace {

constexpr std::int64_t most_classes = 1'000'000;

struct LabelledArray {
  NpyArray x;
  std::vector<std::int64_t> labels;
};

LabelledArray load_part(const std::string& x_path, const std::string& y_path) {
  LabelledArray part{read_npy(x_path), {}};
  const auto y = read_npy(y_path);
  if (part.x.shape.size() < 2 || part.x.count() == 0) {
    fail(ErrorCode::invalid_data,
         "\"{}\" must be an array of samples: two axes or more, none of them empty", x_path);
  }
  if (y.shape != Shape{part.x.shape[0]}) {
    fail(ErrorCode::invalid_data,
         "\"{}\" must have one axis of {} labels, as \"{}\" has so many samples", y_path,
         part.x.shape[0], x_path);
  }
  for (std::int64_t i = 0; i < part.x.count(); ++i) {
    if (!std::isfinite(part.x.at(i))) {
      fail(ErrorCode::invalid_data, "\"{}\" has a value in sample {} that is not finite", x_path,
           i / (part.x.count() / part.x.shape[0]));
    }
  }
  for (std::int64_t i = 0; i < y.count(); ++i) {
    const double label = y.at(i);
    if (!(label >= 0 && label < most_classes && label == std::floor(label))) {
      fail(ErrorCode::invalid_data,
           "\"{}\" has the label {} for sample {}, but must have whole numbers from 0 to {}",
           y_path, label, i, most_classes - 1);
    }
    part.labels.push_back(static_cast<std::int64_t>(label));
  }
  return part;
}

class NpySource : public SampleSource {
 public:
  explicit NpySource(const Options& options)
      : train_(load_part(options.text("x"), options.text("y"))) {
    const auto& test_x = options.text("test_x");
    const auto& test_y = options.text("test_y");
    if (test_x.empty() != test_y.empty()) {
      fail(ErrorCode::invalid_argument,
           "data set \"npy\": test_x and test_y must be given together");
    }
    if (!test_x.empty()) test_ = load_part(test_x, test_y);
    shape_.assign(train_.x.shape.begin() + 1, train_.x.shape.end());
    if (test_ && !std::equal(shape_.begin(), shape_.end(), test_->x.shape.begin() + 1,
                             test_->x.shape.end())) {
      fail(ErrorCode::invalid_data, "the samples of \"{}\" and \"{}\" differ in shape",
           options.text("x"), test_x);
    }
    classes_ = options.integer("classes");
    std::int64_t highest = 0;
    for (const auto label : train_.labels) highest = std::max(highest, label);
    if (classes_ == 0) classes_ = highest + 1;
    if (test_) {
      for (const auto label : test_->labels) highest = std::max(highest, label);
    }
    if (highest >= classes_) {
      fail(ErrorCode::invalid_data, "data set \"npy\": there is a label {}, but must be 0 to {}",
           highest, classes_ - 1);
    }
  }

  const Shape& shape() const noexcept override { return shape_; }
  std::int64_t classes() const noexcept override { return classes_; }
  std::int64_t size(Part part) const noexcept override {
    if (part == Part::train) return static_cast<std::int64_t>(train_.labels.size());
    return part == Part::test && test_ ? static_cast<std::int64_t>(test_->labels.size()) : 0;
  }
  std::int64_t label(Part part, std::int64_t i) const override {
    return array(part).labels[static_cast<std::size_t>(i)];
  }
  void read(Part part, std::int64_t i, std::span<float> raw) const override {
    const auto start = i * static_cast<std::int64_t>(raw.size());
    for (std::size_t k = 0; k < raw.size(); ++k) {
      raw[k] = static_cast<float>(array(part).x.at(start + static_cast<std::int64_t>(k)));
    }
  }

 private:
  const LabelledArray& array(Part part) const noexcept {
    return part == Part::test ? *test_ : train_;
  }

  LabelledArray train_;
  std::optional<LabelledArray> test_;
  Shape shape_;
  std::int64_t classes_ = 0;
};

}  // namespace

std::unique_ptr<Dataset> make_npy(const Options& options) {
  return make_sample_dataset(options, std::make_unique<NpySource>(options));
}

}  // namespace laconic
