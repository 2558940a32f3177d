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

from sweeplab.execute.lost import WorkerLostError


class Processes(Executor):
    """Local worker processes, each used for one stack after another.

    They end with this process, however that ends: their stacks are trained again when the command
    is repeated, and never by two processes at once.
    """

    def __init__(self, workers: int) -> None:
        self.room: float = workers + 1  # one more, so that a worker need not wait for the next
        self._stopped = False
        # Workers must outlive a Ctrl-C, which a terminal sends to them too, until this process
        # stops them. They inherit what the thread that starts them blocks.
        self._threads = ThreadPoolExecutor(
            workers, initializer=signal.pthread_sigmask, initargs=(signal.SIG_BLOCK, _SIGINT)
        )
        self._idle: SimpleQueue[_Worker] = SimpleQueue()
        self._workers = [_Worker() for _ in range(workers)]
        for worker in self._workers:
            self._idle.put(worker)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Call ``fn`` in a worker."""
        return self._threads.submit(self._call, fn, args, kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the workers, at once with ``cancel_futures``."""
        if cancel_futures:
            self._stopped = True
            for worker in self._workers:
                worker.kill()
        self._threads.shutdown(wait=wait, cancel_futures=cancel_futures)
        for worker in self._workers:
            worker.stop()

    def _call(self, fn: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        worker = self._idle.get()
        try:
            if self._stopped:
                raise WorkerLostError("the sweep was stopped")
            return worker.call(fn, args, kwargs)
        except BrokenProcessPool:
            worker.stop()
            raise WorkerLostError(
                "its worker process was killed or crashed (the kernel kills one when memory runs "
                "out: `dmesg` tells)"
            ) from None
        finally:
            self._idle.put(worker)


_SIGINT = {signal.SIGINT}


class _Worker:
    """One process, started when first needed, and again after it was lost."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pool: ProcessPoolExecutor | None = None
        self._leash: Connection | None = None

    def call(self, fn: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        with self._lock:
            if self._pool is None:
                end, self._leash = multiprocessing.Pipe(duplex=False)
                self._pool = ProcessPoolExecutor(
                    1,
                    # A fork would copy PyTorch's threads in whatever state they are.
                    mp_context=multiprocessing.get_context("spawn"),
                    initializer=_watch,
                    initargs=(end,),
                )
            future = self._pool.submit(fn, *args, **kwargs)
        return future.result()

    def kill(self) -> None:
        """End the process, whatever it does."""
        with self._lock:
            if self._leash is not None:
                self._leash.close()

    def stop(self) -> None:
        """:meth:`kill`, and wait for the end, so that this process can end cleanly too."""
        self.kill()
        with self._lock:
            if self._pool is not None:
                # Else Python, on its way out, may wake the pool's thread through a closed pipe.
                self._pool.shutdown(wait=True)
            self._pool = self._leash = None


def _watch(leash: Connection) -> None:
    """End this process when the other end of the pipe is closed, as it is when its owner dies.

    By itself a worker whose parent was killed would wait for work forever.
    """

    def wait() -> None:
        try:
            leash.recv_bytes()
        except (EOFError, OSError):
            os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
