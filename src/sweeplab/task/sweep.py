"""A multirun from its overrides to its report, with any launcher."""

from __future__ import annotations

import io
import itertools
import sys
from collections.abc import Sequence
from contextlib import redirect_stderr
from typing import Any

from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext
from omegaconf import DictConfig

from sweeplab.errors import SweeplabError
from sweeplab.task.claim import opened
from sweeplab.task.finish import finish
from sweeplab.task.grid import Space, expand
from sweeplab.task.left_out import announce_left_out, list_left_out, without
from sweeplab.task.prepare import Request, sweep_folder
from sweeplab.task.words import announce
from sweeplab.terminal import say


def sweep(
    *,
    context: HydraContext,
    launcher: Launcher,
    master: DictConfig,
    space: Space,
    arguments: Sequence[str],
    report: bool,
) -> Any:
    """Launch every combination, then write the sweep's tables and report.

    Args:
        launcher: one that plans (it has ``plans = True``, as ours) gets the whole grid; another
            gets those jobs that the folder still lacks.
        space: what to combine; a key in ``arguments`` replaces the same key here.
        arguments: the overrides of the command line.
        report: whether to build the report, or the tables alone.

    Ends the process with exit code 1, after all the rest, when a run failed.
    """
    grid = expand(context.config_loader, space, arguments)
    grid, left_out = without(context.config_loader, master, grid, space)
    announce_left_out(left_out, of=len(grid) + len(left_out))
    returns = train(launcher, Request(context.config_loader, master, grid))
    if not returns:  # a dry run
        list_left_out(left_out)
        return returns
    conclude(returns, master, report=report)
    return returns


def train(launcher: Launcher, request: Request) -> Sequence[JobReturn]:
    """Train what the folder lacks, with any launcher; a result for each job, none if a dry run."""
    if getattr(launcher, "plans", False):
        ours: Any = launcher
        result: Sequence[JobReturn] = ours.launch_part(request.job_overrides, 0, request.rung)
        return result
    return _launch_missing(launcher, request)


def conclude(returns: Sequence[JobReturn], master: DictConfig, *, report: bool) -> None:
    """Say what failed outside of training, and write tables and report.

    Ends the process with exit code 1, after all the rest, when a run failed.
    """
    failed = [job for job in returns if job.status == JobStatus.FAILED]
    for job in failed:
        try:
            # Asked for its value, Hydra raises the error, after a line of its own.
            with redirect_stderr(io.StringIO()):
                _ = job.return_value
        # A job that failed in training has a record, and stands in the table of failures.
        except (SweeplabError, OSError) as error:
            say(f"{' '.join(job.overrides or [])}: {error}")
        except Exception:  # noqa: S110
            pass
    code = finish(sweep_folder(master), report=report)
    if code or failed:
        sys.exit(1)


def _launch_missing(launcher: Launcher, request: Request) -> list[JobReturn]:
    returns: list[JobReturn] = []
    with opened(request) as prepared:
        announce(prepared, stacks=None)
        # Launchers number the jobs they get one after another.
        todo = [(prepared.jobs[i].number, i) for i in prepared.plan.to_train]
        for _, group in itertools.groupby(enumerate(todo), lambda item: item[1][0] - item[0]):
            numbers, positions = zip(*(job for _, job in group), strict=True)
            overrides = [request.job_overrides[i] for i in positions]
            returns += launcher.launch(overrides, initial_job_idx=numbers[0])
    return returns
