"""``train_one``: the specification of a training run, in the tutorial's own terms.

The stacked engine is the one that commands use; tests hold it to this one. It differs from the
tutorial in three places, where the tutorial slips: the loss of a batch, already a mean, is not
divided by the batch size again; accuracy is taken over the whole set and not its first 500
examples; and cross-entropy gets logits, never softmax outputs.
"""

from __future__ import annotations

import math
import time

import numpy as np
import torch
import torch.nn.functional as F

from sweeplab.config import RunConfig
from sweeplab.data import Dataset
from sweeplab.model import initial_weights
from sweeplab.results import RunResult
from sweeplab.training.obeyed import refuse_others
from sweeplab.training.record import CurveRecord
from sweeplab.training.schedule import (
    batches,
    evaluated_of,
    is_evaluated,
    iterations,
    lr_factors,
)

OBEYED = frozenset(
    f"optimizer.{name}"
    for name in ("lr", "weight_decay", "momentum", "nesterov", "schedule", "warmup")
)


def train_one(config: RunConfig, dataset: Dataset) -> RunResult:
    """Train one run on the CPU with ``nn.Linear``, ``F.cross_entropy`` and ``torch.optim.SGD``."""
    started = time.perf_counter()
    refuse_others(config, OBEYED, "train_one")
    weight, bias = initial_weights(config.seed, dataset.features, dataset.classes)
    # Without weights of its own, which would be drawn from the global random numbers.
    model: torch.nn.Linear = torch.nn.utils.skip_init(  # type: ignore[no-untyped-call]
        torch.nn.Linear, dataset.features, dataset.classes
    )
    model.load_state_dict({"weight": weight, "bias": bias})
    optimizer = torch.optim.SGD(
        model.parameters(),
        lr=config.optimizer.lr,
        momentum=config.optimizer.momentum,
        weight_decay=config.optimizer.weight_decay,
        nesterov=config.optimizer.nesterov,
    )
    factors = lr_factors(config, 0, iterations(config) + 1)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, factors.__getitem__)
    record = CurveRecord(config)

    def evaluate(images: torch.Tensor, labels: torch.Tensor) -> tuple[float, float]:
        with torch.no_grad():
            scores = model(images)  # [N, C]
            correct = int((scores.argmax(dim=1) == labels).sum())
            return float(F.cross_entropy(scores, labels)), correct / len(labels)

    def evaluate_both(iteration: int) -> bool:
        count = evaluated_of(config)
        train = evaluate(dataset.train_images[:count], dataset.train_labels[:count])
        val = evaluate(dataset.val_images, dataset.val_labels)
        finite = math.isfinite(train[0]) and math.isfinite(val[0])
        if finite:
            record.evaluation(iteration, (*train, *val))
        return finite

    evaluate_both(0)
    finite = True
    for iteration, batch in enumerate(batches(config), start=1):
        loss = F.cross_entropy(model(dataset.train_images[batch]), dataset.train_labels[batch])
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        scheduler.step()
        record.values["batch_loss"][iteration] = loss.item()
        finite = math.isfinite(loss.item())
        if finite and is_evaluated(iteration, config):
            finite = evaluate_both(iteration)
        if not finite:
            break

    return RunResult(
        config=config,
        status="completed" if finite else "diverged",
        curves=record.curves(last=iteration),
        weight=model.weight.detach().numpy().astype(np.float32),
        bias=model.bias.detach().numpy().astype(np.float32),
        diverged_at=None if finite else iteration,
        device="cpu",
        seconds=time.perf_counter() - started,
        stack_runs=1,
    )
