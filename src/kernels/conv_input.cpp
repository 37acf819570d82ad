#include "kernels/conv_input.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace laconic {
namespace {

/// Pixels of a stretch of a row that are turned from channels first to channels last at a time.
constexpr std::int64_t stretch = 64;

/// Where a channel of a pixel lies in the copy.
struct Pixel {
  std::int64_t group_channels;  ///< Input channels of a group.
  std::int64_t group_bytes;     ///< What they take, filled up to whole quads.
};

/// One row of channels-last bytes, `count` pixels of it.
void round_pixels(const IsaCode& isa, const ConvSize& size, const Pixel& pixel, const float* x,
                  std::int64_t count, const ByteScale& scale, std::byte* out) {
  auto* bytes = reinterpret_cast<std::uint8_t*>(out);
  if (size.pixel_bytes == size.channels) {
    isa.round(x, count * size.channels, scale, bytes);
    return;
  }
  std::memset(out, 0, static_cast<std::size_t>(count * size.pixel_bytes));
  // Rounded where they lie together, then moved apart.
  std::array<std::uint8_t, 1024> together;
  const std::int64_t room = std::ssize(together);
  const std::int64_t values = count * size.channels;
  for (std::int64_t first = 0; first < values; first += room) {
    const std::int64_t some = std::min(room, values - first);
    isa.round(x + first, some, scale, together.data());
    std::int64_t in_group = first % pixel.group_channels;
    std::uint8_t* group = bytes + first / pixel.group_channels * pixel.group_bytes;
    for (std::int64_t i = 0; i < some; ++i) {
      group[in_group] = together[static_cast<std::size_t>(i)];
      if (++in_group == pixel.group_channels) {
        in_group = 0;
        group += pixel.group_bytes;
      }
    }
  }
}

/// The same from channels-first rows, which lie `plane` floats apart: four channels at a time.
void round_planes(const IsaCode& isa, const ConvSize& size, const Pixel& pixel, const float* x,
                  std::int64_t plane, std::int64_t count, const ByteScale& scale, std::byte* out) {
  std::array<std::uint32_t, stretch> quads{};
  for (std::int64_t first = 0; first < count; first += stretch) {
    const std::int64_t pixels = std::min(stretch, count - first);
    for (std::int64_t c = 0; c < size.channels; c += pixel.group_channels) {
      std::byte* group =
          out + first * size.pixel_bytes + c / pixel.group_channels * pixel.group_bytes;
      for (std::int64_t quad = 0; quad < pixel.group_channels; quad += 4) {
        const auto planes =
            static_cast<int>(std::min<std::int64_t>(4, pixel.group_channels - quad));
        isa.round_planes(x + (c + quad) * plane + first, plane, planes, pixels, scale,
                         quads.data());
        std::byte* to = group + quad;
        for (std::int64_t i = 0; i < pixels; ++i, to += size.pixel_bytes) {
          std::memcpy(to, &quads[static_cast<std::size_t>(i)], 4);
        }
      }
    }
  }
}

/// Bytes that stand for zero, but zero where channels are filled up.
void fill_pixels(const ConvSize& size, const Pixel& pixel, std::int64_t count, std::int32_t zero,
                 std::byte* out) {
  if (size.pixel_bytes == size.channels) {
    std::memset(out, zero, static_cast<std::size_t>(count * size.pixel_bytes));
    return;
  }
  for (std::byte* end = out + count * size.pixel_bytes; out != end; out += pixel.group_bytes) {
    std::memset(out, zero, static_cast<std::size_t>(pixel.group_channels));
    std::memset(out + pixel.group_channels, 0,
                static_cast<std::size_t>(pixel.group_bytes - pixel.group_channels));
  }
}

/// Floats of `count` pixels; depthwise weights find the channel of each output in its place.
void copy_floats(const PackedWeights& packed, const ConvSize& size, const float* x,
                 std::int64_t channel_step, std::int64_t pixel_step, std::int64_t count,
                 std::byte* out) {
  const std::int64_t copies = packed.depthwise ? packed.out / size.channels : 1;
  const std::int64_t pixel = size.pixel_bytes / std::int64_t{sizeof(float)};
  auto* to = reinterpret_cast<float*>(out);
  if (channel_step == 1 && pixel_step == pixel) {
    std::memcpy(to, x, static_cast<std::size_t>(count * size.pixel_bytes));
    return;
  }
  if (channel_step == 1 && copies == 1) {
    for (std::int64_t i = 0; i < count; ++i) {
      std::memcpy(to + i * pixel, x + i * pixel_step,
                  static_cast<std::size_t>(size.channels) * sizeof(float));
    }
    return;
  }
  for (std::int64_t c = 0; c < size.channels * copies; ++c) {
    const float* from = x + c / copies * channel_step;
    for (std::int64_t i = 0; i < count; ++i) to[i * pixel + c] = from[i * pixel_step];
  }
}

}  // namespace

ConvSize conv_size(const PackedWeights& packed, std::int64_t height, std::int64_t width) {
  const ConvGeometry& geometry = packed.geometry;
  ConvSize out;
  const std::array<std::int64_t, 2> input = {height, width};
  std::array<std::int64_t, 2> output{}, padded{};
  for (std::size_t i = 0; i < 2; ++i) {
    const std::int64_t window = (packed.window[i] - 1) * geometry.dilation[i] + 1;
    const std::int64_t room = input[i] + geometry.pad_begin[i] + geometry.pad_end[i] - window;
    output[i] = room < 0 ? 0 : room / geometry.stride[i] + 1;
    padded[i] = (output[i] - 1) * geometry.stride[i] + window;
  }
  const bool int8 = packed.kernel->activations == Activations::int8;
  const std::int64_t group_channels = packed.depthwise ? 1 : packed.reduction.channels;
  out.channels = geometry.groups * group_channels;
  out.height = height;
  out.width = width;
  out.out_height = output[0];
  out.out_width = output[1];
  out.padded_height = padded[0];
  out.padded_width = padded[1];
  out.top = geometry.pad_begin[0];
  out.left = geometry.pad_begin[1];
  const std::int64_t lanes = packed.panels() * panel_rows;
  out.pixel_bytes = int8 ? geometry.groups * packed.reduction.run_quads() * 4
                         : (packed.depthwise ? lanes : out.channels) * std::int64_t{sizeof(float)};
  return out;
}

void copy_row(const PackedWeights& packed, const ConvSize& size, const float* image, Layout layout,
              const ByteScale& scale, std::int64_t row, std::byte* out) {
  const bool int8 = packed.kernel->activations == Activations::int8;
  const Pixel pixel = {size.channels / packed.geometry.groups,
                       size.pixel_bytes / packed.geometry.groups};
  const std::int64_t y = row - size.top;
  const bool inside = y >= 0 && y < size.height;
  const std::int64_t left = inside ? std::min(size.left, size.padded_width) : 0;
  const std::int64_t count = inside ? std::min(size.width, size.padded_width - left) : 0;
  const auto fill = [&](std::int64_t from, std::int64_t pixels) {
    std::byte* to = out + from * size.pixel_bytes;
    if (int8) {
      fill_pixels(size, pixel, pixels, scale.zero, to);
    } else {
      std::memset(to, 0, static_cast<std::size_t>(pixels * size.pixel_bytes));
    }
  };
  fill(0, left);
  fill(left + count, size.padded_width - left - count);
  if (count == 0) return;

  const bool last = layout == Layout::channels_last;
  const std::int64_t plane = size.height * size.width;
  const float* x = image + y * size.width * (last ? size.channels : 1);
  std::byte* to = out + left * size.pixel_bytes;
  if (!int8) {
    copy_floats(packed, size, x, last ? 1 : plane, last ? size.channels : 1, count, to);
  } else if (last) {
    round_pixels(*packed.code->isa, size, pixel, x, count, scale, to);
  } else {
    round_planes(*packed.code->isa, size, pixel, x, plane, count, scale, to);
  }
}

}  // namespace laconic
