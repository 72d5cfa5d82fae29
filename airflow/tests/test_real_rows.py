"""A whole day on a company's own documents, in a real Airflow and without one."""

import json
import random
from pathlib import Path

import pytest
from conftest import DAY, Run
from pymongo import MongoClient
from real import RETUNE, answer, retune

REAL_ROWS = """\
data:
  source: mongo
  collection: orders
  filter: '{"day": "{date}"}'
"""


def orders(count: int, seed: int) -> list[dict[str, object]]:
    """Customers' orders; those of much and late payers are returned, with a few exceptions."""
    draw = random.Random(seed)
    made = []
    for _ in range(count):
        amount, days, channel = draw.gauss(100, 30), draw.randrange(60), draw.choice("abc")
        risk = (amount - 100) / 30 + (days - 30) / 17 + (channel == "c") + draw.gauss(0, 0.3)
        made.append(
            {
                "amount": round(amount, 2),
                "days": days,
                "channel": channel,
                "returned": "yes" if risk > 0.3 else "no",
            }
        )
    return made


def new_loop(table: Path, loops: Path, *flags: str) -> None:
    """Makes the loop, or with a flag makes it again."""
    learned = ("--data", table, "--target", "returned", "--pretraining-epochs", "1")
    answer("new_loop", *learned, "--output", table.parent / "made", "--loops", loops, *flags)


@pytest.fixture
def loop(tmp_path, monkeypatch, store) -> Path:
    """A loop as new_loop makes it, of a table of orders; its days come from a collection."""
    table = tmp_path / "shop.csv"
    rows = orders(800, 1)
    table.write_text(
        "\n".join(",".join(map(str, row)) for row in [rows[0], *map(dict.values, rows)])
    )
    loops = tmp_path / "loops"
    loops.mkdir()
    new_loop(table, loops)
    file = loops / "shop.yaml"
    head, _, rest = file.read_text().partition("data:\n")
    file.write_text(head + REAL_ROWS + "\n" + rest[rest.index("gate:") :])
    monkeypatch.setenv("RETUNE_LOOPS", str(loops))
    monkeypatch.setenv("RETUNE_COMMAND", str(RETUNE))
    monkeypatch.setenv("RETUNE_DEPLOYMENT_DIR", str(tmp_path / "deployment"))
    monkeypatch.setenv("RETUNE_DATA_MONGO_URI", store.replace("/retune", "/company"))
    return loops


def test_a_day_of_documents_goes_the_whole_way_and_its_successor_back(
    bag, database, store, loop, tmp_path
):
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

    new_loop(tmp_path / "shop.csv", loop, "--seed", "2", "--replace")
    successor = answer("load_latest_model", "--model", "shop")["model_id"]
    assert successor != champion
    back = Run(dags["model_rollback.shop"], {"reason": "too slow"})
    assert back.state == "success"
    assert back.results["rollback"]["barred_model_id"] == successor
    assert back.results["verify_deployment"]["model_id"] == champion
    assert back.results["verify_deployment"]["checks"][-1] == "deployment_folder"
    assert answer("load_latest_model", "--model", "shop")["status"] == "deployed"
    with MongoClient(store) as ours:
        event = ours["retune"]["deployment_events"].find_one({"event_type": "model_rolled_back"})
    assert (event["model_id"], event["previous_model_id"]) == (champion, successor)
    assert (event["by"], event["reason"]) == ("dag_test", "too slow")
    barred = retune("deploy_model", "--model", "shop", "--model-id", successor)
    assert barred.returncode == 50
    assert "dag_test rolled it back" in json.loads(barred.stdout)["error"]["message"]
