"""Training the jobs of a sweep in stacks, each run's folder written as its stack ends."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from hydra.core.utils import JobReturn
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from sweeplab.execute import Options
from sweeplab.runs.files import write_text
from sweeplab.sweeps.folder import locked, write_sweep
from sweeplab.task.claim import claim
from sweeplab.task.distribute import Distribution, Outcome, cut
from sweeplab.task.hooks import JobHooks, job_return
from sweeplab.task.prepare import Prepared, prepare, prepared_anew
from sweeplab.task.progress import SweepProgress
from sweeplab.task.words import announce, dry_run_table, resume_advice
from sweeplab.training import plan_stacks

STATE_SECONDS = 5.0  # between two writings of sweep.json while training
# The exit codes that shells give to a command ended by Ctrl-C, and by SIGTERM.
INTERRUPTED, TERMINATED = 130, 143


def launch(
    *,
    context: HydraContext,
    task_function: TaskFunction,
    master: DictConfig,
    options: Mapping[str, Any],
    job_overrides: Sequence[Sequence[str]],
    first: int,
) -> list[JobReturn]:
    """Train every job asked for that the sweep's folder lacks.

    Args:
        master: the multirun's configuration, with ``hydra`` in it.
        options: of ``hydra.launcher``, as in ``StackedLauncherConf``.
        job_overrides: of each job asked for.
        first: the lowest number for a job that is new.

    Returns:
        One result for each job, in order; a job that was skipped or repeated gives the result of
        its run. The value is the final validation accuracy.

    Raises:
        ConfigError, DataError: before anything is trained or written.
        SweeplabError: another process is working in the folder.
    """
    checked = Options(**options).check()
    prepared = prepare(context.config_loader, master, job_overrides, first)
    if not checked.dry_run and claim(prepared.folder, master):
        prepared = prepare(context.config_loader, master, job_overrides, first)
    if checked.dry_run:
        announce(prepared, stacks=len(_stacks(prepared, checked)))
        dry_run_table(prepared)
        return []
    with locked(prepared.folder):
        prepared = prepared_anew(prepared, context.config_loader, master, job_overrides, first)
        stacks = _stacks(prepared, checked)
        announce(prepared, stacks=len(stacks))
        open_sweep(prepared, master)
        hooks = JobHooks(context, task_function, master)
        outcome = _train(prepared, stacks, checked, hooks)
    return _returns(prepared, outcome)


def _stacks(prepared: Prepared, options: Options) -> list[list[int]]:
    """The positions of the jobs to train, stack by stack."""
    to_train = prepared.plan.to_train
    planned = plan_stacks([prepared.identities[i].config for i in to_train])
    return cut([[to_train[i] for i in stack] for stack in planned], options)


def open_sweep(prepared: Prepared, master: DictConfig) -> None:
    """Write what was asked into the sweep's folder, before anything is trained."""
    write_text(prepared.folder.asked, OmegaConf.to_yaml(master))
    write_sweep(prepared.folder, prepared.record)


def _train(
    prepared: Prepared, stacks: list[list[int]], options: Options, hooks: JobHooks
) -> Outcome:
    outcome = Outcome()
    total = sum(map(len, stacks))
    try:
        with terminable(), SweepProgress(total) as progress:

            def ended(positions: list[int]) -> None:
                progress.finished(
                    [(prepared.runs[i].path.name, outcome.records[i]) for i in positions]
                )
                _note_states(prepared, outcome, every=STATE_SECONDS)

            Distribution(prepared, options, hooks, outcome, ended).train(stacks)
    except KeyboardInterrupt as stop:
        done = len(outcome.records)
        resume_advice(prepared.folder.path, done=done, left=total - done)
        raise SystemExit(TERMINATED if isinstance(stop, Terminated) else INTERRUPTED) from None
    finally:
        hooks.close()
        _note_states(prepared, outcome, every=0)
    return outcome


class Terminated(KeyboardInterrupt):
    """SIGTERM: what ``kill``, a shutdown and a cluster's time limit send. As good as Ctrl-C."""


@contextmanager
def terminable() -> Iterator[None]:
    """Let SIGTERM raise :class:`Terminated` meanwhile, where this is the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(*_: object) -> None:
        raise Terminated

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _note_states(prepared: Prepared, outcome: Outcome, every: float) -> None:
    now = time.monotonic()
    if now - outcome.states_written < every:
        return
    outcome.states_written = now
    states = {record.signature: record.status for record in outcome.records.values()}
    for entry in prepared.record.jobs:
        entry.state = states.get(entry.signature, entry.state)
    write_sweep(prepared.folder, prepared.record)


def _returns(prepared: Prepared, outcome: Outcome) -> list[JobReturn]:
    records = dict(prepared.complete)
    errors = {}
    for i, record in outcome.records.items():
        records[record.signature] = record
        if i in outcome.errors:
            errors[record.signature] = outcome.errors[i]
    return [
        job_return(job, records.get(identity.signature), errors.get(identity.signature))
        for job, identity in zip(prepared.jobs, prepared.identities, strict=True)
    ]
