#!/usr/bin/env bash
# A project of its own finds the installed package, builds and runs.
# Usage: run.sh BUILD_FOLDER train|deploy
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cmake --install "$1" --prefix "$folder/prefix" >/dev/null
cmake -S "$here" -B "$folder/build" -G Ninja -DCMAKE_PREFIX_PATH="$folder/prefix" -DWITH_TRAIN="$2" >/dev/null
cmake --build "$folder/build" >/dev/null
"$folder/build/outside"
"$folder/prefix/bin/laconic" --version
