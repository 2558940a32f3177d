"""What was measured, as a page of the documentation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

HEAD = """# Are the report's statistics right?

`make coverage` draws sweeps whose truth is known, gives them to the functions that write the
report, and counts how often these are wrong. This page is what it printed:
`python benchmarks/coverage --out docs/coverage.md` writes it anew (an hour or more of one core;
`--quick` takes some minutes). "±" is the standard error of the simulation itself.

- **Simulated sweeps** (`benchmarks/coverage/simulate.py`): settings that are all equally good, on
  500 images, with 2, 3 or 5 seeds. The standard deviation over seeds is 0.004; "a tenth" and "half"
  say how many settings have eight times that.
- **Drawn from real runs** (`benchmarks/coverage/bank.py`): two grids on MNIST, 240 settings with 48
  seeds each, 23,040 runs. A sweep is some of the settings, some of the seeds, and 500 of 13,000
  unseen images; the truth is what all seeds do on all images. Nothing was tuned on the *held-out*
  grid, which has momentum and other values.

"""


def write(measured: pd.DataFrame, file: Path) -> None:
    """Write the page.

    Args:
        measured: rows of ``case``, ``measure``, ``mean``, ``error``, ``max``, ``sweeps``.
        file: the page.
    """
    named = measured["case"].str.split(", ", expand=True)
    parts = [HEAD, *_simulated(measured, named), *_real(measured)]
    file.write_text("".join(parts).rstrip() + "\n", encoding="utf-8")


def _simulated(measured: pd.DataFrame, named: pd.DataFrame) -> list[str]:
    rows = measured.assign(kind=named[1], settings=named[2], seeds=named[3])
    rows = rows[named[0] == "simulated"]
    equal, ahead = rows["kind"].str.endswith("noise"), rows["kind"].str.contains("ahead")
    said = []
    for measure, title in (
        ("best lost", "The truly best is not among those that could be best (at most 5 %)"),
        ("false effect", "A knob without effect is said to have one (at most 5 %)"),
    ):
        said.append(_pivot(rows[equal & (rows["measure"] == measure)], title, "noisy settings"))
    power = rows[ahead & (rows["measure"] == "power")]
    title = "Worse settings that are left out, where one is ahead by 1, 2, 3 standard errors"
    return [*said, _pivot(power, title, "the best")]


def _pivot(rows: pd.DataFrame, title: str, kind: str) -> str:
    if rows.empty:
        return ""
    cells = [
        f"{_percent(mean, error)}" for mean, error in zip(rows["mean"], rows["error"], strict=True)
    ]
    names = {"equal noise": "none", "tenth noise": "a tenth", "half noise": "half"}
    table = rows.assign(cell=cells, kind=rows["kind"].replace(names))
    table["settings"] = pd.Categorical(table["settings"], list(dict.fromkeys(table["settings"])))
    wide = table.pivot_table(
        index=["settings", "kind"], columns="seeds", values="cell", aggfunc="first", observed=True
    ).fillna("–")
    lines = [
        [settings, what, *cells]
        for (settings, what), cells in zip(wide.index, wide.to_numpy(), strict=True)
    ]
    return _markdown(title, ["", kind, *wide.columns], lines)


REAL = {
    "The answer": (
        ("best lost", "best lost", True),
        ("could be best", "could be best", False),
        ("regret", "regret", False),
        ("regret of the highest mean", "of the highest mean", False),
        ("false clear notes on ends", "false ends of ranges", True),
        ("false effect", "false effect", True),
    ),
    "Numbers with their intervals (95 %)": (
        ("optimism", "optimism", False),
        ("optimism stated", "as stated", False),
        ("coverage of accuracies", "an accuracy", True),
        ("coverage of what to expect", "what to expect", True),
        ("coverage of knobs", "importance: knobs", True),
        ("coverage of pairs", "pairs", True),
        ("coverage of seeds", "seeds", True),
    ),
}


def _real(measured: pd.DataFrame) -> list[str]:
    rows = measured[measured["case"].str.startswith("real")]
    case = rows["case"].str.removeprefix("real, ").str.removesuffix(", invented knob")
    said = []
    for title, columns in REAL.items():
        lines = []
        for name in dict.fromkeys(case):
            own = rows[case == name].drop_duplicates("measure").set_index("measure")
            lines.append([name, *(_cell(own, measure, share) for measure, _, share in columns)])
        if lines:
            said.append(
                _markdown(
                    f"Drawn from real runs: {title.lower()}",
                    ["", *(label for _, label, _ in columns)],
                    lines,
                )
            )
    return said


def _cell(own: pd.DataFrame, measure: str, share: bool) -> str:
    if measure not in own.index:
        return "–"
    mean, error = float(own.loc[measure, "mean"]), float(own.loc[measure, "error"])
    if share:
        return _percent(mean, error)
    return f"{mean:.0f} ± {error:.0f}" if mean > 2 else f"{mean:.4f} ± {error:.4f}"


def _percent(mean: float, error: float) -> str:
    return f"{100 * mean:.1f} ± {100 * error:.1f} %"


def _markdown(title: str, head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    rows = [head, ["---"] * len(head), *lines]
    return f"## {title}\n\n" + "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n\n"
