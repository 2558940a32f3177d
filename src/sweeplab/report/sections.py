"""Which figures a sweep needs, in the order they are read."""

from __future__ import annotations

from dataclasses import dataclass, field

from sweeplab.figures.plot import Plot
from sweeplab.report.curve_plots import curve_plots, length_plots
from sweeplab.report.knob_plots import (
    batch_size_plots,
    importance_plots,
    knob_plots,
    pair_plots,
    train_size_plots,
)
from sweeplab.report.material import material
from sweeplab.report.model_plots import model_plots
from sweeplab.report.text.verdict import Verdict
from sweeplab.statistics import Analysis
from sweeplab.sweeps.tables import Sweep


@dataclass(frozen=True)
class Section:
    """A part of the report with a heading."""

    key: str
    title: str
    plots: list[Plot]
    sentences: list[str] = field(default_factory=list)  # what the figures show, in words


def sections(sweep: Sweep, analysis: Analysis, verdict: Verdict) -> list[Section]:
    """The figures of a sweep over one data set, in the order they are read."""
    if analysis.recommended is None:
        found = [
            Section("curves", "Learning curves", list(curve_plots(material(sweep, analysis)))),
            Section("data", "The images", list(model_plots(sweep, analysis, "data"))),
        ]
    else:
        from_runs = material(sweep, analysis)
        found = [
            Section(
                "importance",
                "How much each knob mattered",
                list(importance_plots(analysis)),
                verdict.importance_said,
            ),
            Section(
                "knobs",
                "What each knob does",
                list(knob_plots(from_runs)),
                list(verdict.questions.values()),
            ),
            Section("pairs", "Knobs together", list(pair_plots(from_runs))),
            Section("size", "Training-set size", list(train_size_plots(from_runs))),
            Section("batch", "Batch size", list(batch_size_plots(from_runs))),
            Section("curves", "Learning curves", list(curve_plots(from_runs))),
            Section("length", "Length of training", list(length_plots(from_runs))),
            Section("model", "The model", list(model_plots(sweep, analysis, "model"))),
            Section("data", "The images", list(model_plots(sweep, analysis, "data"))),
        ]
    return [section for section in found if section.plots]
