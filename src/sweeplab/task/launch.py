"""Training the jobs of a sweep in stacks, each run's folder written as its stack ends."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext

from hydra.core.utils import JobReturn

from sweeplab.execute.distribute import Distribution, Ended, cut
from sweeplab.execute.files import StackRun, StacksFolder
from sweeplab.execute.options import Options
from sweeplab.execute.progress import iterations_of, work_of
from sweeplab.runs.record import RunRecord
from sweeplab.sweeps.folder import write_sweep
from sweeplab.task.claim import opened
from sweeplab.task.hooks import JobHooks, job_return
from sweeplab.task.prepare import Prepared, Request, prepare
from sweeplab.task.progress import INTERRUPTED, SweepProgress
from sweeplab.task.words import (
    announce,
    announce_mixture,
    dry_run_table,
    follow_advice,
    forecast,
    resume_advice,
)
from sweeplab.training import plan_stacks

LONG_SECONDS = 30.0  # of expected work, from which on somebody may want to follow or stop it
STATE_SECONDS = 5.0  # between two writings of sweep.json while training
TERMINATED = 143  # the exit code that shells give to a command ended by SIGTERM


def launch(
    request: Request, options: Options, hooks: JobHooks, command: Sequence[str]
) -> list[JobReturn]:
    """Train every job asked for that the sweep's folder lacks.

    Args:
        command: what was typed: ``sweeplab train ...``.

    Returns:
        One result for each job, in order; a job that was skipped or repeated gives the result of
        its run. A dry run has none.

    Raises:
        ConfigError, DataError: before anything is trained or written.
        SweeplabError: another process is working in the folder.
    """
    options.check()
    with nullcontext(prepare(request)) if options.dry_run else opened(request) as prepared:
        to_train = [prepared.jobs[i] for i in prepared.plan.to_train]
        planned = plan_stacks([asked.identity.config for asked in to_train])
        stacks = cut([[to_train[i] for i in stack] for stack in planned], options)
        announce(prepared, stacks=len(stacks))
        if to_train and not request.first:  # of a search once
            forecast(to_train, options)
        if options.executor != "slurm":  # whose jobs may run on other machines
            announce_mixture(prepared)
        if options.dry_run:
            dry_run_table(prepared)
            return []
        runs = [
            [StackRun(a.run, a.identity, a.job.hydra_texts(*a.place), request.rung) for a in stack]
            for stack in stacks
        ]
        if sum(map(work_of, runs)) > LONG_SECONDS:
            follow_advice(prepared.folder.path)
        records = _train(prepared, runs, options, hooks, command)
    records = prepared.complete | records
    return [
        job_return(asked.job.overrides, records.get(asked.identity.signature))
        for asked in prepared.jobs
    ]


def _train(
    prepared: Prepared,
    stacks: Sequence[Sequence[StackRun]],
    options: Options,
    hooks: JobHooks,
    command: Sequence[str],
) -> dict[str, RunRecord]:
    """The records of the runs that ended, by signature."""
    records: dict[str, RunRecord] = {}
    to_train = {run.signature for stack in stacks for run in stack}
    jobs = {each.identity.signature: each for each in prepared.jobs}
    written = time.monotonic()

    def on_start(runs: Sequence[StackRun]) -> None:
        for run in runs:
            hooks.started(jobs[run.signature])

    def on_end(ended: Sequence[Ended]) -> None:
        nonlocal written
        for run, record in ended:
            records[run.signature] = record
            hooks.ended(jobs[run.signature], record)
        if time.monotonic() - written >= STATE_SECONDS:
            written = time.monotonic()
            _note_states(prepared, records)

    distribution = Distribution(
        StacksFolder(prepared.folder.stacks), options, command, on_start, on_end
    )
    progress = SweepProgress(
        runs=len(to_train),
        work=sum(map(work_of, stacks)),
        iterations=sum(map(iterations_of, stacks)),
        tally=distribution.tally,
        file=prepared.folder.progress,
    )
    try:
        with terminable(), progress:
            distribution.train(stacks)
    except KeyboardInterrupt as stop:
        done = len(records)
        resume_advice(
            command,
            prepared.folder.path,
            done=done,
            left=len(to_train) - done,
            lost=progress.moment("stopped").at_risk,
        )
        raise SystemExit(TERMINATED if isinstance(stop, Terminated) else INTERRUPTED) from None
    finally:
        hooks.close()
        _note_states(prepared, records)
    return records


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


def _note_states(prepared: Prepared, records: dict[str, RunRecord]) -> None:
    for entry in prepared.record.jobs:
        if entry.signature in records:
            entry.state = records[entry.signature].status
    write_sweep(prepared.folder, prepared.record)
