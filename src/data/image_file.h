// One JPEG or PNG file, decoded and brought to the size that a network takes.

#pragma once

#include <cstdint>
#include <filesystem>
#include <span>

namespace laconic {

enum class Channels : std::uint8_t { rgb, bgr, gray };

struct ImageForm {
  Channels channels = Channels::rgb;
  std::int64_t size = 0;    ///< Height and width of what is cut from the middle.
  std::int64_t resize = 0;  ///< The shorter side before that.
};

/// Decodes `path` into `out`, channel after channel, values 0 to 255. The orientation tag of
/// cameras is not applied. Throws Error(invalid_data) naming the file if it is cut short, damaged,
/// or larger than 2^26 pixels, which is checked before anything is decoded.
void read_image(const std::filesystem::path& path, const ImageForm& form, std::span<float> out);

}  // namespace laconic
