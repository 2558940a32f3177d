"""``executor=processes``: stacks are trained side by side in processes of this machine.

Each worker is a ``concurrent.futures.ProcessPoolExecutor`` of its own with one process. A pool
that loses a process fails all of its work and starts no other, so one pool for all would lose
every stack in training with the first worker killed, and not say whose it was.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Any

from sweeplab.errors import WorkerLostError


class Processes(Executor):
    """Local worker processes, each used for one stack after another.

    They end with this process, however that ends: their stacks are trained again when the command
    is repeated, and never by two processes at once.
    """

    def __init__(self, workers: int) -> None:
        self.room: float = workers + 1  # one more, so that a worker need not wait for the next
        self._stopped = False
        # Workers hold one end, and end when the other is closed, as it is when this process dies.
        self._end, self._leash = multiprocessing.Pipe(duplex=False)
        # Workers must outlive a Ctrl-C, which a terminal sends to them too, until this process
        # stops them. They inherit what the thread that starts them blocks.
        self._threads = ThreadPoolExecutor(
            workers, initializer=signal.pthread_sigmask, initargs=(signal.SIG_BLOCK, _SIGINT)
        )
        self._idle: SimpleQueue[ProcessPoolExecutor] = SimpleQueue()
        for _ in range(workers):
            self._idle.put(self._worker())

    def submit(self, fn: Callable[..., Any], /, *args: Any, **_: Any) -> Future[Any]:
        """Call ``fn`` in a worker."""
        return self._threads.submit(self._call, fn, args)

    def shutdown(self, *_: Any, **__: Any) -> None:
        """End the workers at once, whatever they do."""
        self._stopped = True
        self._leash.close()
        self._threads.shutdown(cancel_futures=True)
        while not self._idle.empty():
            # Else Python, on its way out, may wake the pool's thread through a closed pipe.
            self._idle.get().shutdown()

    def _worker(self) -> ProcessPoolExecutor:
        """One process, started when it is first given work."""
        # A fork would copy PyTorch's threads in whatever state they are.
        spawn = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(1, spawn, initializer=_watch, initargs=(self._end,))

    def _call(self, fn: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        worker = self._idle.get()
        try:
            if self._stopped:
                raise WorkerLostError("the sweep was stopped")
            return worker.submit(fn, *args).result()
        except BrokenProcessPool:
            worker.shutdown()
            worker = self._worker()
            raise WorkerLostError(
                "its worker process was killed or crashed (the kernel kills one when memory runs "
                "out: `dmesg` tells)"
            ) from None
        finally:
            self._idle.put(worker)


_SIGINT = {signal.SIGINT}


def _watch(leash: Connection) -> None:
    """End this process when the other end of the pipe is closed.

    By itself a worker whose parent was killed would wait for work forever.
    """

    def wait() -> None:
        try:
            leash.recv_bytes()
        except (EOFError, OSError):
            os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
