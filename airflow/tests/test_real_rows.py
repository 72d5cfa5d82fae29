"""A whole day on a company's own documents, in a real Airflow and without one."""

import json
from pathlib import Path

import pytest
from conftest import DAY, Run
from orders import orders, write
from pymongo import MongoClient
from real import RETUNE, answer, retune

REAL_ROWS = """\
data:
  source: mongo
  collection: orders
  filter: '{"day": "{date}"}'
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


def test_a_day_of_documents_goes_the_whole_way(bag, database, store, loop):
    dags = bag("process", loop).dags
    early = Run(dags["data_pipeline.shop"], {})
    assert early.states == {"ingest": "failed", "process_data": "upstream_failed"}
    assert early.tries["ingest"] == 4
    assert early.results["ingest"]["error"]["message"] == (
        "The collection 'orders' has no document for that day yet."
    )

    with MongoClient(store) as company:
        today = [row | {"day": DAY} for row in orders(500, 2)]
        del today[0]["returned"]
        tomorrow = [row | {"day": "2026-11-06"} for row in orders(300, 3)]
        company["company"]["orders"].insert_many(today + tomorrow)
        data, evaluation, deployment = (
            Run(dags[f"{dag}.shop"], {}).results
            for dag in ("data_pipeline", "model_evaluation_pipeline", "model_deployment_pipeline")
        )
        assert company["company"].list_collection_names() == ["orders"]

    ingested = data["ingest"]
    assert (ingested["dataset_name"], ingested["rows"]) == ("mongo", 500)
    assert (ingested["unlabelled"], ingested["changed"]) == (1, True)
    processed = data["process_data"]
    assert (processed["labelled"], processed["rejected"]) == (499, {})
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
