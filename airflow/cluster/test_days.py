"""The three days of the demo, with each step in a pod."""

import json

import pytest

from cluster.release import PROJECT
from demo.days import ALERTED, DAYS

STEPS = json.loads((PROJECT / "airflow/dags/retune/catalogue.json").read_text())["steps"]
SECONDS_OF_LIGHT_STEPS = 15


@pytest.fixture(scope="module", params=DAYS, ids=lambda day: day.title.split()[1])
def report(request, follower):
    return follower.take(request.param, show=True)


def test_a_day_ends_as_it_should(report):
    assert report.mistake() is None


def test_every_step_succeeds_at_its_first_try_and_leaves_its_result(report):
    ran = [t for t in report.tasks.values() if t.state != "skipped" and t.name != ALERTED]
    assert {task.state for task in ran} == {"success"}
    assert {task.tries for task in ran} == {1}
    steps = [task for task in ran if task.name.rpartition(".")[2] in STEPS]
    assert all(task.result for task in steps)


def test_succeeded_pods_are_gone(report, release):
    assert release.pods("generate-data", phase="Succeeded") == []
    assert release.pods("evaluate-model", phase="Succeeded") == []


def test_a_light_step_takes_seconds(report):
    assert report.tasks["load_latest_model"].seconds < SECONDS_OF_LIGHT_STEPS
