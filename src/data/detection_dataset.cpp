#include <algorithm>

#include "data/annotated_images.h"
#include "data/decode_image.h"
#include "data/placed_image.h"
#include "laconic/error.h"
#include "laconic/threads.h"

namespace laconic {
namespace {

class AnnotatedDataset final : public DetectionDataset {
 public:
  AnnotatedDataset(const Options& options, std::vector<std::string> class_names,
                   AnnotatedParts parts)
      : canvas_{options.integer("height"), options.integer("width")},
        shape_{3, canvas_.height, canvas_.width},
        class_names_(std::move(class_names)),
        parts_(std::move(parts)),
        spec_(options.spec()) {
    form_.classes = class_names_;
    form_.scale = options.number("scale");
    form_.mean = entries(options, "mean");
    form_.deviation = entries(options, "std");
    (void)form_.spec();  // Refuses names of classes that a spec cannot have.
    augmentation_.flip = options.flag("flip");
    augmentation_.scale = options.number("jitter");
    if (size(Part::train) + size(Part::test) == 0) {
      SkippedAnnotations all;
      for (const auto& part : parts_) all += part.skipped;
      fail(ErrorCode::invalid_data, "data set \"{}\" has no image that can be used{}{}",
           options.member().name, all.first.empty() ? "" : ": ", describe(all));
    }
  }

  const Shape& sample_shape() const noexcept override { return shape_; }
  std::int64_t classes() const noexcept override { return std::ssize(class_names_); }
  std::int64_t size(Part part) const noexcept override { return std::ssize(images(part)); }
  const Augmentation& augmentation() const noexcept override { return augmentation_; }
  std::string spec() const override { return spec_; }
  const std::vector<std::string>& class_names() const noexcept override { return class_names_; }
  const SkippedAnnotations& skipped(Part part) const noexcept override {
    return parts_[static_cast<std::size_t>(part)].skipped;
  }

  const AnnotatedImage& image(Part part, std::int64_t i) const override {
    if (i < 0 || i >= size(part)) {
      fail(ErrorCode::invalid_argument, "image {} was asked for, but the {} part has {}", i,
           name(part), size(part));
    }
    return images(part)[static_cast<std::size_t>(i)];
  }

  ShownImage shown(Part part, std::int64_t i) const override {
    const auto& [file, height, width, objects] = image(part, i);
    return show_image(canvas_, height, width);
  }

  std::vector<Object> objects(Part part, std::int64_t i, const Augmentation& augmentation,
                              std::uint64_t seed) const override {
    return place_objects(canvas_, place(part, i, augmentation, seed), image(part, i).objects);
  }

  DetectorForm with_form(DetectorForm form) const override {
    form.classes = form_.classes;
    form.scale = form_.scale;
    form.mean = form_.mean;
    form.deviation = form_.deviation;
    return form;
  }

  void read(Part part, std::span<const std::int64_t> indices, std::span<float> x,
            std::span<std::int64_t> labels, const Augmentation& augmentation,
            std::uint64_t seed) const override {
    const auto count = static_cast<std::size_t>(element_count(shape_));
    if (x.size() != count * indices.size() || labels.size() != indices.size()) {
      fail(ErrorCode::invalid_argument,
           "room for {} values and {} labels was given for {} samples of {} values", x.size(),
           labels.size(), indices.size(), count);
    }
    parallel_for(std::ssize(indices), [&](std::int64_t n) {
      const auto at = static_cast<std::size_t>(n);
      const auto& source = image(part, indices[at]);
      const EncodedImage file(source.file);
      if (file.height() != source.height || file.width() != source.width) {
        fail(ErrorCode::invalid_data, "the image \"{}\" has {}x{} pixels and had {}x{} before",
             source.file.string(), file.width(), file.height(), source.width, source.height);
      }
      labels[at] = indices[at];
      place_pixels(canvas_, place(part, indices[at], augmentation, seed), file, form_,
                   x.subspan(at * count, count));
    });
  }

 private:
  static std::vector<double> entries(const Options& options, std::string_view key) {
    auto values = options.numbers(key);
    const bool positive = std::ranges::all_of(values, [](double v) { return v > 0; });
    if ((values.size() != 1 && values.size() != 3) || (key == "std" && !positive)) {
      fail(ErrorCode::invalid_argument,
           "data set \"{}\": {} is \"{}\", but must have 1 or 3 entries, positive ones for std",
           options.member().name, key, options.text(key));
    }
    return values;
  }

  [[nodiscard]] const std::vector<AnnotatedImage>& images(Part part) const noexcept {
    return parts_[static_cast<std::size_t>(part)].images;
  }

  [[nodiscard]] Placement place(Part part, std::int64_t i, const Augmentation& augmentation,
                                std::uint64_t seed) const {
    const auto& source = image(part, i);
    return place_image(canvas_, source.height, source.width, augmentation, seed, i);
  }

  Canvas canvas_;
  Shape shape_;
  std::vector<std::string> class_names_;
  AnnotatedParts parts_;
  std::string spec_;
  DetectorForm form_;
  Augmentation augmentation_;
};

}  // namespace

const DetectionDataset* as_detection(const Dataset& data) noexcept {
  return dynamic_cast<const DetectionDataset*>(&data);
}

std::unique_ptr<Dataset> make_detection_dataset(const Options& options,
                                                std::vector<std::string> class_names,
                                                AnnotatedParts parts) {
  return std::make_unique<AnnotatedDataset>(options, std::move(class_names), std::move(parts));
}

}  // namespace laconic
