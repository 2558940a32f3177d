"""A multirun from its overrides to its report, with any launcher."""

from __future__ import annotations

import io
import itertools
import sys
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext
from omegaconf import DictConfig

from sweeplab.errors import ConfigError, SweeplabError
from sweeplab.task.claim import opened
from sweeplab.task.finish import finish
from sweeplab.task.prepare import Request, sweep_folder
from sweeplab.task.words import announce
from sweeplab.terminal import say


def sweep(
    *,
    context: HydraContext,
    launcher: Launcher,
    master: DictConfig,
    params: Mapping[str, Any],
    arguments: Sequence[str],
    report: bool,
) -> Any:
    """Launch every combination, then write the sweep's tables and report.

    Args:
        launcher: one that plans (it has ``plans = True``, as ours) gets the whole grid; another
            gets those jobs that the folder still lacks.
        params: ``hydra.sweeper.params``; a key in ``arguments`` replaces the same key here.
        arguments: the overrides of the command line.
        report: whether to build the report, or the tables alone.

    Ends the process with exit code 1, after all the rest, when a run failed.
    """
    lines = [f"{key}={value}" for key, value in params.items()]
    grid = expand(context.config_loader, [*lines, *arguments])
    if getattr(launcher, "plans", False):
        returns: Sequence[JobReturn] = launcher.launch(grid, initial_job_idx=0)
        if not returns:
            return returns  # a dry run
    else:
        returns = _launch_missing(launcher, Request(context.config_loader, master, grid))
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
    return returns


def expand(loader: ConfigLoader, lines: Sequence[str]) -> list[list[str]]:
    """Every combination of the values in Hydra's sweep syntax, the last key running fastest.

    Raises:
        ConfigError: a key sweeps over an interval, which has no end of values.
    """
    choices: dict[str, list[str]] = {}
    for override in OverridesParser.create(config_loader=loader).parse_overrides(list(lines)):
        key = override.get_key_element()
        if not override.is_sweep_override():
            choices[key] = [override.input_line or ""]
        elif override.is_discrete_sweep():
            choices[key] = [f"{key}={value}" for value in override.sweep_string_iterator()]
        else:
            raise ConfigError(
                f"{key} sweeps over an interval, and a grid needs values: list them "
                f"({key}=0.1,0.2) or step through them ({key}=range(1,10))."
            )
    return [list(combination) for combination in itertools.product(*choices.values())]


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
