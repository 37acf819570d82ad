#!/usr/bin/env bash
# Installs what is needed, builds, and does the main job on a real data set: trains LeNet on
# Fashion-MNIST, compresses it, and looks at what came out. Everything it writes lies in runs/quickstart.
set -euo pipefail
cd "$(dirname "$0")"

scripts/install-packages.sh build data
cmake --preset release -DLACONIC_TESTS=OFF >/dev/null
cmake --build --preset release --target laconic_program

laconic=build/release/cli/laconic
run=runs/quickstart
mkdir -p "$run"
record=$run/record.jsonl
say() { printf '\n$ laconic %s\n' "$*"; "$laconic" "$@"; }

say train lenet5 --data fashion-mnist --record "$record" -f -o "$run/lenet5.onnx"
say compress "$run/lenet5.onnx" --data fashion-mnist --max-drop 0.5 --record "$record" -f -o "$run/lenet5.lac"
say eval "$run/lenet5.onnx" --data fashion-mnist --record "$record"
say eval "$run/lenet5.lac" --data fashion-mnist --record "$record"
say analyze "$run/lenet5.onnx" --data fashion-mnist --record "$record"
say bench "$run/lenet5.lac" --record "$record"
say inspect "$run/lenet5.lac"
say export "$run/lenet5.lac" -f -o "$run/small.onnx"
say report "$run" -f -o "$run/report.html"
