# Debian's small OpenCV packages have no CMake files of their own; the large one would bring a
# desktop along. Defines laconic_opencv.

find_path(LACONIC_OPENCV_INCLUDE opencv2/imgcodecs.hpp PATH_SUFFIXES opencv4 REQUIRED)
add_library(laconic_opencv INTERFACE)
target_include_directories(laconic_opencv SYSTEM INTERFACE ${LACONIC_OPENCV_INCLUDE})
foreach(part imgcodecs imgproc core)
  find_library(LACONIC_OPENCV_${part} opencv_${part} REQUIRED)
  target_link_libraries(laconic_opencv INTERFACE ${LACONIC_OPENCV_${part}})
endforeach()
