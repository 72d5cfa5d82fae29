#!/usr/bin/env bash
# Makes each class path's ahead-of-time cache, which ./retune and the images use: a step then starts in about half the time.
# The training run is a step of a small day, from its start to its answer from a real store, or a service that answers.
set -euo pipefail
top=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
work=$(mktemp -d)
trap 'kill "$store" ${service:-} 2> /dev/null || true; rm -rf "$work"' EXIT

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
begin() { # begin SERVICE --flag value …: sets service and address
  RETUNE_AOT=train RETUNE_MONGO_URI=$uri "$top/retune" "$@" --port 0 2> "$work/$1.log" &
  service=$!
  until read -r address < <(grep --only-matching 'http://127.0.0.1:[0-9]*' "$work/$1.log"); do
    kill -0 "$service" 2> /dev/null || {
      cat "$work/$1.log" >&2
      return 1
    }
    sleep 0.1
  done
}
ask() { # ask PATH --option …: repeats it while the service is not ready
  curl --noproxy '*' --silent --show-error --fail --max-time 60 --retry 60 --retry-delay 1 "$address$1" "${@:2}"
}
end() {
  kill "$service"
  wait "$service" || [[ $? == 143 ]]
  service=
}
id() { # the version that the last answer names
  grep --only-matching '"model_id":"[^"]*' "$work/answer" | cut -d '"' -f 4
}
export RETUNE_RUN_ID=training # the attempt finds the verdict on the champion
example=$top/examples/credit-default
day=(--model credit-default --logical-date 2026-01-01)
step register_distribution --model credit-default --path "$example/distribution.json"
step register_model --path "$example/finetuned" --champion true
champion=$(id)
batch=(--model-id "$champion" --data-path credit-default/2026-01-01)
step generate_data "${day[@]}" --rows 1000 --drill concept_drift # so that fine-tuning finds something better
train process_data "${day[@]}"
train load_latest_model --model credit-default
step evaluate_model "${batch[@]}"
step check_model_performance "${batch[@]}" --metric f1_macro --threshold 0.99 --evidence interval
step prepare_retraining_data "${batch[@]}"
train finetune_model "${batch[@]}" --strategy head_long --metric f1_macro
# Nearly all that evaluate_model runs, and the judgement.
train evaluate_finetuned_model --model-id "$(id)" --champion-id "$champion" --data-path credit-default/2026-01-01 --attempt 1

begin control
for page in / /models/credit-default "/models/credit-default/versions/$champion" /metrics /health; do
  ask "$page" > "$work/page"
done
end

begin serving --model credit-default
for _ in {1..20}; do
  ask /example | ask /predict --data @- > "$work/answer"
done
ask /metrics > "$work/page"
end
