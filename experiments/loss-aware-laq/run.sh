#!/usr/bin/env bash
# Loss-aware binary, ternary and m-bit weights beside their baselines, trained from scratch:
# tables 1 of LAB and LAQ. Every network of a data set is trained alike but for its method.
#
#   run.sh [--scale smoke|small|paper] [--program P] [--mnist DIR] [--cifar DIR] [--seeds N] [--out DIR]
#          [--device cpu|cuda]
#
# smoke  Fashion-MNIST, a narrow perceptron, one epoch: do all the commands work?
# small  MNIST, a perceptron of 3 x 256 units, 5 epochs; CIFAR-10, if given, at width 16, 10 epochs.
# paper  the papers' networks and epochs (50 and 200), for a GPU.
#
# Rows go to results-SCALE.csv beside this script as they are finished; one that is there is not run again.
set -euo pipefail

scale=smoke program=laconic mnist= cifar= seeds=1 device=cpu out=
here=$(cd "$(dirname "$0")" && pwd)
while [ $# -gt 0 ]; do
  case $1 in
    --scale) scale=$2 ;;
    --program) program=$2 ;;
    --mnist) mnist=$2 ;;
    --cifar) cifar=$2 ;;
    --seeds) seeds=$2 ;;
    --device) device=$2 ;;
    --out) out=$2 ;;
    *) echo "unknown option $1; valid: --scale, --program, --mnist, --cifar, --seeds, --device, --out" >&2; exit 2 ;;
  esac
  shift 2
done
out=${out:-runs/loss-aware-laq-$scale}
mkdir -p "$out"
results=$here/results-$scale.csv
[ -f "$results" ] || echo "data,method,seed,model,epochs,bytes,test error %,seconds" >"$results"

# The first figure of that name at the top of a JSON object.
figure() { sed -n "s/^  \"$1\": \([-0-9.e+]*\),*$/\1/p" | head -1; }

# row NAME [METHOD QUANTIZER]: trains with every seed, from the same start but for the method.
row() {
  local name=$1 seed
  for seed in $(seq "$seeds"); do
    grep -q "^$set,$name,$seed," "$results" && continue
    echo "== $set $name, seed $seed" >&2
    local file=$out/$set-$name-$seed.onnx how=() start=$SECONDS bytes
    [ $# -eq 1 ] || { file=${file%.onnx}.lac; how=(--method "$2" --quantizer "$3"); }
    "$program" train "$model" --data "$data" --epochs "$epochs" --batch "$batch" \
      --optimizer "adam:lr=$rate" --schedule "$schedule" --loss "$loss" --seed "$seed" --device "$device" \
      "${how[@]}" -o "$file" -f --json >"$out/$set-$name-$seed.json"
    bytes=$(stat -c %s "$file")
    echo "$set,$name,$seed,\"$model\",$epochs,$bytes,$(figure accuracy <"$out/$set-$name-$seed.json" |
      awk '{ printf "%.2f", 100 * (1 - $1) }'),$((SECONDS - start))" >>"$results"
  done
}

all_rows() {
  local plain=projected:importance=ones,clip=1 aware=projected:clip=1
  row float
  row binary-connect $plain scaled:pattern=binary,scale=one
  row bwn $plain scaled:pattern=binary
  row lab $aware scaled:pattern=binary
  row twn $plain scaled:pattern=ternary,threshold=mean
  row late $aware scaled:pattern=ternary
  row lata $aware scaled:pattern=ternary,solver=alternating
  row ttq projected:importance=ones,levels=trained scaled:pattern=ternary,signs=two,threshold=mu,factor=0.05
  row lat2e $aware scaled:pattern=ternary,signs=two
  row lat2a $aware scaled:pattern=ternary,signs=two,solver=alternating
  row dorefa3 projected:importance=ones,gradient=tanh dorefa:bits=3
  row laq3-linear $aware scaled:pattern=linear,bits=3
  row laq3-log $aware scaled:pattern=log,bits=3
}

loss=square_hinge
case $scale in
  smoke)
    set=fashion-mnist data=fashion-mnist:validation=0.9 model=perceptron:width=32,layers=2
    epochs=1 batch=50 rate=0.005 schedule=cosine
    all_rows
    ;;
  small)
    if [ -n "$mnist" ]; then
      set=mnist data=mnist:$mnist,validation=10000 model=perceptron:width=256
      epochs=5 batch=100 rate=0.005 schedule=cosine
      all_rows
    fi
    if [ -n "$cifar" ]; then
      set=cifar10 data=cifar10:$cifar,validation=5000 model=vgg_small:width=16
      epochs=10 batch=50 rate=0.002 schedule=cosine
      all_rows
    fi
    ;;
  paper)
    if [ -n "$mnist" ]; then
      set=mnist data=mnist:$mnist,validation=10000 model=perceptron
      epochs=50 batch=100 rate=0.01 schedule=step:at=15/25,factor=0.1
      all_rows
    fi
    if [ -n "$cifar" ]; then
      set=cifar10 data=cifar10:$cifar,validation=5000 model=vgg_small
      epochs=200 batch=50 rate=0.002 schedule=step:at=$(seq -s / 15 15 195),factor=0.5
      all_rows
    fi
    ;;
  *) echo "unknown scale $scale; valid: smoke, small, paper" >&2; exit 2 ;;
esac
