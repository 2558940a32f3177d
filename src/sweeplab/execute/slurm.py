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
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

from sweeplab.errors import SweeplabError
from sweeplab.execute.files import StackFiles, StacksFolder
from sweeplab.execute.lost import WorkerLostError
from sweeplab.execute.options import Options

LARGEST_ARRAY = 1000  # SLURM's default MaxArraySize is 1001
# A job that the queue lists in another state, or no more, has ended.
LIVE = {
    *("PENDING", "CONFIGURING", "RUNNING", "COMPLETING", "SUSPENDED", "STOPPED", "SIGNALING"),
    *("REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "RESIZING", "SPECIAL_EXIT", "STAGE_OUT"),
}
LOOK_SECONDS = (0.25, 2.0)  # between two looks for `.done` files: at first, and after a while
ASK_SECONDS = (1.0, 30.0)  # between two questions to the scheduler


class Slurm(Executor):
    """Submits what it is given in a short while as one array.

    Args:
        folder: of the stacks' files. Every node must see it under the same path.
        say: called with a line about each submission.

    Raises:
        SweeplabError: submitit or SLURM is not installed here, or an option is unknown to it.
    """

    room: float = math.inf

    def __init__(self, folder: StacksFolder, options: Options, say: Callable[[str], None]) -> None:
        folder.path.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._say = say
        self._name = _job_name(folder.path)
        self._submitit = _submitit_executor(folder.jobs, self._name, options)
        self._new: list[tuple[Future[Any], Callable[..., Any], tuple[Any, ...]]] = []
        self._running: dict[str, tuple[Future[Any], StackFiles]] = {}  # by job
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._submitted = self._asked = time.monotonic()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Call ``fn`` in a job. Its first argument is the path of a stack's file."""
        assert not kwargs
        future: Future[Any] = Future()
        with self._lock:
            self._new.append((future, fn, args))
        return future

    def adopt(self) -> dict[StackFiles, Future[Any]]:
        """The stacks that jobs of an earlier command are still training, each with its future."""
        live = {job for job, state in _queue(self._name).items() if state in LIVE}
        adopted: dict[StackFiles, Future[Any]] = {}
        for files in self._folder.submitted():
            job = files.job
            if job in live and files.path.is_file():
                adopted[files] = Future()
                live.remove(job)
                with self._lock:
                    self._running[job] = adopted[files], files
        # Submitted by a command that was killed before it could note which stacks they train.
        _cancel(live)
        return adopted

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Stop looking after the jobs; with ``cancel_futures``, cancel them."""
        self._stop.set()
        if wait:
            self._thread.join()
        if cancel_futures:
            _cancel(self._running)
            for _, files in self._running.values():
                files.forget_job()

    def _work(self) -> None:
        while True:
            waiting = len(self._new)
            fastest, slowest = LOOK_SECONDS
            age = time.monotonic() - self._submitted
            if self._stop.wait(min(slowest, max(fastest, age / 20))):
                return
            try:
                if waiting and waiting == len(self._new):  # no more are coming
                    self._send()
                self._look()
            except Exception as error:
                self._fail(error)

    def _send(self) -> None:
        with self._lock:
            sent, self._new = self._new[:LARGEST_ARRAY], self._new[LARGEST_ARRAY:]
        fn = sent[0][1]
        try:
            jobs = self._submitit.map_array(fn, *zip(*(args for _, _, args in sent), strict=True))
        except Exception as error:
            refused = SweeplabError(f"SLURM took no jobs: {_reason(error)}")
            for future, _, _ in sent:
                future.set_exception(refused)
            return
        for job, (future, _, args) in zip(jobs, sent, strict=True):
            files = StackFiles(Path(args[0]))
            with self._lock:
                self._running[job.job_id] = future, files
            files.note_job(job.job_id)
        self._submitted = self._asked = time.monotonic()
        number = jobs[0].job_id.split("_")[0]
        self._say(f"SLURM job {number} submitted: {len(jobs)} to train, `squeue -j {number}`")

    def _look(self) -> None:
        for job, (_, files) in list(self._running.items()):
            if files.ended:
                self._ended(job, None)
        now = time.monotonic()
        often, seldom = ASK_SECONDS
        if not self._running or now - self._asked < min(
            seldom, max(often, (now - self._submitted) / 20)
        ):
            return
        self._asked = now
        try:
            states = _queue(self._name)
        except SweeplabError:
            return  # the scheduler does not answer for the moment; the jobs go on without it
        for job, (_, files) in list(self._running.items()):
            state = states.get(job, "")
            if state in LIVE or job not in self._running:
                continue
            # The state was asked for before this look at the file, so it has ended for sure.
            self._ended(job, None if files.ended else self._lost(job, state))

    def _lost(self, job: str, state: str) -> WorkerLostError:
        logs = [self._folder.jobs / f"{job}_0_log.err", self._folder.jobs / f"{job}_log.err"]
        log = next((path for path in logs if path.is_file()), None)
        return WorkerLostError(
            f"SLURM job {job} ended {f'as {state}' if state else 'without a result'}"
            + (f" (log: {log})" if log else ""),
            memory=state == "OUT_OF_MEMORY",
        )

    def _ended(self, job: str, error: WorkerLostError | None) -> None:
        with self._lock:
            future, files = self._running.pop(job)
        files.forget_job()
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)

    def _fail(self, error: Exception) -> None:
        """Hand an error of this thread, such as a full disk, to whoever waits."""
        with self._lock:
            futures = [future for future, _, _ in self._new]
            futures += [future for future, _ in self._running.values()]
            self._new = []
        for future in futures:
            if not future.done():
                future.set_exception(error)


def _submitit_executor(folder: Path, name: str, options: Options) -> Any:
    try:
        import submitit
    except ImportError:
        raise SweeplabError(
            "hydra.launcher.executor=slurm needs submitit, which is not installed: "
            "pip install 'sweeplab[slurm]'"
        ) from None
    try:
        executor = submitit.SlurmExecutor(folder=folder)
    except RuntimeError as error:
        raise SweeplabError(
            "hydra.launcher.executor=slurm needs SLURM's commands (sbatch, srun, squeue, scancel), "
            "and they are not here. Start the command on a login node of the cluster, or use "
            "hydra.launcher.executor=processes."
        ) from error
    wanted = {
        "job_name": name,
        "time": options.time,
        "cpus_per_task": options.cpus,
        "array_parallelism": options.array_parallelism,
        "partition": options.partition,
        "mem": options.memory,
        "gpus_per_node": options.gpus or None,
        "setup": list(options.setup) or None,
        "additional_parameters": dict(options.sbatch) or None,
        # Before the time runs out SLURM warns the job, which has nothing to save and would only
        # end the earlier.
        "signal_delay_s": 5,
    }
    # SlurmExecutor takes sbatch's own words and units, where AutoExecutor has others.
    executor.update_parameters(**{k: value for k, value in wanted.items() if value is not None})
    return executor


def _job_name(folder: Path) -> str:
    """The name of all jobs of one sweep's folder, by which the queue is asked for them."""
    return f"sweeplab-{hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:8]}"


def _queue(name: str) -> dict[str, str]:
    """The state of each job of this name that SLURM remembers.

    It is squeue that is asked: sacct, which submitit asks, is not set up on every cluster.

    Raises:
        SweeplabError: squeue does not answer.
    """
    words = ["squeue", "--noheader", "--array", "--states=all", f"--name={name}", "--format=%i|%T"]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise SweeplabError(f"squeue does not answer: {_reason(error)}") from error
    pairs = [line.split("|") for line in done.stdout.split() if "|" in line]
    return dict(pairs)


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
