"""Models go from PyTorch to Retune and back with the same answers.

Needs a built tree: every step runs as ``./retune STEP``, as a user runs it.
"""

import csv
import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from family import Classifier, Encoder, shake

RETUNE = Path(__file__).parents[5] / "retune"
BAD_INPUT = 50
ROWS = 300

Save = Callable[[nn.Module, Path], None]


@dataclass(frozen=True)
class Original:
    """A network of random weights, rows for it, and its logits in float64."""

    model: Classifier
    codes: Tensor
    numbers: Tensor
    logits: Tensor

    def spec(self) -> str:
        columns = [
            {"name": f"c{i}", "kind": "categorical", "encoding": "codes"}
            for i in range(self.codes.shape[1])
        ] + [
            {"name": f"n{i}", "kind": "numeric", "encoding": "as_is"}
            for i in range(self.numbers.shape[1])
        ]
        return json.dumps(
            {
                "format": "retune.model/1",
                "name": "original",
                "architecture": {"type": "tab_transformer", "heads": 4},
                "target": {"column": "label", "classes": ["0", "1"], "positive": "1"},
                "columns": columns,
            }
        )

    def write_rows(self, path: Path) -> Path:
        with path.open("w", newline="") as file:
            table = csv.writer(file)
            categorical = [f"c{i}" for i in range(self.codes.shape[1])]
            numeric = [f"n{i}" for i in range(self.numbers.shape[1])]
            table.writerow(categorical + numeric)
            for codes, numbers in zip(self.codes.tolist(), self.numbers.tolist(), strict=True):
                table.writerow(codes + numbers)
        return path

    def assert_same(self, logits: Tensor, tolerance: float) -> None:
        difference = (logits.double() - self.logits).abs() / self.logits.abs().clamp(min=1)
        assert difference.max().item() <= tolerance
        assert torch.equal(logits.argmax(1), self.logits.argmax(1))


@pytest.fixture(scope="session")
def original() -> Original:
    torch.manual_seed(11)
    cardinalities = [2, 3, 40, 7, 5, 11, 4]
    encoder = Encoder(cardinalities, 6, dimension=32, heads=4, layers=6, feed_forward=64)
    model = Classifier(encoder, dimension=32, hidden=128, classes=2).eval()
    shake(model)
    codes = torch.stack([torch.randint(size, (ROWS,)) for size in cardinalities], 1)
    numbers = 3 * torch.randn(ROWS, 6)
    with torch.inference_mode():
        logits = model.double()(codes, numbers.double())
        model.float()
    return Original(model, codes, numbers, logits)


def retune(*words: object) -> subprocess.CompletedProcess[str]:
    command = [str(RETUNE), *map(str, words)]
    environment = {**os.environ, "RETUNE_LOG": "text"}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def done(*words: object) -> dict[str, object]:
    run = retune(*words)
    assert run.returncode == 0, run.stderr
    answer: dict[str, object] = json.loads(run.stdout)
    return answer


def save_state_dict(model: nn.Module, path: Path) -> None:
    torch.save(model.state_dict(), path)


def save_checkpoint(model: nn.Module, path: Path) -> None:
    torch.save({"epoch": 7, "model_state_dict": nn.DataParallel(model).state_dict()}, path)


def save_script(model: nn.Module, path: Path) -> None:
    torch.jit.script(model).save(str(path))


def save_safetensors(model: nn.Module, path: Path) -> None:
    save_file(model.state_dict(), path)


@pytest.fixture(scope="session")
def imported(original: Original, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return import_model(original, save_state_dict, tmp_path_factory.mktemp("imported"))


def import_model(original: Original, save: Save, folder: Path) -> Path:
    save(original.model, folder / "weights")
    (folder / "spec.json").write_text(original.spec())
    output = folder / "model"
    answer = done(
        "import-model", "--weights", folder / "weights", "--spec", folder / "spec.json",
        "--output", output,
    )  # fmt: skip
    assert answer["tensors"] == len(original.model.state_dict())
    return output


@pytest.mark.parametrize("save", [save_state_dict, save_checkpoint, save_script, save_safetensors])
def test_an_imported_model_answers_as_pytorch_does(
    original: Original, save: Save, tmp_path: Path
) -> None:
    model = import_model(original, save, tmp_path)
    answers = tmp_path / "answers.csv"
    done(
        "predict", "--model-file", model, "--output", answers,
        "--data", original.write_rows(tmp_path / "rows.csv"),
    )  # fmt: skip

    with answers.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["row"] for row in rows] == [str(i) for i in range(ROWS)]
    logits = torch.tensor([[float(row[f"logit_{i}"]) for i in range(2)] for row in rows])
    original.assert_same(logits, 1e-4)
    probabilities = torch.tensor(
        [[float(row[f"probability_{i}"]) for i in range(2)] for row in rows], dtype=torch.float64
    )
    assert (probabilities - original.logits.softmax(1)).abs().max().item() <= 1e-5
    assert [int(row["predicted"]) for row in rows] == original.logits.argmax(1).tolist()


def test_an_exported_torchscript_module_gives_the_same_logits(
    original: Original, imported: Path, tmp_path: Path
) -> None:
    file = tmp_path / "model.pt"
    done("export-model", "--model-file", imported, "--format", "torchscript", "--output", file)
    extra = {"model.json": ""}
    module = torch.jit.load(str(file), _extra_files=extra).eval()
    with torch.inference_mode():
        original.assert_same(module(original.codes, original.numbers), 1e-5)
        encoded = module.encode(original.codes, original.numbers)
        original.assert_same(module.head(encoded), 1e-5)
    assert json.loads(extra["model.json"])["model_name"] == "original"


def test_exported_safetensors_are_the_original_state_dict(
    original: Original, imported: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "exported"
    done("export-model", "--model-file", imported, "--format", "safetensors", "--output", folder)
    exported = load_file(folder / "weights.safetensors")
    state = original.model.state_dict()
    assert exported.keys() == state.keys()
    assert all(torch.equal(exported[name], state[name]) for name in state)


class Malicious:
    """Unpickling it would make a file."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.trace}",)


def test_a_file_that_would_run_code_is_refused(original: Original, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    weights = tmp_path / "weights.pth"
    torch.save({**original.model.state_dict(), "extra": Malicious(trace)}, weights)
    (tmp_path / "spec.json").write_text(original.spec())
    run = retune(
        "import-model", "--weights", weights, "--spec", tmp_path / "spec.json",
        "--output", tmp_path / "model",
    )  # fmt: skip
    assert run.returncode == BAD_INPUT
    error = json.loads(run.stdout)["error"]
    assert "names 'posix.system'" in error["message"]
    assert not trace.exists()
    assert not (tmp_path / "model").exists()
