# What holds for every target of this project: language, warnings, sanitizers, compiler cache.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
# One mode for libraries and programs, so that they can share precompiled headers.
add_compile_options(-fPIC)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release)
endif()
# Equal results on every machine: no contraction to fused multiply-add unless a source asks for it.
add_compile_options(-ffp-contract=off)

find_program(LACONIC_CCACHE ccache)
if(LACONIC_CCACHE AND PROJECT_IS_TOP_LEVEL)
  # Precompiled headers are cached only with these sloppinesses; paths relative to the source tree
  # let several checkouts share one cache.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${LACONIC_CCACHE})
endif()

# Designated initializers name the fields that matter; the others have defaults.
add_library(laconic_policy INTERFACE)
target_compile_options(laconic_policy INTERFACE
  -Wall -Wextra -Wshadow $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor;-Wold-style-cast> -Wno-missing-field-initializers $<$<BOOL:${LACONIC_WERROR}>:-Werror>)
if(LACONIC_SANITIZE)
  add_compile_options(-fsanitize=${LACONIC_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${LACONIC_SANITIZE})
endif()
if(LACONIC_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)  # Coverage of the library guides the fuzzers.
endif()
