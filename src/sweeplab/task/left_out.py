"""The combinations of a grid that are not to be trained: excluded, or invalid."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from hydra.core.config_loader import ConfigLoader
from omegaconf import DictConfig

from sweeplab.config import flatten, problems
from sweeplab.data import load, resolve
from sweeplab.errors import ConfigError
from sweeplab.task.compose import Job, composer
from sweeplab.task.conditions import Condition, parse_condition
from sweeplab.task.grid import Space
from sweeplab.terminal import say
from sweeplab.words import count

LISTED = 50  # combinations left out that a dry run shows


@dataclass(frozen=True)
class LeftOut:
    """A combination that is not trained."""

    overrides: list[str]
    condition: str  # that holds of it, as it was given; empty if it is invalid
    reason: str  # that very condition, or the rules that it breaks


def without(
    loader: ConfigLoader, master: DictConfig, combinations: list[list[str]], space: Space
) -> tuple[list[list[str]], list[LeftOut]]:
    """Those of ``combinations`` that stay, and those that ``space`` leaves out.

    Raises:
        ConfigError: a condition is none, or nothing stays.
    """
    conditions = [parse_condition(text) for text in space.exclude]
    if not (conditions or space.skip_invalid):
        return combinations, []
    kept: list[list[str]] = []
    left_out: list[LeftOut] = []
    compose = composer(loader, master)
    for overrides in combinations:
        job = compose(overrides)
        held = held_by(job, conditions)
        reason = invalid(job) if not held and space.skip_invalid else held
        if reason:
            left_out.append(LeftOut(overrides, held, reason))
        else:
            kept.append(overrides)
    if not kept:
        raise ConfigError(
            f"Nothing is left to train: all {count(len(combinations), 'combination')} were left "
            f"out ({_counted(left_out)})."
        )
    return kept, left_out


def held_by(job: Job | str, conditions: Sequence[Condition]) -> str:
    """The first condition that holds of a job; else nothing."""
    if isinstance(job, str):
        return ""
    values = flatten(job.config)
    return next((one.text for one in conditions if one.holds(values)), "")


def invalid(job: Job | str) -> str:
    """What is wrong with a job, if anything is: that it does not compose, or breaks a rule."""
    if isinstance(job, str):
        return job
    broken = problems(job.config)
    if not broken:
        try:
            data = resolve(job.config.data)  # of 0, which is all, how many that is
            broken = problems(replace(job.config, data=data))
            load(data)  # which knows how many examples there are
        except ConfigError as error:
            broken = [str(error).rstrip(".")]
    return "; ".join(broken)


def announce_left_out(left_out: list[LeftOut], of: int) -> None:
    """How many were left out, and why, in a line; silent where none was."""
    if left_out:
        say(f"{len(left_out):,} of {of:,} combinations left out: {_counted(left_out)}.")


def list_left_out(left_out: list[LeftOut]) -> None:
    """Each combination that was left out, with the reason."""
    for one in left_out[:LISTED]:
        say(f"  left out: {' '.join(one.overrides)} ({one.reason})")
    if len(left_out) > LISTED:
        say(f"  ... and {len(left_out) - LISTED:,} more")


def _counted(left_out: list[LeftOut]) -> str:
    reasons = Counter(one.condition or "invalid" for one in left_out)
    return "; ".join(f"{reason} ({number:,})" for reason, number in reasons.items())
