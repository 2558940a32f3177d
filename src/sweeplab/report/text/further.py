"""What a sweep shows beside its answer, in sentences, by the section of the page they belong to."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from sweeplab.statistics.analysis import Analysis
from sweeplab.statistics.budget import Budget, Budgets
from sweeplab.statistics.chance import Chance
from sweeplab.statistics.early import Stopping
from sweeplab.statistics.laws import Law
from sweeplab.statistics.tries import BAND, NEAR, enough
from sweeplab.sweeps.tables import Sweep
from sweeplab.words import (
    capital,
    examples,
    listed,
    luck_name,
    number,
    percent,
    plus_minus,
    replicates,
)

ALIKE = 0.2  # of their images that draws share, from which it is said
FEWEST = 3  # replicates, for what stopping early gains to be told where it is not clear
FEWEST_TRIES = 10  # settings, for a search among them to mean something


def further(part: Sweep, analysis: Analysis) -> dict[str, list[str]]:
    """Sentences for the sections of ``figures.catalogue``, by their keys; none that are empty."""
    found = analysis.further
    last = np.nan if analysis.recommended is None else len(part.settings)
    said = {
        "certainty": _budgets(found.budgets) if found.budgets else [],
        "batch": [_ridge(found.ridge)] if found.ridge else [],
        "size": [_power_law(found.power_law)] if found.power_law else [],
        "length": [
            *(_early(found.early) if len(found.early) else []),
            *(_stopping(found.stopping, analysis.chance) if found.stopping else []),
        ],
        "tries": _tries(found.tries, searched=part.searched)
        if last >= FEWEST_TRIES and len(found.tries)
        else [],
    }
    return {key: sentences for key, sentences in said.items() if sentences}


def shared_draws(overlap: float | None) -> list[str]:
    """Where draws share many images: their luck is the smaller by that share of its variance.

    As of samples without replacement from a finite population (W. G. Cochran, Sampling Techniques,
    1977, section 2.6).
    """
    if overlap is None or overlap < ALIKE:
        return []
    times = (1 - min(overlap, 0.99)) ** -0.5
    return [
        f"Two training sets share {percent(overlap)} of their {examples()}: the luck of new "
        f"training {examples()} is about {times:.1f} times as large as it looks here."
    ]


def _budgets(found: Budgets) -> list[str]:
    names = {part: luck_name(part, together=found.together) for part in found.known}
    of = "the uncertainty of the recommended setting's accuracy"
    said = [
        f"{capital(_parts(found.accuracy, names, of))}.",
        _helps(found.accuracy, found, "its interval")
        + ("; nothing else that is counted helps as much." if len(names) > 1 else "."),
    ]
    if found.difference and found.difference.total > 0 and len(names) > 1:
        what = "the uncertainty of its difference to the next best setting"
        said.append(f"{capital(_parts(found.difference, names, what))}.")
        said.append(f"{_helps(found.difference, found, 'the interval of that difference')}.")
    missing = {
        f"of which training {examples()} were drawn": (found.draws < 2, "data.train_draw=range(5)"),
        "of the seed": (found.seeds < 2 and not found.together, "seed=range(5)"),
    }
    absent = [(name, add) for name, (gone, add) in missing.items() if gone]
    if absent:
        of, keys = (listed([*part]) for part in zip(*absent, strict=True))
        said.append(f"The luck {of} is not counted: {keys} would show it.")
    if found.draws < 2:
        said.append(f"With few training {examples()} that luck can be larger than all other.")
    return said


def _parts(budget: Budget, names: Mapping[str, str], of: str) -> str:
    """How much of the uncertainty each part is, the largest first."""
    order = sorted(names, key=budget.share, reverse=True)
    shares = [percent(budget.share(key)) for key in order]
    parts = [f"{share} from the {names[key]}" for share, key in zip(shares, order, strict=True)]
    if len(names) == 1:
        return f"what is known of {of} comes from the {names[order[0]]}"
    return f"{shares[0]} of {of} comes from the {names[order[0]]}, {listed(parts[1:])}"


def _helps(budget: Budget, found: Budgets, what: str) -> str:
    """Of which twice as many would narrow the interval most."""
    ways = {f"validation {examples()}": budget.narrower("images")}
    if found.seeds > 1:
        ways["seeds"] = budget.narrower("seeds")
    if found.draws > 1:
        # Each further draw is trained with as many seeds, so that these become more, too.
        ways[f"draws of the training {examples()}"] = budget.narrower("training", "seeds")
    most = max(ways, key=ways.__getitem__)
    return f"Twice as many {most} would make {what} {percent(ways[most])} narrower"


def _ridge(law: Law) -> str:
    fits = {"one rate for all": 0.0, "a rate in proportion to the batch": 1.0}
    holds = {name: law.low <= slope <= law.high for name, slope in fits.items()}
    if all(holds.values()):
        reading = "too uncertain to tell one rate for all from a rate in proportion to the batch"
    elif any(holds.values()):
        [name] = [name for name, held in holds.items() if held]
        reading = f"{name} fits"
    else:
        reading = f"neither {' nor '.join(fits)} fits"
    return (
        "The best learning rate goes with the batch size to the power "
        f"{plus_minus(law.slope, law.half, 2)} (95 %): {reading}."
    )


def _power_law(law: Law) -> str:
    towards = f", towards {number(law.offset)}" if law.offset else ""
    falls = (
        f"The error goes with the number of training {examples()} to the power "
        f"{plus_minus(law.slope, law.half, 2)} (95 %){towards}"
    )
    if law.low <= 0 <= law.high:
        return f"{falls}: whether it falls is not certain."
    what = "what is above that" if law.offset else "it"
    return f"{falls}: twice the {examples()} make {what} about {2**law.slope:.2f} times as large."


def _early(table: pd.DataFrame) -> list[str]:
    rows = table.to_dict("records")
    each = [
        f"at {percent(row['share'])}{'' if i else ' of training it is'} "
        f"{_signed(row['correlation'])} ({_signed(row['low'])} to {_signed(row['high'])})"
        for i, row in enumerate(rows)
    ]
    said = [
        "How the order of the settings early in training agrees with that at the end is their rank "
        "correlation, 1 where it is the same.",
        f"{capital(listed(each))} (95 % intervals).",
    ]
    kept = [row["place"] <= np.ceil(row["settings"] / 2) for row in rows]
    if kept[-1]:
        first = next(i for i in range(len(kept)) if all(kept[i:]))
        said.append(
            "The recommended setting was in the better half from "
            f"{percent(rows[first]['share'])} of training on."
        )
    return said


def _signed(value: float) -> str:
    return number(round(value, 2) or 0.0, 2).replace("-", "−")  # never −0.00


def _stopping(found: Stopping, chance: Chance) -> list[str]:
    if found.half == 0 == found.gain:
        others = "training sets" if chance.draws else "seeds"
        return [
            "Stopping early gains nothing: the best iteration of the other "
            f"{others} is always the last one."
        ]
    if found.replicates < FEWEST and abs(found.gain) <= found.half:
        return []  # two say nothing: their interval is wider than any gain could be
    change = plus_minus(found.gain, found.half, signed=True)
    over = replicates(found.replicates, draws=chance.draws)
    how = f"(leave-one-out over {over}, on the same validation {examples()})"
    if found.clear:
        where = f"near iteration {found.iteration:,} of {found.last:,}"
        return [f"Stopping the recommended setting {where} would gain {change} {how}."]
    nothing = "would gain nothing measurable"
    if found.loses:
        nothing = "would lose accuracy"
    return [
        f"Stopping the recommended setting at its best iteration {nothing}: {change} {how}.",
        f"Its curves are {number(found.seen)} higher at their best: that is the iteration's luck.",
    ]


def _tries(table: pd.DataFrame, *, searched: bool) -> list[str]:
    if table.empty:
        return []
    few, first = enough(table), enough(table, column="so_far")
    if few is None or first is None:
        return []
    [row] = table[table["settings"] == few].to_dict("records")
    most = int(table["settings"].max())
    if searched:
        return [
            f"The search came within {NEAR:g} of its best mean with setting {first:,} of {most:,}.",
            f"Drawn at random from the same settings, it would take {few:,} on average.",
        ]
    return [
        f"Of these {most:,} settings, {few:,} drawn at random come within {NEAR:g} of the best on "
        f"average: {number(row['expected'])}, and {percent(BAND)} of such searches end between "
        f"{number(row['low'])} and {number(row['high'])}."
    ]
