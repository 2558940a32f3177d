"""Who may use whom: imports point one way, and Hydra is met in few rooms."""

from __future__ import annotations

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from conftest import ROOT

PACKAGE = ROOT / "src" / "sweeplab"

# Each room may use the rooms before it, and those named with it.
ROOMS = [
    {"compiled", "errors", "knobs", "places", "terminal"},
    {"config", "data_keys", "parse", "results"},
    {"words", "model", "inputs", "provenance"},
    {"data"},
    {"training", "runs"},
    {"sweeps", "sameness"},
    {"statistics"},
    {"figures"},
    {"report"},
    {"reproduce", "evaluation", "prediction", "api", "export"},
    {"execute"},
    {"task"},
    {"cli"},
    {"__main__"},
]
RANK = {room: rank for rank, rooms in enumerate(ROOMS) for room in rooms}
MAY_MEET_HYDRA = {"task", "cli"}
# Within these rooms too, each module may use those before it alone.
WITHIN = {
    "execute": [
        *("options", "files", "progress", "checkpoints", "stack"),
        *("handed", "processes", "slurm", "distribute"),
    ],
    "task": [
        *("spaced", "conditions", "grid", "compose", "left_out"),
        *("prepare", "forecast", "claim", "words", "progress", "hooks"),
        *("launch", "job", "finish", "sweep", "notebook", "search"),
    ],
    "report": ["text", "page", "notebook", "build", "apart", "versus"],
}
FILES = sorted(PACKAGE.rglob("*.py"))


def room(path: Path) -> str:
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def imported(path: Path) -> set[str]:
    """The dotted names of every module imported in a file, at any depth of it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{name.name}" for name in node.names}
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_imports_point_one_way(path: Path) -> None:
    here = room(path)
    if here == "__init__":
        return
    assert here in RANK, f"{path} is in no room: give it a place in ROOMS"
    for name in imported(path):
        parts = name.split(".")
        if parts[0] == "sweeplab" and len(parts) > 1 and parts[1] != here:
            assert RANK[parts[1]] <= RANK[here], f"{here} may not use {parts[1]}"
        if parts[0] == "hydra":
            assert here in MAY_MEET_HYDRA, f"{here} may not meet Hydra"
        if parts[0] == "omegaconf":
            assert here in MAY_MEET_HYDRA | {"config"}, f"{here} may not meet OmegaConf"
        if parts[0] in ("torch", "torchvision"):
            light = ("statistics", "figures", "report", "cli", "runs", "config")
            assert here not in light, f"{here} may not meet torch"


def test_statistics_give_numbers_and_the_text_knows_no_page() -> None:
    apart = {
        "statistics": ("sweeplab.words",),
        "report/text": ("sweeplab.report.page", "sweeplab.figures", "markupsafe"),
    }
    for folder, forbidden in apart.items():
        for path in (PACKAGE / folder).rglob("*.py"):
            met = [name for name in imported(path) if name.startswith(forbidden)]
            assert met == [], f"{path.relative_to(PACKAGE)} may not use {', '.join(met)}"


@pytest.mark.parametrize("place", WITHIN)
def test_imports_point_one_way_within_a_room(place: str) -> None:
    order = WITHIN[place]
    parts = {path.stem: path for path in (PACKAGE / place).iterdir() if path.name[0] not in "._"}
    assert set(order) == {name for name in parts if parts[name].suffix == ".py" or name in order}
    for part, path in parts.items():
        before = order[: order.index(part) + 1] if part in order else []
        for file in path.rglob("*.py") if path.is_dir() else [path]:
            names = [name.split(".") for name in imported(file)]
            used = {parts[2] for parts in names if parts[:2] == ["sweeplab", place] and parts[2:]}
            assert used <= set(before), f"{file} may not use {used - set(before)}"


def test_no_modules_import_each_other() -> None:
    modules = {
        ".".join(("sweeplab", *path.relative_to(PACKAGE).with_suffix("").parts)) for path in FILES
    }
    graph = {}
    for path in FILES:
        name = ".".join(("sweeplab", *path.relative_to(PACKAGE).with_suffix("").parts))
        tree = ast.parse(path.read_text(encoding="utf-8"))
        # Imports in functions, and those for the type checker alone, come when all is loaded.
        names = {
            f"{node.module}{tail}"
            for node in tree.body
            if isinstance(node, ast.ImportFrom) and node.module
            for tail in ("", *(f".{alias.name}" for alias in node.names))
        }
        graph[name] = names & modules
    assert list(TopologicalSorter(graph).static_order())  # raises CycleError


def test_files_stay_small() -> None:
    long = {str(path): n for path in FILES if (n := len(path.read_text().splitlines())) > 300}
    assert long == {}


def test_the_report_does_without_torch() -> None:
    code = (
        "import sys, sweeplab.report.build, sweeplab; sweeplab.load_sweep;"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_public_names_are_there() -> None:
    import sweeplab

    for name in sweeplab.__all__:
        assert getattr(sweeplab, name).__doc__, f"{name} has no docstring"
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        sweeplab.nothing  # noqa: B018
