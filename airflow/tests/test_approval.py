"""Questions to a person in a real Airflow: scheduler, API server and tasks that run the steps."""

import json
import os
import re
import shutil
import signal
import time
import urllib.error
import urllib.parse
import urllib.request
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from conftest import PROJECT
from orders import orders, write
from pymongo import MongoClient
from real import RETUNE, answer, running_control, running_store

from demo.airflow import PARTS, Airflow
from demo.processes import Processes, free_port

MODEL = "credit-default"
EXAMPLE = PROJECT.parent / "examples" / MODEL
# No version reaches this gate, but an attempt is surely better on a drifted day.
LOOP = """
name: credit-default
primary: true
gate: {metric: f1_macro, threshold: 0.99, selection: best_on_validation, below_gate: ask}
"""
DRIFTED = {"rows": 2000, "drill": "concept_drift"}
# A day of this model learns nothing: only a retraining helps.
SHOP = """
name: shop
data: {{source: csv, path: "{folder}/{{date}}.csv", key: order}}
gate: {{metric: f1_macro, threshold: 0.8, policy: superior(0.02)}}
attempts: [threshold]
retraining: {{triggers: [harm], candidates: [trees], window_days: 1}}
"""
HARMFUL = "2026-11-02"
DAGS = (
    *("data_pipeline", "model_evaluation_pipeline", "model_approval", "model_deployment_pipeline"),
    *("model_evaluation_pipeline.shop", "model_retraining.shop", "model_deployment_pipeline.shop"),
    *("label_pipeline.shop", "challenger_pipeline.shop"),
)
SECONDS = 300
USERS = {"anna": "admin", "control": "op", "guest": "viewer"}


class AirflowWithUsers(Airflow):
    """An Airflow that asks for a login. A user's password is the name twice."""

    def environment(self):
        file = self.home / "passwords.json"
        file.write_text(json.dumps({user: user * 2 for user in USERS}))
        users = ",".join(f"{user}:{role}" for user, role in USERS.items())
        return {
            **super().environment(),
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "False",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": users,
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(file),
        }

    def log_in(self):
        login = {"username": "anna", "password": "annaanna"}
        return self.call("POST", "/auth/token", login)["access_token"]


@contextmanager
def running(airflow, processes):
    """Runs Airflow's components."""
    try:
        with airflow.migrated(processes, airflow.environment()):
            pass
        airflow.start(processes, airflow.environment())
        airflow.wait(processes, DAGS)
        yield
    finally:
        for part in PARTS:
            for number in (signal.SIGTERM, signal.SIGKILL):
                try:
                    os.killpg(processes.pid(f"airflow-{part}"), number)
                except (KeyError, ProcessLookupError):
                    break
                time.sleep(1)


class Asking:
    """A real Airflow with a loop that asks, and its store."""

    def __init__(self, airflow, processes, database, folder):
        self.airflow, self.processes, self.database = airflow, processes, database
        self.folder = folder
        self.days = set()

    def start_day(self, date):
        """Starts a drifted day, once; it needs half a minute, in which other tests wait."""
        if date not in self.days:
            self.days.add(date)
            self.airflow.trigger("data_pipeline", date, DRIFTED)

    def until(self, what, ready):
        """What `ready` says once it says something."""
        self.processes.wait_for(what, lambda: bool(ready()), SECONDS)
        return ready()

    def question(self, date):
        """The question of a day, once it is asked."""
        found = {"logical_date": date}
        return self.until("A question", lambda: self.database["approval_requests"].find_one(found))

    def ask_by_hand(self, question):
        """Starts a run for a question, as a person does."""
        body = {"logical_date": None, "conf": {"request": question["_id"]}}
        path = "/api/v2/dags/model_approval/dagRuns"
        return self.airflow.call("POST", path, body)["dag_run_id"]

    def states(self, dag, run):
        """The states of a run's tasks."""
        return {task["task_id"]: task["state"] for task in self.airflow.tasks(dag, run)}

    def waits(self, run):
        """Waits until the run waits for a person."""
        self.until(
            "The wait for a person",
            lambda: self.states("model_approval", run)["ask_person"] == "awaiting_input",
        )
        # Airflow 3.3 fails a task that is answered before its scheduler has noticed the wait.
        time.sleep(5)

    def answer(self, run, option, reason=None):
        """Answers as the UI does."""
        body = {"chosen_options": [option], "params_input": {"reason": reason}}
        return self.airflow.call("PATCH", self.path(run), body)

    @staticmethod
    def path(run):
        task = "taskInstances/ask_person/-1/hitlDetails"
        return f"/api/v2/dags/model_approval/dagRuns/{run}/{task}"

    def ended(self, dag, run):
        """The states of a run's tasks once it has ended, which must be well."""

        def state():
            return self.airflow.call("GET", f"/api/v2/dags/{dag}/dagRuns/{run}")["state"]

        self.until(f"The end of {dag}", lambda: state() in ("success", "failed"))
        assert state() == "success", self.states(dag, run)
        return self.states(dag, run)


@pytest.fixture(scope="module")
def asking(tmp_path_factory):
    """An Airflow with a loop that asks, and a day that was asked about without it."""
    folder = tmp_path_factory.mktemp("asking")
    shutil.copytree(PROJECT / "dags", folder / "dags")
    for part in ("config", "plugins"):
        (folder / part).symlink_to(PROJECT / part)
    (folder / "dags/loops/credit-default.yaml").write_text(LOOP)
    (folder / "dags/loops/shop.yaml").write_text(SHOP.format(folder=folder))
    with running_store(folder / "store") as address, pytest.MonkeyPatch.context() as environment:
        environment.setenv("RETUNE_MONGO_URI", address)
        environment.setenv("RETUNE_COMMAND", str(RETUNE))
        environment.setenv("RETUNE_RUNTIME", "process")
        environment.setenv("RETUNE_DASHBOARD_URL", "http://127.0.0.1:8091")
        answer("register_distribution", "--model", MODEL, "--path", EXAMPLE / "distribution.json")
        answer("register_model", "--path", EXAMPLE / "pretrained")
        answer("register_model", "--path", EXAMPLE / "finetuned", "--champion", "true")
        day = ("--date", "2026-11-05", "--rows", "2000", "--drill", "concept_drift")
        ended = answer("run_loop", MODEL, *day, "--loops", folder / "dags/loops")
        assert ended["status"] == "asked", ended["message"]
        processes = Processes(folder / "logs")
        processes.logs.mkdir()
        airflow = AirflowWithUsers(folder / "airflow", folder, port=free_port(0))
        airflow.home.mkdir()
        with MongoClient(address) as client, running(airflow, processes):
            yield Asking(airflow, processes, client.get_default_database("retune"), folder)


def test_the_navigation_has_the_dashboard(asking):
    plugins = asking.airflow.call("GET", "/api/v2/plugins")["plugins"]
    (link,) = (view for plugin in plugins for view in plugin["external_views"])
    assert (link["name"], link["href"], link["destination"], link["url_route"]) == (
        "Retune",
        "http://127.0.0.1:8091/",
        "nav",
        None,
    )


def test_a_question_that_expires_ends_without_a_failure(asking):
    question = asking.question("2026-11-05")
    soon = datetime.now(UTC) + timedelta(seconds=45)

    def expire(at):
        change = {"$set": {"expires_at": at}}
        asking.database["approval_requests"].update_one({"_id": question["_id"]}, change)

    expire(soon.isoformat(timespec="seconds").replace("+00:00", "Z"))
    run = asking.ask_by_hand(question)
    asking.waits(run)
    asking.start_day("2026-11-06")
    assert asking.ended("model_approval", run) == {
        "read_approval_request": "success",
        "ask_person": "skipped",
        "approve": "skipped",
        "reject": "skipped",
    }
    assert datetime.now(UTC) >= soon
    expire(question["expires_at"])
    assert asking.database["approval_answers"].count_documents({}) == 0


def test_a_rejection_is_recorded_with_who_gave_it(asking):
    question = asking.question("2026-11-05")
    run = asking.ask_by_hand(question)
    asking.waits(run)
    shown = asking.airflow.call("GET", asking.path(run))
    assert shown["subject"] == f"May {question['model_id']} go into production?"
    assert shown["body"].startswith(question["question"])
    assert "/retune/reports/model_evaluation_pipeline/credit-default/2026-11-05/" in shown["body"]
    assert shown["options"] == ["Approve", "Reject"]

    asking.answer(run, "Reject", "too soon")
    with pytest.raises(urllib.error.HTTPError, match="409"):
        asking.answer(run, "Approve")
    assert asking.ended("model_approval", run) == {
        "read_approval_request": "success",
        "ask_person": "success",
        "approve": "skipped",
        "reject": "success",
    }
    kept = asking.database["approval_answers"].find_one({"_id": question["_id"]})
    assert (kept["answer"], kept["by"], kept["reason"]) == ("rejected", "anna", "too soon")
    assert answer("explain", question["model_id"])["status"] == "rejected"


def test_an_approved_version_is_deployed(asking):
    asking.start_day("2026-11-06")
    question = asking.question("2026-11-06")
    runs = f"/api/v2/dags/model_approval/dagRuns/{question['_id'].replace('/', '_')}"

    def asked():
        try:
            return asking.airflow.call("GET", runs)["dag_run_id"]
        except urllib.error.HTTPError:
            return None

    run = asking.until("The run that asks", asked)
    asking.waits(run)
    (evaluation,) = asking.airflow.runs("model_evaluation_pipeline", "2026-11-06")
    tasks = asking.ended("model_evaluation_pipeline", evaluation["dag_run_id"])
    assert tasks["ask_person"] == "success", "it does not wait"
    assert tasks["send_alert"] == "skipped"

    asking.answer(run, "Approve", "the best that these labels allow")
    assert asking.ended("model_approval", run)["approve"] == "success"

    def deployed():
        return answer("load_latest_model", "--model", MODEL)["model_id"] == question["model_id"]

    asking.until("The deployment", deployed)
    deployments = asking.airflow.runs("model_deployment_pipeline", "2026-11-06")
    assert (
        asking.ended("model_deployment_pipeline", deployments[-1]["dag_run_id"])[
            "notify_deployment_complete"
        ]
        == "success"
    )
    events = [event["event"] for event in answer("history", MODEL)["events"]]
    # The question of the day before is rejected before or after this one is asked.
    assert [event for event in events if event != "version_rejected"][-4:] == [
        "evaluated_asked",
        "version_approved",
        "evaluated_retrained",
        "model_deployed",
    ]

    again = asking.ask_by_hand(question)
    assert asking.ended("model_approval", again)["ask_person"] == "skipped", "it is answered"


class Control:
    """The control service's calls and pages, as the owner of a token."""

    def __init__(self, address, token):
        self.address, self.token = address, token
        self.browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())

    def __call__(self, method, path, body=None):
        """The status and the body of a call."""
        request = urllib.request.Request(
            self.address + path,
            None if body is None else json.dumps(body).encode(),
            {"Authorization": f"Bearer {self.token}"},
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answered:
                return answered.status, json.load(answered)
        except urllib.error.HTTPError as problem:
            return problem.code, json.load(problem)

    def page(self, path, form=None):
        """A page, or the one that the form leads to."""
        body = None if form is None else urllib.parse.urlencode(form).encode()
        request = urllib.request.Request(self.address + path, body, {"Origin": self.address})
        with self.browser.open(request, timeout=120) as answered:
            return answered.read().decode()

    def press(self, path, **filled_in):
        """Logs in and presses a button of a page; the page after that."""
        self.page("/login", {"name": "ops", "token": self.token})
        hidden = re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', self.page(path))
        return self.page(path, dict(hidden) | filled_in)


@contextmanager
def steering(asking, folder, user):
    """A control service that steers this Airflow as one of its users."""
    token = "0123456789abcdefghijklmnop"
    login = {"RETUNE_AIRFLOW_USER": user, "RETUNE_AIRFLOW_PASSWORD": user * 2}
    login["RETUNE_AIRFLOW_URL"] = asking.airflow.url
    with running_control(folder, token, **login) as address:
        yield Control(address, token)
    said = (folder / "log").read_text()
    assert token not in said
    assert user * 2 not in said
    assert "/scheduler" in said


@pytest.fixture
def control(asking, tmp_path):
    """A control service that may steer this Airflow."""
    with steering(asking, tmp_path, "control") as service:
        yield service


def test_the_control_service_steers_this_airflow(asking, control):
    def paused(dag):
        return asking.airflow.call("GET", f"/api/v2/dags/{dag}")["is_paused"]

    status, told = control("GET", "/scheduler/status")
    assert (status, told["scheduler"]["status"]) == (200, "running")
    assert told["scheduler"]["next_runs"]["data_pipeline"] > datetime.now(UTC).isoformat()
    status, stopped = control("POST", "/scheduler/stop")
    assert (status, stopped["message"]) == (200, "Scheduler stopped successfully")
    assert paused("data_pipeline")
    assert paused("model_retraining")
    assert control("GET", "/scheduler/status")[1]["scheduler"]["status"] == "stopped"
    status, refused = control("POST", "/retrain", {})
    assert status == 409, refused
    assert refused["message"].startswith("The DAG model_retraining is paused")
    assert control("POST", "/scheduler/start")[0] == 200
    assert not paused("data_pipeline")

    status, started = control("POST", "/retrain", {"force_retrain": True})
    assert (status, started["status"]) == (202, "started")
    run = f"/api/v2/dags/model_retraining/dagRuns/{started['run_id']}"
    real = asking.airflow.call("GET", run)
    assert real["conf"] == {"request": "api", "force_retrain": True}
    assert real["note"] == "Asked for by ops over the control API."
    status, second = control("POST", "/retrain")
    assert status == 409, second
    asking.airflow.call("PATCH", run, {"state": "failed"})

    before = answer("load_latest_model", "--model", MODEL)["model_id"]
    page = control.press(f"/models/{MODEL}/actions/roll-back", reason="slow")
    now = answer("load_latest_model", "--model", MODEL)["model_id"]
    assert f'<p class="done" role="status">{now} is in production again.' in page
    assert now != before
    # The page does not wait for Airflow; it shows the schedule once Airflow has answered.
    schedule = re.compile(r"<h2>Schedule</h2>.*data_pipeline</th><td><time", re.DOTALL)
    asking.until("The schedule", lambda: schedule.search(control.page(f"/models/{MODEL}")))
    event = asking.database["deployment_events"].find_one({"event_type": "model_rolled_back"})
    assert (event["by"], event["reason"], event["started_by"]) == ("ops", "slow", "control")

    # The version from before has learned nothing of this drift, so that there is a question again.
    day = ("--date", "2026-11-07", "--rows", "2000", "--drill", "concept_drift")
    answer("run_loop", MODEL, *day, "--loops", asking.folder / "dags/loops")
    question = asking.question("2026-11-07")
    approval = {"request_id": question["_id"], "reason": "the best there is"}
    deployment = "/api/v2/dags/model_deployment_pipeline"
    asking.airflow.call("PATCH", deployment, {"is_paused": True})
    status, waiting = control("POST", "/approve", approval)
    assert (status, waiting["status"]) == (200, "approved"), waiting
    assert "The DAG model_deployment_pipeline is paused" in waiting["message"]
    assert f"/actions/deploy?id={question['model_id']}" in control.page(f"/models/{MODEL}")
    asking.airflow.call("PATCH", deployment, {"is_paused": False})
    status, approved = control("POST", "/approve", approval)
    assert (status, approved["status"]) == (202, "approved"), approved
    tasks = asking.ended("model_deployment_pipeline", approved["run_id"])
    assert tasks["notify_deployment_complete"] == "success"
    assert answer("load_latest_model", "--model", MODEL)["model_id"] == question["model_id"]
    status, late = control("POST", "/approve", approval)
    assert (status, "was approved before, by ops" in late["message"]) == (409, True), late
    kept = asking.database["approval_answers"].find_one({"_id": question["_id"]})
    assert (kept["answer"], kept["by"]) == ("approved", "ops")
    calls = asking.database["control_events"].find({"by": "ops"}, sort=[("timestamp", 1)])
    assert [(call["call"], call["status"]) for call in calls] == [
        ("/scheduler/stop", 200),
        ("/retrain", 409),
        ("/scheduler/start", 200),
        ("/retrain", 202),
        ("/retrain", 409),
        ("/retrain/rollback", 200),
        ("/approve", 200),
        ("/approve", 202),
        ("/approve", 409),
    ]


def test_a_harmful_day_starts_a_retraining_and_its_version_goes_into_production(asking):
    """One DAG starts the other: the day, the retraining, the deployment."""
    folder, airflow = asking.folder, asking.airflow
    write(folder / "shop.csv", orders(1_500, 1))
    day = orders(1_200, 3, turned="amount")
    write(folder / f"{HARMFUL}.csv", [{"order": n, **row} for n, row in enumerate(day)])
    learned = ("--data", folder / "shop.csv", "--target", "returned", "--positive", "yes")
    network = ("--architecture", "mlp", "--epochs", "10", "--metric", "f1_macro")
    answer("train_model", "--name", "shop", *learned, *network, "--output", folder / "made")
    answer("register_model", "--path", folder / "made", "--champion", "true")
    day = ("--model", "shop", "--logical-date", HARMFUL)
    answer("ingest", *day, "--data", folder / f"{HARMFUL}.csv", "--key", "order")
    answer("process_data", *day)
    airflow.trigger("model_evaluation_pipeline.shop", HARMFUL, {})

    runs = "/api/v2/dags/model_retraining.shop/dagRuns"

    def harm():
        named = [run["dag_run_id"] for run in airflow.call("GET", runs)["dag_runs"]]
        return [run for run in named if run.startswith(f"harm__{HARMFUL}__")]

    (run,) = asking.until("The retraining", harm)
    tasks = asking.ended("model_retraining.shop", run)
    assert (tasks["promote_model"], tasks["keep_model"]) == ("success", "skipped")
    assert airflow.result("model_retraining.shop", run, "check_retraining_trigger")["trigger"] == (
        "harm"
    )
    better = airflow.result("model_retraining.shop", run, "compare_models")["model_id"]

    def deployed():
        return asking.database["champions"].find_one("shop")["model_id"] == better

    asking.until("The deployment", deployed)


def test_all_that_time_starts_of_a_loop_is_stopped(asking, control, tmp_path):
    def paused():
        dags = asking.airflow.call("GET", "/api/v2/dags?tags=shop&paused=true")["dags"]
        return [dag["dag_id"] for dag in dags]

    (tmp_path / "guest").mkdir()
    with steering(asking, tmp_path / "guest", "guest") as guest:
        assert guest("GET", "/scheduler/status?model=shop")[1]["scheduler"]["status"] == "running"
        status, refused = guest("POST", "/scheduler/stop", {"model": "shop"})
    assert (status, "refused this service (403)" in refused["message"]) == (502, True), refused
    assert paused() == []

    assert control("POST", "/scheduler/stop", {"model": "shop"})[0] == 200
    assert sorted(paused()) == [
        "challenger_pipeline.shop",
        "data_pipeline.shop",
        "label_pipeline.shop",
        "model_retraining.shop",
    ]
    stopped = control("GET", "/scheduler/status?model=shop")[1]["scheduler"]
    assert (stopped["status"], stopped["next_runs"]) == ("stopped", {})
