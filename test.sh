#!/usr/bin/env bash
# Installs what is needed, builds, and passes the tests.
# Usage: ./test.sh [--slow | --browser | --neon]
#   --slow     runs the papers' experiments at their smallest scale too
#   --browser  runs nothing but exports in a headless Chromium
#   --neon     runs nothing but the kernels for AArch64, cross-built, under qemu
set -euo pipefail
cd "$(dirname "$0")"

labels=(-LE 'slow|browser')
case "${1:-}" in
  --slow) labels=(-LE browser) ;;
  --browser)
    scripts/install-packages.sh build browser
    cmake --preset deploy >/dev/null
    cmake --build --preset deploy --target browser_test
    exec ctest --preset deploy -L browser --output-on-failure
    ;;
  --neon)
    scripts/install-packages.sh build neon
    cmake --preset neon >/dev/null
    cmake --build --preset neon
    exec ctest --preset neon --output-on-failure
    ;;
esac

scripts/install-packages.sh build data client

echo "== the library without LibTorch" >&2
cmake --preset deploy >/dev/null
cmake --build --preset deploy
ctest --preset deploy "${labels[@]}" --output-on-failure

echo "== everything" >&2
cmake --preset dev >/dev/null
cmake --build --preset dev
ctest --preset dev "${labels[@]}" --output-on-failure
