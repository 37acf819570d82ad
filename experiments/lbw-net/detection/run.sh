#!/usr/bin/env bash
# LBW-Net's task: R-FCN with weights of zero and powers of two, projected at every step from a trained
# float detector; the exact exponent beside INQ's fixed one and the paper's threshold rule.
#
#   run.sh --voc DIR [--scale smoke|small|paper] [--float ONNX] [--backbone ONNX] [--program P] [--out DIR]
#          [--device cpu|cuda] [--threads N] [--rows "exact:6 exact:5 ..."] [--epochs N] [--seed N]
#          [--against DIR]
#
# smoke  rfcn-small on images of 160x120, one epoch a run: do all the commands work?
# small  rfcn-small on images of 320x240: 30 epochs of float training, 8 of projected training a row.
#        For the BCCD data set; two cores.
# paper  rfcn-resnet50 on images of 1008x608, by the paper's schedule. DIR holds VOC 2007 and 2012
#        together: lists "trainval" of both and "test" of 2007. --backbone is a classifier in ONNX whose
#        weights have PyTorch's names; a GPU is needed.
#
# --epochs is of projected training, in place of the scale's. Rows go to results-SCALE.csv beside this
# script as they are finished; one that is there is not run again. With --seed N, not 0, they go to
# results-SCALE-seedN.csv.
#
# --against DIR, a folder in which "npm install onnxruntime-node" was run, measures each row beside
# ONNX Runtime's fp32 on the same convolutional graph, one thread, in turns: a row of speed-SCALE.csv.
# Times are the least, in milliseconds, once everything is loaded. "end to end" is from a file of JPEG to
# boxes; reading it and what comes after the maps is the same program for both.
set -euo pipefail

scale=smoke program=laconic voc= float= backbone= device=cpu out= threads=0 asked= seed=0 against=
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
    --seed) seed=$2 ;;
    --against) against=$2 ;;
    --out) out=$2 ;;
    *) echo "unknown option $1; valid: --scale, --program, --voc, --float, --backbone, --device, --threads, --rows, --epochs, --seed, --against, --out" >&2; exit 2 ;;
  esac
  shift 2
done
[ -n "$voc" ] || { echo "--voc DIR is needed" >&2; exit 2; }
case $scale in
  smoke) model=rfcn-small height=120 width=160 train=train epochs=1 more=1 recipe= rate=adam:lr=0.0005 decay=1e-4 ;;
  small) model=rfcn-small height=240 width=320 train=train epochs=30 more=8 recipe= rate=adam:lr=0.0005 decay=1e-4 ;;
  paper) model=rfcn-resnet50 height=608 width=1008 train=trainval epochs=21 more=21
    recipe="--hard-examples" rate=sgd:lr=0.001,momentum=0.9 decay=5e-4 ;;
  *) echo "unknown scale $scale; valid: smoke, small, paper" >&2; exit 2 ;;
esac
more=${asked:-$more}
[ "$seed" = 0 ] && suffix=$scale || suffix=$scale-seed$seed
out=${out:-runs/lbw-net-detection-$suffix}
mkdir -p "$out"
results=$here/results-$suffix.csv speeds=$here/speed-$suffix.csv
[ -f "$results" ] || echo "row,bits,epochs,bytes,mAP50,mAP50 on packed kernels,AP50:95" >"$results"
data=voc:$voc,height=$height,width=$width,train=$train,validation=none

# The first figure of that name at the top of a JSON object.
figure() { sed -n "s/^  \"$1\": \([-0-9.e+]*\),*$/\1/p" | head -1; }

# figures FILE: bytes, and what the file itself is worth on the test part.
figures() {
  "$program" eval "$1" --data "$data" --threads "$threads" --json -q >"$1.eval.json"
  "$program" eval "$1" --data "$data" --threads "$threads" --kernels packed --json -q >"$1.packed.json"
  echo "$(stat -c %s "$1"),$(figure map50 <"$1.eval.json"),$(figure map50 <"$1.packed.json"),$(
    figure coco_map50_95 <"$1.eval.json")"
}

# inner OBJECT KEY: the first such figure within an object of that name.
inner() { sed -n "/^ *\"$1\": {/,/^ *}/s/^ *\"$2\": \([-0-9.e+]*\),*$/\1/p" | head -1; }

# What ONNX Runtime takes beyond node and its own library: bytes at most, while loading and running.
rival_memory() {
  node -e '
    const ort = require(require.resolve("onnxruntime-node", {paths: [process.argv[2]]}));
    const [h, w] = process.argv.slice(3).map(Number), before = process.resourceUsage().maxRSS;
    ort.InferenceSession.create(process.argv[1], {intraOpNumThreads: 1}).then(async session => {
      const input = new ort.Tensor("float32", new Float32Array(3 * h * w), [1, 3, h, w]);
      for (let i = 0; i < 3; ++i) await session.run({[session.inputNames[0]]: input});
      console.log(1024 * (process.resourceUsage().maxRSS - before));
    })' "$1" "$against" "$height" "$width"
}

# speed ROW FILE: a row of times and memory beside ONNX Runtime.
speed() {
  [ -n "$against" ] || return 0
  [ -f "$speeds" ] || echo "row,bytes,memory,ONNX Runtime's memory,network,ONNX Runtime's fp32,times faster,image,boxes,end to end,with ONNX Runtime,times faster" >"$speeds"
  grep -q "^$1," "$speeds" && return 0
  local image=$voc/JPEGImages/$(awk 'NR == 1 {print $1}' "$voc/ImageSets/Main/test.txt").jpg
  local shape="input=1x3x${height}x$width" model=$2.float.onnx
  "$program" bench "$2" --threads 1 --batch 1 --shape "$shape" --json -q >"$2.memory.json"
  "$program" bench "$2" --threads 1 --batch 1 --shape "$shape" --seconds 6 --image "$image" --against "onnxruntime:$against" \
    --json -q >"$2.bench.json"
  case $2 in
    *.lac) "$program" export "$2" --form dense -o "$model" -f -q ;;
    *) cp "$2" "$model" ;;
  esac
  echo "$1 $(stat -c %s "$2") $(figure peak_bytes <"$2.memory.json") $(figure peak_bytes_before_load <"$2.memory.json") $(
    rival_memory "$model") $(inner latency_ms least <"$2.bench.json") $(inner batch_1_ms least <"$2.bench.json") $(
    inner read_ms least <"$2.bench.json") $(inner boxes_ms least <"$2.bench.json") $(inner end_to_end_ms least <"$2.bench.json")" |
    awk '{theirs = $7 + $8 + $9
      printf "%s,%d,%d,%d,%.2f,%.2f,%.2f,%.2f,%.2f,%.2f,%.2f,%.2f\n", $1, $2, $3 - $4, $5, $6, $7, $7 / $6, $8, $9, $10, theirs, theirs / $10}' >>"$speeds"
}

if [ -z "$float" ]; then
  float=$out/float.onnx
  [ -f "$float" ] || "$program" train $model --data "$data" --epochs $epochs $recipe ${backbone:+--init "$backbone"} \
    --device "$device" --threads "$threads" --seed "$seed" -o "$float"
fi
grep -q "^float," "$results" || echo "float,32,$epochs,$(figures "$float")" >>"$results"
speed float "$float"

for what in $rows; do
  name=${what%:*} bits=${what#*:} file=$out/${what/:/-}-$more.lac
  grep -q "^$name,$bits,$more," "$results" && { [ ! -f "$file" ] || speed "$what" "$file"; continue; }
  case $name in
    exact) options=scale=power_of_two ;;
    largest) options=scale=largest ;;
    threshold) options=scale=power_of_two,threshold=mu,factor=0.75 ;;
    *) echo "unknown row $what; valid: exact:BITS, largest:BITS, threshold:BITS" >&2; exit 2 ;;
  esac
  echo "== $name, $bits bits" >&2
  "$program" train "$float" --data "$data" --epochs $more --batch 8 $recipe --device "$device" --threads "$threads" \
    --seed "$seed" --optimizer "$rate" --schedule cosine --weight-decay $decay \
    --method projected:importance=ones --quantizer "scaled:pattern=powers,bits=$bits,$options" -o "$file" -f
  echo "$name,$bits,$more,$(figures "$file")" >>"$results"
  speed "$what" "$file"
done
