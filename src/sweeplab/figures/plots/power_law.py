"""The validation error by training-set size, on a line."""

from __future__ import annotations

from collections.abc import Iterator

from matplotlib.figure import Figure

from sweeplab.errors import SweeplabError
from sweeplab.figures.laws import CELL, draw_law, name_ticks
from sweeplab.figures.panels import panels
from sweeplab.figures.plots import Analysis, Plot, series
from sweeplab.figures.slices import held_note, setting_of
from sweeplab.figures.theme import styled
from sweeplab.statistics.analysis import analyse
from sweeplab.sweeps.tables import Sweep
from sweeplab.words import examples, number, plus_minus, value_text

SIZE = "data.train_size"


def plots(sweep: Sweep, analysis: Analysis) -> Iterator[Plot]:
    """The error by size, where four sizes or more were swept."""
    law = analysis.further.power_law
    if law is None:
        return
    level = f" It levels off at {number(law.offset)}." if law.offset else ""
    yield Plot(
        "power-law",
        f"How fast the error falls with more training {examples()}",
        power_law(sweep, analysis),
        held_note(setting_of(sweep, analysis.recommended), sweep.knobs, [SIZE])
        + f"The error is 1 less the accuracy. Band: 95 %, from the chance of {examples()} and "
        f"seeds or the scatter of the points, whichever is wider.{level}",
        f"Slope {plus_minus(law.slope, law.half, 2)} on logarithmic axes. Validation error by "
        f"number of training {examples()}: "
        + series(f"{value_text(x)}: {number(y)}" for x, y in zip(law.x, law.y, strict=True)),
    )


@styled
def power_law(sweep: Sweep, analysis: Analysis | None = None) -> Figure:
    """The validation error against the training-set size, with a power law and its band.

    Args:
        sweep: runs that share a validation set.
        analysis: what ``statistics.analyse`` says of it, where that is at hand.

    Raises:
        SweeplabError: fewer than four sizes were swept.
    """
    law = (analysis or analyse(sweep)).further.power_law
    if law is None:
        raise SweeplabError("Sweep four training-set sizes or more: fewer are in this sweep.")
    figure, (ax,) = panels(1, cell=CELL)
    draw_law(ax, law, SIZE)
    name_ticks(ax, law)
    ax.set_ylabel("validation error (log scale)")
    return figure
