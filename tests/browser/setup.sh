#!/usr/bin/env bash
# Installs ONNX Runtime for browsers into a folder, once; tries once. Ends with 77 where it cannot, or where
# there is no Chromium.
# Usage: setup.sh FOLDER
set -u
version=1.30.0
command -v chromium >/dev/null || { echo "no chromium here"; exit 77; }
command -v node >/dev/null && command -v npm >/dev/null || { echo "no node or npm here"; exit 77; }
mkdir -p "$1" && cd "$1" || exit 77
exec 9>lock && flock 9  # Tests run side by side.
if [ ! -e node_modules ] && [ ! -e npm.log ]; then
  echo '{"private": true}' >package.json
  timeout 240 npm install --no-audit --no-fund "onnxruntime-web@$version" >npm.log 2>&1
fi
[ -e node_modules/onnxruntime-web/package.json ] || { echo "onnxruntime-web does not install here"; exit 77; }
