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
from foreign import Crossing, Recurrent, unusual_head, usual_head

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


@pytest.fixture(scope="session")
def original() -> Original:
    torch.manual_seed(11)
    cardinalities = [2 + i % 40 for i in range(83)]
    encoder = Encoder(cardinalities, 59, dimension=32, heads=4, layers=6, feed_forward=64)
    model = Classifier(encoder, dimension=32, hidden=128, classes=2).eval()
    shake(model)
    assert len(model.state_dict()) == 277
    codes = torch.stack([torch.randint(size, (ROWS,)) for size in cardinalities], 1)
    numbers = 3 * torch.randn(ROWS, 59)
    with torch.inference_mode():
        logits = model.double()(codes, numbers.double())
        model.float()
    return Original(model, codes, numbers, logits)


def retune(*words: object, engine: str = "") -> subprocess.CompletedProcess[str]:
    command = [str(RETUNE), *map(str, words)]
    environment = {**os.environ, "RETUNE_LOG": "text", "RETUNE_ENGINE": engine}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def done(*words: object, engine: str = "") -> dict[str, object]:
    run = retune(*words, engine=engine)
    assert run.returncode == 0, run.stderr
    answer: dict[str, object] = json.loads(run.stdout)
    return answer


def write_rows(codes: Tensor, numbers: Tensor, path: Path) -> Path:
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        categorical = [f"c{i}" for i in range(codes.shape[1])]
        table.writerow(categorical + [f"n{i}" for i in range(numbers.shape[1])])
        for row in zip(codes.tolist(), numbers.tolist(), strict=True):
            table.writerow(row[0] + row[1])
    return path


def assert_answers(answers: Path, expected: Tensor) -> None:
    """Compare what `predict` wrote with logits in float64."""
    with answers.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["row"] for row in rows] == [str(i) for i in range(ROWS)]
    assert_same(numbers_of(rows, "logit"), expected, 1e-4)
    probabilities = numbers_of(rows, "probability")
    assert (probabilities - expected.softmax(1)).abs().max().item() <= 1e-5
    assert [int(row["predicted"]) for row in rows] == expected.argmax(1).tolist()


def numbers_of(rows: list[dict[str, str]], name: str) -> Tensor:
    return torch.tensor(
        [[float(row[f"{name}_{i}"]) for i in range(2)] for row in rows], dtype=torch.float64
    )


def assert_same(logits: Tensor, expected: Tensor, tolerance: float) -> None:
    difference = (logits.double() - expected).abs() / expected.abs().clamp(min=1)
    assert difference.max().item() <= tolerance
    assert torch.equal(logits.argmax(1), expected.argmax(1))


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
        "--data", write_rows(original.codes, original.numbers, tmp_path / "rows.csv"),
    )  # fmt: skip

    assert_answers(answers, original.logits)


def test_an_exported_torchscript_module_gives_the_same_logits(
    original: Original, imported: Path, tmp_path: Path
) -> None:
    file = tmp_path / "model.pt"
    done("export-model", "--model-file", imported, "--format", "torchscript", "--output", file)
    extra = {"model.json": ""}
    module = torch.jit.load(str(file), _extra_files=extra).eval()
    with torch.inference_mode():
        assert_same(module(original.codes, original.numbers), original.logits, 1e-5)
        encoded = module.encode(original.codes, original.numbers)
        assert_same(module.head(encoded), original.logits, 1e-5)
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


FOREIGN = [6, 3, 9]


def foreign_spec(cardinalities: list[int], numeric: int) -> str:
    spec = {
        "format": "retune.model/1",
        "name": "foreign",
        "architecture": {"type": "torch_script"},
        "target": {"column": "label", "classes": ["0", "1"], "positive": "1"},
        "columns": [
            {"name": f"c{i}", "kind": "categorical", "encoding": "codes", "cardinality": size}
            for i, size in enumerate(cardinalities)
        ]
        + [{"name": f"n{i}", "kind": "numeric", "encoding": "as_is"} for i in range(numeric)],
    }
    return json.dumps(spec)


def foreign(form: str) -> nn.Module:
    if form == "traced":
        return Crossing(4)
    return Recurrent(FOREIGN, unusual_head(2) if form == "unusual head" else usual_head(2))


def save_foreign(model: nn.Module, form: str, rows: tuple[Tensor, ...], path: Path) -> None:
    script = torch.jit.trace(model, rows) if form == "traced" else torch.jit.script(model)
    torch.jit.save(torch.jit.freeze(script) if form == "frozen" else script, path)


@pytest.mark.parametrize("form", ["usual head", "unusual head", "frozen", "traced"])
def test_a_network_of_any_shape_answers_as_pytorch_does_and_goes_back(
    form: str, tmp_path: Path
) -> None:
    torch.manual_seed(13)
    cardinalities = [] if form == "traced" else FOREIGN
    codes = torch.zeros(ROWS, 0, dtype=torch.int64)
    if cardinalities:
        codes = torch.stack([torch.randint(size, (ROWS,)) for size in cardinalities], 1)
    numbers = 2 * torch.randn(ROWS, 4)
    model = foreign(form).eval()
    shake(model)
    save_foreign(model, form, (numbers[:5],), tmp_path / "weights.pt")
    with torch.inference_mode():
        exact = model.double()(*([codes] if cardinalities else []), numbers.double())
    logits = exact if exact.dim() == 2 else torch.stack([torch.zeros_like(exact), exact], 1)

    (tmp_path / "spec.json").write_text(foreign_spec(cardinalities, 4))
    data = write_rows(codes, numbers, tmp_path / "rows.csv")
    model_folder, answers, export = tmp_path / "model", tmp_path / "answers.csv", tmp_path / "x.pt"
    done(
        "import-model", "--weights", tmp_path / "weights.pt", "--spec", tmp_path / "spec.json",
        "--output", model_folder, "--trust-code",
    )  # fmt: skip
    answer = done(
        "predict", "--model-file", model_folder, "--data", data, "--output", answers, "--trust-code",
        engine="pytorch",
    )  # fmt: skip
    assert answer["engine"] == "pytorch"
    assert_answers(answers, logits)
    done(
        "export-model", "--model-file", model_folder, "--format", "torchscript",
        "--output", export,
    )  # fmt: skip
    module = torch.jit.load(str(export)).eval()
    with torch.inference_mode():
        assert_same(module(codes, numbers), logits, 1e-5)
        assert_same(module.head(module.encode(codes, numbers)), logits, 1e-5)
