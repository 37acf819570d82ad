// A small data set of images with boxes, laid out as VOC's.

#pragma once

#include <fmt/format.h>

#include <cstdio>
#include <opencv2/imgcodecs.hpp>
#include <string>
#include <string_view>

#include "data_support.h"
#include "temporary_folder.h"

namespace laconic {

inline Bytes bytes_of(std::string_view text) {
  return {text.begin(), text.end()};
}

inline Bytes jpeg(int height, int width, cv::Scalar bgr = {10, 20, 30}) {
  Bytes out;
  cv::imencode(".jpg", cv::Mat(height, width, CV_8UC3, bgr), out);
  return out;
}

/// An object of an annotation; its box as "xmin ymin xmax ymax".
inline std::string object(std::string_view name, std::string_view box, int difficult = 0) {
  int side[4] = {};
  std::sscanf(std::string(box).c_str(), "%d %d %d %d", side, side + 1, side + 2, side + 3);
  return fmt::format(
      "<object><name>{}</name><difficult>{}</difficult><bndbox><xmin>{}</xmin><ymin>{}</ymin>"
      "<xmax>{}</xmax><ymax>{}</ymax></bndbox></object>",
      name, difficult, side[0], side[1], side[2], side[3]);
}

/// Two images of 40 rows and 80 columns to train on, one to test with; bees and ants.
struct VocFolder {
  TemporaryFolder folder;

  VocFolder() {
    add("1", object("bee", "1 1 20 10") + object("ant", "21 11 60 30"));
    add("2", object("ant", "11 11 30 30", 1));
    add("3", object("bee", "41 1 80 40"));
    list("train", "1\n2 -1\r\n\n");
    list("test", "3\n");
  }

  void add(const std::string& name, const std::string& objects) const {
    folder.write("JPEGImages/" + name + ".jpg", jpeg(40, 80));
    folder.write("Annotations/" + name + ".xml",
                 bytes_of("<annotation>" + objects + "</annotation>"));
  }
  void list(const std::string& name, std::string_view names) const {
    folder.write("ImageSets/Main/" + name + ".txt", bytes_of(names));
  }
  [[nodiscard]] std::string spec(std::string_view options = "") const {
    return "voc:" + folder.path() + ",height=32,width=40" + std::string(options);
  }
};

}  // namespace laconic
