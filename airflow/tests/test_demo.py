"""The demo's own parts: what counts as a day gone well, and that nothing stays behind."""

import json
import stat
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from demo.__main__ import _missing_reports
from demo.airflow import Airflow
from demo.days import ALERTED, DAYS, Report, Task
from demo.processes import DemoError, Processes
from demo.screen import Screen
from demo.services import Services

PROJECT = Path(__file__).parents[1]
HEALTHY, DRIFTED, BROKEN = DAYS
ORPHANS = """
import sys, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from demo import processes as background
from demo.processes import Processes
background.SECONDS_TO_STOP = 1.0  # one of the two ignores SIGTERM and is waited for
with Processes(Path(sys.argv[1])) as processes:
    # A process in a session of its own, whose parent is gone.
    processes.run("leaver", ["bash", "-c", "setsid sleep 600 & echo $!"], {"PATH": "/usr/bin:/bin"})
    processes.start("stubborn", ["bash", "-c", "trap '' TERM; echo $$; sleep 600 & wait; wait"], {})
    while not processes.log("stubborn").read_text():
        time.sleep(0.02)
"""


def report(day, verdict, before="a", after=None, alert=False):
    results = {
        "check_model_performance": {"metric": "f1_macro", "metrics": {"f1_macro": 0.61}},
        "attempt_1.finetune_model": {"strategy": "head", "test_metrics": {"f1_macro": 0.71}},
        "attempt_2.finetune_model": {"strategy": "head_long", "test_metrics": {"f1_macro": 0.72}},
        "attempt_3.finetune_model": {"strategy": "full", "test_metrics": {}},
        "judge_candidate": {"attempt": 2, "metrics": {"f1_macro": 0.69}},
        "send_evaluation_results": {"status": verdict},
        "load_latest_model": {"model_id": before},
        **({"deploy_model": {"model_id": after}} if after else {}),
        **({"send_alert": {"alert_id": "alert/1"}} if alert else {}),
    }
    return Report(day, {name: Task(name, "success", 1, 1.5, r) for name, r in results.items()})


@pytest.mark.parametrize(
    "good",
    [
        report(HEALTHY, "approved"),
        report(HEALTHY, "approved", after="a"),
        report(DRIFTED, "retrained", after="b"),
        report(BROKEN, "failed_max_retries", alert=True),
    ],
)
def test_a_day_that_ended_as_it_should_is_no_mistake(good):
    assert good.mistake() is None


def test_a_run_that_is_red_after_an_alert_is_no_failure():
    alerted = report(BROKEN, "failed_max_retries", alert=True)
    red = Report(BROKEN, {**alerted.tasks, ALERTED: Task(ALERTED, "failed", 1, 0.3, {})})
    assert red.ended_in_alert
    other = Task("send_evaluation_results", "failed", 1, 0.3, {})
    assert not Report(BROKEN, {**red.tasks, other.name: other}).ended_in_alert
    assert not alerted.ended_in_alert


def test_a_moved_demo_logs_into_its_new_place(tmp_path):
    """Airflow is asked itself: at its first start it would write a configuration with paths."""
    (tmp_path / "airflow.cfg").write_text("[logging]\nbase_log_folder = /old/place/logs\n")
    said = subprocess.run(
        [sys.executable, "-m", "airflow", "config", "get-value", "logging", "base_log_folder"],
        env=Airflow(tmp_path, PROJECT).environment(),
        check=True,
        capture_output=True,
        text=True,
    )
    assert said.stdout.splitlines()[-1] == str(tmp_path / "logs")
    assert str(tmp_path) not in (tmp_path / "airflow.cfg").read_text()


@pytest.mark.parametrize(
    "bad",
    [
        report(HEALTHY, "retrained", after="b"),
        report(HEALTHY, "approved", alert=True),
        report(DRIFTED, "retrained"),
        report(DRIFTED, "failed_max_retries", alert=True),
        report(BROKEN, "failed_max_retries"),
        report(BROKEN, "failed_max_retries", after="b", alert=True),
    ],
)
def test_any_other_end_is_named(bad):
    assert bad.day.date in bad.mistake()


def test_the_table_has_a_column_a_day_and_its_numbers(capsys):
    Screen().table([report(HEALTHY, "approved"), report(DRIFTED, "retrained", after="b")])
    table = capsys.readouterr().out
    assert "a healthy day │   a drifted day" in table
    assert "0.7100 / -" in table, "attempt 1 was not judged on the hold-out"
    assert "0.7200 / 0.6900" in table
    (third,) = (line for line in table.splitlines() if line.startswith("3. full, validation"))
    assert third.count("nothing better") == 2
    assert len({len(line) for line in table.splitlines()}) == 1


def test_nothing_stays_behind_not_even_what_left_its_group(tmp_path):
    subprocess.run([sys.executable, "-c", ORPHANS, tmp_path], cwd=PROJECT, check=True, timeout=60)
    for name in ("leaver", "stubborn"):
        pid = (tmp_path / f"{name}.log").read_text().split()[0]
        assert not Path(f"/proc/{pid}").exists(), name


def test_a_part_that_ends_by_itself_is_named_with_its_log(tmp_path):
    processes = Processes(tmp_path)
    processes.start("part", ["false"], {"PATH": "/usr/bin:/bin"})
    with pytest.raises(DemoError, match=r"part ended with exit code 1; .*part\.log says why"):
        processes.wait_for("its start", lambda: False, 10)


def test_a_report_that_airflow_does_not_show_is_a_mistake(tmp_path, capsys):
    class Page(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200 if self.path == "/retune/there" else 404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()

    def judged(address):
        task = Task("judge_candidate", "success", 1, 1.5, {"report": "an id"}, address)
        return [Report(DRIFTED, {task.name: task})]

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        Thread(target=server.serve_forever).start()
        airflow = Airflow(tmp_path, PROJECT, port=server.server_port)
        assert _missing_reports(Screen(), airflow, judged(f"{airflow.url}/retune/there")) == []
        for address in (f"{airflow.url}/retune/gone", f"{airflow.url}/", ""):
            (missing,) = _missing_reports(Screen(), airflow, judged(address))
            assert missing == "2026-11-06: Airflow shows no report of judge_candidate."
        server.shutdown()
    assert f"2026-11-06: {airflow.url}/retune/there" in capsys.readouterr().out


def test_the_token_to_steer_with_is_made_once_and_is_for_this_user_alone(tmp_path):
    services = Services(tmp_path)
    services.make_token()
    name, token = services.tokens.read_text().split()
    assert name == "demo"
    assert len(token) >= 24, "the control service takes no shorter one"
    assert stat.S_IMODE(services.tokens.stat().st_mode) == 0o600
    Services(tmp_path).make_token()
    assert services.tokens.read_text() == f"demo {token}\n"


def test_services_that_do_not_show_the_champion_are_mistakes(tmp_path):
    class Service(BaseHTTPRequestHandler):
        served = shown = "new"

        def do_GET(self):
            pages = {"/example": '{"features": {}}', "/models/credit-default": f"<b>{self.shown}"}
            self.send_response(200 if self.path in pages else 404)
            self.end_headers()
            self.wfile.write(pages.get(self.path, "").encode())

        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"model_id": self.served}).encode())

        def log_message(self, *_words):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Service) as server:
        Thread(target=server.serve_forever).start()
        port = server.server_port
        services = Services(tmp_path, port, port, seconds_to_follow=0)
        assert services.mistakes("new") == []
        Service.served = "old"
        (mistake,) = services.mistakes("new")
        assert mistake == "The prediction service answers with old, not with the champion new."
        Service.served, Service.shown = "new", "old"
        (mistake,) = services.mistakes("new")
        assert mistake.endswith("/models/credit-default does not show new.")
        server.shutdown()
    served, shown = Services(tmp_path, port, port, seconds_to_follow=0).mistakes("new")
    assert served.startswith("The prediction service answers with nothing")
    assert shown.endswith("does not show new.")
