"""Networks of another family: what Retune takes over without knowing their shape."""

import torch
from torch import Tensor, nn


class Recurrent(nn.Module):
    """Reads a row's columns one after the other: embeddings, a normalised GRU, a head."""

    def __init__(self, cardinalities: list[int], head: nn.Module) -> None:
        super().__init__()
        self.embeddings = nn.ModuleList(nn.Embedding(size, 6) for size in cardinalities)
        self.number = nn.Linear(1, 6)
        self.reader = nn.GRU(6, 10, batch_first=True)
        self.norm = nn.BatchNorm1d(10)
        self.classifier = head

    @torch.jit.export  # type: ignore[untyped-decorator]
    def encode(self, codes: Tensor, numbers: Tensor) -> Tensor:
        tokens: list[Tensor] = []
        for i, embedding in enumerate(self.embeddings):
            tokens.append(embedding(codes[:, i]))
        read = torch.cat([torch.stack(tokens, 1), self.number(numbers.unsqueeze(2))], 1)
        _, last = self.reader(read)
        normed: Tensor = self.norm(last[0])
        return normed

    @torch.jit.export  # type: ignore[untyped-decorator]
    def head(self, encoded: Tensor) -> Tensor:
        logits: Tensor = self.classifier(encoded)
        return logits

    def forward(self, codes: Tensor, numbers: Tensor) -> Tensor:
        logits: Tensor = self.head(self.encode(codes, numbers))
        return logits


class Crossing(nn.Module):
    """A deep and cross network (Wang et al., 2017) of one output; it has `forward` only."""

    def __init__(self, numeric: int) -> None:
        super().__init__()
        self.cross = nn.Linear(numeric, 1)
        self.deep = nn.Sequential(nn.Linear(numeric, 7), nn.SiLU(), nn.Linear(7, numeric))
        self.output = nn.Linear(2 * numeric, 1)

    def forward(self, numbers: Tensor) -> Tensor:
        crossed = numbers * self.cross(numbers) + numbers
        logit: Tensor = self.output(torch.cat([crossed, self.deep(numbers)], 1))
        return logit.squeeze(1)


def usual_head(classes: int) -> nn.Module:
    """Give the head that Retune itself has."""
    return nn.Sequential(nn.Linear(10, 12), nn.ReLU(), nn.Dropout(0.2), nn.Linear(12, classes))


def unusual_head(classes: int) -> nn.Module:
    return nn.Sequential(nn.Linear(10, 12), nn.Tanh(), nn.Linear(12, classes))
