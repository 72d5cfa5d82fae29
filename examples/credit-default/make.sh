#!/usr/bin/env bash
# Makes the example again from the table it was learned from: distribution, pre-trained encoder, first champion.
# The table is the UCI Machine Learning Repository's "Default of Credit Card Clients" (I-C. Yeh, 2009; CC BY 4.0) as CSV with a header.
set -euo pipefail
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
top=$here/../..
if [ $# -ne 1 ] || [ ! -f "$1" ]; then
  echo "Usage: $0 TABLE.csv" >&2
  exit 50
fi
data=(--data "$1" --target default --positive 1 --exclude ID)

"$top/retune" learn_distribution "${data[@]}" --model credit-default --output "$here/distribution.json"
"$top/retune" pretrain_model "${data[@]}" --name credit-default --output "$here/pretrained"
"$top/retune" train_model "${data[@]}" --name credit-default --encoder "$here/pretrained" --metric f1_macro --epochs 10 --output "$here/finetuned"
# The example's reference is drawn from its distribution at registration: rows of the table are not published with it, and a ConfigMap has no room for them.
rm -- "$here/finetuned/reference.csv"
