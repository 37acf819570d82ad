# What experiments share: their command line, data by scale, and a row of results per run.
#
#   run.sh [--scale smoke|small|paper] [--program P] [--cifar DIR] [--resnet20 ONNX] [--resnet32 ONNX]
#          [--mnist DIR] [--lenet ONNX] [--only NAME,NAME...] [--taught] [--epochs N] [--rate R]
#          [--out DIR] [--results DIR] [--device cpu|cuda] [--threads N]
#
# smoke  a perceptron on Fashion-MNIST, an epoch a run: do all the commands work?
# small  CIFAR-10, few epochs: two to four minutes of one core each.
# paper  CIFAR-10, as many epochs as the methods are given in their papers, or would be here.
#
# --taught: the float network answers mixtures of samples, which are learned in place of labels; rows are
# then named NAME-taught. --epochs N trains for as many in place of the scale's; --rate R at that learning rate,
# and rows are named NAME-at-R.
#
# Rows go to results-SCALE.csv in OUT (runs/NAME-SCALE) or --results as they are finished; one that is there, with as many epochs, is
# not run again. Models, plans and reports go to OUT. What docs/results.md shows is kept beside run.sh: --results experiments/NAME.
set -euo pipefail

scale=smoke program= tables= cifar= resnet20= resnet32= mnist= lenet= out= only= taught= at= more= rate= device=cpu threads=0
here=$(cd "$(dirname "$0")" && pwd)
while [ $# -gt 0 ]; do
  if [ "$1" = --taught ]; then
    taught=-taught
    shift
    continue
  fi
  case $1 in
    --scale) scale=$2 ;;
    --program) program=$2 ;;
    --cifar) cifar=$2 ;;
    --resnet20) resnet20=$2 ;;
    --resnet32) resnet32=$2 ;;
    --mnist) mnist=$2 ;;
    --lenet) lenet=$2 ;;
    --only) only=,$2, ;;
    --epochs) more=$2 ;;
    --rate) rate=$2 at=-at-$2 ;;
    --out) out=$2 ;;
    --results) tables=$2 ;;
    --device) device=$2 ;;
    --threads) threads=$2 ;;
    *)
      echo "unknown option $1; valid: --scale, --program, --cifar, --resnet20, --resnet32, --mnist, --lenet, --only, --taught, --epochs, --rate, --out, --results, --device, --threads" >&2
      exit 2
      ;;
  esac
  shift 2
done
out=${out:-runs/$(basename "$here")-$scale}
mkdir -p "$out"
tables=${tables:-$out}
program=${program:-$(command -v laconic || echo "$here/../../build/release/cli/laconic")}  # quickstart.sh's, if none is on the path.
results=$tables/results-$scale.csv
[ -f "$results" ] || echo "row,model,epochs,method,quantizer or plan,bytes,bits per weight,accuracy,seconds" >"$results"

# The figure of that name at the top of a JSON object, or (inner) one level below.
figure() { sed -n "s/^  \"$1\": \([-0-9.e+]*\),*$/\1/p" | head -1; }
inner() { sed -n "s/^    \"$1\": \([-0-9.e+]*\),*$/\1/p" | head -1; }

normalisation=mean=0.485/0.456/0.406,std=0.229/0.224/0.225
case $scale in
  smoke)
    model=$out/lenet300.onnx data=fashion-mnist rate=${rate:-0.005} batch=64
    [ -f "$model" ] || "$program" train lenet300 --data "$data" --epochs 1 -o "$model" -q >/dev/null
    ;;
  small | paper)
    [ -n "$cifar" ] && [ -n "$resnet20" ] || { echo "scale $scale needs --cifar DIR and --resnet20 ONNX" >&2; exit 2; }
    model=$resnet20 rate=${rate:-0.01} batch=128
    data=cifar10:$cifar,$normalisation,flip=true,pad=4,validation=1000
    ;;
  *) echo "unknown scale $scale; valid: smoke, small, paper" >&2; exit 2 ;;
esac

# wanted NAME [EPOCHS]: whether a row is asked for and not there yet.
wanted() { { [ -z "$only" ] || [[ $only = *,${1%"$taught$at"},* ]]; } && ! grep -q "^$1,[^,]*,${2:-${more:-$epochs}}," "$results"; }

# row NAME EPOCHS METHOD (--quantizer SPEC | --plan FILE): trains, writes NAME.lac, measures the file.
row() {
  local name=$1$taught$at epochs=${more:-$2} method=$3
  shift 3
  wanted "$name" || return 0
  echo "== $name" >&2
  local start=$SECONDS
  "$program" train "$model" --data "$data" --epochs "$epochs" --batch "$batch" \
    --optimizer "sgd:lr=$rate,momentum=0.9" --schedule cosine --weight-decay 1e-4 \
    --device "$device" --threads "$threads" ${taught:+--teacher "$model" --teacher-weight 1 --mix 1} \
    --method "$method" "$@" -o "$out/$name.lac" -f --json >"$out/$name.json"
  local what=$2
  [ "$1" = --quantizer ] || what=$(basename "$2")
  echo "$name,$(basename "$model"),$epochs,\"$method\",\"$what\",$(figure bytes <"$out/$name.json"),$(
    "$program" inspect "$out/$name.lac" --json | figure bits_per_weight),$(
    figure accuracy <"$out/$name.json"),$((SECONDS - start))" >>"$results"
}

# float_row [NAME]: what the float network reaches.
float_row() {
  local name=${1:-float}
  wanted "$name" 0 || return 0
  echo "$name,$(basename "$model"),0,,,$(stat -c %s "$model"),32,$(
    "$program" eval "$model" --data "$data" --json -q --threads "$threads" | figure accuracy),0" >>"$results"
}
