#!/usr/bin/env bash
# Makes a loop of texts from Banking77 and takes it through five days: two ordinary ones, typos, new intents, swapped labels.
# A store must be running (./retune store). The files are the dataset's own CSV files with the columns text and category.
set -euo pipefail
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
top=$here/../..
if [ $# -ne 3 ] || [ ! -f "$1" ] || [ ! -f "$2" ]; then
  echo "Usage: $0 TRAIN.csv TEST.csv FOLDER" >&2
  exit 50
fi
folder=$3
python3 "$here/days.py" "$1" "$2" "$folder"
mkdir -p "$folder/loops"
"$top/retune" new_loop --data "$folder/table.csv" --text text --target category --name banking77 \
  --days "$folder/days/{date}.csv" --output "$folder" --loops "$folder/loops" --replace
for file in "$folder"/days/*.csv; do
  "$top/retune" run-loop banking77 --date "$(basename "$file" .csv)" --loops "$folder/loops"
done
