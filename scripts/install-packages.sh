#!/usr/bin/env bash
# Installs the Debian packages that Laconic needs, by name; does nothing where they are all there.
# Usage: scripts/install-packages.sh [GROUP...]   groups: build (default) data client browser fuzz neon
set -euo pipefail

build=(g++ cmake ninja-build ccache pkg-config
  libtorch-dev libgloo-dev libopenblas0-pthread libopenblas-dev
  libonnx-dev libprotobuf-dev protobuf-compiler libonnx-testdata
  libcli11-dev nlohmann-json3-dev libfmt-dev libxxhash-dev libzstd-dev zlib1g-dev
  libopencv-imgcodecs-dev libopencv-imgproc-dev libturbojpeg0-dev libpugixml-dev
  libgtest-dev libgmock-dev libbenchmark-dev)
data=(dataset-fashion-mnist)
fuzz=(clang libclang-rt-14-dev lld)
client=(nodejs npm)
browser=(chromium nodejs npm)
neon=(g++-aarch64-linux-gnu qemu-user googletest)

[ $# -gt 0 ] || set -- build
wanted=()
for group in "$@"; do
  declare -n names="$group"
  wanted+=("${names[@]}")
done

missing=()
for package in "${wanted[@]}"; do
  # Node.js may have come another way.
  case $package in nodejs | npm) command -v "${package/nodejs/node}" >/dev/null && continue ;; esac
  status=$(dpkg-query -W -f='${db:Status-Abbrev}' "$package" 2>/dev/null || true)
  [[ $status == ii* ]] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "install-packages: root or sudo is needed to install: ${missing[*]}" >&2; exit 1; }
  as_root=(sudo)
fi
echo "installing ${#missing[@]} Debian packages: ${missing[*]}" >&2
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -q >&2
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}" >&2
