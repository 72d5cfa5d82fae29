"""Faults on a cluster, and how the loop deals with them."""

import json
import time

from cluster.release import wait_for
from demo.days import MODEL

MANY_ROWS = 2_000_000
LIVE = "rows read:"  # Airflow shows a line when the next one arrives, five seconds later


def test_logs_are_live_and_a_deleted_pods_step_is_done_again(start, release):
    run = start("data_pipeline", "2026-10-01", rows=MANY_ROWS)
    pod = release.running("generate-data")
    wait_for("A line of the step in the log", lambda: LIVE in run.log("generate_data"), 60)
    assert run.task("generate_data")["state"] == "running"

    release.kubectl("delete", "pod", pod, "--wait=false")

    ended = run.wait("process_data", "success", "failed")
    assert ended["state"] == "success"
    assert run.task("generate_data")["try_number"] == 2
    assert run.result("generate_data")["rows"] == MANY_ROWS


def test_of_three_shards_only_the_one_whose_pod_is_deleted_is_done_again(start, spread, release):
    run = start(spread, "2026-07-01", rows=MANY_ROWS)
    pod = release.running("generate-data")
    release.kubectl("delete", "pod", pod, "--wait=false")
    ended = run.wait("generate_data", "success", "failed")
    assert ended["state"] == "success"
    assert sorted(shard["try_number"] for shard in run.shards("generate_data")) == [1, 1, 2]
    assert run.result("generate_data")["rows"] == MANY_ROWS


def test_an_image_that_is_not_there_fails_with_the_pods_events(start):
    run = start("data_pipeline", "2026-10-02", tag="0.0.0-absent")
    run.wait("generate_data", "up_for_retry", "failed")
    assert "retune/generate-data:0.0.0-absent" in run.log("generate_data")
    run.mark_failed("generate_data")


def test_a_step_out_of_memory_is_tried_again_with_more(start, tight):
    run = start(tight, "2026-10-04")
    ended = run.wait("generate_data", "failed")
    assert "generate_data was killed, probably because it exceeded its memory limit" in run.log(
        "generate_data", 1
    )
    assert "An earlier try ran out of memory; this one gets 1Gi." in run.log("generate_data", 2)
    assert ended["try_number"] == 2
    assert "tight" in run.result("generate_data")["error"]["message"]


def test_exit_code_50_fails_at_once_with_its_reason_in_log_and_result(start):
    run = start("model_evaluation_pipeline", "2020-01-01")
    ended = run.wait("evaluate_model", "failed", "up_for_retry", "success")
    assert (ended["state"], ended["try_number"]) == ("failed", 1)
    error = run.result("evaluate_model")["error"]
    assert error["retryable"] is False
    assert f"{MODEL}/2020-01-01" in error["message"]
    assert json.dumps(error["message"])[1:-1] in run.log("evaluate_model")


def test_a_task_marked_failed_has_no_pod_seconds_later(start, release):
    run = start("data_pipeline", "2026-10-03", rows=MANY_ROWS)
    pod = release.running("generate-data")
    marked = time.monotonic()
    run.mark_failed("generate_data")
    gone = lambda: pod not in [p["metadata"]["name"] for p in release.pods("generate-data")]  # noqa: E731
    wait_for("The pod's end", gone, 30)
    print(f"gone {time.monotonic() - marked:.1f} s after the mark")
    assert run.task("generate_data")["state"] == "failed"
