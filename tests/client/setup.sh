#!/usr/bin/env bash
# Installs ONNX Runtime for Node.js into a folder, once; tries once. Ends with 77 where it cannot.
# Usage: setup.sh FOLDER
set -u
version=1.30.0
command -v node >/dev/null && command -v npm >/dev/null || { echo "no node or npm here"; exit 77; }
mkdir -p "$1" && cd "$1" || exit 77
exec 9>lock && flock 9  # Tests run side by side.
if [ ! -e node_modules ] && [ ! -e npm.log ]; then
  echo '{"private": true}' >package.json
  # Without CUDA's libraries, which it would download besides.
  ONNXRUNTIME_NODE_INSTALL=skip timeout 240 npm install --no-audit --no-fund "onnxruntime-node@$version" >npm.log 2>&1
fi
[ -e node_modules/onnxruntime-node/package.json ] || { echo "onnxruntime-node does not install here"; exit 77; }
