#!/usr/bin/env bash
# INQ, SLQ and MLQ (slq-mlq, sections 3, 4, 9), each beside quantizing all at once.
# Usage: see experiments/lib.sh.
source "$(dirname "$0")/../lib.sh"

case $scale in
  smoke) five=1 three=1 ;;
  small) five=5 three=8 ;;
  paper) five=15 three=40 ;;
esac
inq_shares=0.5/0.75/0.875/1
# 5, 9, 13, 15 and 17 of 17 levels.
slq_shares=0.294/0.529/0.765/0.882/1

float_row
# Five bits: 17 levels.
inq=scaled:pattern=powers,bits=5,scale=largest
slq=kmeans:levels=17
row once-powers $five incremental:shares=1 --quantizer $inq
row once-kmeans $five incremental:shares=1,zero=pinned --quantizer $slq
row inq $five incremental:shares=$inq_shares,levels=fixed,settle=false --quantizer $inq
row inq-settled $five incremental:shares=$inq_shares,levels=fixed --quantizer $inq
row slq $five incremental:by=level,zero=pinned,shares=$slq_shares,settle=false --quantizer $slq
row slq-measured $five incremental:by=level,criterion=cluster_loss,zero=pinned,shares=$slq_shares,settle=false --quantizer $slq
row slq-settled $five incremental:by=level,zero=pinned,shares=$slq_shares --quantizer $slq
row slq-made-up $five incremental:by=level,zero=pinned,make_up=true,shares=$slq_shares --quantizer $slq
row kmeans-magnitude $five incremental:zero=pinned,shares=$inq_shares --quantizer $slq
row kmeans-distance $five incremental:criterion=distance,zero=pinned,shares=$inq_shares --quantizer $slq
# Ternary.
ternary=kmeans:levels=3
row ternary-once $three incremental:shares=1 --quantizer $ternary
row ternary-twn $three projected:importance=ones --quantizer scaled:pattern=ternary,threshold=mean
row mlq $three incremental:by=level,levels=refit,shares=0.667/1,groups=4,group_order=sensitivity --quantizer $ternary
row ternary-shares $three incremental:shares=0.2/0.4/0.6/0.7/0.8/0.9/0.95/1 --quantizer $ternary
