"""What a sweep is to take, said before it starts where it is out of proportion."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from torch import get_num_threads

from sweeplab import compiled
from sweeplab.config import RunConfig, shared
from sweeplab.execute.options import Options
from sweeplab.training import (
    Sizes,
    evaluation_share,
    iterations_per_epoch,
    stack_bytes,
)
from sweeplab.words import in_bytes, percent

Runs = list[tuple[RunConfig, Sizes, int]]  # so many of each cost

MOST, ENOUGH = 0.5, 0.105  # of the arithmetic: from where it is said, and what is advised
STEPS = (1, 2, 5)
# Measured: a process takes this with hardly any data (PyTorch, Hydra, its threads), and three times
# the data: the file as it is, the examples as they are trained on, and as much while they are made
# and kept. Sweeps of 100 and 1,000 classes, and one of MNIST's shape, took 1.35, 1.9 and 1.5 GB,
# where this forecasts 1.4, 1.8 and 1.5.
PROCESS, COPIES = 8.5e8, 3
MANY = 100  # runs, from which it is said that they could be trained faster


def alike(runs: Iterable[tuple[RunConfig, Sizes]]) -> Runs:
    """One of each sort of runs that cost the same, and how many there are."""
    found: dict[Hashable, tuple[RunConfig, Sizes]] = {}
    counts: Counter[Hashable] = Counter()
    for config, sizes in runs:
        key = shared(config), config.optimizer.momentum > 0, sizes
        found.setdefault(key, (config, sizes))
        counts[key] += 1
    return [(*found[key], count) for key, count in counts.items()]


def evaluation_line(runs: Runs) -> str:
    """That evaluation will take more than half of the arithmetic, and what to do; else nothing."""
    share = evaluation_share(runs)
    if share <= MOST:
        return ""
    every, then = _cadence(runs)
    word = f"'eval_every={every}'" if " " in str(every) else f"eval_every={every}"
    said = f"Evaluation will take {percent(share)} of this sweep's arithmetic"
    if percent(then) != percent(share):
        said += f". With {word} it would take {percent(then)}"
    if then <= ENOUGH:
        return f"{said}."
    smallest = min(sizes.train for _, sizes, _ in runs)
    first = max(10 ** (len(str(smallest)) - 2), 1)
    return f"{said}; eval_train={first}, fewer training examples to evaluate on, makes it less."


def memory_line(runs: Runs, options: Options, there: float | None = None) -> str:
    """That more memory is needed than is free; nothing where it suffices, or nobody knows.

    Args:
        there: free bytes; None to ask the system.
    """
    if options.executor == "slurm":
        return ""  # other machines
    free = free_bytes() if there is None else there
    processes = options.processes if options.executor == "processes" else 1
    data = max(4.0 * sizes.all * sizes.features for _, sizes, _ in runs)
    threads = get_num_threads() if options.executor == "inline" else options.threads
    work = max(stack_bytes(*each, threads) for each in runs)
    needed = processes * (PROCESS + COPIES * data + work)
    if free is None or needed <= free:
        return ""
    advice = "hydra.launcher.workers=1 needs less" if processes > 1 else "fewer examples need less"
    return (
        f"This sweep needs about {in_bytes(needed)} of memory, {in_bytes(data)} of it for the data "
        f"in each process, and {in_bytes(free)} are free: {advice}."
    )


def steps_line(count: int) -> str:
    """That training is slower than it need be, where it is long enough to matter; else nothing."""
    if count < MANY or compiled.level() != "none" or compiled.unwanted():
        return ""
    return (
        "There was no C compiler when sweeplab was installed, or its code has changed since: "
        "training takes up to four times as long. To mend it, install a compiler (gcc or clang) "
        "and then sweeplab again."
    )


def free_bytes() -> float | None:
    """What can be had without swapping, by the kernel and by the limit of a container."""
    found = []
    with suppress(OSError, ValueError, KeyError):
        lines = Path("/proc/meminfo").read_text().splitlines()
        values = dict(line.split(":") for line in lines)
        found.append(float(values["MemAvailable"].split()[0]) * 1024)
    with suppress(OSError, ValueError):
        limit, used = (
            float(Path("/sys/fs/cgroup", name).read_text())
            for name in ("memory.max", "memory.current")
        )
        found.append(limit - used)
    return min(found, default=None)


def _cadence(runs: Runs) -> tuple[int | str, float]:
    """The most frequent evaluation, in round numbers, that takes a tenth, and what it takes.

    The least frequent, where the evaluations before and after training alone take more.
    """
    every: int | str = "epoch"
    then = 1.0
    for every in _cadences(runs):
        then = evaluation_share(
            (replace(config, eval_every=every), sizes, count) for config, sizes, count in runs
        )
        if then <= ENOUGH:
            break
    return every, then


def _cadences(runs: Runs) -> Iterable[int | str]:
    """Numbers of iterations within an epoch, then of epochs."""
    shortest = min(iterations_per_epoch(config) for config, _, _ in runs)
    longest = max(config.epochs for config, _, _ in runs)
    below = [step * 10**power for power in range(7) for step in STEPS]
    yield from (number for number in below if number < shortest)
    yield "epoch"
    yield from (f"{number} epochs" for number in below if 1 < number < longest)
    if longest > 1:
        yield f"{longest} epochs"
