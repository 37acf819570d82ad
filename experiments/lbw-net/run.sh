#!/usr/bin/env bash
# LBW-Net: weights of zero and powers of two, from trained ResNets on CIFAR-10; the exact exponent
# beside the paper's threshold rule and INQ's fixed exponent.
#
#   run.sh --cifar DIR --resnet20 ONNX [--resnet32 ONNX] [--scale smoke|small|paper] [--program P] [--out DIR]
#          [--device cpu|cuda]
#
# smoke  200 training images, one epoch: do all the commands work?
# small  a tenth of the training images, 4 epochs.
# paper  all of them, 10 epochs.
#
# Rows go to results-SCALE.csv beside this script as they are finished; one that is there is not run again.
set -euo pipefail

scale=smoke program=laconic cifar= resnet20= resnet32= device=cpu out=
here=$(cd "$(dirname "$0")" && pwd)
while [ $# -gt 0 ]; do
  case $1 in
    --scale) scale=$2 ;;
    --program) program=$2 ;;
    --cifar) cifar=$2 ;;
    --resnet20) resnet20=$2 ;;
    --resnet32) resnet32=$2 ;;
    --device) device=$2 ;;
    --out) out=$2 ;;
    *) echo "unknown option $1; valid: --scale, --program, --cifar, --resnet20, --resnet32, --device, --out" >&2; exit 2 ;;
  esac
  shift 2
done
[ -n "$cifar" ] && [ -n "$resnet20" ] || { echo "--cifar DIR and --resnet20 ONNX are needed" >&2; exit 2; }
case $scale in
  smoke) images=40 epochs=1 batch=50 validation=50 ;;
  small) images=1000 epochs=4 batch=128 validation=500 ;;
  paper) images=10000 epochs=10 batch=128 validation=5000 ;;
  *) echo "unknown scale $scale; valid: smoke, small, paper" >&2; exit 2 ;;
esac
out=${out:-runs/lbw-net-$scale}
mkdir -p "$out/cifar"
results=$here/results-$scale.csv
[ -f "$results" ] || echo "model,row,bits,epochs,bytes,accuracy %,seconds" >"$results"
for n in 1 2 3 4 5; do
  head -c $((images * 3073)) "$cifar/data_batch_$n.bin" >"$out/cifar/data_batch_$n.bin"
done
cp "$cifar/test_batch.bin" "$out/cifar/"
data=cifar10:$out/cifar,mean=0.485/0.456/0.406,std=0.229/0.224/0.225,flip=true,pad=4,validation=$validation

# The first figure of that name at the top of a JSON object.
figure() { sed -n "s/^  \"$1\": \([-0-9.e+]*\),*$/\1/p" | head -1; }
percent() { awk '{ printf "%.2f", 100 * $1 }'; }

# row NAME BITS SCALE-OPTIONS
row() {
  local name=$1 bits=$2 start=$SECONDS file=$out/$label-$1-$2
  grep -q "^$label,$name,$bits," "$results" && return
  echo "== $label $name, $bits bits" >&2
  "$program" train "$model" --data "$data" --epochs $epochs --batch $batch --device "$device" \
    --optimizer sgd:lr=0.01,momentum=0.9 --schedule cosine --weight-decay 1e-4 \
    --method projected:importance=ones --quantizer "scaled:pattern=powers,bits=$bits,$3" \
    -o "$file.lac" -f --json >"$file.json"
  echo "$label,$name,$bits,$epochs,$(figure bytes <"$file.json"),$(figure accuracy <"$file.json" | percent),$((SECONDS - start))" >>"$results"
}

for model in $resnet20 $resnet32; do
  label=$(basename "$model" .onnx)
  grep -q "^$label,float," "$results" ||
    echo "$label,float,32,0,$(stat -c %s "$model"),$("$program" eval "$model" --data "$data" --json -q | figure accuracy | percent),0" >>"$results"
  for bits in 4 5 6 3 2; do row exact $bits scale=power_of_two; done
  for bits in 4 3 2; do row largest $bits scale=largest; done
  for bits in 4 3; do row threshold $bits scale=power_of_two,threshold=mu,factor=0.75; done
done
