"""The configuration keys that are asked about by name."""

from __future__ import annotations

SIZE, LR, DECAY = "data.train_size", "optimizer.lr", "optimizer.weight_decay"
