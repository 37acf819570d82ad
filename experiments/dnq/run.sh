#!/usr/bin/env bash
# DNQ end to end (dnq, section 4.4): a plan from each allocator at the same bits per weight, then
# incremental quantization by distance. Usage: see experiments/lib.sh.
source "$(dirname "$0")/../lib.sh"

case $scale in
  smoke) epochs=1 samples=200 updates=60 ;;
  small) epochs=3 samples=500 updates=120 ;;
  paper) epochs=15 samples=2000 updates=300 ;;
esac
budget=4.05  # 16 levels everywhere take 4 bits and the codebooks.
agent=policy_gradient:updates=$updates,episodes=8

plans=$here/plans-$scale.csv
[ -f "$plans" ] || echo "plan,model,allocator,bits per weight,damage,validation before,validation after,bytes,test" >"$plans"

plan() { # NAME ALLOCATOR CHOICES [QUALITY]
  local name=$label-$1
  [ -f "$out/$name.plan" ] && return
  echo "== plan $name" >&2
  "$program" plan "$model" --data "$data" --allocator "$2" --choices "$3" --quality "${4:-accuracy}" --budget $budget \
    --limit $samples --memory "$out/$name.rewards" --table "$out/$label-$3.table" --threads "$threads" -o "$out/$name.plan" -f --json >"$out/$name.plan.json"
  # Quantized as planned, and nothing else done to it.
  "$program" compress "$model" --data "$data" --plan "$out/$name.plan" --method incremental:shares=1,settle=false \
    --epochs 0 --ratio 1.1 --threads "$threads" -o "$out/$name-untrained.lac" -f -q --json >/dev/null
  echo "$name,$(basename "$model"),\"$2${4:+, $4}\",$(figure bits_per_weight <"$out/$name.plan.json"),$(
    figure damage <"$out/$name.plan.json"),$(inner before <"$out/$name.plan.json"),$(
    inner after <"$out/$name.plan.json"),$(stat -c %s "$out/$name-untrained.lac"),$(
    "$program" eval "$out/$name-untrained.lac" --data "$data" --json -q --threads "$threads" | figure accuracy)" >>"$plans"
}

for model in "$model" $resnet32; do
  label=$(basename "$model" .onnx)
  float_row "$label-float"
  plan fixed fixed kmeans
  plan knapsack knapsack kmeans
  plan rate rate uniform
  plan policy $agent kmeans likelihood
  plan policy-accuracy $agent kmeans accuracy
  plan policy-knapsack $agent,start=knapsack kmeans likelihood
  for name in fixed knapsack policy policy-accuracy policy-knapsack; do
    row $label-$name $epochs incremental:criterion=distance --plan "$out/$label-$name.plan"
    row $label-$name-once $epochs incremental:shares=1 --plan "$out/$label-$name.plan"
  done
  # Even steps of their own choice cannot be pinned: the first codebook serves to the end.
  row $label-rate $epochs incremental:criterion=distance,levels=fixed --plan "$out/$label-rate.plan"
  row $label-rate-once $epochs incremental:shares=1 --plan "$out/$label-rate.plan"
done
