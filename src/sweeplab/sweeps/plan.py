"""Deciding what a request still needs: which jobs to train, and the number each one has."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from itertools import count


@dataclass(frozen=True)
class Plan:
    """What becomes of each job of a request."""

    numbers: list[int]  # one for each job, in the order asked; repeats share one
    to_train: list[int]  # positions in that order, without repeats
    complete: int  # runs that are there already
    repeats: int  # jobs that are the same run as an earlier one of the request


def plan(
    signatures: Sequence[str], complete: Container[str], known: Mapping[str, int], first: int = 0
) -> Plan:
    """Decide what to train for the jobs with these signatures.

    Args:
        signatures: of the jobs asked for, in order.
        complete: the signatures of the runs that need no training.
        known: the numbers given earlier in this folder, by signature. A job keeps its number, so
            that a repeated or larger request leaves what is there in its place.
        first: the lowest number for a job that has none yet.
    """
    positions: dict[str, int] = {}  # of the first job of each run
    for position, signature in enumerate(signatures):
        positions.setdefault(signature, position)
    new = [signature for signature in positions if signature not in known]
    lowest = max([first, *(number + 1 for number in known.values())])
    numbers = {**known, **dict(zip(new, count(lowest), strict=False))}
    to_train = [at for signature, at in positions.items() if signature not in complete]
    return Plan(
        numbers=[numbers[signature] for signature in signatures],
        to_train=to_train,
        complete=len(positions) - len(to_train),
        repeats=len(signatures) - len(positions),
    )
