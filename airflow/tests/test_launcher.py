"""What `./retune` does before a step starts."""

import json
import os

from real import retune


def test_paths_may_have_any_letter_whatever_the_locale_is(tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith("LC_") or name == "LANG"]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("LC_ALL", "C")
    result = tmp_path / "Größe.json"
    ended = retune("register_model", "--path", tmp_path / "Zürich", "--xcom", result)
    assert ended.returncode == 50, ended.stderr
    assert f"{tmp_path}/Zürich" in json.loads(result.read_text("utf-8"))["error"]["message"]


def test_what_runs_no_model_starts_without_the_warning_of_an_incubator_module():
    for words in (("--help",), ("evaluate_model", "--help"), ("train_model", "--help")):
        ended = retune(*words)
        assert (ended.returncode, ended.stderr) == (0, "")
    ended = retune("generate_data", "--model", "m", "--logical-date", "1800-01-01")
    assert ended.returncode == 50
    assert "WARNING" not in ended.stderr


def test_a_setting_of_the_launcher_that_is_none_is_named(monkeypatch):
    monkeypatch.setenv("RETUNE_ENGINE", "fast")
    ended = retune("evaluate_model", "--help")
    assert ended.returncode == 50
    assert ended.stderr == "RETUNE_ENGINE is 'fast'; set it to pytorch, or unset it.\n"
