"""PyTorch's side of the evaluation: 142 columns, 6 layers of dimension 32.

`evaluation.py make FOLDER ROWS` writes a random network (weights.pth, spec.json) and rows for it
(rows.bin, rows.csv). `evaluation.py FOLDER` answers all rows each time a line
`VARIANT THREADS BATCH` comes in, and replies with CPU and wall seconds and with how far the logits
are from those that the other side left in FOLDER/logits-1-1000.bin.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

CATEGORICAL, NUMERIC, CARDINALITY = 83, 59, 12
DIMENSION, HEADS, LAYERS, FEED_FORWARD, HIDDEN = 32, 4, 6, 64, 128


class Network(nn.Module):
    """The originals': an embedding a column, pre-norm layers, mean over tokens, a head."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Module()
        self.encoder.embeddings = nn.ModuleList(
            nn.Embedding(CARDINALITY, DIMENSION) for _ in range(CATEGORICAL)
        )
        self.encoder.numeric_embeddings = nn.ModuleList(
            nn.Linear(1, DIMENSION) for _ in range(NUMERIC)
        )
        layer = nn.TransformerEncoderLayer(
            DIMENSION, HEADS, FEED_FORWARD, batch_first=True, norm_first=True
        )
        self.encoder.transformer = nn.TransformerEncoder(layer, LAYERS, enable_nested_tensor=False)
        self.fc = nn.Sequential(
            nn.Linear(DIMENSION, HIDDEN), nn.ReLU(), nn.Dropout(0.3), nn.Linear(HIDDEN, 2)
        )

    def forward(self, codes: Tensor, numbers: Tensor) -> Tensor:
        """Give the logits."""
        tokens = [embedding(codes[:, i]) for i, embedding in enumerate(self.encoder.embeddings)]
        tokens += [
            linear(numbers[:, i : i + 1])
            for i, linear in enumerate(self.encoder.numeric_embeddings)
        ]
        return self.fc(self.encoder.transformer(torch.stack(tokens, 1)).mean(1))


class Tuned(nn.Module):
    """By hand: one table for all categories, one multiply-add for numbers, fused attention."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        encoder = network.encoder
        self.table = nn.Parameter(torch.cat([embedding.weight for embedding in encoder.embeddings]))
        self.first = nn.Parameter(torch.arange(CATEGORICAL) * CARDINALITY, requires_grad=False)
        self.scale = nn.Parameter(
            torch.stack([linear.weight[:, 0] for linear in encoder.numeric_embeddings])
        )
        self.shift = nn.Parameter(
            torch.stack([linear.bias for linear in encoder.numeric_embeddings])
        )
        self.layers = encoder.transformer.layers
        self.fc = network.fc

    def forward(self, codes: Tensor, numbers: Tensor) -> Tensor:
        """Give the logits."""
        categories = nn.functional.embedding(codes + self.first, self.table)
        x = torch.cat([categories, torch.addcmul(self.shift, numbers.unsqueeze(2), self.scale)], 1)
        rows, tokens, _ = x.shape
        for layer in self.layers:
            attention = layer.self_attn
            normed = layer.norm1(x)
            qkv = nn.functional.linear(normed, attention.in_proj_weight, attention.in_proj_bias)
            q, k, v = qkv.view(rows, tokens, 3, HEADS, DIMENSION // HEADS).permute(2, 0, 3, 1, 4)
            mixed = nn.functional.scaled_dot_product_attention(q, k, v)
            x = x + attention.out_proj(mixed.transpose(1, 2).reshape(rows, tokens, DIMENSION))
            x = x + layer.linear2(torch.relu(layer.linear1(layer.norm2(x))))
        return self.fc(x.mean(1))


def make(folder: Path, rows: int) -> None:
    """Write network and rows."""
    torch.manual_seed(1)
    network = Network().eval()
    with torch.no_grad():  # A fresh network's norms are 1 and many of its biases 0.
        for parameter in network.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    torch.save(network.state_dict(), folder / "weights.pth")
    categorical = [
        {"name": f"c{i}", "kind": "categorical", "encoding": "codes"} for i in range(CATEGORICAL)
    ]
    numeric = [{"name": f"n{i}", "kind": "numeric", "encoding": "as_is"} for i in range(NUMERIC)]
    spec = {
        "format": "retune.model/1",
        "name": "bench",
        "architecture": {"type": "tab_transformer", "heads": HEADS},
        "target": {"column": "label", "classes": ["0", "1"], "positive": "1"},
        "columns": categorical + numeric,
    }
    (folder / "spec.json").write_text(json.dumps(spec))
    random = np.random.default_rng(1)
    codes = random.integers(0, CARDINALITY, (CATEGORICAL, rows), dtype="<i4")
    numbers = random.standard_normal((NUMERIC, rows)).astype("<f4")
    (folder / "rows.bin").write_bytes(codes.tobytes() + numbers.tobytes())
    with (folder / "rows.csv").open("w", encoding="utf-8") as table:
        print(*(column["name"] for column in categorical + numeric), "label", sep=",", file=table)
        for row in range(rows):
            print(*codes[:, row], *numbers[:, row], random.integers(2), sep=",", file=table)


def read(folder: Path) -> tuple[Tensor, Tensor]:
    """Codes and numbers, a row each."""
    words = np.fromfile(folder / "rows.bin", "<i4").reshape(CATEGORICAL + NUMERIC, -1)
    codes = torch.from_numpy(words[:CATEGORICAL].T.copy()).long()
    return codes, torch.from_numpy(words[CATEGORICAL:].view("<f4").T.copy())


def batches(codes: Tensor, numbers: Tensor, batch: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Slices, without a copy."""
    for start in range(0, len(codes), batch):
        yield codes[start : start + batch], numbers[start : start + batch]


def main(folder: Path) -> None:
    """Answer requests until there are no more."""
    network = Network()
    network.load_state_dict(torch.load(folder / "weights.pth", weights_only=True))
    network.eval()
    tuned = Tuned(network).eval()
    codes, numbers = read(folder)
    dataset = TensorDataset(codes, numbers)
    compiled: dict[int, Callable[[Tensor, Tensor], Tensor]] = {}

    def originals(batch: int) -> list[Tensor]:
        with torch.no_grad():
            return [network(c, n) for c, n in DataLoader(dataset, batch_size=batch)]

    def by_hand(batch: int) -> list[Tensor]:
        with torch.inference_mode():
            return [tuned(c, n) for c, n in batches(codes, numbers, batch)]

    def by_compiler(batch: int) -> list[Tensor]:
        model = compiled.setdefault(batch, torch.compile(tuned))
        with torch.no_grad():
            return [model(c, n) for c, n in batches(codes, numbers, batch)]

    variants = {"originals": originals, "tuned": by_hand, "compiled": by_compiler}
    for line in sys.stdin:
        variant, threads, batch = line.split()
        torch.set_num_threads(int(threads))
        cpu, wall = time.process_time(), time.perf_counter()
        logits = torch.cat(variants[variant](int(batch))).numpy()
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        ours = np.fromfile(folder / "logits-1-1000.bin", "<f4").reshape(logits.shape)
        difference = float((np.abs(ours - logits) / np.maximum(1, np.abs(logits))).max())
        print(json.dumps({"cpu": cpu, "wall": wall, "difference": difference}), flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        main(Path(sys.argv[1]))
