"""Experiments: one YAML file each, whose opening comment is the question it answers."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

import yaml
from rich.table import Column, Table

from sweeplab.errors import ConfigError
from sweeplab.places import experiments_dir
from sweeplab.sweeps.question import parse_question
from sweeplab.terminal import console, say


@dataclass(frozen=True)
class Experiment:
    """An experiment's file, read."""

    path: Path
    question: str  # the opening comment, up to its first question mark
    asks: str  # of which kind it is, as ``question:`` says; may be empty
    content: dict[str, Any]  # without ``question:``

    @property
    def name(self) -> str:
        return self.path.stem


def find(word: str) -> Path:
    """The file that ``word`` names: where it points, or among the shipped experiments.

    Raises:
        ConfigError: there is none; the message lists those there are.
    """
    here = Path(word)
    if here.is_file():
        return here
    shipped = experiments_dir() / here.name
    # Only a path such as experiments/grid.yaml may stand for a shipped one: a mistyped folder
    # must not train something else.
    if shipped.is_file() and str(here.parent) in ("experiments", "."):
        return shipped
    names = ", ".join(f"experiments/{path.name}" for path in shipped_experiments())
    raise ConfigError(f"There is no file {word}. The experiments at hand are: {names}.")


def shipped_experiments() -> list[Path]:
    """The files of the experiments that come with sweeplab."""
    return sorted(experiments_dir().glob("*.yaml"))


def read(path: Path) -> Experiment:
    """The experiment in ``path``.

    Raises:
        ConfigError: it is no YAML mapping, or asks no question that a report answers.
    """
    try:
        text = path.read_text(encoding="utf-8")
        content = yaml.safe_load(text) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{path} is not an experiment's YAML file: {error}") from error
    if not isinstance(content, dict):
        raise ConfigError(f"{path} is not an experiment's YAML file: it holds no mapping.")
    comment = takewhile(lambda line: line.startswith("#"), text.splitlines())
    words = " ".join(line.lstrip("#") for line in comment).split()
    question, mark, _ = " ".join(words).partition("?")
    asks = str(content.pop("question", None) or "")
    try:
        asks = str(parse_question(asks)) if asks else ""
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    return Experiment(path, question + mark, asks, content)


def list_experiments() -> None:
    """Print the shipped experiments and those of the folder ``experiments`` here."""
    at_hand = [*shipped_experiments(), *sorted(Path("experiments").glob("*.yaml"))]
    table = Table(Column("experiment", no_wrap=True), "question", box=None, header_style="bold")
    for name, path in {path.name: path for path in at_hand}.items():
        table.add_row(f"experiments/{name}", read(path).question)
    console().print(table)
    say("\nTrain one: sweeplab train experiments/NAME.yaml")
