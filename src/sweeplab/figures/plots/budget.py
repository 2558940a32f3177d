"""What the uncertainty of the answer is made of: images, seeds, training images."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from sweeplab.errors import SweeplabError
from sweeplab.figures.panels import Cell, panels
from sweeplab.figures.plots import Analysis, Plot, series
from sweeplab.figures.theme import PAPER, UNORDERED, styled
from sweeplab.statistics.analysis import analyse
from sweeplab.statistics.budget import Budgets
from sweeplab.sweeps.tables import Sweep
from sweeplab.words import example, examples, luck_name, percent

CELL = Cell(width=5.0, height=1.35, left=1.85, right=0.3, top=0.1)
COLOURS = dict(zip(("images", "seeds", "training"), UNORDERED, strict=False))


def plots(sweep: Sweep, analysis: Analysis) -> Iterator[Plot]:
    """The parts, where more than one is known."""
    found = analysis.further.budgets
    if found is None or len(found.known) < 2:
        return
    rows = parts(found)
    yield Plot(
        "budget",
        "Where the uncertainty comes from",
        budget(sweep, analysis),
        _caption(differs=len(rows) > 1),
        series(
            f"{what}: " + ", ".join(f"{percent(share)} {name}" for name, share in shares.items())
            for what, shares in rows.items()
        ),
    )


def _caption(*, differs: bool) -> str:
    of = "Shares of the variance of the recommended setting's accuracy"
    if not differs:
        return f"{of}."
    return (
        f"{of}, and of its difference to the next best setting. Differences are taken {example()} "
        f"by {example()}, so {examples()} matter less there."
    )


def parts(found: Budgets) -> dict[str, dict[str, float]]:
    """The shares of the known parts, by name, of the accuracy and of the difference."""
    known = {"its accuracy": found.accuracy, "the difference to the next": found.difference}
    return {
        what: {_name(part, found): one.share(part) for part in found.known}
        for what, one in known.items()
        if one is not None and one.total > 0
    }


def _name(part: str, found: Budgets) -> str:
    return luck_name(part, together=found.together)


@styled
def budget(sweep: Sweep, analysis: Analysis | None = None) -> Figure:
    """The shares of images, seeds and training images in the uncertainty of the answer.

    Args:
        sweep: runs that share a validation set.
        analysis: what ``statistics.analyse`` says of it, where that is at hand.

    Raises:
        SweeplabError: no run completed.
    """
    found = (analysis or analyse(sweep)).further.budgets
    if found is None:
        raise SweeplabError("No run completed, so there is no accuracy to be uncertain of.")
    palette = {_name(part, found): COLOURS[part] for part in found.known}
    keys = [Patch(facecolor=colour, label=name) for name, colour in palette.items()]
    figure, (ax,) = panels(1, cell=CELL, legend=keys)
    rows = pd.DataFrame(
        [
            {"what": what.replace(" to ", "\nto "), "part": name, "share": share}
            for what, shares in parts(found).items()
            for name, share in shares.items()
        ]
    )
    sns.histplot(
        rows,
        y="what",
        weights="share",
        hue="part",
        hue_order=[*palette][::-1],  # seaborn stacks the last one first
        palette=palette,
        multiple="stack",
        shrink=0.6,
        alpha=1,
        edgecolor=PAPER,
        legend=False,
        ax=ax,
    )
    ax.set(xlim=(0, 1), xlabel="share of the variance", ylabel="uncertainty of")
    ax.xaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
    ax.grid(visible=False, axis="y")
    return figure
