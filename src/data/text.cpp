// Sequences of characters, each to be told from those before it.

#include <algorithm>
#include <array>

#include "core/atomic_file.h"
#include "data/members.h"
#include "laconic/error.h"

namespace laconic {
namespace {

/// Characters [begin, begin + size) of a file.
struct Range {
  std::int64_t begin = 0;
  std::int64_t size = 0;
};

class TextDataset : public Dataset {
 public:
  explicit TextDataset(const Options& options)
      : spec_(options.spec()), path_(options.text("")), steps_(options.integer("steps")) {
    const auto bytes = read_file(path_);
    gather_vocabulary(bytes);
    text_.reserve(bytes.size());
    for (const auto byte : bytes) text_.push_back(class_of_[std::to_integer<std::size_t>(byte)]);
    split(options);
    shape_ = {steps_, classes_};
  }

  const Shape& sample_shape() const noexcept override { return shape_; }
  std::int64_t classes() const noexcept override { return classes_; }
  std::int64_t labels_per_sample() const noexcept override { return steps_; }
  const Augmentation& augmentation() const noexcept override { return none_; }
  std::string spec() const override { return spec_; }

  std::int64_t size(Part part) const noexcept override {
    // The last character of a sequence has a label too: the one after it.
    return std::max<std::int64_t>(range(part).size - 1, 0) / steps_;
  }

  void read(Part part, std::span<const std::int64_t> indices, std::span<float> x,
            std::span<std::int64_t> labels, const Augmentation& augmentation,
            std::uint64_t) const override {
    const auto steps = static_cast<std::size_t>(steps_);
    const auto classes = static_cast<std::size_t>(classes_);
    if (x.size() != indices.size() * steps * classes || labels.size() != indices.size() * steps) {
      fail(ErrorCode::invalid_argument,
           "room for {} values and {} labels was given for {} sequences of {} characters", x.size(),
           labels.size(), indices.size(), steps_);
    }
    if (augmentation.flip || augmentation.pad != 0) {
      fail(ErrorCode::invalid_argument, "text cannot be mirrored or shifted");
    }
    std::ranges::fill(x, 0.0f);
    for (std::size_t i = 0; i < indices.size(); ++i) {
      if (indices[i] < 0 || indices[i] >= size(part)) {
        fail(ErrorCode::invalid_argument, "there is no {} sample {} among {}", name(part),
             indices[i], size(part));
      }
      const auto begin = static_cast<std::size_t>(range(part).begin + indices[i] * steps_);
      for (std::size_t t = 0; t < steps; ++t) {
        x[(i * steps + t) * classes + text_[begin + t]] = 1;
        labels[i * steps + t] = text_[begin + t + 1];
      }
    }
  }

 private:
  /// Classes are the bytes that occur, in ascending order.
  void gather_vocabulary(std::span<const std::byte> bytes) {
    std::array<bool, 256> occurs{};
    for (const auto byte : bytes) occurs[std::to_integer<std::size_t>(byte)] = true;
    for (std::size_t byte = 0; byte < occurs.size(); ++byte) {
      if (occurs[byte]) class_of_[byte] = static_cast<std::uint8_t>(classes_++);
    }
    if (bytes.empty()) fail(ErrorCode::invalid_data, "\"{}\" is empty", path_);
    if (classes_ < 2) {
      fail(ErrorCode::invalid_data,
           "\"{}\" repeats a single character, so there is nothing to be told from it", path_);
    }
  }

  void split(const Options& options) {
    const double train = options.number("train"), validation = options.number("validation");
    if (!(train > 0) || train + validation > 1) {
      fail(
          ErrorCode::invalid_argument,
          "data set \"text\": train is {} and validation {}, but they must be >0 and >=0, and 1 at "
          "most together",
          options.text("train"), options.text("validation"));
    }
    const auto count = static_cast<std::int64_t>(text_.size());
    // A sum of shares as decimal fractions may fall short of 1 by a rounding error.
    const auto upto = [&](double share) {
      return static_cast<std::int64_t>(static_cast<double>(count) * share + 1e-6);
    };
    const auto first = upto(train), second = upto(train + validation);
    train_ = {0, first};
    validation_ = {first, second - first};
    test_ = {second, count - second};
    if (size(Part::train) == 0) {
      fail(ErrorCode::invalid_data,
           "sequences of {} characters and one to follow do not fit into the training part of "
           "\"{}\", which has {} of {} characters",
           steps_, path_, train_.size, count);
    }
  }

  const Range& range(Part part) const noexcept {
    return part == Part::train ? train_ : part == Part::validation ? validation_ : test_;
  }

  std::string spec_, path_;
  std::int64_t steps_;
  std::int64_t classes_ = 0;
  std::array<std::uint8_t, 256> class_of_{};
  std::vector<std::uint8_t> text_;  ///< As classes.
  Range train_, validation_, test_;
  Shape shape_;
  Augmentation none_;
};

}  // namespace

std::unique_ptr<Dataset> make_text(const Options& options) {
  return std::make_unique<TextDataset>(options);
}

}  // namespace laconic
