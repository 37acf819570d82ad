#!/usr/bin/env bash
# DNQ end to end (dnq, section 4.4): a plan from each allocator at the same bits per weight, then
# incremental quantization by distance; beside them one codebook for the whole network, weighted by curvature, in
# files of the same size. Usage: see experiments/lib.sh; --lenet and --mnist go together.
source "$(dirname "$0")/../lib.sh"

case $scale in
  smoke) epochs=1 samples=200 updates=60 ;;
  small) epochs=3 samples=500 updates=120 ;;
  paper) epochs=15 samples=2000 updates=300 ;;
esac
budget=4.05  # 16 levels everywhere take 4 bits and the codebooks.
agent=policy_gradient:updates=$updates,episodes=8

plans=$tables/plans-$scale.csv
[ -f "$plans" ] || echo "plan,model,allocator,bits per weight,damage,validation before,validation after,bytes,test" >"$plans"

# plan NAME ALLOCATOR CHOICES [QUALITY]: NAME.plan, what it is worth untrained, and its row.
plan() {
  local name=$label-$1
  [ -f "$out/$name.plan" ] && return
  echo "== plan $name" >&2
  "$program" plan "$model" --data "$data" --allocator "$2" --choices "$3" --quality "${4:-accuracy}" --budget $budget \
    --limit $samples --memory "$out/$name.rewards" --table "$out/$label-$3.table" --threads "$threads" -o "$out/$name.plan" -f --json >"$out/$name.plan.json"
  grep -q "^$name," "$plans" && return
  # Quantized as planned, and nothing else done to it.
  "$program" compress "$model" --data "$data" --plan "$out/$name.plan" --method incremental:shares=1,settle=false \
    --epochs 0 --ratio 1.1 --threads "$threads" -o "$out/$name-untrained.lac" -f -q --json >/dev/null
  echo "$name,$(basename "$model"),\"$2${4:+, $4}\",$(figure bits_per_weight <"$out/$name.plan.json"),$(
    figure damage <"$out/$name.plan.json"),$(inner before <"$out/$name.plan.json"),$(
    inner after <"$out/$name.plan.json"),$(stat -c %s "$out/$name-untrained.lac"),$(
    "$program" eval "$out/$name-untrained.lac" --data "$data" --json -q --threads "$threads" | figure accuracy)" >>"$plans"
}

# allocated OPTIONS NAME ALLOCATOR CHOICES [QUALITY]: a plan, trained in shares by distance, and at once.
allocated() {
  local name=$label-$2 options=$1
  shift
  # Every plan is made and measured, unless --only names what to train.
  [ -n "$only" ] || plan "$@"
  if wanted "$name$taught"; then
    plan "$@"
    row "$name" $epochs "incremental:criterion=distance$options" --plan "$out/$name.plan"
  fi
  if wanted "$name-once$taught"; then
    plan "$@"
    row "$name-once" $epochs incremental:shares=1 --plan "$out/$name.plan"
  fi
}

# joint: one codebook of levels that are free, weighted by curvature, within the bytes of the fixed plan's file.
joint() {
  local name=$label-joint bytes epochs=${more:-$epochs}
  bytes=$(grep -m 1 "^$label-fixed$taught," "$results" | sed 's/.*",\([0-9]*\),.*/\1/') || return 0
  wanted "$name$taught" || return 0
  echo "== $name$taught, $bytes bytes" >&2
  local start=$SECONDS
  "$program" compress "$model" --data "$data" --size "$bytes" --epochs $epochs --granularity joint \
    --quantizer entropy_constrained --threads "$threads" -o "$out/$name.lac" -f -q
  echo "$name$taught,$(basename "$model"),$epochs,\"post\",\"entropy_constrained granularity=joint\",$(stat -c %s "$out/$name.lac"),$(
    "$program" inspect "$out/$name.lac" --json | figure bits_per_weight),$(
    "$program" eval "$out/$name.lac" --data "$data" --json -q --threads "$threads" | figure accuracy),$((SECONDS - start))" >>"$results"
}

network() { # MODEL DATA
  model=$1 data=$2
  label=$(basename "$model" .onnx)
  float_row "$label-float"
  allocated "" fixed fixed kmeans
  allocated "" knapsack knapsack kmeans
  # Even steps of their own choice cannot be pinned: the first codebook serves to the end.
  allocated ,levels=fixed rate rate uniform
  # Files are coded by entropy, which its bits are already: as many as end in the fixed plan's file, once both are known.
  local nominal=$budget
  budget=$(awk -F, -v bits=$budget -v fixed="$label-fixed" -v rate="$label-rate" '{bytes[$1] = $(NF - 1)}
    END {if (bytes[fixed] && bytes[rate]) print bits * bytes[fixed] / bytes[rate]}' "$plans")
  [ -z "$budget" ] || allocated ,levels=fixed rate-equal rate uniform
  budget=$nominal
  allocated "" policy $agent kmeans likelihood
  allocated "" policy-accuracy $agent kmeans accuracy
  allocated "" policy-knapsack $agent,start=knapsack kmeans likelihood
  joint
}

network "$model" "$data"
[ -z "$resnet32" ] || network "$resnet32" "$data"
[ -z "$lenet" ] || network "$lenet" "mnist:$mnist,scale=1/256,validation=5000"
