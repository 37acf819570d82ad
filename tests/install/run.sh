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

# The example that embeds the runtime; it refuses a file that is not there in one sentence.
cmake -S "$here/../../examples/embed_runtime" -B "$folder/embed" -G Ninja -DCMAKE_BUILD_TYPE=Release \
  -DCMAKE_PREFIX_PATH="$folder/prefix" >/dev/null
cmake --build "$folder/embed" >/dev/null
status=0
"$folder/embed/embed_runtime" "$folder/missing.lac" 2>"$folder/said" || status=$?
[ "$status" -eq 1 ] && grep -q 'cannot read.*missing.lac' "$folder/said"
strip -o "$folder/stripped" "$folder/embed/embed_runtime"
echo "embed_runtime: $(stat -c %s "$folder/stripped") bytes stripped"
