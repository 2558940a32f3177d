"""The tutorial's own training loop, its slips mended, timed. What everything else is held against.

The data is a list of (image, label) pairs behind a ``DataLoader``, as the tutorial has it, and
accuracy is taken by running another loader over both sets every ten iterations.
"""

from __future__ import annotations

import time

import torch
from torch import nn, optim
from torch.utils.data import DataLoader

from sweeplab.data import Dataset


def pairs(images: torch.Tensor, labels: torch.Tensor) -> list[tuple[torch.Tensor, int]]:
    """A data set as the tutorial holds it: ``list(datasets.MNIST(..., transform=ToTensor()))``."""
    side = int(images.shape[1] ** 0.5)
    return [
        (image.view(1, side, side), int(label)) for image, label in zip(images, labels, strict=True)
    ]


def get_accuracy(model: nn.Module, data: list[tuple[torch.Tensor, int]]) -> float:
    """The tutorial's helper, over the whole set."""
    correct, total = 0, 0
    for xs, ts in DataLoader(data, batch_size=500):
        zs = model(xs.view(len(xs), -1))
        pred = zs.max(1, keepdim=True)[1]
        correct += pred.eq(ts.view_as(pred)).sum().item()
        total += int(ts.shape[0])
    return correct / total


def run_gradient_descent(
    model: nn.Module,
    train: list[tuple[torch.Tensor, int]],
    val: list[tuple[torch.Tensor, int]],
    batch_size: int = 64,
    learning_rate: float = 0.01,
    weight_decay: float = 0.0,
    num_epochs: int = 10,
) -> nn.Module:
    """The tutorial's function, without its plots."""
    criterion = nn.CrossEntropyLoss()
    optimizer = optim.SGD(model.parameters(), lr=learning_rate, weight_decay=weight_decay)
    train_loader = DataLoader(train, batch_size=batch_size, shuffle=True)
    losses, train_acc, val_acc = [], [], []
    n = 0
    for _ in range(num_epochs):
        for xs, ts in train_loader:
            if len(ts) != batch_size:
                continue
            zs = model(xs.view(len(xs), -1))
            loss = criterion(zs, ts)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            losses.append(loss.item())
            if n % 10 == 0:
                train_acc.append(get_accuracy(model, train))
                val_acc.append(get_accuracy(model, val))
            n += 1
    return model


def seconds(dataset: Dataset, repeats: int) -> list[float]:
    """The time of each of ``repeats`` runs, after one that is not counted."""
    train = pairs(dataset.train_images, dataset.train_labels)
    val = pairs(dataset.val_images, dataset.val_labels)
    found = []
    for _ in range(repeats + 1):
        started = time.perf_counter()
        run_gradient_descent(nn.Linear(dataset.features, dataset.classes), train, val)
        found.append(time.perf_counter() - started)
    return found[1:]
