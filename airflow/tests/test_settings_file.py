"""Files of settings: what their YAML means, and a sentence for what is none.

`YamlFileTest` reads the same files with the parser of `run_loop`.
"""

import hashlib
import json
from pathlib import Path

import pytest

from retune import settings_file
from retune.settings_file import SettingsFileError

FILES = Path(__file__).with_name("loop-files")


def files(folder):
    return pytest.mark.parametrize(
        "file", sorted((FILES / folder).glob("*.yaml")), ids=lambda file: file.stem
    )


@files("read")
def test_a_file_has_the_values_of_yaml_1_2(file):
    expected = json.loads(file.with_suffix(".json").read_text())
    settings, digest = settings_file.read(file)
    assert json.dumps(settings) == json.dumps(expected)
    assert digest == hashlib.sha256(file.read_bytes()).hexdigest()


@files("refused")
def test_a_file_is_refused_with_its_line_and_key(file):
    with pytest.raises(SettingsFileError) as refused:
        settings_file.read(file)
    assert str(refused.value).startswith(file.name)
    assert file.with_suffix(".txt").read_text().strip() in str(refused.value)
    assert str(refused.value).endswith(".")


def test_what_is_no_file_is_refused(tmp_path):
    long = tmp_path / "long.yaml"
    long.write_text("# comment\n" * 7_000)
    link = tmp_path / "l.yaml"
    link.symlink_to(tmp_path / "gone")
    for path, problem in (
        (long, "long.yaml: is larger than 65536 bytes."),
        (link, "l.yaml: is a link to a file that does not exist."),
        (tmp_path, f"{tmp_path.name}: is not a regular file."),
    ):
        with pytest.raises(SettingsFileError) as refused:
            settings_file.read(path)
        assert str(refused.value) == problem
