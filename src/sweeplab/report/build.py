"""The report of a sweep: its figures, and the page that shows them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from markupsafe import Markup

from sweeplab.errors import RunFolderError
from sweeplab.report.page.commands import command
from sweeplab.report.page.files import FigureFiles
from sweeplab.report.page.html import (
    Group,
    Page,
    PagePlot,
    PageSection,
    Table,
    page_plot,
    render,
    unbroken,
)
from sweeplab.report.page.provenance import provenance
from sweeplab.report.page.tables import runs_table, settings_table, trouble_table
from sweeplab.report.sections import Section, sections
from sweeplab.report.text.merged import differences
from sweeplab.report.text.opened import Opening, opening
from sweeplab.report.text.verdict import verdict
from sweeplab.runs.files import write_text
from sweeplab.statistics import Analysis, analyse
from sweeplab.sweeps.comparable import comparable
from sweeplab.sweeps.folder import SweepFolder, read_sweep
from sweeplab.sweeps.settings import count_statuses
from sweeplab.sweeps.tables import Sweep
from sweeplab.words import count, knob_name, listed

FORMATS = ("svg", "png")
PAGE = "report.html"


def build_report(
    sweep: Sweep, *, formats: Sequence[str] = FORMATS, out: Path | None = None
) -> Path:
    """Write figures and ``report.html``.

    Args:
        sweep: as ``load_sweep`` gives it.
        formats: which files to write beside the page, of ``svg``, ``png`` and ``pdf``.
        out: the folder to write to; the sweep's own if None.

    Returns:
        The path of ``report.html``.
    """
    target = sweep.path if out is None else out
    files = FigureFiles(target / "figures", formats)
    groups, tables = [], []
    parts = comparable(sweep)
    for name, part in parts.items():
        several = len(parts) > 1
        prefix = f"{_slug(name)}-" if several else ""
        analysis = analyse(part)
        said = verdict(part, analysis)
        shown = [
            _page_section(section, name, several, list(_drawn(section, files, prefix)))
            for section in sections(part, analysis, said)
        ]
        groups.append(
            Group(
                title=f"On {name}",
                lead=unbroken(said.lead),
                how=unbroken(said.how),
                findings=_lines(said.findings),
                cautions=_lines(said.cautions),
                sections=shown,
                opened=_opened(opening(part, analysis.recommended)),
            )
        )
        tables.append(_settings_table(part, analysis, name, several))
    files.remove_stale()
    trouble = trouble_table(sweep)
    page = Page(
        title=listed(list(dict.fromkeys(map(title, sweep.paths)))),
        question=_question(sweep),
        summary=_summary(sweep),
        groups=groups,
        tables=[*tables, *([trouble] if trouble else []), runs_table(sweep)],
        provenance=provenance(sweep),
        notes=differences(sweep),
        skipped=sweep.skipped,
    )
    path = target / PAGE
    write_text(path, render(page))
    return path


def title(path: Path) -> str:
    """What to call a sweep: its folder, and the experiment where the folder is only a date."""
    path = path.resolve()
    return f"{path.parent.name} · {path.name}" if path.name[:1].isdigit() else path.name


def _drawn(section: Section, files: FigureFiles, prefix: str) -> Iterator[PagePlot]:
    for plot in section.plots:
        svg = files.write(f"{prefix}{plot.name}", plot.figure)
        yield page_plot(plot, svg, prefix)


def _page_section(section: Section, name: str, several: bool, plots: list[PagePlot]) -> PageSection:
    key, title = section.key, section.title
    if several:
        key, title = f"{_slug(name)}-{key}", f"{title}, {name}"
    return PageSection(key, title, plots, _lines(section.sentences))


def _slug(name: str) -> str:
    """``name`` as a part of ids and file names."""
    return "-".join(re.findall(r"[\w.]+", name))


def _lines(sentences: Sequence[str]) -> list[str]:
    return [unbroken(sentence) for sentence in sentences]


def _opened(opening: Opening) -> list[str | Markup]:
    if opening.run is None:
        return list(opening.sentences)
    ask = Markup("{} {}").format(opening.invitation, command(opening.run, "evaluate"))
    return [*opening.sentences, ask]


def _settings_table(part: Sweep, analysis: Analysis, name: str, several: bool) -> Table:
    key, title = ("settings", "Settings")
    if several:
        key, title = f"{_slug(name)}-settings", f"Settings, {name}"
    return settings_table(part, analysis, key=key, title=title)


def _question(sweep: Sweep) -> str:
    """The question of the experiment, where all the sweeps asked one and the same."""
    asked = set()
    for path in sweep.paths:
        try:
            asked.add(read_sweep(SweepFolder(path)).question)
        except RunFolderError:  # a run's folder, or a sweep whose record is damaged
            return ""
    return asked.pop() if len(asked) == 1 else ""


def _summary(sweep: Sweep) -> str:
    runs = sweep.runs
    seeds = count(int(runs["seed"].nunique()), "seed")
    swept = (
        f"swept: {listed([knob_name(key) for key in sweep.knobs])}"
        if sweep.knobs
        else "nothing swept"
    )
    data = listed([str(name) for name in dict.fromkeys(runs["data.name"])])
    return f"{count_statuses(runs)}; {swept}; {seeds}; data: {data}."
