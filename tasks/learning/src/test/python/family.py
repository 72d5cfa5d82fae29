"""The family of networks that is imported, written as its Python users write it."""

import torch
from torch import Tensor, nn


class Encoder(nn.Module):
    """One token a column, pre-norm transformer layers, mean over tokens."""

    def __init__(
        self,
        cardinalities: list[int],
        numeric: int,
        dimension: int,
        heads: int,
        layers: int,
        feed_forward: int,
    ) -> None:
        super().__init__()
        self.embeddings = nn.ModuleList(nn.Embedding(size, dimension) for size in cardinalities)
        self.numeric_embeddings = nn.ModuleList(nn.Linear(1, dimension) for _ in range(numeric))
        layer = nn.TransformerEncoderLayer(
            dimension, heads, feed_forward, batch_first=True, norm_first=True
        )
        self.transformer = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)

    def forward(self, codes: Tensor, numbers: Tensor) -> Tensor:
        tokens: list[Tensor] = []
        for i, embedding in enumerate(self.embeddings):
            tokens.append(embedding(codes[:, i]))
        for i, linear in enumerate(self.numeric_embeddings):
            tokens.append(linear(numbers[:, i : i + 1]))
        transformed: Tensor = self.transformer(torch.stack(tokens, 1))
        return transformed.mean(1)


class Classifier(nn.Module):
    """The encoder with its head."""

    def __init__(self, encoder: Encoder, dimension: int, hidden: int, classes: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.fc = nn.Sequential(
            nn.Linear(dimension, hidden), nn.ReLU(), nn.Dropout(0.3), nn.Linear(hidden, classes)
        )

    def forward(self, codes: Tensor, numbers: Tensor) -> Tensor:
        logits: Tensor = self.fc(self.encoder(codes, numbers))
        return logits


def shake(model: nn.Module) -> None:
    """Move every parameter: a fresh network's norms are 1 and many of its biases 0."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
