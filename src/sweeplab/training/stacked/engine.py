"""``train_stack``: panels of runs, side by side on the cores there are."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from queue import SimpleQueue

import torch

from sweeplab.config import RunConfig, check
from sweeplab.data import Dataset
from sweeplab.errors import ConfigError
from sweeplab.model import initial_weights
from sweeplab.results import RunResult
from sweeplab.training.obeyed import refuse_others
from sweeplab.training.part import WHOLE, Part
from sweeplab.training.schedule import evaluated_of, is_evaluated
from sweeplab.training.stacked.forms import by_scores, state_bytes
from sweeplab.training.stacked.grouping import plan_panels, stack_key
from sweeplab.training.stacked.images import CompactImages, compact
from sweeplab.training.stacked.panel import Keep, TrainedRun, train_panel
from sweeplab.training.stacked.spread import Spread
from sweeplab.training.stacked.weights import OBEYED, unused_factor

# Called after an evaluation with its iteration, and with the validation accuracy of each run that
# goes on, by its position in the stack. Panels train side by side, each in a thread of its own.
Watch = Callable[[int, Mapping[int, float]], None]


def train_stack(
    configs: Sequence[RunConfig], dataset: Dataset, part: Part = WHOLE
) -> list[RunResult]:
    """Train runs together: what :func:`stream_stack` gives, in the order of ``configs``."""
    started = time.perf_counter()
    results = dict(stream_stack(configs, dataset, part=part))
    seconds = time.perf_counter() - started
    return [
        replace(results[position], seconds=seconds, stack_runs=len(configs))
        for position in range(len(configs))
    ]


def stream_stack(
    configs: Sequence[RunConfig],
    dataset: Dataset,
    watch: Watch | None = None,
    part: Part = WHOLE,
    keep: Keep | None = None,
) -> Generator[tuple[int, RunResult], None, None]:
    """Train runs together. On one machine each result is, bit for bit, what it would be alone.

    That holds for any number of runs, in any order, next to any neighbours, and for any number of
    threads. The results mean what ``train_one``'s do and agree with them to rounding, with one
    difference: an example whose true class shares the highest score counts as right here, while
    ``train_one`` takes the first class of the highest.

    Args:
        configs: any number of runs, equal in :func:`stack_key`. Learning rate, weight decay,
            momentum and seed are free.
        dataset: what ``sweeplab.data.load`` gives for their common ``data``.
        part: of their training. What is trained part by part has the bits of what is trained at
            once: a configuration says how long a run is, and a part only where it is cut.
        keep: called now and then with how far runs are, by their positions, so that a part can
            begin there. Each panel calls it from a thread of its own, and waits.

    Yields:
        Each run's position in ``configs`` and its result, a panel at a time, as soon as it is
        done, while the others train on. Its ``seconds`` count from the results before it. Closed
        early, the generator ends the training at once.

    Raises:
        ValueError: the configurations differ in what a stack must share, or are not for a data
            set of this size, or stop where there is no evaluation.
        ConfigError: a configuration breaks a rule, or asks for a GPU where there is none.
    """
    if not configs:
        return
    before = time.perf_counter()
    shared = _shared(configs, dataset, part)
    images = compact(dataset, _device(shared), evaluated_of(shared))
    with closing(_train(configs, images, watch, part, keep)) as finished:
        for panel, results in finished:
            now = time.perf_counter()
            for position, result in zip(panel, results, strict=True):
                yield position, replace(result, seconds=now - before, stack_runs=len(panel))
            before = now


def _shared(configs: Sequence[RunConfig], dataset: Dataset, part: Part) -> RunConfig:
    for config in configs:
        refuse_others(check(config), OBEYED, "train_stack")
    first, examples = configs[0], len(dataset.train_labels)
    for position, config in enumerate(configs):
        if stack_key(config) != stack_key(first):
            raise ValueError(
                "the runs of a stack must share data, batch_size, epochs, eval_every, eval_train "
                f"and device, but run {position} has {stack_key(config)} and run 0 has "
                f"{stack_key(first)}"
            )
    if first.data.train_size != examples:
        raise ValueError(
            f"the data set must have data.train_size = {first.data.train_size} training "
            f"examples, but has {examples}"
        )
    if not is_evaluated(part.end(first), first):
        raise ValueError(f"no evaluation falls on the end of epoch {part.until}")
    return first


def _device(config: RunConfig) -> torch.device:
    there = torch.cuda.is_available()
    if config.device == "cuda" and not there:
        raise ConfigError(
            "device is 'cuda', but PyTorch finds no GPU here. Set device to 'auto' or 'cpu'."
        )
    return torch.device("cuda" if there and config.device != "cpu" else "cpu")


def _train(
    configs: Sequence[RunConfig],
    images: CompactImages,
    watch: Watch | None,
    part: Part,
    keep: Keep | None,
) -> Generator[tuple[list[int], list[RunResult]], None, None]:
    """The positions of each panel's runs, with their results, as they are done.

    On the CPU each core trains panels of its own, on one thread: the work inside a panel is too
    small to be split (two threads can be slower than one, and far slower on a busy machine), and
    the number of threads cannot change any bits. PyTorch lets go of Python's lock while it
    computes.
    """
    stop = threading.Event()
    on_cpu = images.images.device.type == "cpu"
    threads = torch.get_num_threads() if on_cpu else 1
    largest = max(state_bytes(config, images.sizes) for config in configs)
    panels = plan_panels(configs, threads, largest, part)
    with (
        _threads_restored(),
        ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool,
        ExitStack() as ends,
    ):
        # Cores without a panel help one that has.
        spreads = [Spread(threads // len(panels)) for _ in range(min(threads, len(panels)))]
        for spread in spreads:
            ends.callback(spread.close)
        free: SimpleQueue[Spread] = SimpleQueue()
        for spread in spreads:
            free.put(spread)

        def train(panel: Sequence[int]) -> list[RunResult]:
            spread = free.get()
            try:
                chosen = [configs[i] for i in panel]
                watched, kept = _of_panel(watch, panel), _kept_of_panel(keep, panel)
                runs = train_panel(chosen, images, spread, stop, watched, part.of(panel), kept)
            finally:
                free.put(spread)
            # Here, on one thread: on several, PyTorch would wait for cores that are training.
            return [_result(*each, images) for each in zip(chosen, runs, strict=True)]

        if any(by_scores(config, images.sizes) for config in configs):
            everyone = Spread(threads)
            ends.callback(everyone.close)
            pool.submit(images.kernel, everyone).result()
        futures = {pool.submit(train, panel): panel for panel in panels}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        finally:
            # Reached early by an error or by Ctrl-C: then the panels in training give up too.
            stop.set()
            pool.shutdown(cancel_futures=True)


def _of_panel(watch: Watch | None, panel: Sequence[int]) -> Watch | None:
    """``watch`` for a panel, which knows its runs by their places in it."""
    if watch is None:
        return None
    return lambda iteration, by_place: watch(
        iteration, {panel[place]: accuracy for place, accuracy in by_place.items()}
    )


def _kept_of_panel(keep: Keep | None, panel: Sequence[int]) -> Keep | None:
    """``keep`` for a panel, as :func:`_of_panel`."""
    if keep is None:
        return None
    return lambda states: keep((panel[place], state) for place, state in states)


@contextmanager
def _threads_restored() -> Iterator[None]:
    threads = torch.get_num_threads()
    try:
        yield
    finally:
        # A worker's setting is also the default of threads started later, and MKL's everywhere.
        torch.set_num_threads(threads)


def _result(config: RunConfig, run: TrainedRun, images: CompactImages) -> RunResult:
    """What came of a run, without the time it took."""
    first, _ = initial_weights(config.seed, images.pixels, images.classes)
    # In float64: for a run about to diverge the factor can exceed what float32 holds.
    weight = (first.double() * unused_factor(config, run.last)).float()  # [C, D]
    weight[:, images.used] = run.weight[:, : len(images.used)]
    return RunResult(
        config=config,
        status="diverged" if run.diverged else "stopped" if run.state else "completed",
        curves=run.record.curves(last=run.last),
        weight=weight.numpy(),
        bias=run.weight[:, images.bias_feature].numpy().copy(),
        diverged_at=run.last if run.diverged else None,
        device=images.images.device.type,
        seconds=0,
        stack_runs=0,
        state=run.state,
    )
