"""The log file of each job in a stack, written as ``hydra.job_logging`` says."""

from __future__ import annotations

import logging
import logging.config
from contextlib import suppress
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf, open_dict

from sweeplab.runs.folder import RunFolder
from sweeplab.runs.record import RunRecord
from sweeplab.task.compose import Job
from sweeplab.task.words import outcome

log = logging.getLogger("sweeplab.run")

# What Hydra's own logging configurations interpolate. Others are resolved job by job.
_OUTPUT_DIR, _JOB_NAME = "${hydra.runtime.output_dir}", "${hydra.job.name}"


class JobLog:
    """Logs the outcome of jobs to their files alone; the console shows the whole sweep instead."""

    def __init__(self, master: DictConfig) -> None:
        logging_config: Any = OmegaConf.to_container(master.hydra.job_logging, resolve=False)
        self.name = str(master.hydra.job.name)
        self.settings = _to_files(logging_config)
        # Asked before the folder's own name is in it, which may look like an interpolation.
        self.interpolates = _interpolates(
            _replaced(self.settings, {_OUTPUT_DIR: "", _JOB_NAME: ""})
        )
        self.formatters = None if self.interpolates else _formatters(self.settings)

    def write(self, job: Job, number: int, run: RunFolder, record: RunRecord) -> None:
        """Log how a job ended."""
        lines = outcome(record)
        if self.formatters is not None:
            for filename, formatter in self.formatters:
                path = Path(self._filled(filename, run))
                _append(path, [formatter.format(_log_record(line)) for line in lines])
        elif self.settings:
            logging.config.dictConfig(self._resolved(job, number, run))
            for line in lines:
                log.info("%s", line)
            for handler in logging.getLogger().handlers:
                handler.close()

    def _resolved(self, job: Job, number: int, run: RunFolder) -> dict[str, Any]:
        if not self.interpolates:
            filled: dict[str, Any] = self._filled(self.settings, run)
            return filled
        config = job.hydra_config(number, str(run.path))
        with open_dict(config):
            config.hydra.job_logging = self.settings
        resolved: Any = OmegaConf.to_container(config.hydra.job_logging, resolve=True)
        return resolved  # type: ignore[no-any-return]

    def _filled(self, tree: Any, run: RunFolder) -> Any:
        return _replaced(tree, {_OUTPUT_DIR: str(run.path), _JOB_NAME: self.name})


def _to_files(logging_config: dict[str, Any]) -> dict[str, Any]:
    """What of a logging configuration goes to files; empty if nothing does."""
    handlers, root = logging_config.get("handlers") or {}, logging_config.get("root") or {}
    wanted = [name for name in root.get("handlers") or [] if "filename" in handlers.get(name, {})]
    if not wanted:
        return {}
    return {
        "version": 1,
        "formatters": logging_config.get("formatters") or {},
        "handlers": {name: handlers[name] for name in wanted},
        "root": {**root, "handlers": wanted},
        "disable_existing_loggers": False,
    }


def _formatters(settings: dict[str, Any]) -> list[tuple[str, logging.Formatter]] | None:
    """File names and formatters, where all that is asked for is lines appended to files.

    Nearly everyone asks for no more, and configuring Python's logging anew for each job takes
    longer than composing it. None where there is more to it: levels, filters, classes.
    """
    found = []
    for handler in settings["handlers"].values() if settings else ():
        formatter = settings["formatters"].get(handler.get("formatter"), {})
        if (
            handler.get("class") != "logging.FileHandler"
            or set(handler) - {"class", "formatter", "filename", "delay"}
            or set(formatter) - {"format", "datefmt"}
            or set(settings["root"]) - {"handlers", "level"}
            or settings["root"].get("level") != "INFO"
        ):
            return None
        made = logging.Formatter(formatter.get("format"), formatter.get("datefmt"))
        found.append((handler["filename"], made))
    return found


def _log_record(line: str) -> logging.LogRecord:
    return log.makeRecord(log.name, logging.INFO, __file__, 0, line, (), None)


def _append(path: Path, lines: list[str]) -> None:
    # As Python's logging has it here: a log that cannot be written is no reason to stop.
    with suppress(OSError), path.open("a", encoding="utf-8") as file:
        file.write("".join(f"{line}\n" for line in lines))


def _replaced(tree: Any, texts: dict[str, str]) -> Any:
    if isinstance(tree, dict):
        return {key: _replaced(value, texts) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_replaced(value, texts) for value in tree]
    if isinstance(tree, str):
        for old, new in texts.items():
            tree = tree.replace(old, new)
    return tree


def _interpolates(tree: Any) -> bool:
    if isinstance(tree, dict):
        return any(map(_interpolates, tree.values()))
    if isinstance(tree, list):
        return any(map(_interpolates, tree))
    return isinstance(tree, str) and "${" in tree
