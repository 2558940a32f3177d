"""What was measured: a table of all results, and a page of the documentation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

RESULTS = Path(__file__).parents[2] / "docs" / "coverage.csv"
COLUMNS = ["case", "measure", "mean", "error", "max", "sweeps"]
HEAD = """# Are the report's statistics right?

`make coverage` draws sweeps whose truth is known, gives them to the functions that write the
report, and counts how often these are wrong. It takes about an hour of one core, writes this page
from `docs/coverage.csv`, and goes on where it was stopped; `--quick` takes some minutes. "±" is the
standard error of the simulation itself.

- **Simulated sweeps** (`benchmarks/coverage/simulate.py`): settings that are all equally good, on
  500 images, with 2, 3 or 5 seeds. The standard deviation over seeds is 0.004; "a tenth" and "half"
  say how many settings have eight times that.
- **Drawn from real runs** (`benchmarks/coverage/bank.py`): two grids on MNIST, 240 settings with 48
  seeds each, 23,040 runs. A sweep is some of the settings, some of the seeds, and 500 of 13,000
  unseen images; the truth is what all seeds do on all images. On the *held-out*
  grid, which has momentum and other values, nothing was tuned but the rule for equal means.

"""


def read(file: Path) -> pd.DataFrame:
    """The results so far."""
    return pd.read_csv(file) if file.is_file() else pd.DataFrame(columns=COLUMNS)


def save(results: pd.DataFrame, file: Path) -> None:
    """Keep them, whole at every moment."""
    beside = file.with_suffix(".part")
    results[COLUMNS].to_csv(beside, index=False, float_format="%.6g")
    beside.replace(file)


def summary(measured: Iterable[Mapping[str, float]]) -> pd.DataFrame:
    """Means over sweeps with their standard errors: a row a measure."""
    frame = pd.DataFrame(list(measured))
    count = frame.count()
    found = {
        "mean": frame.mean(),
        "error": frame.std() / np.sqrt(count),
        "max": frame.max(),
        "sweeps": count,
    }
    return pd.DataFrame(found).rename_axis("measure").reset_index()


def write(measured: pd.DataFrame, file: Path) -> None:
    """Write the page.

    Args:
        measured: rows of ``case``, ``measure``, ``mean``, ``error``, ``max``, ``sweeps``.
        file: the page.
    """
    named = measured["case"].str.split(", ", expand=True)
    parts = [HEAD, _worst(measured), *_simulated(measured, named), *_real(measured)]
    file.write_text("".join(parts).rstrip() + "\n", encoding="utf-8")


def _worst(measured: pd.DataFrame) -> str:
    """The cells that come nearest to what was claimed, or do not keep it."""
    equal = measured["case"].str.contains("noise|real")  # one that is ahead is easily kept
    said = []
    for of, claim, highest in (
        ("best lost", "the truly best is lost (at most 5 %)", True),
        ("false effect", "a knob without effect is said to have one (at most 5 %)", True),
        ("coverage of knobs", "an importance interval of a knob holds (at least 93 %)", False),
        ("regret beyond the highest mean's", "regret beyond that of the highest mean", True),
    ):
        rows = measured[(measured["measure"] == of) & equal].sort_values("mean")
        if rows.empty:
            continue
        row = rows.iloc[-1 if highest else 0]
        cell = _cell(rows[rows["case"] == row["case"]].set_index("measure"), of, "regret" not in of)
        said.append(
            f"- {claim}: {cell}, of {len(rows)} cells the "
            f"{'highest' if highest else 'lowest'} ({row['case']})\n"
        )
    return f"In short, the worst of all that was measured:\n\n{''.join(said)}\n" if said else ""


def _simulated(measured: pd.DataFrame, named: pd.DataFrame) -> list[str]:
    rows = measured.assign(kind=named[1], settings=named[2], seeds=named[3])
    rows = rows[named[0] == "simulated"]
    kinds = {
        "best lost": "The truly best is not among those that could be best (at most 5 %)",
        "false effect": "A knob without effect is said to have one (at most 5 %)",
        "power": "Worse settings that are left out, where one is ahead by 1, 2, 3 standard errors",
        "coverage of knobs": "Importance: the interval of a knob's share holds it (at least 93 %)",
        "coverage of pairs": "The same of pairs of knobs",
        "coverage of seeds": "The same of seeds",
    }
    said = []
    for measure, title in kinds.items():
        ahead = rows["kind"].str.contains("ahead")
        own = rows[ahead == (measure == "power")]
        said.append(_pivot(own, measure, title))
    return said


def _pivot(rows: pd.DataFrame, measure: str, title: str) -> str:
    """A row a number of settings and kind, a column a number of seeds."""
    own = rows[rows["measure"] == measure]
    if own.empty:
        return ""
    place = ["settings", "kind", "seeds"]
    before = rows[rows["measure"] == f"before: {measure}"].set_index(place)
    cells = []
    for row in own.to_dict("records"):
        cell = _percent(row["mean"], row["error"])
        at = tuple(row[name] for name in place)
        if at in before.index:
            cell += f" ({_percent(before.loc[at, 'mean'], before.loc[at, 'error'])})"
        cells.append(cell)
    kind = own["kind"].str.removeprefix("effects and ")
    names = {
        "equal noise": "none noisy",
        "tenth noise": "a tenth noisy",
        "half noise": "half noisy",
    }
    table = own.assign(cell=cells, kind=kind.replace(names))
    for name in ("settings", "seeds", "kind"):
        numbers = sorted(set(table[name]), key=lambda text: _first(text, list(names.values())))
        table[name] = pd.Categorical(table[name], numbers)
    wide = table.pivot_table(
        index=["settings", "kind"], columns="seeds", values="cell", aggfunc="first", observed=True
    )
    wide = wide.astype(object).fillna("–")
    lines = [
        [str(settings), str(what), *cells]
        for (settings, what), cells in zip(wide.index, wide.to_numpy(), strict=True)
    ]
    title += ". In brackets: the code before (202b83d)" if len(before) else ""
    return _markdown(title, ["", "", *map(str, wide.columns)], lines)


def _first(text: str, order: Sequence[str]) -> int:
    """What to sort by: a number that it starts with, or its place."""
    return order.index(text) if text in order else int(text.split(maxsplit=1)[0])


REAL = {
    "The answer": (
        ("best lost", "best lost", True),
        ("could be best", "could be best", False),
        ("regret", "regret", False),
        ("regret of the highest mean", "of the highest mean", False),
        ("regret beyond the highest mean's", "difference", False),
        ("false clear notes on ends", "false ends of ranges", True),
        ("false effect", "false effect", True),
    ),
    "Numbers with their intervals (95 %)": (
        ("optimism", "optimism", False),
        ("optimism stated", "as stated", False),
        ("coverage of accuracies", "an accuracy", True),
        ("coverage of what to expect", "what to expect", True),
        ("fewer settings in their band", "fewer settings (80 %)", True),
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
    return (
        f"{mean:.0f} ± {error:.0f}" if mean > 2 else f"{mean:.4f} ± {error:.4f}".replace("-", "−")
    )


def _percent(mean: float, error: float) -> str:
    return f"{100 * mean:.1f} ± {100 * error:.1f} %"


def _markdown(title: str, head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    rows = [head, ["---"] * len(head), *lines]
    return f"## {title}\n\n" + "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n\n"
