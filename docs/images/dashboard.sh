#!/usr/bin/env bash
# Takes the pictures overview.png and dashboard.png: eleven days of the example's loop, as the pages of `control` show them.
#   docs/images/dashboard.sh     needs Chromium and a build
set -euo pipefail
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
cd "$here/../.."
work=$(mktemp -d)
trap 'kill $(jobs -p) 2> /dev/null || true; wait; rm -rf "$work"' EXIT
export RETUNE_MONGO_URI=mongodb://127.0.0.1:27031/retune RETUNE_DEPLOYMENT_DIR=$work/deployment
control=http://127.0.0.1:8097

./retune store --port 27031 --data "$work/store" > "$work/store.log" &
until grep -q mongodb "$work/store.log"; do sleep 0.2; done
./retune register-distribution --model credit-default --path examples/credit-default/distribution.json
./retune register-model --path examples/credit-default/pretrained
./retune register-model --path examples/credit-default/finetuned --champion true
for day in 03 04 05 '06 concept_drift 0.5' '07 label_noise 1.0' 08 09 '10 covariate_drift 0.5' 11 '12 missing_burst 0.5' 13; do
  read -r date drill strength <<< "$day"
  ./retune run-loop credit-default --date "2026-11-$date" --rows 2000 ${drill:+--drill "$drill" --drill-strength "$strength"}
done
./retune check-retraining-trigger --model credit-default --triggers adaptive

./retune control --port 8097 &
until curl --silent --fail --output /dev/null "$control/health"; do sleep 0.2; done
picture() {
  chromium --headless --no-sandbox --no-first-run --disable-background-networking --disable-component-update \
    --user-data-dir="$work/profile" --hide-scrollbars --window-size="$3" --screenshot="$here/$1" "$control$2"
}
picture overview.png / 1100,820
picture dashboard.png /models/credit-default 1100,1330
