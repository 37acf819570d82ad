#!/usr/bin/env bash
# An experiment at its smallest scale, on Fashion-MNIST: all its commands work, and every row has a
# figure. Usage: experiment.sh PROGRAM NAME
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$(dirname "$0")/../experiments/$2"
./run.sh --scale smoke --program "$1" --out "$folder/out" --results "$folder"
for table in "$folder"/results-*.csv; do
  # The accuracy or error is a number in one of the last two columns.
  awk -F, 'NR > 1 && $NF !~ /^[0-9.]+$/ { print "no figure: " $0; bad = 1 }
           END { if (NR < 5) print NR " lines"; exit bad || NR < 5 }' "$table"
  echo "$(basename "$table"): $(($(wc -l <"$table") - 1)) rows"
done
