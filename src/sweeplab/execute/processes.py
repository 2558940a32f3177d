"""``executor=processes``: stacks are trained side by side in processes of this machine.

A ``concurrent.futures.ProcessPoolExecutor`` will not do: one that loses a process fails all of its
work, does not say how the process ended, and cannot end one that hangs.
"""

from __future__ import annotations

import errno
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from sweeplab.errors import SweeplabError, WorkerLostError
from sweeplab.execute.progress import NO_THREAD

Task = tuple[Future[Any], Callable[..., Any], tuple[Any, ...]]
Outcome = tuple[Any, Exception | None]


class Processes(Executor):
    """Local worker processes, each used for one stack after another.

    They end with this process, however that ends: their stacks are trained again when the command
    is repeated, and never by two processes at once.

    Raises:
        SweeplabError: the system lets this process start no more threads.
    """

    def __init__(self, workers: int) -> None:
        self.room: float = workers + 1  # one more, so that a worker need not wait for the next
        self._tasks: SimpleQueue[Task | None] = SimpleQueue()
        self._workers = [_Worker(self._tasks) for _ in range(workers)]
        try:
            for worker in self._workers:
                worker.start()
        except RuntimeError as error:
            self.shutdown()
            raise SweeplabError(NO_THREAD) from error

    def submit(self, fn: Callable[..., Any], /, *args: Any, **_: Any) -> Future[Any]:
        """Call ``fn`` in a worker."""
        future: Future[Any] = Future()
        self._tasks.put((future, fn, args))
        return future

    def at_work(self, future: Future[Any]) -> bool:
        """Whether a worker was given this work, and has not ended it."""
        return any(worker.future is future for worker in self._workers)

    def lose(self, future: Future[Any], why: str) -> None:
        """End the worker that is at this work, which then ends with ``WorkerLostError``."""
        for worker in self._workers:
            if worker.future is future:
                worker.end(why)

    def shutdown(self, *_: Any, **__: Any) -> None:
        """End the workers at once, whatever they do."""
        while not self._tasks.empty():
            self._tasks.get()
        for worker in self._workers:
            self._tasks.put(None)
            worker.end("the sweep was stopped")
        for worker in self._workers:
            while worker.is_alive():
                worker.join(0.1)
                worker.end("the sweep was stopped")  # it may have been about to start its process


class _Worker(threading.Thread):
    """A thread that hands tasks to a process of its own, one after another."""

    def __init__(self, tasks: SimpleQueue[Task | None]) -> None:
        super().__init__(daemon=True)
        self.tasks = tasks
        self.future: Future[Any] | None = None  # of the task in the process
        self.process: BaseProcess | None = None
        self.pipe: Connection | None = None
        self.why = ""  # it was ended from here, if it was
        self.memory_kills = 0  # of the kernel's, when the process started

    def end(self, why: str) -> None:
        """End the process with SIGKILL: one that hangs, or is stopped, minds nothing else."""
        self.why = why
        if process := self.process:
            process.kill()

    def run(self) -> None:
        # Workers must outlive a Ctrl-C, which a terminal sends to them too, until this process
        # ends them. They inherit what the thread that starts them blocks.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        while task := self.tasks.get():
            self.future, fn, args = task
            result, error = self._outcome(fn, args)
            future, self.future = self.future, None
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(result)
        if self.process:
            self.process.kill()
            self.process.join()

    def _outcome(self, fn: Callable[..., Any], args: tuple[Any, ...]) -> Outcome:
        try:
            if self.process is None:
                self.memory_kills = _memory_kills()
                self.pipe, self.process = _started()
            assert self.pipe
            self.pipe.send((fn, args))
            outcome: Outcome = self.pipe.recv()
        except SweeplabError as error:
            return None, error
        except (EOFError, OSError):
            assert self.process
            self.process.join()
            code, why, self.why = self.process.exitcode, self.why, ""
            self.process = None
            if why:
                return None, WorkerLostError(why)
            memory = code == -signal.SIGKILL and _memory_kills() > self.memory_kills
            return None, WorkerLostError(_death(code, memory=memory), memory=memory)
        return outcome


def _started() -> tuple[Connection, BaseProcess]:
    """A process that works off what comes through the pipe.

    Raises:
        SweeplabError: the system refuses another process.
    """
    # A fork would copy PyTorch's threads in whatever state they are.
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    process = spawn.Process(target=_work, args=(theirs,))
    try:
        process.start()
    except OSError as error:
        if error.errno == errno.EAGAIN:
            raise SweeplabError(NO_THREAD) from error
        raise WorkerLostError(f"no worker process could be started ({error.strerror})") from error
    theirs.close()  # so that the pipe ends with the process
    return ours, process


def _death(code: int | None, *, memory: bool) -> str:
    """How a process ended, and, as far as the kernel tells, whether for want of memory."""
    if code is not None and code < 0:
        name = f" ({signal.Signals(-code).name})" if -code in list(signal.Signals) else ""
        why = ", and the kernel has killed a process for want of memory meanwhile" if memory else ""
        return f"its worker process was ended by signal {-code}{name}{why}"
    return f"its worker process ended with exit code {code}"


def _memory_kills() -> int:
    """How many processes of this machine the kernel has killed for want of memory; 0 if unknown."""
    with suppress(OSError, ValueError):
        for line in Path("/proc/vmstat").read_text(encoding="utf-8").splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    return 0


def _work(pipe: Connection) -> None:
    """What a worker process does, until its parent ends."""
    try:
        threading.Thread(target=_end_with_parent, daemon=True).start()
    except RuntimeError:
        pipe.send((None, SweeplabError(NO_THREAD)))
        return
    while True:
        fn, args = pipe.recv()
        outcome: Outcome
        try:
            outcome = fn(*args), None
        except Exception as error:
            outcome = None, error
        try:
            pipe.send(outcome)
        except Exception:  # it cannot be pickled
            pipe.send((None, RuntimeError(repr(outcome))))


def _end_with_parent() -> None:
    """By itself a worker whose parent was killed would train on."""
    parent = multiprocessing.parent_process()
    assert parent
    parent.join()
    os._exit(1)
