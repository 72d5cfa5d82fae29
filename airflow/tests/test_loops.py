"""Loop files: what they mean where they are right, and a sentence for each mistake."""

import json
from pathlib import Path

import pytest

from retune.loops import read

POLICIES = [
    line.split("\t")
    for line in Path(__file__).with_name("policies.txt").read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
]
POLICY_MISTAKES = {
    "term": "gate.policy must be terms such as floor,",
    "range": "gate.policy must have numbers from ",
    "metric": "gate.policy must name one of ",
    "twice": "gate.policy must have each term once",
    "both": "gate.policy must ask for superior or for non_inferior, not for both",
}
RETRAININGS = [
    line.split("\t")
    for line in Path(__file__).with_name("retraining.txt").read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
]
MADE_BY_NEW_LOOP = Path(__file__).with_name("made-by-new-loop.yaml")


@pytest.fixture
def mistakes(tmp_path):
    def of(text):
        (tmp_path / "loop.yaml").write_text(text)
        return read((tmp_path,)).mistakes

    return of


def test_a_name_is_enough_and_the_rest_is_what_the_steps_declare(tmp_path):
    (tmp_path / "loop.yaml").write_text("name: fraud\n")
    (loop,) = read((tmp_path,)).loops
    assert (loop.gate.metric, loop.gate.threshold, loop.gate.max_attempts) == ("f1_score", 0.75, 3)
    assert (loop.finetuning.epochs, loop.finetuning.learning_rate) == (None, 1e-4)
    assert (loop.data.rows, loop.data.drill) == (10_000, "none")
    assert not loop.promotion.allow_backfill_promotion
    assert loop.dag_id("data_pipeline") == "data_pipeline"


def test_all_attempts_of_the_list_are_made_unless_the_gate_says_fewer(tmp_path):
    (tmp_path / "a.yaml").write_text("name: all\nattempts: [full, head, head_new, head_long]\n")
    (tmp_path / "b.yaml").write_text("name: two\ngate: {max_attempts: 2}\n")
    every, two = read((tmp_path,)).loops
    assert every.attempts == ("full", "head", "head_new", "head_long")
    assert every.gate.max_attempts == 4
    assert two.attempts == ("head", "head_long", "full")
    assert two.gate.max_attempts == 2


def test_what_new_loop_writes_is_a_loop_without_a_mistake(tmp_path):
    (tmp_path / "churn.yaml").write_text(MADE_BY_NEW_LOOP.read_text())
    (tmp_path / "first.yaml").write_text("name: first\nprimary: true\n")
    files = read((tmp_path,))
    assert files.mistakes == ()
    churn = next(loop for loop in files.loops if loop.name == "churn")
    assert (churn.gate.metric, churn.data.rows) == ("f1_macro", 10_000)
    assert churn.dag_id("data_pipeline") == "data_pipeline.churn"


def test_only_the_primary_of_several_loops_has_the_bare_ids(tmp_path):
    (tmp_path / "a.yaml").write_text("name: fraud\n")
    (tmp_path / "b.yaml").write_text("name: churn\nprimary: true\n")
    fraud, churn = read((tmp_path,)).loops
    assert fraud.dag_id("data_pipeline") == "data_pipeline.fraud"
    assert churn.dag_id("data_pipeline") == "data_pipeline"


def test_a_broken_file_does_not_give_its_ids_to_another_loop(tmp_path):
    (tmp_path / "a.yaml").write_text("name: fraud\n")
    (tmp_path / "b.yaml").write_text("name: churn\nprimary: true\ngate: {threshold: 2}\n")
    (fraud,) = read((tmp_path,)).loops
    assert fraud.dag_id("data_pipeline") == "data_pipeline.fraud"


@pytest.mark.parametrize(("kind", "policy"), POLICIES)
def test_a_policy_is_accepted_or_refused_as_the_steps_do(mistakes, kind, policy):
    found = mistakes(f"name: x\ngate:\n  policy: {json.dumps(policy, ensure_ascii=False)}\n")
    if kind == "good":
        assert found == ()
    else:
        (mistake,) = found
        assert POLICY_MISTAKES[kind] in mistake


def test_two_primary_loops_and_two_of_a_name_are_refused(tmp_path):
    (tmp_path / "a.yaml").write_text("name: fraud\nprimary: true\n")
    (tmp_path / "b.yaml").write_text("name: fraud\nprimary: true\n")
    assert read((tmp_path,)).mistakes == (
        "a.yaml, b.yaml are all marked primary. Mark only one; the others get their own DAG ids.",
        "b.yaml: name 'fraud' is another file's already.",
    )


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("nam: x\nname: x\n", "nam is not a setting; did you mean name?"),
        ("schedule: '0 1 * * *'\n", "name must be 1 to 63 lower-case letters, digits and hyphens"),
        ("name: Fraud Loop\n", "name must be 1 to 63 lower-case letters, digits and hyphens"),
        ("name: x\nprimary: maybe\n", "primary must be true or false, not 'maybe'"),
        ("name: x\nschedule: '*/5 * * * *'\n", "at most one run a day"),
        ("name: x\nowner: [a]\n", "owner must be a name of at most 100 characters, not ['a']"),
        ("name: x\nschedule: tomorrow\n", "schedule must be five cron fields"),
        ("name: x\nschedule: '0 99 * * *'\n", "schedule must be five cron fields"),
        ("name: x\nschedule: '0 1 30 2 *'\n", "schedule must be five cron fields"),
        ("name: [x]\n", "name must be 1 to 63 lower-case letters, digits and hyphens, not ['x']"),
        ("name: {a: b}\n", "hyphens, not {'a': 'b'}"),
        ("name: 2026-99-99x!\n", "hyphens, not '2026-99-99x!'"),
        ("name: x\ndata: {source: [csv]}\n", "data.source must be a string, not ['csv']"),
        ("name: x\nprimary: yes\n", "primary must be true or false, not 'yes'"),
        ("name: x\ndata: {rows: 1_000}\n", "data.rows must be an integer, not '1_000'"),
        ("name: x\ngate: 0.7\n", "gate must be settings, not 0.7"),
        (
            "name: x\ngate: {treshold: 0.7}\n",
            "gate.treshold is not a setting; did you mean threshold?",
        ),
        ("name: x\ngate: {threshold: 1.5}\n", "gate.threshold must be from 0 to 1, not 1.5"),
        ("name: x\ngate: {threshold: high}\n", "gate.threshold must be a number, not 'high'"),
        (
            "name: x\ngate: {max_attempts: 4}\n",
            "gate.max_attempts must be from 1 to 3, the attempts, not 4",
        ),
        ("name: x\ngate: {max_attempts: 9}\n", "gate.max_attempts must be from 1 to 8, not 9"),
        (
            "name: x\nattempts: [full]\ngate: {max_attempts: 2}\n",
            "gate.max_attempts must be from 1 to 1, the attempts, not 2",
        ),
        (
            "name: x\nattempts: head\n",
            "of 1 to 8 strategies, such as [head, head_long, full], not 'head'",
        ),
        ("name: x\nattempts: []\n", "attempts must be a list of 1 to 8 strategies"),
        (
            "name: x\nattempts: [head, full, head, full, head, full, head, full, head]\n",
            "attempts must be a list of 1 to 8 strategies",
        ),
        ("name: x\nattempts:\n", "[head, head_long, full], not no value"),
        (
            "name: x\nattempts: [heads]\n",
            "not 'heads'; did you mean head?",
        ),
        ("name: x\nattempts: [head, 3]\n", "attempts must be strategies of head,"),
        ("name: x\nattempts: [[head]]\n", "threshold, not ['head']"),
        (
            "name: x\nattempts: [full, head, full]\n",
            "attempts has full twice; name each strategy once",
        ),
        (
            "name: x\nattempts: [look_back, head]\n",
            "attempts names look_back, which always comes before the attempts; leave it out",
        ),
        ("name: x\ngate: {policy: better}\n", "gate.policy must be terms such as floor,"),
        ("name: x\ngate: {max_attempts: true}\n", "gate.max_attempts must be an integer, not true"),
        (
            "name: x\ngate: {metric: f1_marco}\n",
            "recall, not 'f1_marco'; did you mean f1_macro?",
        ),
        (
            "name: x\ndata: {source: sql}\n",
            "data.source must be one of synthetic, csv, mongo, queries, not 'sql'",
        ),
        ("name: x\ndata: {source: csv}\n", "data.source csv needs data.path"),
        ("name: x\ndata: {source: mongo}\n", "data.source mongo needs data.collection"),
        (
            "name: x\ndata: {source: csv, path: a.csv, rows: 9}\n",
            "data.rows belongs to data.source synthetic, not to csv",
        ),
        (
            "name: x\ndata: {path: a.csv}\n",
            "data.path belongs to data.source csv, not to synthetic",
        ),
        (
            "name: x\ndata: {key: id}\n",
            "data.key belongs to data.source csv, not to synthetic",
        ),
        (
            "name: x\ndata: {source: queries, own_labels: 0.4}\n",
            "data.own_labels must be from 0.5 to 1, not 0.4",
        ),
        (
            "name: x\ndata: {own_labels: 0.9}\n",
            "data.own_labels belongs to data.source queries, not to synthetic",
        ),
        (
            "name: x\nlabels: {path: a.csv}\n",
            "labels.path needs data.key, the column that names the rows",
        ),
        (
            "name: x\ndata: {source: csv, path: a.csv, key: id}\nlabels: {mature_share: 2}\n",
            "labels.mature_share must be from 0 to 1, not 2",
        ),
        ("name: x\nfinetuning: {epochs: 2.5}\n", "finetuning.epochs must be an integer, not 2.5"),
        ("name: x\nengine: torch\n", "engine must be one of fast, pytorch, not 'torch'"),
        ("name: x\nshards: 0\n", "shards must be from 1 to 64, not 0"),
        ("name: x\nshards: 65\n", "shards must be from 1 to 64, not 65"),
        ("name: x\nshards: 2.5\n", "shards must be an integer, not 2.5"),
        ("name: x\nshards: true\n", "shards must be an integer, not true"),
        ("name: x\nshards:\n", "shards must be an integer, not no value"),
        (
            "name: x\nresources: {evaluate_model_shards: {cpu: 2, memory: 4Gi}}\n",
            "did you mean evaluate_model_shard?",
        ),
        ("name: x\nresources: {finetune: {}}\n", "did you mean finetune_model?"),
        (
            "name: x\nresources: {finetune_model: {cpu: 2}}\n",
            "resources.finetune_model must have cpu and memory",
        ),
        (
            "name: x\nresources: {finetune_model: {cpu: 2, memory: 4 GB}}\n",
            "resources.finetune_model.memory must be such as 512Mi or 4Gi, not '4 GB'",
        ),
        (
            "name: x\nresources: {finetune_model: {cpu: 1, memory: 1Gi, memory_after_oom: 2}}\n",
            "resources.finetune_model.memory_after_oom must be such as 512Mi or 4Gi, not 2",
        ),
        (
            "name: x\nresources: {finetune_model: {cpu: lots, memory: 4Gi}}\n",
            "resources.finetune_model.cpu must be cores such as 2, 0.5 or 500m, not 'lots'",
        ),
        ("name: x\nname: y\n", "line 2: name: is there twice"),
        ("- name\n", "must be settings such as 'name: credit-default'"),
        ("name: [x\n", "line 2"),
    ],
)
def test_a_mistake_is_named_with_its_file_and_key(mistakes, text, mistake):
    (found,) = mistakes(text)
    assert found.startswith("loop.yaml")
    assert mistake in found
    assert found.endswith(".")


def test_each_mistake_of_a_file_is_named_at_once(mistakes):
    found = mistakes("name: x\ngate: {threshold: 2}\nfinetuning: {epoch: 3}\n")
    assert len(found) == 2


@pytest.mark.parametrize(("kind", "section"), RETRAININGS)
def test_a_section_retraining_is_read_or_refused_with_its_setting(mistakes, kind, section):
    found = mistakes(f"name: churn\nretraining: {section}\n")
    if kind == "good":
        assert found == ()
    else:
        (mistake,) = found
        assert "loop.yaml" in mistake
        assert ("retraining" if kind == "retraining" else f"retraining.{kind}") in mistake
