#!/usr/bin/env bash
# INQ and SLQ at 5 bits on networks for 224x224 images, with INQ's shares (slq-mlq, section 7).
#
#   imagenet.sh NETWORK IMAGES [MODEL.onnx]
#
# NETWORK is alexnet, vgg16, googlenet, resnet18 or resnet50; IMAGES a folder with train, val and
# test, each with a folder per class; MODEL a trained network. Without one, a narrow NETWORK is
# trained for an epoch first and quantized in one more: a check that all of it runs.
# Environment: LACONIC, the program; OUT, where files go (runs/imagenet-NETWORK).
set -euo pipefail

network=$1 images=$2 model=${3:-}
laconic=${LACONIC:-laconic} out=${OUT:-runs/imagenet-$network}
mkdir -p "$out"

case $network in
  alexnet)   shares=0.3/0.6/0.8/1     batch=256 decay=5e-4 narrow=alexnet:width=12 ;;
  vgg16)     shares=0.5/0.75/0.875/1  batch=32  decay=5e-4 narrow=vgg16:width=8 ;;
  googlenet) shares=0.2/0.4/0.6/0.8/1 batch=80  decay=2e-4 narrow=googlenet:width=8 ;;
  resnet18 | resnet50) shares=0.5/0.75/0.875/1 batch=80 decay=1e-4 narrow=$network:width=16 ;;
  *) echo "unknown network $network; valid: alexnet, vgg16, googlenet, resnet18, resnet50" >&2; exit 2 ;;
esac
data=images:$images,size=224,resize=256,mean=0.485/0.456/0.406,std=0.229/0.224/0.225,flip=true
epochs=8
if [ -z "$model" ]; then
  epochs=1 batch=16 model=$out/narrow.onnx
  "$laconic" train $narrow --data "$data" --epochs 1 --batch $batch -o "$model" -f
fi

quantize() { # NAME METHOD QUANTIZER
  "$laconic" train "$model" --data "$data" --epochs $epochs --batch $batch --weight-decay $decay \
    --optimizer sgd:lr=0.001,momentum=0.9 --schedule cosine \
    --method "$2" --quantizer "$3" -o "$out/$1.lac" -f --json >"$out/$1.json"
  "$laconic" inspect "$out/$1.lac" | tail -1
}
quantize inq "incremental:shares=$shares,levels=fixed,settle=false" scaled:pattern=powers,bits=5,scale=largest
quantize slq "incremental:by=level,zero=pinned,shares=0.294/0.529/0.765/0.882/1,settle=false" kmeans:levels=17
