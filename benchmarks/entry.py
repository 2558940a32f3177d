"""``sweeplab train``, with ``train_one`` as its engine: what one would write without sweeplab's."""

from __future__ import annotations

import sys
from typing import Any

from sweeplab.cli.train import train


def train_one_task(cfg: Any) -> float:
    """One job. It stands in the main module, so that joblib sends it to its workers whole."""
    from sweeplab.task import job
    from sweeplab.training import train_one

    job.stream_stack = lambda configs, dataset, *_: enumerate(
        train_one(config, dataset) for config in configs
    )
    return job.TrainTask(["sweeplab", "train", *sys.argv[1:]])(cfg)


if __name__ == "__main__":
    train(sys.argv[1:], task=train_one_task)
