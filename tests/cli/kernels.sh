#!/usr/bin/env bash
# `laconic bench kernels`, and `laconic bench MODEL` beside it.
# Usage: kernels.sh PROGRAM ON|OFF   (whether the program was built with Google Benchmark)
set -u
program=$1
T=$(mktemp -d)
trap 'rm -rf "$T"' EXIT
cd "$T" || exit 1
printf 'LAC\x1a%0300d' 0 >kernels

failed=0
# expect STATUS WORDS ARGUMENT...: WORDS, a regular expression, on either output.
expect() {
  local status=$1 words=$2 got said
  shift 2
  said=$("$program" "$@" 2>&1 </dev/null | tr '\n' ' '; exit "${PIPESTATUS[0]}")
  got=$?
  if [ "$got" -ne "$status" ] || ! grep -qE -- "$words" <<<"$said"; then
    echo "laconic $*: status $got (wanted $status), said: $said (wanted: $words)"
    failed=$((failed + 1))
  fi
}

expect 3 'kernels' bench ./kernels
expect 2 'model is required.*laconic bench --help' bench
if [ "$2" = ON ]; then
  quick=(--repetitions 2 --min-time 0.0001 --threads 1)
  expect 0 'roof/products/int8/1 .* GOP/s +- +conv/3x3_16_32/int8/bits4/row/last/1 .* GOP/s +[0-9]+ %' \
    bench kernels -q --filter '^conv/3x3_16_32/int8/bits4/row/last' "${quick[@]}"
  expect 0 '"name": "conv/3x3_16_32/dense/1".*"ops_per_second": [0-9].*"of_roof": [0-9]' \
    bench kernels -q --filter '^conv/3x3_16_32/dense' "${quick[@]}" --json
  expect 0 'roof/read/24MB/3 .*gemv/int8/bits2/row/24MB/3' bench kernels --list --threads 3 --filter 'gemv/.*/24MB'
  expect 2 'no case matches "nothing"; --list' bench kernels --filter nothing
  expect 2 '"\(" is no regular expression' bench kernels --filter '('
  expect 2 'repetitions' bench kernels --repetitions 0
  expect 2 'laconic bench --help' bench kernels x.lac
  expect 2 'x.lac.*laconic bench --help' bench x.lac kernels
  expect 0 'filter' bench kernels --help
else
  expect 2 'this build of laconic does not bench kernels: it is without Google Benchmark' bench kernels
  expect 2 'without Google Benchmark' bench kernels --filter gemv --json
fi
[ "$failed" -eq 0 ] && echo "all answered as they should"
