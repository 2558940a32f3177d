"""What a knob does to the accuracy that can be reached: an answer, and the numbers behind it.

"Clearly" is said of what chance does not explain, by the one comparison that all sections read
(``statistics.comparisons``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sweeplab.config import KNOBS
from sweeplab.statistics.analysis import Analysis
from sweeplab.statistics.keys import SIZE
from sweeplab.words import (
    capital,
    change,
    count,
    examples,
    knob_name,
    listed,
    number,
    numbers,
    value_text,
)

Row = dict[Any, Any]

NAMED = 3  # values named one by one
TELLING = 0.005  # of accuracy, of a difference that chance may explain, to be told
ONCE = 0.5  # of a knob's values, with one setting each, from which it is not seen by itself
MOST_LISTED = 8  # values
LEAST = 0.001  # of accuracy, that is told in numbers
STEADY = 3  # values, from which on a rise is called steady


def knob_said(analysis: Analysis, knob: str) -> list[str]:
    """What ``knob`` does: the answer, at most 25 words, and then its numbers."""
    table = analysis.effects[analysis.effects["knob"] == knob]
    ran: list[Row] = table[table["best_mean"].notna()].to_dict("records")
    lost = [value_text(value) for value in table.loc[table["best_mean"].isna(), "value"]]
    where = listed(lost) if len(lost) <= MOST_LISTED else f"{len(lost)} other values"
    none_ran = [f"At {where} no setting ran to the end with every seed."] if lost else []
    if not ran:
        return [f"No value of the {knob_name(knob)} ran to the end with every seed.", *none_ran]
    if len(ran) == 1:
        [row] = ran
        only = f"{value_text(row['value'])} ran to the end with every seed"
        return [f"Only {knob_name(knob)} {only}: {number(row['best_mean'])}.", *none_ran]
    if analysis.effects["knob"].nunique() > 1 and (table["settings"] == 1).mean() > ONCE:
        return [*_tried_once(knob, ran), *none_ran]
    if not any(row["clear"] for row in ran):
        return [_no_clear_difference(analysis, knob, ran), *_lowest(ran), *none_ran]
    return [_clear(knob, ran), *_losses(knob, ran), *none_ran]


def _tried_once(knob: str, ran: Sequence[Row]) -> list[str]:
    """Of a search: a value that one setting had may have done well or badly for its other knobs."""
    good = [row["value"] for row in ran if not row["clear"]]
    said = [
        f"Most values of the {knob_name(knob)} were tried once, each with other values of the "
        "other knobs: what it does alone is not known."
    ]
    if not any(isinstance(value, str | bool) for value in good):
        first, last = value_text(min(good)), value_text(max(good))
        reach = first if first == last else f"{first} to {last}"
        said.append(f"The best setting, and those not clearly worse, have {reach}.")
    return said


def _no_clear_difference(analysis: Analysis, knob: str, ran: Sequence[Row]) -> str:
    name, reached = knob_name(knob), _reached(ran)
    tests = analysis.tests.set_index("knob")["effect"]
    if not tests.get(knob, False):
        return f"The {name} makes no clear difference: its values reach {reached}."
    if analysis.effects["knob"].nunique() == 1:
        return (
            f"No {name} is clearly worse than the best, though some differ clearly from each "
            f"other: they reach {reached}."
        )
    return (
        f"The best accuracy does not clearly depend on the {name} ({reached}); "
        "at some values of other knobs it matters."
    )


def _lowest(ran: Sequence[Row]) -> list[str]:
    """The value that is furthest below the best, which a reader sees and asks about."""
    row = min(ran, key=lambda row: row["best_mean"])
    if row["top"] or -row["difference"] < TELLING:
        return []
    return [
        f"The lowest, {value_text(row['value'])}, is "
        f"{change(row['difference'], row['low'], row['high'])} from the best; more seeds or "
        "validation data would tell whether that is chance."
    ]


def _clear(knob: str, ran: Sequence[Row]) -> str:
    name = knob_name(knob)
    top = _top(ran)
    known = KNOBS.get(knob)  # none for knobs that move together
    off = next((row for row in ran if known and row["value"] == known.off), None)
    with_, without = numbers(top["best_mean"], off["best_mean"]) if off is not None else ("", "")
    if off is not None and with_ != without:
        helps = "helps" if off["clear"] else "may help"
        chance = "" if off["clear"] else "; that may be chance"
        return (
            f"{capital(name)} {helps}: with {value_text(top['value'])} the accuracy is {with_}, "
            f"without it {without}{chance}."
        )
    ends = ran[0], ran[-1]
    start, end = ends if top is ends[1] else ends[::-1]
    means = [row["best_mean"] for row in ran]
    steady = means in (sorted(means), sorted(means, reverse=True)) and len(ran) >= STEADY
    if known and known.ordered and steady and start["clear"]:
        larger = "larger" if end is ran[-1] else "smaller"
        low, high = numbers(start["best_mean"], end["best_mean"])
        return (
            f"The {larger} the {name}, the better: from {value_text(start['value'])} to "
            f"{value_text(end['value'])} the accuracy rises from {low} to {high}."
        )
    worse = [row for row in ran if row["clear"]]
    close = [row for row in ran if not row["clear"] and not row["top"]]
    best = f"The best {name} is {value_text(top['value'])} ({number(top['best_mean'])})"
    if not close:
        others = "the other is" if len(worse) == 1 else "all others are"
        return f"{best}; {others} clearly worse."
    theirs = f"{value_text(worse[0]['value'])} is" if len(worse) == 1 else "all others are"
    return f"{best}; {_values(close, ran)} not clearly worse, {theirs}."


def _losses(knob: str, ran: Sequence[Row]) -> list[str]:
    """How much is lost at the values that are clearly worse: nearest to the best, and at worst."""
    top = _top(ran)
    place = ran.index(top)
    below = [row for row in ran[:place] if row["clear"]][-1:]
    above = [row for row in ran[place:] if row["clear"]][:1]
    worst = min((row for row in ran if row["clear"]), key=lambda row: row["difference"])
    shown = [row for row in ran if any(row is one for one in (*below, *above, worst))]
    losses = [
        f"{value_text(row['value'])}, {change(row['difference'], row['low'], row['high'])}"
        for row in shown
    ]
    if more := sum(bool(row["clear"]) for row in ran) - len(shown):
        losses.append(f"and {more} more")
    said = [f"Clearly worse than {at(knob, top['value'])}: {'; '.join(losses)}."]
    close = [row for row in ran if not row["clear"] and not row["top"]]
    if close:
        most = -min(row["difference"] for row in close)
        by = f"less than {LEAST}" if most < LEAST else number(most)
        by = f"up to {by}" if most >= LEAST and len(close) > 1 else by
        values = listed([value_text(row["value"]) for row in close])
        if len(close) > MOST_LISTED:
            values = f"{len(close)} others"
        said.append(f"Not clearly worse: {values}, though {by} lower here.")
    return said


def _reached(ran: Sequence[Row]) -> str:
    low, high = min(row["best_mean"] for row in ran), max(row["best_mean"] for row in ran)
    texts = numbers(low, high)
    return f"about {texts[0]}" if len(set(texts)) == 1 else " to ".join(texts)


def _values(close: Sequence[Row], ran: Sequence[Row]) -> str:
    """``1 is``, ``2 to 250 are``: the values that are not clearly worse than the best."""
    places = [i for i, row in enumerate(ran) if not row["clear"]]
    if len(close) > NAMED and places == list(range(places[0], places[-1] + 1)):
        first, last = (value_text(ran[place]["value"]) for place in (places[0], places[-1]))
        return f"others from {first} to {last} are"
    if len(close) > NAMED:
        return f"{count(len(close), 'other')} are"
    return f"{listed([value_text(row['value']) for row in close])} {_is(close)}"


def _is(rows: Sequence[Row]) -> str:
    return "is" if len(rows) == 1 else "are"


def _top(ran: Sequence[Row]) -> Row:
    return next(row for row in ran if row["top"])


def at(knob: str, value: Any) -> str:
    """``2000 training images``, ``weight decay 0.01``."""
    if knob == SIZE:
        return f"{value_text(value)} training {examples()}"
    if isinstance(value, str | bool):
        return f"the {knob_name(knob)} {value_text(value)}"
    return f"{knob_name(knob)} {value_text(value)}"
