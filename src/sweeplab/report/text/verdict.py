"""What the report recommends, and the sentences that say so, from the statistics."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from sweeplab.statistics.analysis import Analysis, analyse
from sweeplab.statistics.predictions import Correct, read_correct
from sweeplab.sweeps.folder import SweepFolder
from sweeplab.sweeps.tables import Sweep
from sweeplab.words import knob_name, listed, percent

HALF = 0.5


@dataclass(frozen=True)
class Verdict:
    """The answer of a sweep over one data set."""

    recommended: int | None  # a setting's number; None where no run completed
    tied: frozenset[int] = frozenset()  # settings that may be as good, the recommended included
    findings: list[str] = field(default_factory=list)  # plain sentences, the answer first
    cautions: list[str] = field(default_factory=list)  # to know before believing it
    questions: dict[str, str] = field(default_factory=dict)  # a sentence a knob, by its key
    importance: pd.DataFrame | None = None  # name, share, low, high: as draw_importance takes it
    importance_note: str = ""  # how the shares were computed, for the caption
    importance_said: list[str] = field(default_factory=list)  # what mattered most, in a sentence


def analysis(sweep: Sweep) -> Analysis:
    """Every statistic of a sweep, from its tables and from what its models predict."""
    # Merged sweeps may both have a run 0: the curves are found by names that no two share.
    runs, curves = (
        frame.assign(run=frame["sweep"] + "/" + frame["run"].astype(str))
        for frame in (sweep.runs, sweep.curves)
    )
    return analyse(runs, curves, sweep.knobs, _correct(sweep))


def verdict(sweep: Sweep) -> Verdict:
    """Judge a sweep over one data set, whose validation images all runs share."""
    found = analysis(sweep)
    if found.parts:
        # Validation sets of several sizes: each has an answer of its own, and none for all.
        return Verdict(
            None,
            findings=[
                f"{label}: {sentence}"
                for label, part in found.parts.items()
                for sentence in part.answer
            ],
            cautions=[finding.text for finding in found.findings],
        )
    shares = importance_table(found)
    readable = shares if len(shares) else None
    tied = found.tied.loc[found.tied["tied"].astype(bool), "setting"]
    return Verdict(
        recommended=int(found.recommended["setting"]) if found.recommended else None,
        tied=frozenset(tied.astype(int)),
        findings=found.answer,
        cautions=[finding.text for finding in found.findings],
        questions=found.questions,
        importance=readable,
        importance_note=_importance_note(found),
        importance_said=_most(readable) if readable is not None else [],
    )


def _correct(sweep: Sweep) -> Correct | None:
    """For each run, which validation images it classifies rightly; None where that is unknown."""
    folders = [Path(folder) for folder in sweep.runs["folder"]]
    data = str(sweep.runs["data.name"].iloc[0])
    there = [
        images
        for path in sweep.paths
        if (images := SweepFolder(path).images / f"{data}.safetensors").is_file()
    ]
    if not there:
        return None
    return read_correct(folders, sweep.runs, {data: there[0]})


def importance_table(analysis: Analysis) -> pd.DataFrame:
    """How much each knob mattered, in words: ``name``, ``share``, ``low``, ``high``."""
    shares = analysis.importance
    names = [
        " × ".join(knob_name(knob) for knob in knobs) if knobs else effect
        for effect, knobs in zip(shares["effect"], shares["knobs"], strict=True)
    ]
    # A reversed interval may leave out the share itself, where noise makes up much of it.
    low = shares[["low", "share"]].min(axis=1, skipna=False)
    high = shares[["high", "share"]].max(axis=1, skipna=False)
    return pd.DataFrame({"name": names, "share": shares["share"], "low": low, "high": high})


def _most(shares: pd.DataFrame) -> list[str]:
    """What accounts for most of the variance: up to three effects, as many as reach half of it."""
    top = shares.nlargest(3, "share")
    needed = int((top["share"].cumsum() < HALF).sum()) + 1
    parts = [
        f"{row['name']} ({percent(row['share'])}"
        + (f", {percent(row['low'])} to {percent(row['high'])})" if pd.notna(row["low"]) else ")")
        for row in top.head(needed).to_dict("records")
    ]
    start = "The largest share" + (" of" if needed == 1 else "s of")
    goes = "goes" if needed == 1 else "go"
    return [f"{start} the variance of the accuracy over this sweep {goes} with {listed(parts)}."]


def _importance_note(analysis: Analysis) -> str:
    shares = analysis.importance
    if not len(shares):
        return ""
    method = str(shares["method"].iloc[0])
    parts = [
        "each knob",
        *(["each pair of knobs beyond its two"] if (shares["order"] == 2).any() else []),
        *(["three or more together (higher order)"] if _has(shares, "higher order") else []),
        *(["the seeds"] if _has(shares, "seeds") else []),
    ]
    sure = shares["low"].notna().any() and method.startswith("exact")
    bars = "; bars carry 95 % intervals" if sure else ""
    return (
        f"The share of {listed(parts)} in the variance of final validation accuracy over the "
        f"sweep{bars}. Method: {method}. It "
        "depends on the values that were tried: a wider range makes a knob matter more."
    )


def _has(shares: pd.DataFrame, effect: str) -> bool:
    return bool((shares["effect"] == effect).any())
