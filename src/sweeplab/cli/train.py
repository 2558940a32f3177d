"""``sweeplab train``: hands its arguments to Hydra, an experiment's file among them."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import click

from sweeplab.cli.experiments import Experiment, find, read
from sweeplab.cli.typed import options_first, quote_path, refuse_unknown_keys, take_experiment
from sweeplab.config import RunConfig
from sweeplab.errors import FULL_ERROR, ConfigError, SweeplabError, wants_traceback
from sweeplab.places import conf_dir
from sweeplab.report.apart import begin
from sweeplab.task.spaced import quote_spaced

MULTIRUN = ("-m", "--multirun")
# Words of a sweep that shows something else, or trains without a report.
NO_REPORT = {
    *("-h", "--help", "--hydra-help", "-i", "--info", "-c", "--cfg", "-sc", "--shell-completion"),
    *("hydra.launcher.dry_run=true", "hydra.sweeper.report=false"),
}
SWEEPERS = ("grid", "search")  # ours, which keep the experiment's question


def train(arguments: list[str], task: Callable[[Any], Any] | None = None) -> None:
    """Run Hydra's application over ``arguments``. It ends the process when it fails.

    Args:
        task: what to run for each job; ``TrainTask`` if None. Benchmarks give another.
    """
    words = list(arguments)
    file = take_experiment(words)
    experiment = read(find(file)) if file else None
    if "--dry-run" in words:
        words = [*(word for word in words if word != "--dry-run"), "hydra.launcher.dry_run=true"]
        if experiment is None and not set(MULTIRUN) & set(words):
            raise click.UsageError(
                "--dry-run shows what a sweep would train: give -m, or an experiment's file."
            )
    words = [quote_path(quote_spaced(word)) for word in words]
    if not {"-sc", "--shell-completion"} & set(words):
        refuse_unknown_keys(words)
    if experiment is not None:
        words += [*_plugins(experiment, words), f"+experiment={experiment.name}"]
    sys.argv = ["sweeplab", *options_first(words)]  # Hydra reads no other

    if (experiment is not None or set(MULTIRUN) & set(words)) and not NO_REPORT & set(words):
        begin()

    import hydra
    from hydra.core.config_store import ConfigStore

    store = ConfigStore.instance()
    store.store(name="run_config", node=RunConfig, provider="sweeplab")
    if experiment is not None:
        store.store(
            group="experiment",
            name=experiment.name,
            node=_node(experiment, words),
            package="_global_",
            provider=str(experiment.path),
        )

    from sweeplab.task.job import TrainTask

    tracebacks = wants_traceback()
    task = task or TrainTask(["sweeplab", "train", *arguments], tracebacks)
    main = hydra.main(version_base="1.3", config_path=str(conf_dir()), config_name="train")
    with nullcontext() if tracebacks else _errors_as_messages():
        main(task)()


@contextmanager
def _errors_as_messages() -> Iterator[None]:
    """Show any error as one message: Hydra itself prints a traceback for most of them."""
    from hydra.errors import CompactHydraException
    from omegaconf.errors import OmegaConfBaseException

    os.environ[FULL_ERROR] = "1"  # Hydra lets errors through for no other sign
    try:
        yield
    except Exception as error:
        hydras = isinstance(error, CompactHydraException)  # some are an OSError too
        ours = (SweeplabError, OSError, MemoryError, ImportError)
        if isinstance(error, ours) and not hydras:
            raise  # `main` has the words for them
        text = str(error) if hydras else repr(error)
        if isinstance(error.__cause__, OmegaConfBaseException):
            text += f"\n{error.__cause__}"
        sys.exit(f"sweeplab: {text}\n{FULL_ERROR}=1 shows where.")
    finally:
        del os.environ[FULL_ERROR]


def _node(experiment: Experiment, words: list[str]) -> dict[str, Any]:
    """The file as a config that Hydra merges into the root. Its name names the outputs."""
    node = experiment.content
    hydra = _block(node, "hydra", experiment)
    _block(hydra, "job", experiment).setdefault("name", experiment.name)
    _block(hydra, "help", experiment).setdefault("header", experiment.question)
    sweeper = _block(hydra, "sweeper", experiment)
    if "mode" not in hydra and (sweeper.get("params") or sweeper.get("grids")):
        hydra["mode"] = "MULTIRUN"
    sweepers = [word.split("=")[1] for word in words if word.startswith("hydra/sweeper=")]
    if experiment.asks and {*sweepers} <= {*SWEEPERS}:
        sweeper.setdefault("question", experiment.asks)
    return node


def _plugins(experiment: Experiment, words: list[str]) -> list[str]:
    """The launcher and the sweeper that the experiment asks for and ``words`` do not, as words.

    Hydra lets those of ``conf/train.yaml`` come before an experiment's, but not before these.
    """
    defaults = experiment.content.get("defaults") or []
    asked: dict[str, str] = {}
    rest = []
    for entry in defaults:
        key, value = next(iter(entry.items())) if isinstance(entry, dict) and entry else ("", "")
        if str(key).startswith("override /hydra/"):
            asked[str(key).removeprefix("override /")] = value
        else:
            rest.append(entry)
    if asked:
        experiment.content["defaults"] = rest
    given = {word.split("=")[0] for word in words}
    return [f"{key}={value}" for key, value in asked.items() if key not in given]


def _block(node: dict[str, Any], key: str, experiment: Experiment) -> dict[str, Any]:
    """The mapping at ``key``. One whose lines are all commented out is empty."""
    block = node[key] = {} if node.get(key) is None else node[key]
    if not isinstance(block, dict):
        raise ConfigError(f"{key} in {experiment.path} must hold keys, but is '{block}'.")
    return block
