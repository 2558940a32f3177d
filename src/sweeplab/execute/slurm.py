"""``executor=slurm``: stacks are jobs of a SLURM cluster, submitted as one array by submitit.

Jobs outlive the command that submitted them. Their numbers are kept beside their stacks, so that
the command, when it is repeated, waits for those that are still at work instead of training the
same again.

submitit pickles the function that a job calls and its arguments, and the job unpickles that file:
it is given a function of ours and a path. The pickled result that a job leaves is never read; what
came of a stack stands in its runs' folders.
"""

from __future__ import annotations

import hashlib
import math
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor, Future
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from sweeplab.errors import SweeplabError, WorkerLostError
from sweeplab.execute.files import Note, StackFiles, StacksFolder, read_note
from sweeplab.execute.options import Options
from sweeplab.terminal import say

ASKED = ("cpus", "gpus", "memory", "time", "partition")  # of the options
LARGEST_ARRAY = 1000  # SLURM's default MaxArraySize is 1001
# A job that the queue lists in another state, or no more, has ended.
LIVE = {
    *("PENDING", "CONFIGURING", "RUNNING", "COMPLETING", "SUSPENDED", "STOPPED", "SIGNALING"),
    *("REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "RESIZING", "SPECIAL_EXIT", "STAGE_OUT"),
}
# Why a job waits that asks for more than any node may give: it would wait for ever.
NEVER = {"PartitionConfig", "PartitionTimeLimit", "PartitionNodeLimit", "BadConstraints"}
PATIENCE = 10.0  # seconds before a wait for anything else is worth a line
LOOK_SECONDS = (0.25, 2.0)  # between two looks for `.done` files: at first, and after a while
ASK_SECONDS = (1.0, 30.0)  # between two questions to the scheduler


class Slurm(Executor):
    """Submits what it is given in a short while as one array.

    Args:
        folder: of the stacks' files. Every node must see it under the same path.

    Raises:
        SweeplabError: submitit or SLURM is not installed here, or an option is unknown to it.
    """

    room: float = math.inf

    def __init__(self, folder: StacksFolder, options: Options) -> None:
        folder.path.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        # By the name of all jobs of one sweep's folder the queue is asked for them.
        place = hashlib.sha256(os.fsencode(folder.path.resolve())).hexdigest()
        self._name = f"sweeplab-{place[:8]}"
        self._options = options
        self._told: set[str] = set()  # why jobs wait
        self._submitit = _submitit_executor(folder.jobs, self._name, options)
        self._new: SimpleQueue[tuple[Future[Any], Callable[..., Any], tuple[Any, ...]]]
        self._new = SimpleQueue()
        self._running = self._adopted()
        self.adopted = {files: future for future, files in self._running.values()}
        self._stop = threading.Event()
        self._submitted = self._asked = time.monotonic()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **_: Any) -> Future[Any]:
        """Call ``fn`` in a job. Its first argument is the path of a stack's file."""
        future: Future[Any] = Future()
        self._new.put((future, fn, args))
        return future

    def shutdown(self, *_: Any, **__: Any) -> None:
        """Cancel the jobs that have not ended."""
        self._stop.set()
        self._thread.join()
        _cancel(self._running)
        for _future, files in self._running.values():
            files.job.unlink(missing_ok=True)

    def _adopted(self) -> dict[str, tuple[Future[Any], StackFiles]]:
        """The jobs of an earlier command that still train a stack."""
        live = {job for job, (state, _) in _queue(self._name).items() if state in LIVE}
        adopted: dict[str, tuple[Future[Any], StackFiles]] = {}
        for files in self._folder.submitted():
            job = read_note(files.job).job
            if job in live and files.path.is_file():
                adopted[job] = Future(), files
        # Submitted by a command that was killed before it could note which stacks they train.
        _cancel(live - set(adopted))
        return adopted

    def _work(self) -> None:
        waiting = 0
        while not self._stop.wait(_pause(LOOK_SECONDS, self._submitted)):
            try:
                if waiting and waiting == self._new.qsize():  # no more are coming
                    self._send(min(waiting, LARGEST_ARRAY))
                self._look()
            except Exception as error:
                self._fail(error)
            waiting = self._new.qsize()

    def _send(self, count: int) -> None:
        futures, functions, arguments = zip(*(self._new.get() for _ in range(count)), strict=True)
        try:
            jobs = self._submitit.map_array(functions[0], *zip(*arguments, strict=True))
        except Exception as error:
            for future in futures:
                future.set_exception(SweeplabError(f"SLURM took no jobs: {_reason(error)}"))
            return
        for job, future, (path, *_) in zip(jobs, futures, arguments, strict=True):
            files = StackFiles(Path(path))
            self._running[job.job_id] = future, files
            Note(job=job.job_id).write(files.job)
        self._submitted = self._asked = time.monotonic()
        number = jobs[0].job_id.split("_")[0]
        say(f"SLURM job {number} submitted: {len(jobs)} to train, `squeue -j {number}`")

    def _look(self) -> None:
        for job, (_, files) in list(self._running.items()):
            if files.done.exists():
                self._ended(job, None)
        now = time.monotonic()
        if not self._running or now - self._asked < _pause(ASK_SECONDS, self._submitted):
            return
        self._asked = now
        try:
            states = _queue(self._name)
        except SweeplabError:
            return  # the scheduler does not answer for the moment; the jobs go on without it
        for job, (_, files) in list(self._running.items()):
            state, _ = states.get(job, ("", ""))
            if state not in LIVE:
                # It was asked for before this look at the file, so the job has ended for sure.
                self._ended(job, None if files.done.exists() else self._lost(job, state))
        self._tell_why([states[job] for job in self._running if job in states])

    def _tell_why(self, states: Sequence[tuple[str, str]]) -> None:
        """Say why no job starts, once for each reason."""
        reasons = {reason.split(",")[0] for _, reason in states} - {"None", ""} - self._told
        patient = time.monotonic() - self._submitted < PATIENCE
        if {state for state, _ in states} != {"PENDING"} or (patient and not reasons & NEVER):
            return
        self._told |= reasons
        for reason in sorted(reasons):
            advice = ""
            if reason in NEVER:
                asked = [f"hydra.launcher.{key}={getattr(self._options, key)}" for key in ASKED]
                advice = (
                    " A job that asks for more than a node of the partition has waits for ever: "
                    "stop this with Ctrl-C, and ask for less. `sinfo -o '%P %c %m %l'` shows what "
                    f"there is; asked for is {', '.join(asked)}."
                )
            say(f"SLURM has not started a job yet, and says: {reason}.{advice}")

    def _lost(self, job: str, state: str) -> WorkerLostError:
        logs = (self._folder.jobs / f"{job}{task}_log.err" for task in ("_0", ""))
        log = next(filter(Path.is_file, logs), None)
        return WorkerLostError(
            f"SLURM job {job} ended {f'as {state}' if state else 'without a result'}"
            + (f" (log: {log})" if log else ""),
            memory=state == "OUT_OF_MEMORY",
        )

    def _ended(self, job: str, error: WorkerLostError | None) -> None:
        future, files = self._running.pop(job)
        files.job.unlink(missing_ok=True)
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)

    def _fail(self, error: Exception) -> None:
        """Hand an error of this thread, such as a full disk, to whoever waits."""
        new = [self._new.get()[0] for _ in range(self._new.qsize())]
        for future in (*new, *(future for future, _ in self._running.values())):
            if not future.done():
                future.set_exception(error)


def _pause(seconds: tuple[float, float], since: float) -> float:
    """The shorter of two times at first, the longer one after a while."""
    shortest, longest = seconds
    return min(longest, max(shortest, (time.monotonic() - since) / 20))


def _submitit_executor(folder: Path, name: str, options: Options) -> Any:
    try:
        import submitit

        executor = submitit.SlurmExecutor(folder=folder)
    except ImportError:
        raise SweeplabError(
            "hydra.launcher.executor=slurm needs submitit, which is not installed: "
            "pip install 'sweeplab[slurm]'"
        ) from None
    except RuntimeError as error:
        raise SweeplabError(
            "hydra.launcher.executor=slurm needs SLURM's commands (sbatch, srun, squeue, scancel), "
            "and they are not here. Start the command on a login node of the cluster, or use "
            "hydra.launcher.executor=processes."
        ) from error
    # SlurmExecutor takes sbatch's own words and units, where AutoExecutor has others.
    executor.update_parameters(
        job_name=name,
        time=options.time,
        cpus_per_task=options.cpus,
        array_parallelism=options.array_parallelism,
        partition=options.partition,
        mem=options.memory,
        gpus_per_node=options.gpus or None,
        setup=list(options.setup),
        additional_parameters=dict(options.sbatch),
        # Before the time runs out SLURM warns the job, which has nothing to save and would only
        # end the earlier.
        signal_delay_s=5,
    )
    return executor


def _queue(name: str) -> dict[str, tuple[str, str]]:
    """The state of each job of this name that SLURM remembers, and why it is in that.

    It is squeue that is asked: sacct, which submitit asks, is not set up on every cluster.

    Raises:
        SweeplabError: squeue does not answer.
    """
    words = [
        "squeue",
        "--noheader",
        "--array",
        "--states=all",
        f"--name={name}",
        "--format=%i|%T|%r",
    ]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise SweeplabError(f"squeue does not answer: {_reason(error)}") from error
    lines = [line.split("|", 2) for line in done.stdout.splitlines()]
    return {job: (state, reason) for job, state, reason in lines}


def _cancel(jobs: Iterable[str]) -> None:
    numbers = sorted(jobs)
    for start in range(0, len(numbers), LARGEST_ARRAY):
        words = ["scancel", *numbers[start : start + LARGEST_ARRAY]]
        subprocess.run(words, capture_output=True, check=False)


def _reason(error: BaseException) -> str:
    """The last line that the scheduler's command has printed, or the error itself."""
    while error.__cause__ is not None and not getattr(error, "stderr", None):
        error = error.__cause__
    text = getattr(error, "stderr", None) or str(error)
    lines = (text.decode() if isinstance(text, bytes) else text).strip().splitlines()
    return lines[-1] if lines else type(error).__name__
