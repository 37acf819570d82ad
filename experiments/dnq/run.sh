#!/usr/bin/env bash
# DNQ end to end (dnq, section 4.4): a plan from each allocator at the same bits per weight, then
# incremental quantization by distance. Usage: see experiments/lib.sh.
source "$(dirname "$0")/../lib.sh"

case $scale in
  smoke) epochs=1 samples=200 updates=10 ;;
  small) epochs=3 samples=250 updates=60 ;;
  paper) epochs=15 samples=2000 updates=300 ;;
esac
budget=4.05  # 16 levels everywhere take 4 bits and the codebooks.

plans=$here/plans-$scale.csv
[ -f "$plans" ] || echo "plan,model,allocator,bits per weight,damage,validation before,validation after" >"$plans"

plan() { # NAME ALLOCATOR CHOICES
  [ -f "$out/$1.plan" ] && return
  echo "== plan $1" >&2
  "$program" plan "$model" --data "$data" --allocator "$2" --choices "$3" --budget $budget \
    --limit $samples --memory "$out/$1.rewards" --table "$out/$3.table" --threads "$threads" -o "$out/$1.plan" -f --json >"$out/$1.plan.json"
  echo "$1,$(basename "$model"),\"$2\",$(figure bits_per_weight <"$out/$1.plan.json"),$(
    figure damage <"$out/$1.plan.json"),$(inner before <"$out/$1.plan.json"),$(
    inner after <"$out/$1.plan.json")" >>"$plans"
}

float_row
plan fixed fixed kmeans
plan knapsack knapsack kmeans
plan rate rate uniform
plan policy policy_gradient:updates=$updates,episodes=8 kmeans
for name in fixed knapsack policy; do
  row $name-once $epochs incremental:shares=1 --plan "$out/$name.plan"
  row $name $epochs incremental:criterion=distance --plan "$out/$name.plan"
done
# Even steps of their own choice cannot be pinned: the first codebook serves to the end.
row rate-once $epochs incremental:shares=1 --plan "$out/rate.plan"
row rate $epochs incremental:criterion=distance,levels=fixed --plan "$out/rate.plan"
