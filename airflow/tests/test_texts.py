"""A day of a loop of texts, as any other loop's, in a real Airflow."""

import csv
import random
from pathlib import Path

import pytest
from conftest import Run
from real import RETUNE, answer

# Words of each intent, and words that all of them have.
INTENTS = {
    "card": ("card", "stolen", "chip", "plastic", "declined"),
    "rate": ("rate", "exchange", "currency", "euro", "dollar"),
    "transfer": ("transfer", "pending", "recipient", "bank", "sent"),
}
COMMON = ("my", "the", "please", "today", "why", "is", "how", "help")


def write(table: Path, rows: int) -> None:
    """Write a table of texts with their intents."""
    draw = random.Random(5)
    with table.open("w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(("text", "intent"))
        for row in range(rows):
            intent = list(INTENTS)[row % len(INTENTS)]
            words = [*draw.sample(INTENTS[intent], 2), *draw.sample(COMMON, 3)]
            draw.shuffle(words)
            lines.writerow((" ".join(words), intent))


@pytest.fixture
def loop(tmp_path, monkeypatch, store) -> Path:
    """A loop as new_loop makes it, whose days come from texts that it holds back."""
    table = tmp_path / "questions.csv"
    write(table, 900)
    loops = tmp_path / "loops"
    loops.mkdir()
    learned = ("--data", table, "--text", "text", "--target", "intent")
    answer("new_loop", *learned, "--output", tmp_path / "made", "--loops", loops)
    monkeypatch.setenv("RETUNE_LOOPS", str(loops))
    monkeypatch.setenv("RETUNE_COMMAND", str(RETUNE))
    monkeypatch.setenv("RETUNE_DEPLOYMENT_DIR", str(tmp_path / "deployment"))
    return loops


def test_a_day_of_texts_goes_through_the_same_dags(bag, database, loop):
    dags = bag("process", loop).dags
    data, evaluation, deployment = (
        Run(dags[f"{dag}.questions"], {}).results
        for dag in ("data_pipeline", "model_evaluation_pipeline", "model_deployment_pipeline")
    )

    assert data["process_data"]["labelled"] == data["process_data"]["rows_out"] > 100
    assert evaluation["evaluate_model"]["metrics"]["f1_macro"] > 0.9
    assert evaluation["detect_drift"]["overall_drift_detected"] is False
    assert evaluation["send_evaluation_results"]["status"] == "approved"
    champion = evaluation["load_latest_model"]["model_id"]
    assert deployment["deploy_model"]["model_id"] == champion
