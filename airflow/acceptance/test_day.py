"""A day as people see it: the demo, predictions all the while, a challenger, a roll-back by button.

RETUNE_STATE names the folder in which the demo leaves its state. The last version that the loop put
into production is there again at the end, so that the pages' commands find what a demo leaves.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect, sync_playwright
from pymongo import MongoClient

PROJECT = Path(__file__).parents[2]
MODEL = "credit-default"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("chrome")
STORE = re.compile(r"on port (\d+)")
ADDRESSES = re.compile(r"(http://127\.0\.0\.1:\d+)")
SECONDS = 900


class Demo:
    """A running demo, and somebody who asks for predictions from its first minute."""

    def __init__(self, state, process):
        self.state, self.process = state, process
        self.output = []
        self.answers, self.failures = [], []
        self.stopped = threading.Event()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            print(line, end="")
            self.output.append(line)

    def said(self, pattern):
        """The first line that matches, once the demo has printed it."""

        def found():
            return next((hit for line in self.output if (hit := pattern.search(line))), None)

        return until(found, lambda: self.process.poll() is None)

    def post(self, path, body):
        """The answer of the prediction service to a body."""
        headers = {"Content-Type": "application/json"}
        sent = json.dumps(body).encode()
        request = urllib.request.Request(self.predictions + path, sent, headers)
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)

    def keep_asking(self):
        """Asks ten times a second, and keeps what fails."""
        while not self.stopped.wait(0.1):
            try:
                self.answers.append(self.post("/predict", self.example)["model_id"])
            except (OSError, ValueError, KeyError) as failure:
                self.failures.append(repr(failure))

    def champion(self):
        return self.database["champions"].find_one({"_id": MODEL})["model_id"]

    def step(self, *words):
        """The result of a step that must end well."""
        done = subprocess.run(
            [PROJECT / "retune", *words],
            env={**os.environ, "RETUNE_MONGO_URI": self.store},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)


def until(ready, goes_on=lambda: True):
    """What `ready` says once it says something."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end and goes_on():
        if found := ready():
            return found
        time.sleep(0.2)
    raise TimeoutError


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The demo after its three days."""
    state = Path(os.environ.get("RETUNE_STATE") or tmp_path_factory.mktemp("demo"))
    process = subprocess.Popen(
        [sys.executable, "-m", "demo"],
        cwd=PROJECT / "airflow",
        env={**os.environ, "RETUNE_STATE": str(state)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        demo = Demo(state, process)
        port = demo.said(STORE).group(1)
        demo.store = f"mongodb://127.0.0.1:{port}/retune"
        line = demo.said(re.compile("Predictions are at .*")).group()
        demo.predictions, demo.pages = ADDRESSES.findall(line)
        with urllib.request.urlopen(demo.predictions + "/example", timeout=20) as example:
            demo.example = json.load(example)
        with MongoClient(demo.store) as client:
            demo.database = client.get_default_database()
            asking = threading.Thread(target=demo.keep_asking)
            asking.start()
            try:
                demo.said(re.compile("The token to steer with"))
                yield demo
            finally:
                demo.stopped.set()
                asking.join()
    finally:
        process.send_signal(signal.SIGINT)
        ended = process.wait(60)
    assert ended == 0, "what the three days lack is printed above"
    assert not demo.failures


def test_predictions_went_on_while_the_loop_put_a_new_version_into_production(demo):
    events = demo.step("history", MODEL)["events"]
    promoted = [event["model_id"] for event in events if event["event"] == "model_deployed"]
    assert demo.champion() == promoted[-1]
    until(lambda: demo.answers[-1] == promoted[-1])
    versions = list(dict.fromkeys(demo.answers))
    assert len(versions) > 1
    assert versions[-1] == promoted[-1]
    assert not demo.failures


def test_a_challenger_in_shadow_gathers_evidence(demo, person):
    challenger = earlier(demo)
    person.goto(f"{demo.pages}/models/{MODEL}")
    traffic = person.get_by_role("heading", name="Challenger on traffic")
    expect(traffic).to_have_count(0)
    demo.step("start_challenger", challenger, "--reason", "the version before, on today's rows")
    # The page that is open shows it without being loaded again.
    expect(traffic).to_be_visible(timeout=60_000)
    queries = demo.database["query_logs"]
    paired = {"challenger.model_id": challenger, "challenger.predicted": {"$ne": None}}
    until(lambda: queries.find_one(paired))
    assert demo.answers[-1] == demo.champion(), "the champion answers"

    # As if the challenger had started yesterday, a day that is over, with all its labels.
    yesterday = datetime.now(UTC) - timedelta(days=1)
    started = yesterday.replace(hour=0, minute=0, second=0).isoformat(timespec="seconds")
    traffic = {"challenger.started_at": started.replace("+00:00", "Z")}
    demo.database["champions"].update_one({"_id": MODEL}, {"$set": traffic})
    rows = queries.find_one(paired)
    day = f"{yesterday:%Y-%m-%d}"
    moved = {"_id": rows["_id"].replace(rows["date"], day), "date": day}
    queries.replace_one({"_id": moved["_id"]}, {**rows, **moved}, upsert=True)
    labels = [
        {"request_id": request, "row": row, "label": "1"}
        for request, row in zip(rows["request_id"], rows["row"], strict=True)
    ]
    accepted = demo.post("/feedback", {"feedback": labels})["accepted"]
    assert accepted == len(labels)
    words = ("--logical-date", day, "--metric", "f1_macro")
    weighed = demo.step("weigh_challenger", "--model", MODEL, *words)
    asked = [answer for answer in rows["challenger"]["predicted"] if answer is not None]
    assert (weighed["decision"], weighed["rows"]) == ("keep", len(asked)), str(weighed)
    assert weighed["evidence"] is not None
    assert not demo.failures


def earlier(demo):
    """The version that was in production before."""
    return demo.database["champions"].find_one({"_id": MODEL})["previous_model_id"]


@pytest.fixture(scope="module")
def chromium():
    if CHROMIUM is None:
        if os.environ.get("RETUNE_REQUIRE_BROWSER"):
            pytest.fail("RETUNE_REQUIRE_BROWSER is set, and there is no Chromium.")
        pytest.skip("There is no Chromium.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def person(demo, chromium):
    """A page of somebody who has logged in, whose console must stay empty."""
    page = chromium.new_page()
    said = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(demo.pages)
    page.get_by_role("link", name="Log in").click()
    name, token = (demo.state / "control-tokens").read_text().split()
    page.get_by_label("Name").fill(name)
    page.get_by_label("Token").fill(token)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("button", name="Log out")).to_be_visible()
    yield page
    assert said == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_can_be_used_by_everybody(demo, person, scheme):
    version = f"/models/{MODEL}/versions/{demo.champion()}"
    person.emulate_media(color_scheme=scheme)
    for path in (
        "/",
        f"/models/{MODEL}",
        f"/models/{MODEL}/versions",
        version,
        f"/models/{MODEL}/compare?one={earlier(demo)}&other={demo.champion()}",
        f"/models/{MODEL}/actions/retrain",
        f"/models/{MODEL}/actions/roll-back",
    ):
        look_at(person, demo.pages + path)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_so_can_what_strangers_see(demo, chromium, scheme):
    stranger = chromium.new_page(color_scheme=scheme)
    look_at(stranger, demo.pages + "/login")
    look_at(stranger, f"{demo.pages}/models/none", status=404)
    stranger.close()


def look_at(page, address, status=200):
    """Checks that a page fits a desk and a phone, and that its readers find nothing missing."""
    for width in (1280, 360):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.goto(address).status == status, address
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, f"{address} is {wide} pixels wide, {width} are there"
        found = Axe().run(page).response["violations"]
        assert [(rule["id"], rule["nodes"][0]["html"]) for rule in found] == [], address


def tab_to(page, place):
    """Moves the focus to a link, field or button by the keyboard alone."""
    for _ in range(100):
        page.keyboard.press("Tab")
        if place.evaluate("place => place === document.activeElement"):
            return
    raise AssertionError(f"the keyboard does not reach {place}")


def go_to(page, place):
    """Uses a link or a button by the keyboard alone."""
    tab_to(page, place)
    page.keyboard.press("Enter")


def test_a_person_rolls_back_by_a_button_and_nobody_notices(demo, person):
    new, old = demo.champion(), earlier(demo)
    person.set_viewport_size({"width": 1280, "height": 800})
    person.goto(f"{demo.pages}/models/{MODEL}")
    go_to(person, person.get_by_role("link", name="Skip to the content"))
    go_to(person, person.get_by_role("link", name="Roll back").first)
    reason = person.get_by_label("Why", exact=False)
    tab_to(person, reason)
    person.keyboard.type("customers complain")
    go_to(person, person.get_by_role("button", name="Roll back"))
    expect(person.get_by_text(f"{old} is in production again.")).to_be_visible(timeout=120_000)

    until(lambda: demo.answers[-1] == old)
    assert demo.champion() == old
    event = demo.database["deployment_events"].find_one({"event_type": "model_rolled_back"})
    assert (event["model_id"], event["previous_model_id"]) == (old, new)
    assert (event["by"], event["reason"]) == ("demo", "customers complain")
    assert not demo.failures

    demo.step("release_version", new, "--reason", "it was the network")
    back = demo.step("rollback", MODEL, "--to", new, "--reason", "the complaints had another cause")
    assert back["model_id"] == new
    demo.step("release_version", old, "--reason", "nothing was wrong with it")
