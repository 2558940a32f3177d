"""What comes of holding one side against another, in words: B less A."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sweeplab.report.text.answer import covered
from sweeplab.statistics.design import POWER
from sweeplab.statistics.paired import Paired
from sweeplab.sweeps.sides import Apart
from sweeplab.words import (
    change,
    count,
    example,
    examples,
    knob_name,
    listed,
    number,
    numbers,
    replicates,
    value_text,
)

FEW = 5  # values that are named one by one
NAMED = 2  # keys that are named in the first sentence
MEASURING = ("eval_every", "eval_train")  # which change no training
LEAST = 0.0005  # of an accuracy: less reads 0.000


@dataclass(frozen=True)
class Compared:
    """The answer of a comparison on one validation set."""

    lead: str  # the first sentence
    findings: list[str]  # what belongs to it
    cautions: list[str]  # to know before believing it
    how: str  # how the numbers were got, and what they cover


def compared(found: Paired, differ: Sequence[Apart], code: Sequence[str]) -> Compared:
    """Say what ``paired`` found.

    Args:
        found: of the two sides.
        differ: the keys in which they differ.
        code: what else differs in how they were trained, in words.
    """
    pairs = len(found.pairs)
    lead = _lead(found, differ) if pairs else _nothing_shared(found, differ)
    findings = [*_single(found), *_best(found), *_diverged(found)]
    return Compared(lead, findings, _cautions(found, differ, code), _how(found) if pairs else "")


def values_text(values: Sequence[object]) -> str:
    """``0.1``, ``0.1 and 1``, ``8 values from 0.01 to 1``."""
    texts = [value_text(value) for value in values]
    if len(texts) <= FEW:
        return listed(texts)
    return f"{len(texts)} values from {texts[0]} to {texts[-1]}"


def _names(differ: Sequence[Apart]) -> tuple[str, str]:
    """What A and B are called: with the values that tell them apart, where these are few."""
    planted = [each for each in differ if each.planted and each.key not in MEASURING]
    if not 0 < len(planted) <= NAMED:
        return "A", "B"
    left = " and ".join(f"{knob_name(one.key)} {value_text(one.left[0])}" for one in planted)
    right = " and ".join(f"{knob_name(one.key)} {value_text(one.right[0])}" for one in planted)
    return f"A ({left})", f"B ({right})"


def _lead(found: Paired, differ: Sequence[Apart]) -> str:
    same, of = found.same
    if of and same == of:
        runs = "run" if of == 1 else f"{of:,} runs"
        return f"They are the same: the {runs} that both have are alike to the last bit."
    average, pairs = found.average, len(found.pairs)
    a, b = _names(differ)
    on = f", on average over the {pairs:,} settings that both have" if pairs > 1 else ""
    if average.clear:
        better = "better" if average.estimate > 0 else "worse"
        low, high = sorted((abs(average.low), abs(average.high)))
        by = change(abs(average.estimate), low, high).replace("+", "")
        return f"{b} is {better} than {a} by {by}{on}."
    least = number(max(found.detectable, LEAST))
    start = "On average no" if pairs > 1 else "No"
    where = f" in the {pairs:,} settings that both have" if pairs > 1 else ""
    seen = f"{start} difference between {a} and {b} could be seen{where}"
    return f"{seen}; one of over {least} would have been."


def _nothing_shared(found: Paired, differ: Sequence[Apart]) -> str:
    none = [each for each in differ if not each.common and not each.planted]
    if found.unpaired:
        return (
            f"Nothing can be compared: in the {count(found.unpaired, 'setting')} that both have, "
            "no run ended on both sides."
        )
    names = listed([knob_name(each.key) for each in none or differ])
    return f"They share no setting, so nothing can be paired: they differ in {names}."


def _single(found: Paired) -> list[str]:
    pairs = found.pairs
    if len(pairs) == 0:
        return []
    average = found.average
    by = change(average.estimate, average.low, average.high)
    # The first sentence has it where it is clear.
    mean = [] if average.clear else [f"B less A is {by} of accuracy, with 95 % confidence."]
    if len(pairs) == 1:
        row = pairs.iloc[0]
        a, b = numbers(row["A"], row["B"])
        return [f"A reaches {a}, B {b}.", *mean]
    clear = pairs[pairs["clear"].astype(bool)]
    if not len(clear):
        return [*mean, f"In none of the {len(pairs):,} settings by itself is the difference clear."]
    parts = []
    for word, ones in (
        ("better", clear[clear["difference"] > 0]),
        ("worse", clear[clear["difference"] < 0]),
    ):
        if n := len(ones):
            of = f"all {n:,}" if n == len(pairs) else f"{n:,} of the {len(pairs):,}"
            by = number(ones["difference"].abs().max())
            parts.append(f"clearly {word} in {of}, by up to {by}")
    return [*mean, f"Setting by setting, B is {' and '.join(parts)}."]


def _best(found: Paired) -> list[str]:
    if not all(found.settings) or max(found.settings) == 1:
        return []
    a, b = numbers(*found.reached)
    best = found.best
    chance = "" if best.clear else "; that may be chance"
    by = change(best.estimate, best.low, best.high)
    return [f"The best setting of A reaches {a}, the best of B {b}: {by}{chance}."]


def _diverged(found: Paired) -> list[str]:
    left, right, both = found.diverged
    parts = [
        f"{n:,} {where}"
        for n, where in ((left, "in A alone"), (right, "in B alone"), (both, "in both"))
        if n
    ]
    if not parts:
        return []
    said = f"Of the runs that both have, {listed(parts)} diverged"
    if found.survivors:
        return [f"{said}; the seeds that did are left out on both sides."]
    if not found.unpaired:
        return [f"{said}."]
    settings = count(found.unpaired, "setting")
    return [f"{said}; {settings} with such a run {_is(found.unpaired)} not compared."]


def _is(number_of: int) -> str:
    return "is" if number_of == 1 else "are"


def _cautions(found: Paired, differ: Sequence[Apart], code: Sequence[str]) -> list[str]:
    said = []
    planted = [knob_name(each.key) for each in differ if each.planted and each.key not in MEASURING]
    if len(planted) > 1:
        said.append(
            f"They differ in {listed(planted)}: which of them makes a difference cannot be told."
        )
    if code:
        besides = " besides" if planted else ""
        said.append(f"They were{besides} not trained by the same means: {'; '.join(code)}.")
    if not len(found.pairs):
        return said
    chance = found.chance
    if not found.seeds_shared:
        said.append(
            "They share no seed: luck of the seeds does not cancel, and intervals are wider."
        )
    if chance.most == 1 and not chance.draws:
        said.append("One seed alone: what another seed would do is not known.")
    if chance.images and not chance.paired:
        said.append(
            f"Which {examples()} were right is not known of all runs: the two are not compared "
            f"{example()} by {example()}, and intervals are wider."
        )
    if found.survivors:
        said.append("Seeds that diverged are left out, which flatters the side that they are of.")
    if found.left_out:
        runs, was = count(found.left_out, "run"), "was" if found.left_out == 1 else "were"
        said.append(f"{runs} that failed or {was} stopped early {_is(found.left_out)} left out.")
    return said


def _how(found: Paired) -> str:
    chance = found.chance
    most = int(found.pairs["seeds"].max())
    seeds = replicates(most, draws=chance.draws)
    kind = "draws" if chance.draws else "seeds"
    same = f", the same {kind} on both sides" if found.seeds_shared and most > 1 else ""
    images = count(chance.images, f"validation {example()}") if chance.images else ""
    by = (
        f", {example()} by {example()} on {images}"
        if chance.paired
        else f", on {images}"
        if images
        else ""
    )
    said = [
        f"Differences are B less A in validation accuracy after the last iteration: means over "
        f"{seeds}{same}{by}.",
        f"Intervals are 95 %; they cover {covered(chance)}.",
    ]
    if not chance.draws:
        said.append(f"No interval covers which training {examples()} there were.")
    if len(found.pairs) > 1:
        said += [
            "The interval of the average stands by itself; those of single settings hold all at "
            "once, and “clearly” is said by them.",
            "The best of each side is compared as a report of both would do it, counting that the "
            "best were picked.",
        ]
    said.append(
        f"What “would have been” seen is the true difference that is found in {POWER:.0%} of "
        "cases.".replace("%", " %")
    )
    return " ".join(said)
