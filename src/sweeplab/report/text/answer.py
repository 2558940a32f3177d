"""Which setting to use, which others could be the best, and what to expect of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sweeplab.statistics.analysis import Analysis
from sweeplab.statistics.chance import Chance
from sweeplab.statistics.intervals import Interval
from sweeplab.sweeps.settings import METRIC, typical_run
from sweeplab.sweeps.tables import Sweep
from sweeplab.words import count, example, examples, number, numbers, replicates, setting_text

# What statistics.recommend does.
RULE = (
    "Of equal means the one is taken whose neighbours, one step away in one knob, have the highest "
    "mean, then the one that sees the fewest training examples."
)
FULL_NAMES = 4  # knobs of a setting; of more the short names are used


def one_setting(part: Sweep, analysis: Analysis) -> str:
    """Which setting to use, with the run that stands for it; nothing where there was no choice."""
    run = typical_run(part.runs, part.knobs, analysis.recommended)
    if run is None or len(part.settings) < 2:
        return ""
    return f"If you want one setting, use {setting(run.to_dict(), part.knobs)} (run {run['run']})."


def could_be_best(analysis: Analysis) -> str:
    """How many settings could be the best, and how far down they reach; nothing where one ran."""
    k, n = len(analysis.could_be_best), len(analysis.tied)
    if n < 2:
        return ""
    if k == 1:
        return f"With 95 % confidence no other of the {n:,} settings is better."
    low, high = numbers(analysis.lowest, analysis.tied["mean"].max())
    means = f"accuracies are {low} to {high}" if low != high else f"accuracies are all {high}"
    which = f"{k:,} of {n:,}"
    if k == n:
        which = f"All {n:,}" if n > 2 else "Both"
    return f"{which} settings could be the best: their {means}."


def answer(part: Sweep, analysis: Analysis) -> list[str]:
    """What is said of any sweep after the answer to its question."""
    if analysis.recommended is None:
        return []
    row = row_of(part, analysis.recommended)
    said = []
    if row["diverged"]:
        said.append(
            f"Every setting diverged with some seed; this one did in {row['diverged']} of "
            f"{count(row['runs'], 'run')}, and its mean is over the others."
        )
    if (outside := len(part.settings) - len(analysis.tied)) > 0:
        said.append(
            f"{count(outside, 'setting')} that diverged with some seed, or gave no result, "
            f"{'is' if outside == 1 else 'are'} not compared."
        )
    return [*said, *_expect(analysis, row[METRIC])]


def how(analysis: Analysis) -> str:
    """How the numbers were got, what their intervals cover, and by which rule one is chosen."""
    if analysis.recommended is None:
        return ""
    chance = analysis.chance
    seeds = f"means over {_seeds(chance)}" if chance.most > 1 else "of one seed"
    said = [f"Accuracies are {seeds}, measured after the last iteration{_images(chance)}."]
    if analysis.effects["knob"].nunique() > 1:
        said.append("Of a value of one knob the best is shown that other knobs allow.")
    said.append(f"Intervals are 95 %; they cover {covered(chance)}.")
    if not chance.draws:
        said.append(f"No interval covers which training {examples()} there were.")
    if len(analysis.tied) > 1:
        said += [
            "“Clearly” and “could be the best” are said at 95 % confidence, and count that "
            f"{len(analysis.tied):,} settings were compared.",
            *_ruled_out(analysis),
            f"The setting to use is that of the highest mean. {RULE}",
        ]
    if chance.most > 1:
        said.append("The run that is named is the middle one of its setting's runs.")
    return " ".join(said)


def _ruled_out(analysis: Analysis) -> list[str]:
    """Why settings are left out that did better than some that are not, where there are any."""
    tied = analysis.tied["tied"].astype(bool)
    above = int((~tied & (analysis.tied["mean"] > analysis.lowest)).sum())
    if not above:
        return []
    means, whose = ("its mean is", "its") if above == 1 else ("their means are", "their")
    return [
        f"{count(above, 'setting')} {'is' if above == 1 else 'are'} ruled out though {means} above "
        f"the lowest that could be the best: {whose} distance from the best is better known."
    ]


def covered(chance: Chance) -> str:
    """Which chance the comparisons cover."""
    luck = f"training {examples()}" if chance.draws else "seeds"
    if chance.images is None:
        return f"the choice of the {luck}, not of the validation {examples()}"
    images = f"the choice of the {count(chance.images, f'validation {example()}')}"
    if chance.most > 1:
        return f"{images} and of the {luck}"
    return f"{images}{' and of the last iterations' if chance.steps else ''}, not of the seed"


def setting(values: Mapping[Any, Any], knobs: Sequence[str]) -> str:
    """``learning rate = 0.1, batch size = 64``; without knobs "the one setting that ran"."""
    text = setting_text(values, knobs, short=len(knobs) > FULL_NAMES)
    return text or "the one setting that ran"


def row_of(part: Sweep, number_of: int) -> dict[Any, Any]:
    """The row of a setting in ``part.settings``."""
    [row] = part.settings[part.settings["setting"] == number_of].to_dict("records")
    return row


def within(interval: Interval) -> str:
    """``0.802 (0.767 to 0.833)``."""
    estimate, low, high = numbers(interval.estimate, interval.low, interval.high)
    return f"{estimate} ({low} to {high})"


def _expect(analysis: Analysis, reached: float) -> list[str]:
    new = f"new {examples()}"
    if analysis.chance.most > 1:
        new = (
            f"new training and validation {examples()}"
            if analysis.chance.draws
            else f"{new} and seeds"
        )
    if analysis.expected is None:
        if analysis.accuracy is None:
            return []
        return [f"On {new}, expect an accuracy of {within(analysis.accuracy)}."]
    said = f"On {new}, expect {within(analysis.expected)}"
    lost = max(reached - analysis.expected.estimate, 0.0)
    if number(lost) == number(0):
        return [f"{said}."]
    return [f"{said}; the highest of {len(analysis.tied):,} is {number(lost)} too high by luck."]


def _seeds(chance: Chance) -> str:
    same = chance.fewest == chance.most
    number_of = chance.most if same else f"{chance.fewest} to {chance.most}"
    return replicates(number_of, draws=chance.draws)


def _images(chance: Chance) -> str:
    return f", on {count(chance.images, f'validation {example()}')}" if chance.images else ""
