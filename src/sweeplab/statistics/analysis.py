"""The whole analysis of a sweep in one call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from sweeplab.statistics import checks
from sweeplab.statistics.answer import answer
from sweeplab.statistics.curve_checks import training_length
from sweeplab.statistics.effects import knob_effects, knob_tests
from sweeplab.statistics.importance import importance
from sweeplab.statistics.noise import noise
from sweeplab.statistics.optimism import optimism
from sweeplab.statistics.predictions import Correct
from sweeplab.statistics.questions import questions
from sweeplab.statistics.recommend import candidates, examples_seen, recommend
from sweeplab.statistics.replicates import (
    VALIDATION_SET,
    replicates,
    validation_set,
    varied,
)
from sweeplab.statistics.settings import settings
from sweeplab.statistics.tied import tied_set
from sweeplab.statistics.words import Finding
from sweeplab.statistics.words import setting as setting_words
from sweeplab.sweeps.settings import setting_numbers


@dataclass(frozen=True, eq=False)
class Analysis:
    """What a sweep says. Frames carry ``validation_set``, and number settings by ``setting``.

    Accuracies on different validation sets do not compare. When a sweep has several, each is
    analysed by itself in ``parts``; the frames here hold all of them one below the other, with
    settings numbered within their set, and ``recommended`` is None.
    """

    knobs: list[str]  # those that vary
    settings: pd.DataFrame  # see settings()
    tied: pd.DataFrame  # see tied_set(), with the knobs; the settings compared
    recommended: dict[str, Any] | None  # the knobs' values, and "setting"
    importance: pd.DataFrame  # see importance()
    effects: pd.DataFrame  # see knob_effects()
    tests: pd.DataFrame  # see knob_tests()
    optimism: pd.DataFrame  # see optimism()
    findings: list[Finding]
    answer: list[str]
    questions: dict[str, str]  # by knob, and "data.train_size × optimizer.weight_decay"
    chance: str  # which chance the comparisons cover
    parts: dict[str, Analysis] = field(default_factory=dict)  # by validation set, if several


def analyse(
    runs: pd.DataFrame,
    curves: pd.DataFrame,
    knobs: Sequence[str],
    correct: Correct | None = None,
) -> Analysis:
    """Everything that the report says about a sweep.

    Args:
        runs: one row a run: ``run``, ``status`` (completed, diverged, failed), the dotted keys of
            its configuration, ``seed``, ``iterations``, ``final_iteration``, ``best_iteration``,
            ``final_val_accuracy``, ``best_val_accuracy``, ``error``.
        curves: ``run``, ``iteration``, ``val_accuracy``; may be empty.
        knobs: the configuration keys that were swept, without the seed.
        correct: for each row of ``runs``, in order, whether each of M validation images was
            classified rightly (bool ``[M]``) or None; see :func:`~.predictions.read_correct`.
            Without it, settings are compared less sharply.
    """
    runs = runs.reset_index(drop=True)
    known = list(correct) if correct is not None else None
    sets = validation_set(runs)
    labels = list(dict.fromkeys(sets))
    if len(labels) < 2:
        return _analyse_one(runs, curves, varied(runs, knobs), known, "".join(labels))
    parts = {}
    for label in labels:
        rows = np.flatnonzero((sets == label).to_numpy())
        part = runs.iloc[rows].reset_index(drop=True)
        inner = [knob for knob in varied(part, knobs) if knob not in VALIDATION_SET]
        mine = [known[row] for row in rows] if known is not None else None
        parts[label] = _analyse_one(part, curves, inner, mine, label)
    return _together(parts, runs, knobs)


def _analyse_one(
    runs: pd.DataFrame,
    curves: pd.DataFrame,
    knobs: list[str],
    correct: Correct | None,
    label: str,
) -> Analysis:
    table = settings(runs, knobs)
    # A failed sweep has rows but nothing to compare; empty frames keep their columns.
    model = noise(replicates(runs, knobs, correct))
    eligible = [k for k in candidates(table) if model.counts[k] > 0]
    tied = tied_set(model, eligible)
    chosen = recommend(table, tied, knobs, examples_seen(runs, knobs)) if eligible else None
    luck = optimism(model, eligible)
    importances = importance(model, table, knobs)
    effects = knob_effects(model, table, knobs, eligible)
    tests = knob_tests(model, table, knobs, eligible)
    findings = [
        *checks.nothing_completed(runs),
        *checks.failed(runs),
        *checks.diverged(runs),
        *checks.repeats(runs, knobs),
        *checks.seeds(model, tied),
        *checks.edges(model, effects, tests),
    ]
    if chosen is not None:
        among = tied.loc[tied["tied"].astype(bool), "setting"].astype(int).tolist()
        words = setting_words(chosen, knobs)
        numbers = setting_numbers(runs, knobs)
        findings += training_length(runs, curves, numbers, among, chosen["setting"], words)
    findings += checks.no_effect(tests)
    if model.by_image is None and chosen is not None and len(table) > 1:
        text = (
            "Which images each run classified rightly is not known, so settings are compared by "
            "their accuracies alone, as if each had its own images: fewer differences are found."
        )
        findings.append(Finding("unpaired", text, "warning"))
    if len(tied):
        tied = tied.merge(table[["setting", *knobs]], on="setting", how="left")
    return Analysis(
        knobs=knobs,
        settings=table.assign(validation_set=label),
        tied=tied.assign(validation_set=label),
        recommended=chosen,
        importance=importances.assign(validation_set=label),
        effects=effects.assign(validation_set=label),
        tests=tests.assign(validation_set=label),
        optimism=luck.assign(validation_set=label),
        findings=findings,
        answer=answer(model, table, tied, chosen, luck, knobs),
        questions=questions(model, table, effects, tests, knobs, eligible),
        chance=model.chance,
    )


def _together(parts: dict[str, Analysis], runs: pd.DataFrame, knobs: Sequence[str]) -> Analysis:
    said = [
        f"The runs were validated on {len(parts)} different sets of images "
        f"({'; '.join(parts)}); accuracies are compared within each only."
    ]
    return Analysis(
        knobs=varied(runs, knobs),
        settings=_stacked([part.settings for part in parts.values()]),
        tied=_stacked([part.tied for part in parts.values()]),
        recommended=None,
        importance=_stacked([part.importance for part in parts.values()]),
        effects=_stacked([part.effects for part in parts.values()]),
        tests=_stacked([part.tests for part in parts.values()]),
        optimism=_stacked([part.optimism for part in parts.values()]),
        findings=[
            Finding("data_sets", said[0], "note"),
            *(
                Finding(found.kind, f"On {label}: {found.text}", found.severity)
                for label, part in parts.items()
                for found in part.findings
            ),
        ],
        answer=said
        + [f"On {label}: {line}" for label, part in parts.items() for line in part.answer],
        questions={
            f"{knob} ({label})": f"On {label}: {text}"
            for label, part in parts.items()
            for knob, text in part.questions.items()
        },
        chance="; ".join(f"{label}: {part.chance}" for label, part in parts.items()),
        parts=parts,
    )


def _stacked(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    full = [frame for frame in frames if len(frame)]
    return pd.concat(full, ignore_index=True) if full else frames[0]
