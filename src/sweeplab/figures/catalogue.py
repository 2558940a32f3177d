"""Which figures a report has, in the order they are read."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module

from sweeplab.figures.plots import Analysis, Plot
from sweeplab.sweeps.tables import Sweep
from sweeplab.words import of_data

# A section's key, its title, and the files of figures/plots that draw for it.
SECTIONS = (
    ("importance", "How much each knob mattered", ["importance"]),
    ("knobs", "What each knob does", ["knob"]),
    ("pairs", "Knobs together", ["heatmap"]),
    ("size", "Training-set size", ["train_size", "power_law"]),
    ("batch", "Batch size", ["batch_size", "best_rate"]),
    ("curves", "Learning curves", ["training", "learning_curves"]),
    ("length", "Length of training", ["best_iteration", "early"]),
    ("certainty", "How sure, and what would help", ["budget"]),
    ("halving", "What halving stopped", ["halving"]),
    ("tries", "How many settings to try", ["tries"]),
    ("model", "The model", ["templates", "confusion", "mistakes"]),
    ("data", "The images", ["first_images"]),
)


# Files whose figures the page's explorer shows in another way; they are for print, for `figures/`,
# and where script is off.
EXPLORED = {"knob", "learning_curves", "templates", "confusion"}
# Sections whose sentences say it, so that their figures stand one click behind them.
FOLDED = {"length", "certainty", "tries"}


@dataclass(frozen=True)
class Section:
    """A part of the report with a heading."""

    key: str
    title: str
    plots: list[Plot]
    explored: frozenset[str]  # the names of those that the explorer shows in another way


def sections(sweep: Sweep, analysis: Analysis) -> list[Section]:
    """The figures of runs that share a validation set; sections with nothing to show are left out.

    Args:
        sweep: one part of ``sweeps.comparable``.
        analysis: what the statistics say of it.
    """
    drawn = []
    for key, title, names in SECTIONS:
        plots: list[Plot] = []
        explored: set[str] = set()
        for name in names:
            file = import_module(f"sweeplab.figures.plots.{name}")
            found = list(file.plots(sweep, analysis))
            plots += found
            explored |= {plot.name for plot in found} if name in EXPLORED else set()
        drawn.append(Section(key, of_data(title), plots, frozenset(explored)))
    return [section for section in drawn if section.plots]
