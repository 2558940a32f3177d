"""What is measured of one drawn sweep: rates that should be small, and losses of accuracy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd
from drawn import INVENTED, Drawn

from sweeplab.statistics import (
    Noise,
    accuracy_interval,
    comparisons,
    edges,
    importance,
    knob_effects,
    knob_tests,
    optimism,
    tied_set,
)
from sweeplab.statistics.importance import SEEDS, decompose
from sweeplab.statistics.knob_tests import agreeing
from sweeplab.statistics.recommend import candidates, recommend

Measured = dict[str, float]


def errors(drawn: Drawn) -> Measured:
    """Of equal settings: the chance to lose one that is called best; a false winner."""
    model, _ = drawn.measured()
    tied = tied_set(model)["tied"].to_numpy(dtype=bool)
    noisy = drawn.spread > np.median(drawn.spread)
    measured = {"best lost": (~tied).mean(), "false winner": float(tied.sum() == 1)}
    if noisy.any() and not noisy.all():
        measured["quiet lost"] = (~tied[~noisy]).mean()
        measured["noisy lost"] = (~tied[noisy]).mean()
    return measured


def power(drawn: Drawn) -> Measured:
    """Of settings that are all worse than the last: how many are left out, and the last."""
    model, _ = drawn.measured()
    tied = tied_set(model)["tied"].to_numpy(dtype=bool)
    return {"power": (~tied[:-1]).mean(), "best lost": float(not tied[-1])}


def false_effect(drawn: Drawn) -> Measured:
    """Whether the invented knob is said to have an effect."""
    model, settings = drawn.measured()
    eligible = list(range(len(settings)))
    effects = knob_effects(comparisons(model, tied_set(model)), settings, drawn.knobs, eligible)
    tests = agreeing(knob_tests(model, settings, drawn.knobs, eligible), effects)
    row = tests.set_index("knob").loc[INVENTED]
    return {"false effect": float(row["effect"])}


def answer(drawn: Drawn) -> Measured:
    """The answer of a real sweep against the truth."""
    model, settings = drawn.measured()
    eligible = candidates(settings)
    tied = tied_set(model, eligible)
    among = tied.loc[tied["tied"].astype(bool), "setting"].to_numpy()
    cost = pd.Series(drawn.settings["data.train_size"] * 10.0)
    chosen = recommend(settings, tied, drawn.knobs, cost)
    chosen = chosen["setting"] if isinstance(chosen, dict) else chosen
    best, highest = drawn.truth.max(), int(np.argmax(model.mean))
    luck = optimism(model, eligible, number=300).iloc[0]
    true_luck = float(model.mean[highest] - drawn.truth[highest])
    return {
        "best lost": float(np.argmax(drawn.truth) not in among),
        **_intervals(drawn, model, luck),
        "could be best": len(among),
        "their lowest below the highest": float(-tied["difference"][tied["tied"]].min()),
        "regret": float(best - drawn.truth[chosen]),
        "regret of the highest mean": float(best - drawn.truth[highest]),
        "worse than the highest mean": float(drawn.truth[chosen] < drawn.truth[highest]),
        "optimism": true_luck,
        "optimism stated": float(luck["optimism"]),
    } | _edges(drawn, model, settings, tied)


def _intervals(drawn: Drawn, model: Noise, luck: pd.Series) -> Measured:  # type: ignore[type-arg]
    """Whether intervals of one accuracy hold the truth: of any setting, and of the chosen one."""
    inside = []
    for setting in range(len(drawn.truth)):
        found = accuracy_interval(model, setting)
        if found is not None:
            inside.append(found.low <= drawn.truth[setting] <= found.high)
    chosen = drawn.truth[int(np.argmax(model.mean))]
    return {
        "coverage of accuracies": float(np.mean(inside)),
        "coverage of what to expect": float(luck["low"] <= chosen <= luck["high"]),
    }


def _edges(drawn: Drawn, model: Noise, settings: pd.DataFrame, tied: pd.DataFrame) -> Measured:
    """Notes on ends of ranges; false ones, of which the truly best value is another."""
    eligible = tied["setting"].tolist()
    effects = knob_effects(comparisons(model, tied), settings, drawn.knobs, eligible)
    notes = edges(effects, agreeing(knob_tests(model, settings, drawn.knobs, eligible), effects))
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


def shares(drawn: Drawn) -> Measured:
    """Whether the intervals of importance hold the true shares, for knobs, pairs and seeds."""
    model, settings = drawn.measured()
    frame = importance(model, settings, drawn.knobs).set_index("effect")
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


def summary(measured: Iterable[Mapping[str, float]]) -> pd.DataFrame:
    """Means over sweeps with their standard errors."""
    frame = pd.DataFrame(list(measured))
    return pd.DataFrame(
        {"mean": frame.mean(), "error": frame.std() / np.sqrt(frame.count()), "max": frame.max()}
    )
