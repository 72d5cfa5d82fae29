#!/usr/bin/env bash
# Takes the picture runs.png: the evaluation of the drifted day, in the UI of a running demo.
#   docs/images/runs.sh [ADDRESS]     needs Chromium
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")"
airflow=${1:-http://127.0.0.1:8080}
profile=$(mktemp -d)
trap 'rm -rf "$profile"' EXIT

token=$(curl -fsS "$airflow/auth/token" | python3 -c 'import json, sys; print(json.load(sys.stdin)["access_token"])')
run=$(curl -fsS -H "Authorization: Bearer $token" \
  "$airflow/api/v2/dags/model_evaluation_pipeline/dagRuns?partition_key_pattern=2026-11-06" | python3 -c '
import json, sys, urllib.parse
print(urllib.parse.quote(json.load(sys.stdin)["dag_runs"][0]["dag_run_id"]))')
chromium --headless --no-sandbox --no-first-run --disable-background-networking --disable-component-update \
  --user-data-dir="$profile" --hide-scrollbars --window-size=1900,1000 --virtual-time-budget=30000 \
  --screenshot="$PWD/runs.png" "$airflow/dags/model_evaluation_pipeline/runs/$run"
