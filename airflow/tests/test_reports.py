"""The link from a task that judges to its report, and the page behind it."""

import sys

import pytest
from airflow.api_fastapi.app import create_auth_manager, get_auth_manager
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
from conftest import DAY, PROJECT
from fastapi.testclient import TestClient
from pymongo import MongoClient
from real import running_store

DAG = "model_evaluation_pipeline"
REPORT = f"credit-default/{DAY}/a run+00:00/key/2"
PAGE = "<!doctype html><title>A comparison</title>"
DRIFT = f"credit-default/{DAY}/a run+00:00/credit-default-0123456789ab"
WITH_REPORT = {
    "look_back",
    "evaluate_finetuned_model",
    "judge_candidate",
    "detect_drift",
    "compare_models",
    "log_retraining_event",
    "log_retraining_failure",
}


@pytest.fixture
def plugins(monkeypatch):
    """Airflow's folder of plugins."""
    monkeypatch.syspath_prepend(PROJECT / "plugins")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A store with two reports; its address."""
    with running_store(tmp_path_factory.mktemp("store")) as address, MongoClient(address) as client:
        client["retune"]["comparison_reports"].insert_one(
            {"_id": REPORT, "dag_id": DAG, "html": PAGE}
        )
        client["retune"]["drift_reports"].insert_one(
            {"_id": DRIFT, "dag_id": DAG, "html": "<!doctype html><title>Drift</title>"}
        )
        yield address


@pytest.fixture
def page(plugins, store, database, monkeypatch):
    """Asks for a report as a user with this role."""
    import retune_reports

    monkeypatch.setenv("RETUNE_MONGO_URI", store)
    create_auth_manager()

    def page(report=REPORT, dag=DAG, role="VIEWER"):
        retune_reports._database.cache_clear()
        token = get_auth_manager().generate_jwt(
            SimpleAuthManagerUser(username="someone", role=role)
        )
        headers = {"Authorization": f"Bearer {token}"} if role else {}
        return TestClient(retune_reports.app).get(f"/reports/{dag}/{report}", headers=headers)

    return page


def test_a_report_is_shown_to_whoever_may_see_the_dag(page):
    shown = page()
    assert (shown.status_code, shown.text) == (200, PAGE)
    assert shown.headers["Content-Type"].startswith("text/html")


def test_a_report_of_drift_is_shown_alike(page):
    shown = page(DRIFT)
    assert (shown.status_code, shown.text) == (200, "<!doctype html><title>Drift</title>")


def test_a_reports_scripts_would_not_run(page):
    policy = page().headers["Content-Security-Policy"].split("; ")
    assert "default-src 'none'" in policy
    assert "sandbox" in policy, "the page has an origin of its own"
    assert not any(part.startswith("script-src") for part in policy)


def test_a_report_is_not_shown_to_strangers(page):
    assert page(role=None).status_code == 401
    assert PAGE not in page(role=None).text


@pytest.mark.parametrize("other", [{"report": "another"}, {"dag": "another_pipeline"}])
def test_what_no_run_of_the_dag_wrote_is_not_there(page, other):
    shown = page(**other)
    assert shown.status_code == 404
    assert "has written a report" in shown.text


def test_a_store_that_does_not_answer_is_told(page, monkeypatch):
    monkeypatch.setenv("RETUNE_MONGO_URI", "mongodb://127.0.0.1:1/retune")
    monkeypatch.setattr("retune_reports.SECONDS_TO_WAIT", 0.1)
    shown = page()
    assert shown.status_code == 503
    assert "Check RETUNE_MONGO_URI of the API server." in shown.text


def links(run):
    """The report links of a run, by task."""
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session

    query = XComModel.get_many(run_id=run.id, key="_link_ReportLink")
    with create_session() as session:
        rows = session.scalars(query).all()
        return {row.task_id: XComModel.deserialize_value(row) for row in rows}


FAILS = {
    "load_latest_model": {"model_id": "champion"},
    "check_model_performance": {"needs_retraining": True},
    "send_evaluation_results": {"status": "looked_back", "message": "It is approved."},
}


def test_a_task_links_to_the_report_that_its_result_names(run, program, plugins):
    program.answer(FAILS | {"look_back": {"passed": True, "report": REPORT}})
    assert links(run(DAG)) == {
        "look_back": "http://localhost:8080/retune/reports/model_evaluation_pipeline/"
        "credit-default/2026-11-05/a%20run%2B00%3A00/key/2",
        "detect_drift": "",
    }


def test_there_is_no_link_without_a_report(run, program, plugins):
    program.answer(FAILS | {"look_back": {"passed": True, "report": None}})
    assert set(links(run(DAG)).values()) == {""}


def test_there_is_no_link_without_the_page_that_it_leads_to(run, program, monkeypatch):
    monkeypatch.delitem(sys.modules, "retune_reports", raising=False)
    program.answer(FAILS | {"look_back": {"passed": True, "report": REPORT}})
    assert set(links(run(DAG)).values()) == {""}


@pytest.mark.parametrize("runtime", ["kubernetes", "docker", "process"])
def test_only_tasks_that_judge_a_version_link_to_reports(bag, tmp_path, runtime):
    (tmp_path / "other.yaml").write_text("name: other\ngate: {selection: first_passing}\n")
    linked = {
        task.task_id.rpartition(".")[2]
        for dag in bag(runtime, tmp_path).dags.values()
        for task in dag.tasks
        if "Report" in [link.name for link in task.operator_extra_links]
    }
    assert linked == WITH_REPORT
