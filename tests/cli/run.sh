#!/usr/bin/env bash
# Runs the commands of cases.txt: each must end with its status, say its words, and leave no output.
# Usage: run.sh PROGRAM
set -u
program=$1
here=$(cd "$(dirname "$0")" && pwd)
T=$(mktemp -d)
trap 'rm -rf "$T"' EXIT
printf 'LAC\x1a%0300d' 0 >"$T/noise.lac"
head -c 3000 "$program" >"$T/noise.onnx"
mkdir "$T/empty"

failed=0 count=0
while IFS='|' read -r status words arguments; do
  [[ $status == \#* || -z $status ]] && continue
  # A bar within the words was split off: the arguments are what follows the last one.
  while [[ $arguments == *'|'* ]]; do words+="|${arguments%%|*}" arguments=${arguments#*|}; done
  words=$(sed 's/^ *//; s/ *$//' <<<"$words")
  eval "set -- $arguments"
  said=$("$program" "$@" 2>&1 >/dev/null </dev/null)
  got=$?
  count=$((count + 1))
  if [ "$got" -ne "$status" ] || ! grep -qE -- "$words" <<<"$said"; then
    echo "laconic $*: status $got (wanted $status), said: $said (wanted: $words)"
    failed=$((failed + 1))
  fi
  if compgen -G "$T/out.*" >/dev/null; then
    echo "laconic $*: left an output behind"
    failed=$((failed + 1))
  fi
done <"$here/cases.txt"
echo "$((count - failed)) of $count commands answered as they should"
[ "$failed" -eq 0 ]
