"""A user's own step and loop, from outside the tree: what docs/how-to/add-a-step.md says, done.

The step is built and run by the real `./retune`, in a real Airflow, against a real store.
"""

import json
import re
from pathlib import Path

import pytest
from real import answer, retune, run_dags

TOP = Path(__file__).parents[2]
PAGE = (TOP / "docs/how-to/add-a-step.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    """What the page shows in this language."""
    (text,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return str(text)


@pytest.fixture
def steps(tmp_path, monkeypatch) -> Path:
    folder = tmp_path / "my-steps"
    folder.mkdir()
    (folder / "CountLabels.java").write_text(block("java"))
    monkeypatch.delenv("RETUNE_STEPS", raising=False)
    return folder


def test_one_java_file_one_line_and_one_yaml_file_run_in_airflow(
    tmp_path, monkeypatch, store, steps
):
    built = retune("build_steps", "--folder", steps)
    assert built.returncode == 0, built.stderr
    assert json.loads(built.stdout)["steps"] == ["CountLabels"]
    monkeypatch.setenv("RETUNE_STEPS", str(steps))
    register_second_loop(tmp_path)
    (tmp_path / "loops").mkdir()
    (tmp_path / "loops" / "second.yaml").write_text(block("yaml"))
    monkeypatch.setenv("RETUNE_LOOPS", str(tmp_path / "loops"))
    monkeypatch.setenv("RETUNE_RUNTIME", "process")
    dag = (TOP / "airflow/dags/data_pipeline.py").read_text() + block("python")
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags" / "data_pipeline.py").write_text(dag)

    (run,) = run_dags(tmp_path / "dags", tmp_path / "result.json", "data_pipeline.second-loop")
    assert set(run["states"].values()) == {"success"}, run
    assert sum(run["results"]["count_labels"]["rows"].values()) == 500


def test_the_pages_test_passes_and_fails_with_the_step(steps):
    (steps / "test").mkdir()
    (steps / "test" / "CountLabelsTest.java").write_text(block("java test"))
    tested = retune("test_steps", steps)
    assert tested.returncode == 0, tested.stdout + tested.stderr
    assert "2 tests successful" in tested.stdout

    broken = (steps / "CountLabels.java").read_text().replace("1, Integer::sum", "2, Integer::sum")
    (steps / "CountLabels.java").write_text(broken)
    tested = retune("test_steps", steps)
    assert tested.returncode == 1
    assert "expected: <{" in tested.stdout


def test_a_step_that_does_not_compile_is_told_by_its_line_and_leaves_nothing(steps):
    (steps / "CountLabels.java").write_text(
        "public final class CountLabels {\n  int rows = nine;\n}\n"
    )
    built = retune("build_steps", "--folder", steps)
    assert built.returncode == 50
    message = json.loads(built.stdout)["error"]["message"]
    assert message.startswith(f"Line 2 of '{steps}/CountLabels.java' does not compile: cannot find")
    assert not (steps / "steps.jar").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("CountLabels", "GenerateData"), "A step 'generate_data' exists already"),
        (("@About", "//"), "does not compile"),
        (('@Field("the column to count by") ', ""), "CountLabels$Input.column has no @Field"),
        ((" implements Step<CountLabels.Input, CountLabels.Output>", ""), "does not compile"),
        (("public final class", "final class"), "No public class in"),
    ],
)
def test_what_is_no_step_is_refused_with_a_sentence(steps, change, message):
    (steps / "CountLabels.java").unlink()
    name = change[1] if change[0] == "CountLabels" else "CountLabels"
    (steps / f"{name}.java").write_text(block("java").replace(*change))
    built = retune("build_steps", "--folder", steps)
    assert built.returncode == 50
    assert message in json.loads(built.stdout)["error"]["message"]
    assert not (steps / "steps.jar").exists()


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    built = retune("build_steps", "--folder", tmp_path / "nowhere")
    assert built.returncode == 50
    assert "There is no folder" in json.loads(built.stdout)["error"]["message"]


def test_a_folder_that_was_not_built_is_told_by_the_launcher_and_to_the_dags(steps, monkeypatch):
    from retune.catalogue import Catalogue, CatalogueError

    monkeypatch.setenv("RETUNE_STEPS", str(steps))
    asked = retune("count_labels", "--help")
    assert asked.returncode == 50
    assert f"RETUNE_STEPS names '{steps}', which has no steps.jar" in asked.stderr
    with pytest.raises(CatalogueError, match=r"which has no steps.jar .* build_steps --folder"):
        Catalogue.read()


def register_second_loop(folder: Path) -> None:
    """A distribution and a small model of a made table, under the second loop's name."""
    rows = [f"{'fm'[n % 2]},{n % 97},{int(n % 97 > 48)}" for n in range(600)]
    table = folder / "made.csv"
    table.write_text("\n".join(["SEX,LIMIT,label", *rows]))
    learned = ("--data", table, "--target", "label", "--positive", "1")
    small = ("--architecture", "mlp", "--epochs", "1", "--output", folder / "model")
    for words in (
        ("learn_distribution", "--model", "second-loop", "--register", *learned),
        ("train_model", "--name", "second-loop", *learned, *small),
        ("register_model", "--path", folder / "model", "--champion"),
    ):
        answer(*words)
