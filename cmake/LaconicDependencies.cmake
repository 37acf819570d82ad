# The libraries we stand on.

find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(Protobuf REQUIRED)  # Before ONNX, whose targets link to it without finding it.
find_package(ONNX REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(LACONIC_ZSTD REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(LACONIC_XXHASH REQUIRED IMPORTED_TARGET libxxhash)
if(LACONIC_TRAIN)
  find_package(Torch REQUIRED)
  include(LaconicOpenCV)
  pkg_check_modules(LACONIC_TURBOJPEG REQUIRED IMPORTED_TARGET libturbojpeg)
  find_package(ZLIB REQUIRED)
  find_package(pugixml REQUIRED)
endif()
