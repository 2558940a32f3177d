"""What to know before believing a sweep, in words: its range, its seeds, its failures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from sweeplab.statistics.effects import compare
from sweeplab.statistics.noise import Noise, pair_variance
from sweeplab.statistics.replicates import usable
from sweeplab.statistics.words import Finding, accuracy, capital, counted, listed, plus_minus
from sweeplab.sweeps.settings import repeated
from sweeplab.words import knob_name, percent, value_text

LR, DECAY = "optimizer.lr", "optimizer.weight_decay"
# Values beyond which a knob cannot go, or that mean it is off.
LIMITS = {DECAY: 0.0, "optimizer.momentum": 0.0, "batch_size": 1, "epochs": 1}
NO_RANGE = ("data.name", "data.val_size", "data.val_start", "eval_every", "device", "seed")


def edges(model: Noise, effects: pd.DataFrame, tests: pd.DataFrame) -> list[Finding]:
    """Knobs whose best value is the smallest or largest that was tried.

    Args:
        model: see :func:`~.noise.noise`.
        effects: as :func:`~.effects.knob_effects` gives it.
        tests: as :func:`~.effects.knob_tests` gives it; knobs without effect have no best value.
    """
    found = []
    matters = set(tests.loc[tests["effect"].astype(bool), "knob"])
    for knob, part in effects.groupby("knob", sort=False):
        if knob in NO_RANGE or knob not in matters or len(part) < 2:
            continue
        try:
            values = part["value"].astype("float64").to_numpy()
        except (TypeError, ValueError):
            continue
        order = np.argsort(values)
        ordered, values = part.iloc[order], values[order]
        at = int(np.flatnonzero(ordered["top"].to_numpy())[0])
        if at not in (0, len(values) - 1) or (at == 0 and values[0] == LIMITS.get(str(knob))):
            continue
        found.append(_edge(model, str(knob), ordered, values, at))
    return found


def _edge(
    model: Noise, knob: str, part: pd.DataFrame, values: np.ndarray[Any, Any], at: int
) -> Finding:
    inner = 1 if at == 0 else len(values) - 2
    here, next_ = part.iloc[at], part.iloc[inner]
    extreme, wider = ("smallest", "smaller") if at == 0 else ("largest", "larger")
    best = f"{accuracy(here['best_mean'])} at {value_text(values[at])}"
    evidence, clear = f"at {value_text(values[inner])} no run was stable", True
    if np.isfinite(next_["best"]):
        difference = compare(model, int(here["best"]), int(next_["best"]))
        clear = difference.clear
        evidence = (
            f"{plus_minus(difference.estimate, difference.half, signed=True)} against "
            f"{value_text(values[inner])}"
        )
        if not clear:
            evidence += ", which may be chance"
    advice = f"Try {wider} values, such as {value_text(_next(values, at))}."
    if knob == "data.train_size" and at:
        advice = f"More training images {'would probably' if clear else 'may'} help further."
    text = (
        f"The best {knob_name(knob)} is the {extreme} that was tried: best reachable validation "
        f"accuracy {best} ({evidence}). {advice}"
    )
    return Finding("edge", text, "warning" if clear else "note")


def _next(values: np.ndarray[Any, Any], at: int) -> float:
    """The value that would continue the range beyond its end ``at``, to two digits."""
    end, inner = (values[0], values[1]) if at == 0 else (values[-1], values[-2])
    gaps = np.diff(values)
    even = len(values) > 2 and np.allclose(gaps, gaps[0])
    if min(end, inner) > 0 and not (even and at):
        return float(f"{end * end / inner:.2g}")
    return float(f"{2 * end - inner:.2g}")


def no_effect(tests: pd.DataFrame) -> list[Finding]:
    """Knobs without measurable effect, with the largest effect that they showed."""
    found = []
    for row in tests[~tests["effect"].astype(bool)].to_dict("records"):
        text = (
            f"{capital(knob_name(row['knob']))} has no measurable effect: averaged over what else "
            f"was swept, its largest difference is "
            f"{plus_minus(row['largest'], row['half'], signed=True)} "
            f"({value_text(row['high_value'])} against {value_text(row['low_value'])}; 95 %, "
            f"simultaneous over {counted(int(row['comparisons']), 'comparison')})."
        )
        found.append(Finding("no_effect", text, "note"))
    return found


def diverged(runs: pd.DataFrame) -> list[Finding]:
    """How many runs diverged, and from which learning rate on."""
    gone = runs["status"] == "diverged"
    if not gone.any():
        return []
    n, k = len(runs), int(gone.sum())
    text = f"{k:,} of {counted(n, 'run')} ({percent(k / n)}) diverged"
    if LR in runs and runs[LR].nunique() > 1:
        share = gone.groupby(runs[LR]).mean()
        first = share[share > 0].index[0]
        onward = share[share.index >= first]
        some = [
            f"{percent(part)} of the runs at {value_text(rate)}" for rate, part in onward.items()
        ]
        text += f", from learning rate {value_text(first)} on ({listed(some)})"
        if DECAY in runs:
            product = (runs[LR] * runs[DECAY]).astype("float64")
            if (product[gone] > 2).all():
                text += (
                    "; in all of them learning rate × weight decay exceeds 2, where decay alone "
                    "makes the weights grow"
                )
    return [Finding("diverged", text + ".", "problem" if k == n else "warning")]


def failed(runs: pd.DataFrame) -> list[Finding]:
    """How many runs ended in an error, with the most frequent one."""
    bad = runs[~usable(runs) & (runs["status"] != "diverged")]
    if bad.empty:
        return []
    errors = bad["error"].dropna().astype(str) if "error" in bad else pd.Series(dtype=str)
    why = f": {errors.value_counts().index[0].splitlines()[0]}" if len(errors) else ""
    end = "" if why.endswith(".") else "."
    text = f"{len(bad):,} of {counted(len(runs), 'run')} failed{why}{end}"
    return [Finding("failed", text, "problem")]


def nothing_completed(runs: pd.DataFrame) -> list[Finding]:
    """Whether there is no result at all."""
    if len(runs) and usable(runs).any():
        return []
    n = len(runs)
    text = f"None of {counted(n, 'run')} completed." if n else "There are no runs."
    return [Finding("all_failed", text, "problem")]


def repeats(runs: pd.DataFrame, knobs: Sequence[str]) -> list[Finding]:
    """Runs that repeat the setting and seed of another."""
    again = int(repeated(runs, knobs).sum())
    if not again:
        return []
    text = f"{counted(again, 'run')} repeat the setting and seed of another; each counts once."
    return [Finding("repeated", text.replace("1 run repeat ", "1 run repeats "), "note")]


def seeds(model: Noise, tied: pd.DataFrame) -> list[Finding]:
    """Whether there are seeds enough, and what would tell the tied settings apart.

    The number of images or seeds is the one at which the difference of the two highest means,
    if it were true, would equal its critical value times its standard error; about half of the
    time it would then be found.

    Args:
        model: see :func:`~.noise.noise`.
        tied: as :func:`~.tied.tied_set` gives it.
    """
    there = model.counts[model.present]
    if len(there) == 0:
        return []
    found = []
    most, fewest = int(there.max()), int(there.min())
    if most == 1:
        text = (
            "Every setting ran with one seed: nothing here covers the chance of initial weights "
            "and batch order. Add seeds, for example seed=0,1,2,3,4."
        )
        found.append(Finding("one_seed", text, "warning"))
    elif fewest < 3:
        text = (
            f"Some settings have only {counted(fewest, 'seed')}: their t intervals are wide or "
            "absent, and comparisons borrow the other settings' spread over seeds."
        )
        found.append(Finding("few_seeds", text, "note"))
    ahead = tied[tied["tied"].astype(bool)].sort_values("mean", ascending=False)
    if len(ahead) < 2 or model.images is None:
        return found
    pair = ahead["setting"].to_numpy(dtype=np.intp)[:2]
    gap = float(ahead["mean"].iloc[0] - ahead["mean"].iloc[1])
    critical = float(ahead["critical"].iloc[1])
    variance, _ = pair_variance(model, pair[:1], pair[1:], elementwise=True)
    total = float(variance[0])
    m = model.images
    if model.by_image is not None and m > 1:
        apart = model.by_image[pair[0]] - model.by_image[pair[1]]
        from_images = float(apart @ apart) / (m * (m - 1)) + 1 / m**2
    else:
        from_images = float(model.binomial[pair].sum())
    from_seeds = max(total - from_images, 0.0)
    if gap <= 0 or not np.isfinite(critical):
        return found
    allowed = (gap / critical) ** 2
    start = (
        f"The two highest means are {gap:.4f} apart with a standard error of "
        f"{np.sqrt(total):.4f}, which chance can explain. "
    )
    if allowed >= total:
        text = start + f"With only {counted(fewest, 'seed')} that standard error is too uncertain."
        found.append(Finding("few_seeds", text + " Add seeds.", "warning"))
        return found
    if from_seeds > from_images and most > 1 and from_images < allowed:
        need = int(np.ceil(int(model.counts[pair].min()) * from_seeds / (allowed - from_images)))
        text = start + f"Seeds are most of it: it would take about {need:,} seeds a setting."
        found.append(Finding("few_seeds", text, "warning"))
    elif from_images > 0:
        text = start + "To tell, it would take more seeds as well as more validation images."
        if from_seeds < allowed:
            need = int(np.ceil(model.images * from_images / (allowed - from_seeds)))
            rounded = int(float(f"{need:.2g}"))
            text = start + f"To tell, it would take about {rounded:,} validation images"
            text += "; more seeds alone would not do." if from_images >= allowed else "."
        found.append(Finding("few_images", text, "note"))
    return found
