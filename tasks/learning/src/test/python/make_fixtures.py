"""Make the Java tests' fixtures: small networks, saved by PyTorch in each form that is read.

Run with the requirements beside it: ``python make_fixtures.py``. The logits in each ``rows.json``
are PyTorch's in float64.
"""

import json
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import torch
from torch import Tensor, nn

from family import Classifier, Encoder, shake
from foreign import Crossing, Recurrent, unusual_head, usual_head

FOREIGN = Path(__file__).parents[1] / "resources/retune/learning"
FIXTURES = Path(__file__).parents[4] / "model/src/test/resources/retune/model/importing"
CARDINALITIES = [3, 5, 12]
NUMERIC = 2
ROWS = 4


def save_script(script: torch.jit.ScriptModule, path: Path) -> None:
    """Save TorchScript without its debugging entries, which name the source files' paths."""
    saved = BytesIO()
    torch.jit.save(script, saved)
    with ZipFile(saved) as whole, ZipFile(path, "w") as archive:
        for entry in whole.infolist():
            if not entry.filename.endswith(".debug_pkl"):
                entry.date_time = (1980, 1, 1, 0, 0, 0)
                archive.writestr(entry, whole.read(entry))


def family() -> None:
    torch.manual_seed(7)
    encoder = Encoder(CARDINALITIES, NUMERIC, dimension=8, heads=2, layers=2, feed_forward=16)
    model = Classifier(encoder, dimension=8, hidden=12, classes=2).eval()
    shake(model)
    codes = torch.stack([torch.randint(size, (ROWS,)) for size in CARDINALITIES], 1)
    numbers = torch.randn(ROWS, NUMERIC)
    state = model.state_dict()

    torch.save(state, FIXTURES / "state_dict.pth")
    torch.save(model.encoder.state_dict(), FIXTURES / "encoder.pth")
    torch.save({name: state[name].double() for name in state}, FIXTURES / "float64.pth")
    torch.save({name: state[name].bfloat16() for name in state}, FIXTURES / "bfloat16.pth")
    torch.save(
        {"epoch": 3, "model_state_dict": {f"module.{name}": state[name] for name in state}},
        FIXTURES / "checkpoint.pth",
        pickle_protocol=4,
    )
    torch.save(state, FIXTURES / "legacy.pth", _use_new_zipfile_serialization=False)
    torch.save(model, FIXTURES / "whole_module.pth")
    save_script(torch.jit.script(model), FIXTURES / "script.pt")
    with torch.inference_mode():
        logits = model.double()(codes, numbers.double())
    rows = {"codes": codes.T.tolist(), "numbers": numbers.T.tolist(), "logits": logits.tolist()}
    (FIXTURES / "rows.json").write_text(json.dumps(rows, indent=1) + "\n")


def foreign() -> None:
    """Networks of other families, and their rows' logits by file."""
    torch.manual_seed(8)
    codes = torch.stack([torch.randint(size, (ROWS,)) for size in CARDINALITIES], 1)
    numbers = torch.randn(ROWS, NUMERIC)
    logits: dict[str, object] = {}

    def save(name: str, script: torch.jit.ScriptModule, model: nn.Module, *rows: Tensor) -> None:
        save_script(script, FOREIGN / f"{name}.pt")
        with torch.inference_mode():
            exact = model.double()(*(r.double() if r.is_floating_point() else r for r in rows))
        logits[name] = exact.tolist()

    for name, head in {"usual_head": usual_head(2), "unusual_head": unusual_head(2)}.items():
        model = Recurrent(CARDINALITIES, head).eval()
        shake(model)
        save(name, torch.jit.script(model), model, codes, numbers)
    frozen = Recurrent(CARDINALITIES, usual_head(3)).eval()
    save("frozen", torch.jit.freeze(torch.jit.script(frozen)), frozen, codes, numbers)
    crossing = Crossing(NUMERIC).eval()
    save("traced", torch.jit.trace(crossing, (numbers,)), crossing, numbers)
    rows = {"codes": codes.T.tolist(), "numbers": numbers.T.tolist(), "logits": logits}
    (FOREIGN / "rows.json").write_text(json.dumps(rows, indent=1) + "\n")


def main() -> None:
    family()
    foreign()


if __name__ == "__main__":
    main()
