"""The report of a sweep: its figures, and the page that shows them."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from pathlib import Path

from markupsafe import Markup

from sweeplab.errors import RunFolderError
from sweeplab.figures.catalogue import FOLDED, sections
from sweeplab.report.page.explorer import explorer
from sweeplab.report.page.html import render
from sweeplab.report.page.pieces import Cell, Group, Page, Section, command
from sweeplab.report.page.plots import FigureFiles, is_whole, picture
from sweeplab.report.page.provenance import provenance
from sweeplab.report.page.tables import effect_tables, settings_table, trouble_table
from sweeplab.report.text.merged import differences, merged
from sweeplab.report.text.opened import Opening, opening
from sweeplab.report.text.verdict import Verdict, answer_of, verdict
from sweeplab.runs.files import write_text
from sweeplab.statistics import Analysis, analyse
from sweeplab.sweeps.answers import write_answers
from sweeplab.sweeps.comparable import comparable
from sweeplab.sweeps.find import is_sweep
from sweeplab.sweeps.folder import SweepFolder, read_sweep
from sweeplab.sweeps.place import place
from sweeplab.sweeps.question import question_of
from sweeplab.sweeps.settings import DRAW, count_statuses
from sweeplab.sweeps.tables import Sweep
from sweeplab.words import count, knob_name, listed, replicates, speaking_of

FORMATS = ("svg", "png")
PAGE = "report.html"
MOST_NAMED = 3  # sweeps in a title


def build_report(
    sweep: Sweep, *, formats: Sequence[str] = FORMATS, out: Path | None = None
) -> Path:
    """Write figures and ``report.html``.

    Args:
        sweep: as ``load_sweep`` gives it.
        formats: which files to write beside the page, of ``svg``, ``png`` and ``pdf``.
        out: the folder to write to; if None the sweep's own, or one beside the first of several
            (``sweeps.place``).

    Returns:
        The path of ``report.html``.
    """
    with speaking_of(sweep.runs["data.name"]):
        return _build(sweep, formats, place(sweep) if out is None else out)


def _build(sweep: Sweep, formats: Sequence[str], target: Path) -> Path:
    files = FigureFiles(target / "figures", formats)
    parts = comparable(sweep)
    question, asks = _question(sweep)
    several = len(parts) > 1
    judged = {name if several else "": (part, analyse(part)) for name, part in parts.items()}
    said = {name: verdict(*of, asks) for name, of in judged.items()}
    groups = [
        _group(*of, said[name], files, name, ids, asks)
        for (name, of), ids in zip(judged.items(), _prefixes(judged), strict=True)
    ]
    files.remove_stale()
    trouble = trouble_table(sweep)
    page = Page(
        title=_title(sweep.paths),
        question=question,
        summary=_summary(sweep),
        groups=groups,
        tables=[trouble] if trouble else [],
        provenance=provenance(sweep),
        notes=differences(sweep),
        merged=merged(sweep),
        skipped=sweep.skipped,
    )
    path = target / PAGE
    write_text(path, render(page))
    if sweep.paths == (target,) and is_sweep(target):
        answers = [answer_of(*of, said[name], name) for name, of in judged.items()]
        write_answers(SweepFolder(target), answers)
    return path


def _group(
    part: Sweep,
    analysis: Analysis,
    said: Verdict,
    files: FigureFiles,
    name: str,
    prefixes: tuple[str, str],
    asks: str,
) -> Group:
    """What is said and shown of ``part``, under its ``name`` where it is one of several.

    Args:
        prefixes: of the ids on the page, and of the figures' files.
    """
    prefix, stem = prefixes
    of = f", {name}" if name else ""
    drawn = sections(part, analysis)
    about = question_of(part.knobs, asks).knobs
    # Of two knobs together there is a sentence, and no table.
    together = [words for key, words in said.questions.items() if key not in part.knobs]
    sentences = {"importance": said.importance_said, "knobs": together, **said.further}
    tables = {"knobs": effect_tables(analysis, said.questions)}
    seen = explorer(
        part,
        analysis,
        files.folder.parent,
        key=f"{prefix}explore",
        title=f"Explore the runs{of}",
        about=about[0] if about else "",
    )
    beside = [plot for section in drawn for plot in section.plots if plot.name == said.picture]
    shown = []
    for section in drawn:
        # The whole of what stands beside the answer is to be seen, once.
        explored = seen is not None and (seen.models or section.key != "model")
        elsewhere = set(section.explored) if explored else set()
        elsewhere -= {plot.name for plot in beside}
        elsewhere |= {plot.name for plot in beside if is_whole(plot)}
        plots = [
            files.write(plot, stem, prefix, elsewhere=plot.name in elsewhere)
            for plot in section.plots
        ]
        words = [words for words in sentences.get(section.key, []) if words != said.lead]
        words += [note for plot in section.plots for note in plot.notes]
        effects = tables.get(section.key, [])
        key, title = f"{prefix}{section.key}", f"{section.title}{of}"
        folded = section.key in FOLDED and bool(words)
        shown.append(Section(key, title, section.title, plots, words, effects, folded))
    return Group(
        title=f"On {name}",
        question=said.question,
        lead=said.lead,
        setting=said.setting,
        picture=picture(beside[0], prefix) if beside else None,
        how=said.how,
        findings=said.findings,
        cautions=[
            *said.cautions,
            *(plot.caution for section in drawn for plot in section.plots if plot.caution),
        ],
        opened=_opened(opening(part, analysis.recommended)),
        explorer=seen,
        sections=shown,
        methods=said.methods,
        settings=settings_table(part, analysis, key=f"{prefix}settings", title=f"Settings{of}"),
    )


def _prefixes(names: Collection[str]) -> list[tuple[str, str]]:
    """What tells the ids, and the files, of several groups apart; nothing where there is one.

    A data set may have any name, so ids come of numbers; files have its words, for people.
    """
    if len(names) == 1:
        return [("", "")]
    found: dict[str, str] = {}  # ids by the files'
    for number, name in enumerate(names, start=1):
        words = "".join(f"{word}-" for word in re.findall(r"[\w.]+", name)).lstrip(".")[:60]
        stem = words if words and words not in found else f"{words}{number}-"
        found[stem] = f"set-{number}-"
    return [(ids, stem) for stem, ids in found.items()]


def _opened(opening: Opening) -> list[Cell]:
    if opening.run is None:
        return [*opening.sentences]
    ask = Markup("{} {}").format(opening.invitation, command(opening.run, "evaluate"))
    return [*opening.sentences, ask]


def _title(paths: Sequence[Path]) -> str:
    """What to call sweeps: their folders, and the experiment where a folder is only a date."""
    names = [
        f"{path.parent.name} · {path.name}" if path.name[:1].isdigit() else path.name
        for path in map(Path.resolve, dict.fromkeys(paths))
    ]
    if len(names) <= MOST_NAMED:
        return listed(names)
    more = f"{len(names) - MOST_NAMED} more"
    return f"{count(len(names), 'sweep')}: {listed([*names[:MOST_NAMED], more])}"


def _question(sweep: Sweep) -> tuple[str, str]:
    """The experiment's question and its kind, where all the sweeps asked one and the same."""
    asked = set()
    for path in sweep.paths:
        try:
            record = read_sweep(SweepFolder(path))
        except RunFolderError:  # a run's folder, or a sweep whose record is damaged
            return "", ""
        asked.add((record.question, record.asks))
    return asked.pop() if len(asked) == 1 else ("", "")


def _summary(sweep: Sweep) -> str:
    runs = sweep.runs
    seeds = count(int(runs["seed"].nunique()), "seed")
    if (draws := int(runs[DRAW].nunique())) > 1:
        seeds = f"{replicates(draws, draws=True)}; {seeds}"
    knobs = listed([*map(knob_name, sweep.knobs)])
    swept = f"swept: {knobs}" if knobs else "nothing swept"
    data = listed([*runs["data.name"].astype(str).unique()])
    return f"{count_statuses(runs)}; {swept}; {seeds}; data: {data}."
