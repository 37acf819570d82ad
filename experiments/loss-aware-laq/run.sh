#!/usr/bin/env bash
# Loss-aware binary, ternary and m-bit weights beside their baselines, trained from scratch:
# tables 1 of LAB and LAQ, and those of LSTMs on text. Every network of a data set is trained alike but for its method.
#
#   run.sh [--scale smoke|small|paper] [--program P] [--mnist DIR] [--cifar DIR] [--text FILE] [--seeds N]
#          [--only NAME,NAME...] [--epochs N] [--rate R] [--model SPEC] [--out DIR] [--results DIR] [--device cpu|cuda] [--threads N]
#
# smoke  Fashion-MNIST, a narrow perceptron, one epoch: do all the commands work?
# small  What is given of: MNIST, a perceptron of 3 x 256 units, 5 epochs; CIFAR-10 at width 16, 10 epochs;
#        the first 500,000 characters of a text, an LSTM of 128 units, sequences of 50, 4 epochs.
# paper  the papers' networks and epochs (50 and 200), CIFAR-10 whitened, for a GPU.
#
# The last figure of a row is the error in % of images, the cross-entropy in nats of characters. Where there are several
# seeds, their mean and standard deviation are printed at the end.
#
# --epochs N and --rate R are taken in place of the scale's; --model SPEC trains that network, on one data set.
#
# Rows go to results-SCALE.csv in OUT or --results as they are finished; one that is there, with as many epochs and the same rate, is not
# run again. What docs/results.md shows is kept beside this script: --results experiments/loss-aware-laq.
set -euo pipefail

scale=smoke program= tables= mnist= cifar= text= seeds=1 device=cpu threads=0 only= more= faster= other= out=
here=$(cd "$(dirname "$0")" && pwd)
while [ $# -gt 0 ]; do
  case $1 in
    --scale) scale=$2 ;;
    --program) program=$2 ;;
    --mnist) mnist=$2 ;;
    --cifar) cifar=$2 ;;
    --text) text=$2 ;;
    --seeds) seeds=$2 ;;
    --device) device=$2 ;;
    --threads) threads=$2 ;;
    --only) only=,$2, ;;
    --epochs) more=$2 ;;
    --rate) faster=$2 ;;
    --model) other=$2 ;;
    --out) out=$2 ;;
    --results) tables=$2 ;;
    *) echo "unknown option $1; valid: --scale, --program, --mnist, --cifar, --text, --seeds, --device, --threads, --only, --epochs, --rate, --model, --out, --results" >&2; exit 2 ;;
  esac
  shift 2
done
out=${out:-runs/loss-aware-laq-$scale}
mkdir -p "$out"
tables=${tables:-$out}
program=${program:-$(command -v laconic || echo "$here/../../build/release/cli/laconic")}  # quickstart.sh's, if none is on the path.
results=$tables/results-$scale.csv
[ -f "$results" ] || printf 'data,method,seed,model,epochs,rate,bytes,test error %% or nats,seconds\n' >"$results"

# The first figure of that name at the top of a JSON object.
figure() { sed -n "s/^  \"$1\": \([-0-9.e+]*\),*$/\1/p" | head -1; }

# What a row ends with.
score() {
  if [ "$set" = text ]; then
    figure loss | awk '{ printf "%.4f", $1 }'
  else
    figure accuracy | awk '{ printf "%.2f", 100 * (1 - $1) }'
  fi
}

# row NAME [METHOD QUANTIZER]: trains with every seed, from the same start but for the method.
row() {
  local name=$1 seed epochs=${more:-$epochs} rate=${faster:-$rate} model=${other:-$model}
  [ -z "$only" ] || [[ $only = *,$name,* ]] || return 0
  for seed in $(seq "$seeds"); do
    grep -q "^$set,$name,$seed,\"$model\",$epochs,$rate," "$results" && continue
    echo "== $set $name, seed $seed" >&2
    local file=$out/$set-${model//[:=,]/-}-$name-$epochs-$rate-$seed.onnx how=() start=$SECONDS bytes
    [ $# -eq 1 ] || { file=${file%.onnx}.lac; how=(--method "$2" --quantizer "$3"); }
    "$program" train "$model" --data "$data" --epochs "$epochs" --batch "$batch" \
      --optimizer "adam:lr=$rate" --schedule "$schedule" --loss "$loss" --clip-gradients "$clip" --seed "$seed" --device "$device" \
      --threads "$threads" "${how[@]}" -o "$file" -f --json >"${file%.*}.json"
    bytes=$(stat -c %s "$file")
    echo "$set,$name,$seed,\"$model\",$epochs,$rate,$bytes,$(score <"${file%.*}.json"),$((SECONDS - start))" >>"$results"
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
  # Beyond the papers: the metric says which weight takes which level, training where the levels are.
  row late-trained projected:clip=1,levels=trained scaled:pattern=ternary
  row lat2e-trained projected:clip=1,levels=trained scaled:pattern=ternary,signs=two
  row dorefa3 projected:importance=ones,gradient=tanh dorefa:bits=3
  row dorefa4 projected:importance=ones,gradient=tanh dorefa:bits=4
  for bits in 3 4; do
    row laq$bits-linear $aware scaled:pattern=linear,bits=$bits
    row laq$bits-log $aware scaled:pattern=log,bits=$bits
  done
}

loss=square_hinge clip=0
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
    if [ -n "$text" ]; then
      head -c 500000 "$text" >"$out/text"
      set=text data=text:$out/text,steps=50 model=char_lstm:units=128 loss=cross_entropy clip=5
      epochs=4 batch=20 rate=0.005 schedule=cosine
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
      set=cifar10 data=cifar10:$cifar,validation=5000,gcn=55,zca=0.1,scale=1 model=vgg_small
      epochs=200 batch=50 rate=0.002 schedule=step:at=$(seq -s / 15 15 195),factor=0.5
      all_rows
    fi
    if [ -n "$text" ]; then
      set=text data=text:$text model=char_lstm loss=cross_entropy clip=5
      epochs=200 batch=100 rate=0.002 schedule=step:at=$(seq -s / 11 199),factor=0.98
      all_rows
    fi
    ;;
  *) echo "unknown scale $scale; valid: smoke, small, paper" >&2; exit 2 ;;
esac

awk -F, 'NR > 1 { split($0, q, "\""); n = split(q[3], f, ","); key = $1 " " $2 " (" q[2] ", " f[2] " epochs at " f[3] ")"
                  count[key]++; sum[key] += f[n - 1]; squares[key] += f[n - 1] ^ 2 }
         END { for (key in count) if (count[key] > 1) { mean = sum[key] / count[key]
                 printf "%s: %.3f +- %.3f over %d seeds\n", key, mean,
                   sqrt((squares[key] - count[key] * mean ^ 2) / (count[key] - 1)), count[key] } }' "$results" | sort
