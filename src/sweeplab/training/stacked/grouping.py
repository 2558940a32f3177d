"""Which runs are trained together: in one call of the engine, and in one panel inside it."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from itertools import pairwise

from sweeplab.config import RunConfig, shared
from sweeplab.training.part import WHOLE, Part
from sweeplab.training.schedule import is_scheduled

# The most runs in a panel, the unit that is trained in lockstep. More share the cost of telling
# PyTorch what to do; beyond some dozens nothing is gained, and results come later.
PANEL_RUNS = 32

# The most memory that the runs of a panel take, unless one alone takes more.
PANEL_BYTES = 2**28

# Runs that can be trusted to share what a data set or a batch costs once.
FEW = 16

# Runs to hand to one call of ``train_stack``: several panels for each of the usual numbers of
# cores. More are as fast for each run; fewer leave cores idle, and panels part empty.
STACK_WIDTH = 128


def stack_key(config: RunConfig) -> Hashable:
    """What all runs of one stack must have in common; anything else may differ."""
    return shared(config)


def plan_stacks(configs: Sequence[RunConfig]) -> list[list[int]]:
    """Positions in ``configs``, cut into stacks of at most ``STACK_WIDTH`` runs that may be mixed.

    Within a stack, runs that can share a panel stand together. How runs are cut never changes
    their results, only how many panels are part empty.
    """
    by_key: dict[Hashable, list[int]] = {}
    for position, config in enumerate(configs):
        by_key.setdefault(stack_key(config), []).append(position)
    return [
        ordered[start : start + STACK_WIDTH]
        for positions in by_key.values()
        for ordered in [sorted(positions, key=lambda i: (panel_key(configs[i]), i))]
        for start in range(0, len(ordered), STACK_WIDTH)
    ]


def plan_panels(
    configs: Sequence[RunConfig], threads: int, run_bytes: int = 1, part: Part = WHOLE
) -> list[list[int]]:
    """Positions in ``configs``, cut into panels of at most ``PANEL_RUNS`` runs.

    They are nearly equal in size, and narrower where there are threads for more of them, or where
    runs of ``run_bytes`` each, of many classes, would take too much memory. Runs of one seed stand
    together, so that they can share a batch; and those that go on after equally many updates.
    """
    most = max(min(PANEL_RUNS, PANEL_BYTES // run_bytes), 1)
    by_form: dict[Hashable, list[int]] = {}
    for position in sorted(range(len(configs)), key=lambda i: (panel_key(configs[i]), i)):
        key = panel_key(configs[position])[0], part.begin(position)
        by_form.setdefault(key, []).append(position)
    panels = []
    for positions in by_form.values():
        count = max(-(-len(positions) // most), min(threads, len(positions)))
        ends = [len(positions) * i // count for i in range(count + 1)]
        panels += [positions[a:b] for a, b in pairwise(ends)]
    return panels


def panel_key(config: RunConfig) -> tuple[tuple[bool, ...], int]:
    """By what runs are sorted into panels: the form of their updates; the seed, so the batches.

    Each form of momentum takes another sequence of operations. Were it chosen by what the
    neighbours need, they could change the last bits of a run. A learning rate that stays needs not
    be looked up for each update.
    """
    optimizer = config.optimizer
    return (optimizer.momentum > 0, optimizer.nesterov, is_scheduled(config)), config.seed


def seed_groups(configs: Sequence[RunConfig]) -> list[tuple[int, slice]]:
    """The seeds of a panel, each with the places of its runs, which stand together."""
    groups: list[tuple[int, slice]] = []
    for place, config in enumerate(configs):
        if groups and groups[-1][0] == config.seed:
            groups[-1] = (config.seed, slice(groups[-1][1].start, place + 1))
        else:
            groups.append((config.seed, slice(place, place + 1)))
    return groups


def seed_of_each(groups: Sequence[slice]) -> list[int]:
    """For each run of a panel, which of its seeds it has."""
    return [
        number for number, places in enumerate(groups) for _ in range(places.stop - places.start)
    ]
