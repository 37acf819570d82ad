#!/usr/bin/env bash
# Installs ONNX Runtime for Node.js into a folder, once. Ends with 77 where that cannot be done here.
# Usage: setup.sh FOLDER
set -u
version=1.30.0
[ -e "$1/node_modules/onnxruntime-node/package.json" ] && exit 0
command -v node >/dev/null && command -v npm >/dev/null || { echo "no node or npm here"; exit 77; }
mkdir -p "$1" && cd "$1" || exit 77
echo '{"private": true}' >package.json
# Without CUDA's libraries, which it would download besides.
ONNXRUNTIME_NODE_INSTALL=skip timeout 240 npm install --silent --no-audit --no-fund "onnxruntime-node@$version" >npm.log 2>&1
[ -e node_modules/onnxruntime-node/package.json ] || { echo "onnxruntime-node does not install here"; exit 77; }
