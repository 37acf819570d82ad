#!/usr/bin/env bash
# LBW-Net: weights of zero and powers of two, from trained networks; the exact exponent beside the
# paper's threshold rule and INQ's fixed exponent. Usage: see experiments/lib.sh.
source "$(dirname "$0")/../lib.sh"

case $scale in
  smoke) epochs=1 ;;
  small) epochs=3 ;;
  paper) epochs=10 ;;
esac

# powers NAME BITS OPTIONS
powers() {
  row "$label-$1-$2" $epochs projected:importance=ones --quantizer "scaled:pattern=powers,bits=$2,$3"
}

for model in "$model" $resnet32; do
  label=$(basename "$model" .onnx)
  float_row "$label-float"
  for bits in 4 5 6 3 2; do powers exact $bits scale=power_of_two; done
  for bits in 4 5 6 3 2; do powers largest $bits scale=largest; done
  for bits in 4 5 6 3 2; do powers threshold $bits scale=power_of_two,threshold=mu,factor=0.75; done
done
