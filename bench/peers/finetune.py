"""The originals' fine-tuning of a frozen encoder's head: every batch through the whole network.

`finetune.py FOLDER ROWS EPOCHS`, on the network and the rows that evaluation.py made.
"""

import json
import sys
import time
from pathlib import Path

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from evaluation import Network, read

folder, rows, epochs = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
torch.manual_seed(1)
network = Network()
network.load_state_dict(torch.load(folder / "weights.pth", weights_only=True))
network.encoder.requires_grad_(requires_grad=False)
codes, numbers = read(folder)
labels = torch.randint(2, (rows,))
loader = DataLoader(
    TensorDataset(codes[:rows], numbers[:rows], labels), batch_size=16, shuffle=True
)
optimizer = torch.optim.Adam(network.fc.parameters(), lr=1e-4)
criterion = nn.CrossEntropyLoss()
cpu, wall = time.process_time(), time.perf_counter()
for _ in range(epochs):
    network.train()
    for batch_codes, batch_numbers, batch_labels in loader:
        optimizer.zero_grad()
        criterion(network(batch_codes, batch_numbers), batch_labels).backward()
        optimizer.step()
cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
print(json.dumps({"cpu": cpu, "wall": wall}))
