"""The journal of a search, ``study.journal``: what was tried and told, in Optuna's own format."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState, create_trial

from sweeplab.errors import RunFolderError
from sweeplab.runs.files import LARGEST_JSON, read_regular
from sweeplab.task.search.axes import Axis, Params
from sweeplab.task.search.suggest import Direction, distributions

NAME = "sweeplab"
BATCH = "batch"  # of a trial's attributes: which batch it is of; none for one found in the folder
LEFT_OUT = "left out"  # why it was not trained, where it was not
READY = "ready"  # of the study's attributes: the runs found in the folder have all been added
PRUNED = TrialState.PRUNED
ENOUGH = 3  # settings more than axes that a rung must have to be learned from


@dataclass(frozen=True)
class Trial:
    """A setting that was tried, or is being tried."""

    number: int
    params: Params
    batch: int | None
    left_out: str
    finished: bool
    at: Mapping[int, float]  # its value after so many epochs, of a rung of halving


class Study:
    """What a search has tried so far. Every change is in the file before the method returns.

    Args:
        path: the journal; it is made if it is not there. A last line that a kill has torn is
            dropped: what it would have said is done again.

    Raises:
        RunFolderError: the file is no journal of this search.
    """

    def __init__(self, path: Path, axes: Sequence[Axis], direction: Direction) -> None:
        self.path, self.direction = path, direction
        self.choices = distributions(axes)
        _drop_torn_line(path)
        backend = JournalFileBackend(str(path), lock_obj=_Unlocked())  # type: ignore[arg-type]
        try:
            self.storage = JournalStorage(backend)
            self.study = optuna.create_study(
                storage=self.storage,
                study_name=NAME,
                direction=direction,
                load_if_exists=True,
            )
            known = self.study.get_trials(deepcopy=False)
        except (ValueError, KeyError, TypeError, AssertionError) as error:
            raise RunFolderError(
                f"{path} is no journal of a search ({error}). Move it away, and the search starts "
                "from the runs in the folder."
            ) from None
        other = [trial for trial in known if trial.distributions not in ({}, self.choices)]
        if other or self.study.direction.name.lower() != direction:
            raise RunFolderError(
                f"{path} is the journal of a search over other values or for another metric. Give "
                "the same ones, or a new folder: hydra.sweep.dir=FOLDER."
            )

    def trials(self) -> list[Trial]:
        """All of them, as they were asked for."""
        return [
            Trial(
                number=trial.number,
                params=trial.params or trial.system_attrs.get("fixed_params", {}),
                batch=trial.user_attrs.get(BATCH),
                left_out=trial.user_attrs.get(LEFT_OUT, ""),
                finished=trial.state.is_finished(),
                at=trial.intermediate_values,
            )
            for trial in self.study.get_trials(deepcopy=False)
        ]

    def told(self) -> list[FrozenTrial]:
        """Those whose result is known, for a sampler.

        Where halving stopped some, a sampler learns from the longest rung that has enough of them,
        as BOHB does (S. Falkner, A. Klein and F. Hutter, ICML 2018, section 3.1): results of
        different lengths do not compare.
        """
        known = self.study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, PRUNED))
        rungs: dict[float, list[FrozenTrial]] = {}
        for trial in known:
            reached: list[tuple[float, float | None]] = [*trial.intermediate_values.items()]
            if trial.state == TrialState.COMPLETE:
                reached.append((math.inf, trial.value))
            for epochs, value in reached:
                told = create_trial(params=trial.params, distributions=self.choices, value=value)
                rungs.setdefault(epochs, []).append(told)
        enough = [epochs for epochs in rungs if len(rungs[epochs]) >= len(self.choices) + ENOUGH]
        most = max(rungs, key=lambda epochs: len(rungs[epochs]), default=math.inf)
        return rungs.get(max(enough, default=most), [])

    def best(self) -> tuple[Params, float] | None:
        """The setting with the best result, and that."""
        told = self.study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        if not told:
            return None
        sign = 1 if self.direction == "maximize" else -1
        best = max(told, key=lambda trial: sign * float(trial.value or 0))
        return best.params, float(best.value or 0)

    @property
    def ready(self) -> bool:
        """Whether the runs found in the folder have all been added."""
        return bool(self.study.user_attrs.get(READY))

    def start_from(self, found: Sequence[tuple[Params, float]]) -> None:
        """Add what the folder held before there was a journal, once."""
        for params, value in found[len(self.study.get_trials(deepcopy=False)) :]:
            self.study.add_trial(
                create_trial(params=params, distributions=self.choices, value=value)
            )
        self.study.set_user_attr(READY, True)

    def plan(self, params: Params, batch: int, left_out: str) -> None:
        """Note that a setting is to be tried, or why it is not."""
        self.study.enqueue_trial(params, user_attrs={BATCH: batch, LEFT_OUT: left_out})

    def begin(self) -> None:
        """Let what is planned begin."""
        waiting = self.study.get_trials(deepcopy=False, states=(TrialState.WAITING,))
        for _ in waiting:
            self.study.ask(self.choices)

    def note(self, number: int, epochs: int, value: float) -> None:
        """Note the result of a trial so far."""
        study = self.storage.get_study_id_from_name(NAME)
        trial = self.storage.get_trial_id_from_study_id_trial_number(study, number)
        self.storage.set_trial_intermediate_value(trial, epochs, value)

    def stop(self, number: int) -> None:
        """Note that a trial goes no further."""
        self.study.tell(number, state=PRUNED)

    def tell(self, number: int, value: float | None) -> None:
        """Note the result of a trial; None for one that was left out."""
        state = None if value is not None else TrialState.FAIL
        self.study.tell(number, value, state=state)


class _Unlocked:
    """No lock: Optuna's own outlives a process that is killed, and the sweep's folder has one."""

    def acquire(self) -> bool:
        return True

    def release(self) -> None:
        pass


@contextmanager
def quietly() -> Iterator[None]:
    """Without the line that Optuna logs for each study and trial."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)


def _drop_torn_line(path: Path) -> None:
    try:
        text = read_regular(path, LARGEST_JSON)
    except FileNotFoundError:
        return
    whole = text.rfind(b"\n") + 1
    if whole < len(text):
        os.truncate(path, whole)
