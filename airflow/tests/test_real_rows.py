"""A whole day on a company's own documents, in a real Airflow and without one."""

import csv
import json
from pathlib import Path

import pytest
from conftest import DAY, Run
from orders import Order, orders, write
from pymongo import MongoClient
from real import RETUNE, answer, retune

REAL_ROWS = """\
data:
  source: mongo
  collection: orders
  filter: '{"day": "{date}"}'
  key: order
labels: {mature_share: 0.9, mature_days: 10}
"""


@pytest.fixture
def loop(tmp_path, monkeypatch, store) -> Path:
    """A loop as new_loop makes it, of a table of orders; its days come from a collection."""
    table = tmp_path / "shop.csv"
    write(table, orders(800, 1))
    loops = tmp_path / "loops"
    loops.mkdir()
    learned = ("--data", table, "--target", "returned", "--models", "trees")
    answer("new_loop", *learned, "--output", tmp_path / "made", "--loops", loops)
    file = loops / "shop.yaml"
    head, _, rest = file.read_text().partition("data:\n")
    file.write_text(head + REAL_ROWS + "\n" + rest[rest.index("gate:") :])
    monkeypatch.setenv("RETUNE_LOOPS", str(loops))
    monkeypatch.setenv("RETUNE_COMMAND", str(RETUNE))
    monkeypatch.setenv("RETUNE_DEPLOYMENT_DIR", str(tmp_path / "deployment"))
    monkeypatch.setenv("RETUNE_DATA_MONGO_URI", store.replace("/retune", "/company"))
    return loops


def keyed(rows: list[Order], day: str) -> list[Order]:
    """The rows as documents of a day, each with a key."""
    return [row | {"day": day, "order": f"{day}/{number}"} for number, row in enumerate(rows)]


def test_a_day_of_documents_goes_the_whole_way(bag, database, store, loop, tmp_path):
    dags = bag("process", loop).dags
    early = Run(dags["data_pipeline.shop"], {})
    assert early.states == {"ingest": "failed", "process_data": "upstream_failed"}
    assert early.tries["ingest"] == 4
    assert early.results["ingest"]["error"]["message"] == (
        "The collection 'orders' has no document for that day yet."
    )

    with MongoClient(store) as company:
        today = keyed(orders(500, 2), DAY)
        outcomes = [(row["order"], row.pop("returned")) for row in today]
        tomorrow = keyed(orders(300, 3), "2026-11-06")
        company["company"]["orders"].insert_many(today + tomorrow)
        data, waiting = (
            Run(dags[f"{dag}.shop"], {}).results
            for dag in ("data_pipeline", "model_evaluation_pipeline")
        )
        assert company["company"].list_collection_names() == ["orders"]

    ingested = data["ingest"]
    assert (ingested["dataset_name"], ingested["rows"]) == ("mongo", 500)
    assert (ingested["unlabelled"], ingested["changed"]) == (500, True)
    assert (data["process_data"]["labelled"], data["process_data"]["rejected"]) == (0, {})
    assert waiting["evaluate_model"]["metrics"] == {}
    assert waiting["send_evaluation_results"]["status"] == "undecided"
    assert "No verdict yet: 0 of 500 rows (0 %)" in waiting["check_model_performance"]["reason"]

    came = tmp_path / "labels.csv"
    with came.open("w", newline="") as file:
        csv.writer(file).writerows([("order", "returned"), *outcomes[1:]])
    labels = Run(dags["label_pipeline.shop"], {"labels": str(came)})
    assert labels.results["ingest_labels"]["new_labels"] == 499
    assert labels.results["find_matured_days"]["days"] == [DAY]
    assert labels.results["process_data[0]"]["labelled"] == 499
    announced = {(event.source_task_id, event.partition_key) for event in labels.events()}
    assert announced == {("ingest_labels", DAY), ("process_data", DAY)}
    evaluation, deployment = (
        Run(dags[f"{dag}.shop"], {}).results
        for dag in ("model_evaluation_pipeline", "model_deployment_pipeline")
    )
    assert evaluation["evaluate_model"]["samples"] == 499
    assert evaluation["send_evaluation_results"]["status"] == "approved"
    champion = evaluation["load_latest_model"]["model_id"]
    assert deployment["deploy_model"]["model_id"] == champion

    without_airflow = answer("run_loop", "shop", "--date", "2026-11-06")
    assert without_airflow["status"] == "approved"
    assert without_airflow["champion_after"] == champion
    assert "ingest" in without_airflow["seconds"]
    assert "deploy_model" not in without_airflow["seconds"], "it is deployed since yesterday"
    with MongoClient(store) as ours:
        batches = {found["_id"]: found["rows"] for found in ours["retune"]["raw_batches"].find()}
    assert batches == {f"shop/{DAY}": 500, "shop/2026-11-06": 300}

    absent = retune("run_loop", "shop", "--date", "2026-11-07")
    assert absent.returncode == 20
    assert "has no document for that day yet" in json.loads(absent.stdout)["error"]["message"]
