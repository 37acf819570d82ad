#!/usr/bin/env bash
# Installs what is needed, builds, and passes the tests.
# Usage: ./test.sh [--slow]     --slow runs the long tests too
set -euo pipefail
cd "$(dirname "$0")"

labels=(-LE slow)
[ "${1:-}" = --slow ] && labels=()

scripts/install-packages.sh build data client

echo "== the library without LibTorch" >&2
cmake --preset deploy >/dev/null
cmake --build --preset deploy
ctest --preset deploy "${labels[@]}" --output-on-failure

echo "== everything" >&2
cmake --preset dev >/dev/null
cmake --build --preset dev
ctest --preset dev "${labels[@]}" --output-on-failure
