#!/usr/bin/env bash
# Makes each class path's ahead-of-time cache, which ./retune and the images use: a step then starts in about half the time.
# The training run is a step's real start, up to its first answer from a real store.
set -euo pipefail
top=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
work=$(mktemp -d)
trap 'kill "$store" 2> /dev/null || true; rm -rf "$work"' EXIT

mkfifo "$work/ready"
"$top/retune" store --port 0 --data "$work/store" > "$work/ready" 2> "$work/store.log" &
store=$!
uri=$(grep --max-count=1 --only-matching 'mongodb://[^ ]*' "$work/ready")

step() { # step STEP --flag value …
  RETUNE_MONGO_URI=$uri "$top/retune" "$@" > "$work/answer" 2> "$work/$1.log" || {
    echo "$1 ended with $?:" >&2
    cat "$work/$1.log" >&2
    return 1
  }
}
train() {
  RETUNE_AOT=train step "$@"
}
example=$top/examples/credit-default
day=(--model credit-default --logical-date 2026-01-01)
step register_distribution --model credit-default --path "$example/distribution.json"
step register_model --path "$example/finetuned" --champion true
model=$(grep --only-matching 'credit-default-[0-9a-f]*' "$work/answer" | head -n 1)
step generate_data "${day[@]}" --rows 10
train process_data "${day[@]}"
train load_latest_model --model credit-default
train evaluate_model --model-id "$model" --data-path credit-default/2026-01-01
# PyTorch's libraries are not unpacked for this: the answer that the batch is not there comes before they are needed.
status=0
train finetune_model --model-id "$model" --data-path none/2026-01-01 2> /dev/null || status=$?
if [ "$status" -ne 1 ] || ! grep -q '"invalid_input"' "$work/answer"; then
  cat "$work/finetune_model.log" >&2
  exit 1
fi
