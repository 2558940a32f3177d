"""What is measured of one drawn sweep: rates that should be small, and losses of accuracy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from drawn import INVENTED, Drawn
from numpy.typing import NDArray

from sweeplab.statistics import (
    Noise,
    accuracy_interval,
    comparisons,
    edges,
    importance,
    knob_effects,
    knob_tests,
    noise,
    optimism,
    replicates,
    tied_set,
    tries,
)
from sweeplab.statistics.importance import SEEDS, decompose
from sweeplab.statistics.knob_tests import agreeing
from sweeplab.statistics.recommend import candidates, recommend
from sweeplab.sweeps.settings import summarise

Measured = dict[str, float]
RESAMPLES = 300
SAMPLE = 20  # settings whose interval is looked at
SUBSETS = 200  # of the settings of a sweep: smaller sweeps
TRIED = (5, 10, 30)  # settings of these


@dataclass(frozen=True, eq=False)
class Seen:
    """What the statistics start from, of one drawn sweep."""

    drawn: Drawn
    model: Noise
    settings: pd.DataFrame
    eligible: list[int]
    tied: pd.DataFrame

    @property
    def among(self) -> NDArray[np.bool_]:
        """Which of the settings could be the best."""
        return self.tied["tied"].to_numpy(dtype=bool)


def seen(drawn: Drawn) -> Seen:
    """Both chances, the table of settings, and those that could be the best."""
    runs = drawn.runs()
    correct = list(drawn.right.reshape(-1, drawn.right.shape[2]))
    table = summarise(runs, drawn.knobs)
    model = noise(replicates(runs, drawn.knobs, correct))
    eligible = candidates(table)
    return Seen(drawn, model, table, eligible, tied_set(model, eligible))


def errors(seen: Seen) -> Measured:
    """Of equal settings: the chance to lose one that is called best; a false winner."""
    tied, spread = seen.among, seen.drawn.spread
    noisy = spread > spread.min()
    found = {"best lost": (~tied).mean(), "false winner": float(tied.sum() == 1)}
    if noisy.any() and not noisy.all():
        found["quiet lost"] = (~tied[~noisy]).mean()
        found["noisy lost"] = (~tied[noisy]).mean()
    return found


def power(seen: Seen) -> Measured:
    """Of settings that are all worse than the last: how many are left out, and the last."""
    tied = seen.among
    return {"power": (~tied[:-1]).mean(), "best lost": float(not tied[-1])}


def false_effect(seen: Seen) -> Measured:
    """Whether the invented knob is said to have an effect."""
    compared = comparisons(seen.model, seen.tied)
    effects = knob_effects(compared, seen.settings, [INVENTED], seen.eligible)
    knobs = seen.drawn.knobs
    tests = knob_tests(seen.model, seen.settings, knobs, seen.eligible, asked=[INVENTED])
    [row] = agreeing(tests, effects).to_dict("records")
    return {"false effect": float(row["effect"])}


def answer(seen: Seen) -> Measured:
    """The answer of a real sweep against the truth."""
    drawn, model, tied = seen.drawn, seen.model, seen.tied
    among = tied.loc[seen.among, "setting"].to_numpy()
    cost = pd.Series(drawn.settings["data.train_size"] * 10.0)
    chosen = recommend(seen.settings, tied, drawn.knobs, cost)
    best, highest = drawn.truth.max(), int(np.argmax(model.mean))
    return {
        "best lost": float(np.argmax(drawn.truth) not in among),
        "coverage of accuracies": _covered(drawn, model),
        "could be best": len(among),
        "their lowest below the highest": float(-tied["difference"][tied["tied"]].min()),
        "regret": float(best - drawn.truth[chosen]),
        "regret of the highest mean": float(best - drawn.truth[highest]),
        "regret beyond the highest mean's": float(drawn.truth[highest] - drawn.truth[chosen]),
        **luck(seen),
    } | _edges(seen)


def luck(seen: Seen) -> Measured:
    """How much too high the highest mean is, and what is said of it."""
    drawn, model = seen.drawn, seen.model
    said = optimism(model, seen.eligible, number=RESAMPLES).iloc[0]
    highest = int(np.argmax(model.mean))
    true = float(drawn.truth[highest])
    return {
        "optimism": float(model.mean[highest]) - true,
        "optimism stated": float(said["optimism"]),
        "coverage of what to expect": float(said["low"] <= true <= said["high"]),
    }


def _covered(drawn: Drawn, model: Noise) -> float:
    """How many intervals of the accuracy of any setting hold the truth."""
    some = range(0, len(drawn.truth), -(-len(drawn.truth) // SAMPLE))
    found = [(accuracy_interval(model, setting), drawn.truth[setting]) for setting in some]
    return float(np.mean([own.low <= truth <= own.high for own, truth in found if own is not None]))


def _edges(seen: Seen) -> Measured:
    """Notes on ends of ranges; false ones, of which the truly best value is another."""
    drawn = seen.drawn
    knobs, eligible = drawn.knobs, seen.eligible
    effects = knob_effects(comparisons(seen.model, seen.tied), seen.settings, knobs, eligible)
    tests = knob_tests(seen.model, seen.settings, knobs, eligible)
    notes = edges(effects, agreeing(tests, effects))
    best = drawn.settings.loc[int(np.argmax(drawn.truth))]
    false = [note for note in notes if float(best[note.knob]) != note.value]
    clear = [note for note in notes if note.clear]
    false_clear = [note for note in clear if note in false]
    return {
        "notes on ends": len(notes),
        "false notes on ends": len(false),
        "clear notes on ends": len(clear),
        "false clear notes on ends": len(false_clear),
    }


def shares(seen: Seen) -> Measured:
    """Whether the intervals of importance hold the true shares, for knobs, pairs and seeds."""
    drawn = seen.drawn
    frame = importance(seen.model, seen.settings, drawn.knobs).set_index("effect")
    truth = true_shares(drawn)
    kinds: dict[str, list[tuple[bool, float]]] = {"knobs": [], "pairs": [], "seeds": []}
    for effect, row in frame.iterrows():
        if effect in truth:
            kind = {0: "seeds", 1: "knobs", 2: "pairs"}[int(row["order"])]
            inside = row["low"] - 1e-9 <= truth[str(effect)] <= row["high"] + 1e-9
            kinds[kind].append((bool(inside), float(row["high"] - row["low"])))
    return {
        f"{what} of {kind}": float(np.mean([pair[j] for pair in pairs]))
        for kind, pairs in kinds.items()
        if pairs
        for j, what in enumerate(("coverage", "width"))
    }


def true_shares(drawn: Drawn) -> dict[str, float]:
    """The shares that the sweep's own grid has over all seeds and images."""
    knobs = drawn.knobs
    shape = [drawn.settings[knob].nunique() for knob in knobs]
    variances = decompose(drawn.truth.reshape(1, *shape))
    seeds = float((drawn.spread**2).mean())
    total = float(drawn.truth.var()) + seeds
    shares = {
        " × ".join(knobs[axis] for axis in axes): float(variance[0]) / total
        for axes, variance in variances.items()
    }
    return shares | {SEEDS: seeds / total}


def fewer(seen: Seen) -> Measured:
    """Of smaller sweeps, of settings of this one: what they reach, against what is said of them.

    But for what the choice of the images does to all settings alike.
    """
    drawn, model = seen.drawn, seen.model
    table = tries(model, range(len(drawn.truth))).set_index("settings")
    rng = np.random.default_rng(0)
    inside, missed = [], []
    for tried in TRIED:
        if tried > len(drawn.truth) / 2:
            continue
        row = table.loc[tried]
        some = rng.random((SUBSETS, len(drawn.truth))).argsort(axis=1)[:, :tried]
        chosen = some[np.arange(SUBSETS), model.mean[some].argmax(axis=1)]
        reached = drawn.truth[chosen] + model.mean.mean() - drawn.truth.mean()
        inside.append(((row["low"] <= reached) & (reached <= row["high"])).mean())
        missed.append(row["expected"] - reached.mean())
    if not inside:
        return {}
    return {
        "fewer settings in their band": float(np.mean(inside)),
        "expected of fewer settings, too much": float(np.mean(missed)),
    }
