#!/usr/bin/env bash
# LBW-Net's task: R-FCN with weights of zero and powers of two, projected at every step from a trained
# float detector; the exact exponent beside INQ's fixed one and the paper's threshold rule.
#
#   run.sh --voc DIR [--scale smoke|small|paper] [--float ONNX] [--backbone ONNX] [--program P] [--out DIR]
#          [--device cpu|cuda] [--threads N] [--rows "exact:6 exact:5 ..."] [--epochs N]
#
# smoke  rfcn-small on images of 160x120, one epoch a run: do all the commands work?
# small  rfcn-small on images of 320x240: 30 epochs of float training, 8 of projected training a row.
#        For the BCCD data set; two cores.
# paper  rfcn-resnet50 on images of 1008x608, by the paper's schedule. DIR holds VOC 2007 and 2012
#        together: lists "trainval" of both and "test" of 2007. --backbone is a classifier in ONNX whose
#        weights have PyTorch's names; a GPU is needed.
#
# --epochs is of projected training, in place of the scale's. Rows go to results-SCALE.csv beside this
# script as they are finished; one that is there is not run again.
set -euo pipefail

scale=smoke program=laconic voc= float= backbone= device=cpu out= threads=0 asked=
rows="exact:6 exact:5 exact:4 exact:3 exact:2 largest:4 largest:3 threshold:4 threshold:3"
here=$(cd "$(dirname "$0")" && pwd)
while [ $# -gt 0 ]; do
  case $1 in
    --scale) scale=$2 ;;
    --program) program=$2 ;;
    --voc) voc=$2 ;;
    --float) float=$2 ;;
    --backbone) backbone=$2 ;;
    --device) device=$2 ;;
    --threads) threads=$2 ;;
    --rows) rows=$2 ;;
    --epochs) asked=$2 ;;
    --out) out=$2 ;;
    *) echo "unknown option $1; valid: --scale, --program, --voc, --float, --backbone, --device, --threads, --rows, --epochs, --out" >&2; exit 2 ;;
  esac
  shift 2
done
[ -n "$voc" ] || { echo "--voc DIR is needed" >&2; exit 2; }
case $scale in
  smoke) model=rfcn-small size=height=120,width=160 train=train epochs=1 more=1 recipe= rate=adam:lr=0.0005 decay=1e-4 ;;
  small) model=rfcn-small size=height=240,width=320 train=train epochs=30 more=8 recipe= rate=adam:lr=0.0005 decay=1e-4 ;;
  paper) model=rfcn-resnet50 size=height=608,width=1008 train=trainval epochs=21 more=21
    recipe="--hard-examples" rate=sgd:lr=0.001,momentum=0.9 decay=5e-4 ;;
  *) echo "unknown scale $scale; valid: smoke, small, paper" >&2; exit 2 ;;
esac
more=${asked:-$more}
out=${out:-runs/lbw-net-detection-$scale}
mkdir -p "$out"
results=$here/results-$scale.csv
[ -f "$results" ] || echo "row,bits,epochs,bytes,mAP50,mAP50 on packed kernels,AP50:95" >"$results"
data=voc:$voc,$size,train=$train,validation=none

# The first figure of that name at the top of a JSON object.
figure() { sed -n "s/^  \"$1\": \([-0-9.e+]*\),*$/\1/p" | head -1; }

# figures FILE: bytes, and what the file itself is worth on the test part.
figures() {
  "$program" eval "$1" --data "$data" --threads "$threads" --json -q >"$1.eval.json"
  "$program" eval "$1" --data "$data" --threads "$threads" --kernels packed --json -q >"$1.packed.json"
  echo "$(stat -c %s "$1"),$(figure map50 <"$1.eval.json"),$(figure map50 <"$1.packed.json"),$(
    figure coco_map50_95 <"$1.eval.json")"
}

if [ -z "$float" ]; then
  float=$out/float.onnx
  [ -f "$float" ] || "$program" train $model --data "$data" --epochs $epochs $recipe ${backbone:+--init "$backbone"} \
    --device "$device" --threads "$threads" -o "$float"
fi
grep -q "^float," "$results" || echo "float,32,$epochs,$(figures "$float")" >>"$results"

for what in $rows; do
  name=${what%:*} bits=${what#*:} file=$out/${what/:/-}-$more.lac
  grep -q "^$name,$bits,$more," "$results" && continue
  case $name in
    exact) options=scale=power_of_two ;;
    largest) options=scale=largest ;;
    threshold) options=scale=power_of_two,threshold=mu,factor=0.75 ;;
    *) echo "unknown row $what; valid: exact:BITS, largest:BITS, threshold:BITS" >&2; exit 2 ;;
  esac
  echo "== $name, $bits bits" >&2
  "$program" train "$float" --data "$data" --epochs $more --batch 8 $recipe --device "$device" --threads "$threads" \
    --optimizer "$rate" --schedule cosine --weight-decay $decay \
    --method projected:importance=ones --quantizer "scaled:pattern=powers,bits=$bits,$options" -o "$file" -f
  echo "$name,$bits,$more,$(figures "$file")" >>"$results"
done
