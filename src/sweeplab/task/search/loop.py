"""Searching: suggest a batch of settings, train them all at once, learn from them, and again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any

from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext
from omegaconf import DictConfig, OmegaConf

from sweeplab.config import KNOBS, RunConfig, flatten
from sweeplab.data import resolve
from sweeplab.errors import ConfigError
from sweeplab.execute.files import WHOLE, Rung
from sweeplab.runs.record import RunRecord
from sweeplab.sweeps.find import complete_runs
from sweeplab.sweeps.folder import SweepFolder
from sweeplab.task.claim import claim, name_folder
from sweeplab.task.compose import Job, composer
from sweeplab.task.conditions import parse_condition
from sweeplab.task.grid import Space
from sweeplab.task.left_out import held_by, invalid
from sweeplab.task.prepare import Asked, Prepared, Request, prepare, sweep_folder
from sweeplab.task.search.axes import Params, SearchSpace, params_of, search_space
from sweeplab.task.search.halving import let_be, measured, refuse_halving
from sweeplab.task.search.how import Search, usual_batch
from sweeplab.task.search.study import Study, Trial, quietly
from sweeplab.task.search.suggest import suggest
from sweeplab.task.sweep import conclude, train
from sweeplab.terminal import say
from sweeplab.words import count, setting_text

ATTEMPTS = 50  # suggestions for a setting before the conditions are said to leave none
# What a diverged run counts as: worse than any that did not diverge.
DIVERGED = {"accuracy": 0.0, "loss": 100.0}


def search(
    *,
    context: HydraContext,
    launcher: Launcher,
    master: DictConfig,
    space: Space,
    how: Search,
    arguments: Sequence[str],
    report: bool,
) -> Any:
    """Try settings until the budget is spent, then write the sweep's tables and report.

    A setting is tried with every seed and judged by the mean of its runs. The journal in the
    sweep's folder holds what was tried, so that the same command goes on after any end.

    Ends the process with exit code 1, after all the rest, when a run failed.
    """
    how.check()
    asked = search_space(context.config_loader, space, arguments)
    trying = _Trying(context, launcher, master, asked, how, _refusal(context, master, asked, space))
    like = trying.like()
    if how.halving is not None:
        refuse_halving(how.halving, like, asked, launcher)
    batch = how.batch or usual_batch(how, len(asked.replicates), like.epochs)
    trying = replace(trying, how=replace(how, batch=batch))
    with quietly():
        first = trying.suggestions([], [])
        jobs = [job for params, reason in first if not reason for job in asked.jobs(params)]
        if OmegaConf.select(master, "hydra.launcher.dry_run"):
            returns = train(launcher, trying.request(jobs))
            say(f"These would be the first of {count(how.budget, 'setting')}.")
            return returns
        folder = sweep_folder(master)
        if not folder.study.exists():
            prepare(
                trying.request(jobs)
            )  # so that what is wrong is said before anything is written
            claim(folder, master)
            folder = sweep_folder(master)
            name_folder(master, folder.path)
        returns = trying.until_spent(folder)
    conclude(returns, master, report=report)
    return returns


@dataclass(frozen=True)
class _Trying:
    """What every batch needs."""

    context: HydraContext
    launcher: Launcher
    master: DictConfig
    space: SearchSpace
    how: Search
    refusal: Callable[[Params], str]  # why a setting is not to be trained; else nothing

    def request(self, jobs: Sequence[Sequence[str]]) -> Request:
        return Request(self.context.config_loader, self.master, jobs)

    def until_spent(self, folder: SweepFolder) -> list[JobReturn]:
        """Try batch after batch; the results of all jobs."""
        folder.path.mkdir(parents=True, exist_ok=True)
        study = Study(folder.study, self.space.axes, self.how.direction)
        if not study.ready:
            study.start_from(self.found(folder))
        returns: list[JobReturn] = []
        while batch := self.next_batch(study):
            trained = [trial for trial in batch if not trial.left_out]
            tried = sum(not t.left_out and t.batch is not None for t in study.trials())
            say(f"\nSettings {tried - len(trained) + 1} to {tried} of {self.how.budget}:")
            for rung in self.rungs:
                ended, trained = self.climb(study, trained, rung)
                returns += ended
                if any(job.status == JobStatus.FAILED for job in ended):
                    return returns  # the same command tries them again
            for trial in batch:
                if trial.left_out and not trial.finished:
                    study.tell(trial.number, None)
            self.say_best(study)
        return returns

    @property
    def rungs(self) -> list[Rung]:
        """What settings are trained in, one after another: all at once without halving."""
        halving = self.how.halving
        return [WHOLE] if halving is None else halving.rungs(self.like().epochs)

    def climb(
        self, study: Study, trials: list[Trial], rung: Rung
    ) -> tuple[Sequence[JobReturn], list[Trial]]:
        """Train a rung, and tell the study; the results of its jobs, and the trials that go on."""
        end, halving = rung.end, self.how.halving
        jobs = [job for trial in trials for job in self.space.jobs(trial.params)]
        request = replace(self.request(jobs), rung=rung)
        ended: Sequence[JobReturn] = []
        # A rung that was told whole is not trained again, whatever was pruned since.
        if end is None or any(end not in trial.at for trial in trials):
            if halving is not None:
                say(f"{count(len(trials), 'setting')} to epoch {end or self.like().epochs}:")
            ended = train(self.launcher, request)
            if any(job.status == JobStatus.FAILED for job in ended):
                return ended, []
        prepared, each = prepare(request), len(self.space.replicates)
        runs = {
            trial.number: prepared.jobs[place * each : (place + 1) * each]
            for place, trial in enumerate(trials)
        }
        values = {
            trial.number: trial.at[end]
            if end is not None and end in trial.at
            else fmean(self.value(prepared, one, end) for one in runs[trial.number])
            for trial in trials
        }
        if end is None or halving is None:
            for trial in trials:
                if not trial.finished:
                    study.tell(trial.number, values[trial.number])
            return ended, trials
        for trial in trials:
            if end not in trial.at:
                study.note(trial.number, end, values[trial.number])
        sign = 1 if self.how.direction == "maximize" else -1
        best = sorted(trials, key=lambda trial: -sign * values[trial.number])
        kept = {trial.number for trial in best[: halving.kept(len(trials))]}
        stopped = [trial for trial in trials if trial.number not in kept]
        let_be([one.run for trial in stopped for one in runs[trial.number]])
        for trial in stopped:
            if not trial.finished:
                study.stop(trial.number)
        return ended, [trial for trial in trials if trial.number in kept]

    def next_batch(self, study: Study) -> list[Trial]:
        """The trials of the batch to train next; the rest of one that was not told whole."""
        trials = [trial for trial in study.trials() if trial.batch is not None]
        begun = [trial.batch or 0 for trial in trials if not trial.finished]
        number = min(begun, default=max((trial.batch or 0 for trial in trials), default=-1) + 1)
        before = [trial for trial in trials if (trial.batch or 0) < number]
        here = [trial for trial in trials if trial.batch == number]
        if not any(trial.finished for trial in here):
            for params, reason in self.suggestions(before, here, study):
                study.plan(params, number, reason)
            study.begin()
        return [trial for trial in study.trials() if trial.batch == number]

    def suggestions(
        self, before: Sequence[Trial], here: Sequence[Trial], study: Study | None = None
    ) -> list[tuple[Params, str]]:
        """The settings that a batch still lacks, each with the reason if it is not to be trained.

        Args:
            before: the trials of earlier batches.
            here: those of this one, as far as they were planned before a kill.
        """
        tried = sum(not trial.left_out for trial in before)
        wanted = min(self.how.batch or 1, self.how.budget - tried)
        told = study.told() if study is not None else []
        pending = [trial.params for trial in here]
        left = wanted - sum(not trial.left_out for trial in here)
        suggested: list[tuple[Params, str]] = []
        for _ in range(ATTEMPTS * wanted):
            if left <= 0:
                return suggested
            params = suggest(
                self.how.method,
                self.space.axes,
                self.how.seed,
                len(before) + len(pending),
                told,
                pending,
                self.how.direction,
            )
            reason = self.refusal(params)
            pending.append(params)
            suggested.append((params, reason))
            left -= not reason
        if wanted <= 0:
            return []
        raise ConfigError(
            f"Nearly every setting that the search suggests is left out, the last because: "
            f"{suggested[-1][1]}. Narrow the ranges, so that most settings can be trained."
        )

    def found(self, folder: SweepFolder) -> list[tuple[Params, float]]:
        """The settings in the folder that the search could have chosen, with their results."""
        chosen = {axis.key for axis in self.space.axes}
        free = chosen | {key for key, knob in KNOBS.items() if knob.role != "knob"}
        same = {key: value for key, value in flatten(self.like()).items() if key not in free}
        values: dict[tuple[Any, ...], list[float]] = {}
        settings: dict[tuple[Any, ...], Params] = {}
        for _, record in complete_runs(folder).values():
            config = flatten(record.config)
            params = params_of(self.space.axes, config)
            if params is not None and all(config[key] == value for key, value in same.items()):
                setting = tuple(params.values())
                settings[setting] = params
                values.setdefault(setting, []).append(self.final(record))
        return [
            (settings[setting], fmean(values[setting])) for setting in sorted(settings, key=repr)
        ]

    def like(self) -> RunConfig:
        """The configuration of some setting: all have in common what is not searched for."""
        compose = composer(self.context.config_loader, self.master)
        job = compose(self.space.jobs(self.suggestions([], [])[0][0])[0])
        assert isinstance(job, Job)
        return replace(job.config, data=resolve(job.config.data))

    def value(self, prepared: Prepared, asked: Asked, end: int | None) -> float:
        """What a run is judged by, after ``end`` epochs or at its end."""
        record = prepared.complete.get(asked.identity.signature)
        if record is None or end is None:
            return self.final(record)
        value = measured(asked.run, self.how.metric, end)
        return DIVERGED[self.how.metric.split("_")[-1]] if value is None else value

    def final(self, record: RunRecord | None) -> float:
        """What a run is judged by at its end."""
        which, _, metric = self.how.metric.partition("_")
        measured = record and getattr(record, which)
        if measured is None:
            return DIVERGED[metric.split("_")[-1]]
        return float(getattr(measured, metric))

    def say_best(self, study: Study) -> None:
        """The best setting so far, in a line."""
        if (best := study.best()) is not None:
            params, value = best
            keys = [axis.key for axis in self.space.axes]
            name = self.how.metric.replace("_val_", "_validation_").replace("_", " ")
            say(f"Best so far: mean {name} {value:.4f} with {setting_text(params, keys)}.")


def _refusal(
    context: HydraContext, master: DictConfig, asked: SearchSpace, space: Space
) -> Callable[[Params], str]:
    """Why a setting is left out: a condition holds, or it breaks a rule between its values."""
    conditions = [parse_condition(text) for text in space.exclude]
    compose = composer(context.config_loader, master)

    def refusal(params: Params) -> str:
        job = compose(asked.jobs(params)[0])
        if isinstance(job, str):  # so would every other
            raise ConfigError(f"{' '.join(asked.jobs(params)[0])}: {job}")
        return held_by(job, conditions) or invalid(job)

    return refusal
