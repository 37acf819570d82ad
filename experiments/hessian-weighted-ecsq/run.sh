#!/usr/bin/env bash
# Table 1 of "Towards the limit of network quantization" (Choi, El-Khamy, Lee 2017): a pruned network whose
# weights and biases share one codebook, by four quantizers, with and without fine-tuned levels; then
# what `laconic compress` makes of the unpruned one.
#
#   run.sh --network lenet|resnet32 [--scale smoke|small|paper] [--program P] [--data SPEC] [--model ONNX]
#          [--out DIR] [--results DIR] [--threads N]
#
# lenet     trained here; SPEC is mnist:DIR, or without it Fashion-MNIST.
# resnet32  SPEC is of CIFAR-10 with the network's normalisation, flips and shifts, ONNX a trained network with its batch
#           normalisation, whose scales and biases share the codebook too. Taught by that network while it is pruned.
# smoke     an epoch wherever something trains; small: a few; paper: as many as retraining takes.
#
# Rows go to results-NETWORK-SCALE.csv in OUT or --results as they are finished; one that is there is not run again. What
# docs/results.md shows is kept beside run.sh: --results experiments/hessian-weighted-ecsq.
# Settings of a quantizer are all listed: which is smallest without loss is the reader's to see.
set -euo pipefail

network=lenet scale=smoke program= tables= data=fashion-mnist model= out= threads=0
here=$(cd "$(dirname "$0")" && pwd)
while [ $# -gt 0 ]; do
  case $1 in
    --network) network=$2 ;;
    --scale) scale=$2 ;;
    --program) program=$2 ;;
    --data) data=$2 ;;
    --model) model=$2 ;;
    --out) out=$2 ;;
    --results) tables=$2 ;;
    --threads) threads=$2 ;;
    *) echo "unknown option $1; valid: --network, --scale, --program, --data, --model, --out, --results, --threads" >&2; exit 2 ;;
  esac
  shift 2
done
case $scale in
  smoke) train=1 prune=1 tune=1 compress=1 ;;
  small) train=10 prune=10 tune=1 compress=10 ;;
  paper) train=20 prune=60 tune=10 compress=60 ;;
  *) echo "unknown scale $scale; valid: smoke, small, paper" >&2; exit 2 ;;
esac
case $network in
  lenet) keep=0.0855 retrain="--optimizer sgd:lr=0.01,momentum=0.9" bits="2 2.5 3" levels="8 16 32" drop=0.1 ;;
  resnet32)
    [ -n "$model" ] && [ "$data" != fashion-mnist ] || { echo "network resnet32 needs --data SPEC and --model ONNX" >&2; exit 2; }
    keep=0.2 bits="3.5 4 4.5" levels="16 32 64" drop=0.3
    retrain="--batch 128 --optimizer sgd:lr=0.02,momentum=0.9 --schedule cosine --teacher $model --teacher-weight 1 --mix 1"
    [ "$scale" != small ] || { prune=6 compress=3 bits=4 levels="32 16"; }
    ;;
  *) echo "unknown network $network; valid: lenet, resnet32" >&2; exit 2 ;;
esac
out=${out:-runs/hessian-weighted-ecsq-$network-$scale}
mkdir -p "$out"
tables=${tables:-$out}
program=${program:-$(command -v laconic || echo "$here/../../build/release/cli/laconic")}  # quickstart.sh's, if none is on the path.
results=$tables/results-$network-$scale.csv
[ -f "$results" ] || echo "row,importance,quantizer,epochs of fine-tuning,bytes,ratio,accuracy" >"$results"

figure() { sed -n "s/^  \"$1\": \([-0-9.e+]*\),*$/\1/p" | head -1; }

# record ROW IMPORTANCE QUANTIZER EPOCHS FILE: the file's size and accuracy.
record() {
  local bytes accuracy
  bytes=$(stat -c %s "$5")
  accuracy=$("$program" eval "$5" --data "$data" --threads "$threads" --json -q | figure accuracy)
  echo "$1,$2,\"$3\",$4,$bytes,$(awk "BEGIN { printf \"%.2f\", 4 * $parameters / $bytes }"),$accuracy" >>"$results"
}
done_already() { grep -q "^$1," "$results"; }

if [ -z "$model" ]; then
  model=$out/original.onnx
  [ -f "$model" ] || "$program" train lenet5 --data "$data" --epochs $train --threads "$threads" -o "$model" -q
fi
pruned=$out/pruned.onnx
# shellcheck disable=SC2086  # several options in one
[ -f "$pruned" ] || "$program" train "$model" --data "$data" --epochs $prune $retrain \
  --prune "magnitude:keep=$keep,scope=network" --threads "$threads" -o "$pruned" -q
"$program" compress "$model" --data "$data" --method post --no-training --max-drop 99 --threads "$threads" -o "$out/count.lac" -f --json -q >"$out/count.json"
parameters=$(awk "BEGIN { printf \"%.0f\", $(figure ratio <"$out/count.json") * $(figure bytes <"$out/count.json") / 4 }")

done_already original || record original "" "" 0 "$model"
done_already pruned || record pruned "" "" 0 "$pruned"

# plan ROW QUANTIZER [CODER]: the paper's coder unless another is named.
plan() { echo "* $2 granularity=joint zeros=keep coder=${3:-gaps:code=huffman}" >"$out/$1.plan"; }

# at_once ROW IMPORTANCE QUANTIZER [CODER]
at_once() {
  done_already "$1" && return
  echo "== $1" >&2
  plan "$1" "${@:3}"
  "$program" compress "$pruned" --data "$data" --method post --no-training --max-drop 99 --plan "$out/$1.plan" \
    --importance "$2" --temper 1 --threads "$threads" -o "$out/$1.lac" -f -q
  record "$1" "$2" "$3" 0 "$out/$1.lac"
}

# tuned ROW IMPORTANCE QUANTIZER [CODER]: then the shared levels are trained.
tuned() {
  done_already "$1-tuned" && return
  echo "== $1, fine-tuned" >&2
  plan "$1" "${@:3}"
  "$program" compress "$pruned" --data "$data" --method centroids --epochs $tune --max-drop 99 --plan "$out/$1.plan" \
    --importance "$2" --temper 1 --threads "$threads" -o "$out/$1-tuned.lac" -f -q
  record "$1-tuned" "$2" "$3" $tune "$out/$1-tuned.lac"
}

# Sampled Hessians (hessian) are noisy and partly negative: with them weights of no importance move to whatever level is
# cheap, and entropy-constrained files lose a point.
curvature=gauss_newton:all=true
for quantized in at_once tuned; do
  for b in $bits; do
    $quantized "uniform-$b" ones:all=true "uniform:bits=$b,value=mean"
    $quantized "ecsq-$b" $curvature "entropy_constrained:bits=$b"
    # Another coder: the same weights, so that there is nothing to tune that was not.
    [ $quantized = tuned ] || at_once "uniform-$b-adaptive" ones:all=true "uniform:bits=$b,value=mean" adaptive_binary
  done
  for k in $levels; do
    $quantized "k-means-$k" ones:all=true "kmeans:levels=$k"
    $quantized "weighted-k-means-$k" $curvature "kmeans:levels=$k"
  done
done

# Beyond the paper: no pruning beforehand, no positions, one search.
ours() {
  done_already "$1" && return
  echo "== $1" >&2
  "$program" compress "$model" --data "$data" --max-drop $drop "${@:2}" --threads "$threads" -o "$out/$1.lac" -f -q
  record "$1" auto auto 0 "$out/$1.lac"
}
ours compress-untrained --no-training
ours compress-trained --epochs $compress
