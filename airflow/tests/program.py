"""A step program for tests: notes what it was given, logs, and answers as the test has laid down.

RETUNE_TEST_FOLDER holds `answers.json`, by step or by `step.attempt` or `step.shard`: the result to
leave, with `_exit` for the exit code, `_fails` for how often it is 1 before that, `_log` for lines
to log, `_sleep` for seconds to wait for a child process, `_result` false for no result.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

folder = Path(os.environ["RETUNE_TEST_FOLDER"])
step, _, inputs, _, xcom = sys.argv[1:]
given = json.loads(inputs)
environment = {
    k: v for k, v in os.environ.items() if k.startswith(("RETUNE_", "AIRFLOW_", "TRACE"))
}
with (folder / "calls.jsonl").open("a+", encoding="utf-8") as calls:
    calls.seek(0)
    before = [json.loads(line) for line in calls]
    calls.write(json.dumps({"step": step, "input": given, "environment": environment}) + "\n")

answers = json.loads((folder / "answers.json").read_text(encoding="utf-8"))
part = given.get("attempt", given.get("shard"))
answer = answers.get(f"{step}.{part}", answers.get(step, {}))
for line in answer.pop("_log", []):
    print(line, file=sys.stderr, flush=True)
code = answer.pop("_exit", 0)
if [(call["step"], call["input"]) for call in before].count((step, given)) < answer.pop(
    "_fails", 0
):
    code = 1
if seconds := answer.pop("_sleep", 0):
    child = subprocess.Popen(["sleep", str(seconds)])
    (folder / "pids").write_text(f"{os.getpid()} {child.pid}", encoding="utf-8")
    child.wait()
if answer.pop("_result", True):
    Path(xcom).write_text(json.dumps(answer), encoding="utf-8")
sys.exit(code)
