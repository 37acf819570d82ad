#include "data/sample_dataset.h"

#include <algorithm>
#include <filesystem>
#include <numeric>
#include <optional>

#include "data/whitening.h"
#include "laconic/error.h"
#include "laconic/random.h"
#include "train/torch_threads.h"

namespace laconic {
namespace {

bool has_option(const Options& options, std::string_view key) {
  return std::ranges::any_of(options.member().options, [&](const auto& o) { return o.key == key; });
}

/// One entry per channel; a single one stands for all.
std::vector<double> per_channel(const Options& options, std::string_view key,
                                std::size_t channels) {
  auto values = options.numbers(key);
  if (values.size() == 1) values.resize(channels, values[0]);
  if (values.size() != channels) {
    fail(ErrorCode::invalid_argument,
         "data set \"{}\": {} has {} entries, but must have 1 or {}, one per channel",
         options.member().name, key, values.size(), channels);
  }
  return values;
}

class SampleDataset : public Dataset {
 public:
  SampleDataset(const Options& options, std::unique_ptr<SampleSource> source)
      : source_(std::move(source)), spec_(options.spec()), image_(source_->shape().size() == 3) {
    const auto name = options.member().name;
    const auto& raw = source_->shape();
    channels_ = image_ ? raw[0] : 1;
    margin_ = has_option(options, "margin") ? options.integer("margin") : 0;
    planar_ = !has_option(options, "layout") || options.text("layout") == "chw";
    scale_ = options.number("scale");
    mean_ = per_channel(options, "mean", static_cast<std::size_t>(channels_));
    deviation_ = per_channel(options, "std", static_cast<std::size_t>(channels_));
    for (const double deviation : deviation_) {
      if (deviation <= 0)
        fail(ErrorCode::invalid_argument, "data set \"{}\": std is {}, but must be >0", name,
             deviation);
    }
    augmentation_ = {.flip = options.flag("flip"), .pad = options.integer("pad")};
    check_augmentation(augmentation_);
    shape_ = raw;
    if (image_) {
      height_ = raw[1] + 2 * margin_;
      width_ = raw[2] + 2 * margin_;
      shape_ = planar_ ? Shape{channels_, height_, width_} : Shape{height_, width_, channels_};
    }
    split(options);
    contrast_ = has_option(options, "gcn") ? options.number("gcn") : 0;
    if (has_option(options, "zca")) fit_whitening(options.number("zca"), name);
  }

  const Shape& sample_shape() const noexcept override { return shape_; }
  std::int64_t classes() const noexcept override { return source_->classes(); }
  const Augmentation& augmentation() const noexcept override { return augmentation_; }
  std::string spec() const override { return spec_; }

  std::int64_t size(Part part) const noexcept override {
    if (part == Part::test || own_validation_) return source_->size(part);
    return static_cast<std::int64_t>(part == Part::train ? train_.size() : validation_.size());
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
    check_augmentation(augmentation);
    const auto limit = size(part);
    for (const auto index : indices) {
      if (index < 0 || index >= limit) {
        fail(ErrorCode::invalid_argument, "sample {} was asked for, but the {} part has {}", index,
             name(part), limit);
      }
    }
    constexpr std::int64_t chunk = Whitening::batch;
    const auto raw_count = static_cast<std::size_t>(element_count(source_->shape()));
    const std::size_t at_once = whitening_ ? chunk : 1;
    const auto chunks = (static_cast<std::int64_t>(indices.size()) + chunk - 1) / chunk;
    torch_parallel_for(chunks, [&](std::int64_t c) {
      const auto begin = static_cast<std::size_t>(c * chunk);
      const auto end = std::min(begin + chunk, indices.size());
      std::vector<float> raw(at_once * raw_count);
      for (std::size_t first = begin; first < end; first += at_once) {
        const auto some = std::min(at_once, end - first);
        for (std::size_t i = 0; i < some; ++i) {
          const auto sample = std::span(raw).subspan(i * raw_count, raw_count);
          labels[first + i] = read_raw(part, indices[first + i], sample);
        }
        if (whitening_) whitening_->apply(raw);
        for (std::size_t i = 0; i < some; ++i) {
          prepare(std::span(raw).subspan(i * raw_count, raw_count),
                  x.subspan((first + i) * count, count), augmentation, seed, indices[first + i]);
        }
      }
    });
  }

 private:
  void fit_whitening(double regularization, std::string_view data_set) {
    if (regularization == 0) return;
    const auto features = element_count(source_->shape());
    if (features > Whitening::most_features) {
      fail(ErrorCode::invalid_argument,
           "data set \"{}\": zca takes samples of at most {} numbers, but these have {}", data_set,
           Whitening::most_features, features);
    }
    whitening_.emplace(
        size(Part::train), features, regularization,
        [this](std::int64_t i, std::span<float> out) { (void)read_raw(Part::train, i, out); });
  }

  /// A sample up to whitening; returns its label.
  std::int64_t read_raw(Part part, std::int64_t i, std::span<float> out) const {
    const auto [stored_part, stored] = locate(part, i);
    source_->read(stored_part, stored, out);
    if (contrast_ > 0) normalize_contrast(out, contrast_);
    return source_->label(stored_part, stored);
  }

  void check_augmentation(const Augmentation& augmentation) const {
    if ((augmentation.flip || augmentation.pad != 0) && !image_) {
      fail(ErrorCode::invalid_argument,
           "flip and pad need samples of channels x height x width, but these have {} axes",
           shape_.size());
    }
  }

  void split(const Options& options) {
    const auto total = source_->size(Part::train);
    own_validation_ = source_->size(Part::validation) > 0;
    if (own_validation_) return;
    const double asked = options.number("validation");
    const double held_out = asked < 1 ? asked * static_cast<double>(total) : asked;
    if (held_out >= static_cast<double>(total)) {
      fail(ErrorCode::invalid_argument,
           "data set \"{}\": validation is {}, but must leave some of the {} training samples",
           options.member().name, options.text("validation"), total);
    }
    std::vector<std::int64_t> order(static_cast<std::size_t>(total));
    std::iota(order.begin(), order.end(), std::int64_t{0});
    Random(static_cast<std::uint64_t>(options.integer("seed")), "validation")
        .shuffle(std::span(order));
    const auto cut = order.begin() + static_cast<std::ptrdiff_t>(held_out);
    validation_.assign(order.begin(), cut);
    train_.assign(cut, order.end());
    std::ranges::sort(validation_);
    std::ranges::sort(train_);
  }

  /// Where sample i of a part is stored.
  std::pair<Part, std::int64_t> locate(Part part, std::int64_t i) const {
    if (part == Part::test || own_validation_) return {part, i};
    return {Part::train, (part == Part::train ? train_ : validation_)[static_cast<std::size_t>(i)]};
  }

  float normalized(double value, std::size_t channel) const {
    return static_cast<float>((value * scale_ - mean_[channel]) / deviation_[channel]);
  }

  void prepare(std::span<const float> raw, std::span<float> out, const Augmentation& augmentation,
               std::uint64_t seed, std::int64_t index) const {
    if (!image_) {
      std::ranges::transform(raw, out.begin(), [&](float value) { return normalized(value, 0); });
      return;
    }
    // What is cut out may lie anywhere on the image and the zeros around it.
    std::int64_t top = -margin_, left = -margin_;
    bool mirror = false;
    if (augmentation.flip || augmentation.pad > 0) {
      Random random(seed, "augment", static_cast<std::uint64_t>(index));
      mirror = random.below(2) == 1 && augmentation.flip;
      top += random.below(2 * augmentation.pad + 1) - augmentation.pad;
      left += random.below(2 * augmentation.pad + 1) - augmentation.pad;
    }
    const auto raw_height = source_->shape()[1], raw_width = source_->shape()[2];
    for (std::int64_t c = 0; c < channels_; ++c) {
      const auto channel = static_cast<std::size_t>(c);
      const float zero = normalized(0, channel);
      for (std::int64_t y = 0; y < height_; ++y) {
        const auto from_y = y + top;
        for (std::int64_t x = 0; x < width_; ++x) {
          const auto from_x = (mirror ? width_ - 1 - x : x) + left;
          const bool inside =
              from_y >= 0 && from_y < raw_height && from_x >= 0 && from_x < raw_width;
          const auto to =
              planar_ ? (c * height_ + y) * width_ + x : (y * width_ + x) * channels_ + c;
          out[static_cast<std::size_t>(to)] =
              inside ? normalized(raw[static_cast<std::size_t>(
                                      (c * raw_height + from_y) * raw_width + from_x)],
                                  channel)
                     : zero;
        }
      }
    }
  }

  std::unique_ptr<SampleSource> source_;
  std::string spec_;
  bool image_;
  bool planar_ = true;
  bool own_validation_ = false;
  std::int64_t channels_ = 1, height_ = 1, width_ = 1, margin_ = 0;
  double contrast_ = 0;
  std::optional<Whitening> whitening_;
  double scale_ = 1;
  std::vector<double> mean_, deviation_;
  Augmentation augmentation_;
  Shape shape_;
  std::vector<std::int64_t> train_, validation_;
};

class StoredSource : public SampleSource {
 public:
  StoredSource(Shape shape, std::int64_t classes, StoredPart train, StoredPart test)
      : shape_(std::move(shape)),
        classes_(classes),
        train_(std::move(train)),
        test_(std::move(test)) {}

  const Shape& shape() const noexcept override { return shape_; }
  std::int64_t classes() const noexcept override { return classes_; }
  std::int64_t size(Part part) const noexcept override {
    return part == Part::validation ? 0 : static_cast<std::int64_t>(stored(part).labels.size());
  }
  std::int64_t label(Part part, std::int64_t i) const override {
    return stored(part).labels[static_cast<std::size_t>(i)];
  }
  void read(Part part, std::int64_t i, std::span<float> raw) const override {
    const auto pixels = std::span(stored(part).pixels)
                            .subspan(static_cast<std::size_t>(i) * raw.size(), raw.size());
    std::ranges::copy(pixels, raw.begin());
  }

 private:
  const StoredPart& stored(Part part) const noexcept { return part == Part::test ? test_ : train_; }

  Shape shape_;
  std::int64_t classes_;
  StoredPart train_, test_;
};

}  // namespace

std::unique_ptr<Dataset> make_sample_dataset(const Options& options,
                                             std::unique_ptr<SampleSource> source) {
  return std::make_unique<SampleDataset>(options, std::move(source));
}

std::unique_ptr<SampleSource> make_stored_source(Shape shape, std::int64_t classes,
                                                 StoredPart train, StoredPart test) {
  return std::make_unique<StoredSource>(std::move(shape), classes, std::move(train),
                                        std::move(test));
}

std::string existing_folder(const Options& options) {
  const auto& folder = options.text("");
  std::error_code ignored;
  if (!std::filesystem::is_directory(folder, ignored)) {
    fail(ErrorCode::invalid_data, "data set \"{}\": there is no folder \"{}\"",
         options.member().name, folder);
  }
  return folder;
}

}  // namespace laconic
