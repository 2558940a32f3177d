"""The log file of each job in a stack, written as ``hydra.job_logging`` says."""

from __future__ import annotations

import logging
import logging.config
from typing import Any

from omegaconf import DictConfig, OmegaConf, open_dict

from sweeplab.runs.record import RunRecord
from sweeplab.task.prepare import Asked
from sweeplab.task.words import outcome

log = logging.getLogger("sweeplab.run")

# What Hydra's own logging configurations interpolate: filled in as text, because resolving a whole
# tree for each job takes longer than training it can. Others are resolved.
_OUTPUT_DIR, _JOB_NAME = "${hydra.runtime.output_dir}", "${hydra.job.name}"


class JobLog:
    """Logs the outcome of jobs to their files alone; the console shows the whole sweep instead."""

    def __init__(self, master: DictConfig) -> None:
        settings: Any = OmegaConf.to_container(master.hydra.job_logging, resolve=False)
        self.settings = _filled(_to_files(settings), {_JOB_NAME: str(master.hydra.job.name)})
        # Asked before a folder's own name is in it, which may look like an interpolation.
        self.resolves = "${" in str(_filled(self.settings, {_OUTPUT_DIR: ""}))

    def write(self, asked: Asked, record: RunRecord) -> None:
        """Log how a job ended."""
        if not self.settings:
            return
        logging.config.dictConfig(self._settings(asked))
        for line in outcome(record):
            log.info("%s", line)
        for handler in log.handlers:
            handler.close()

    def _settings(self, asked: Asked) -> dict[str, Any]:
        settings: Any = self.settings
        if self.resolves:
            config = asked.hydra_config()
            with open_dict(config):
                config.hydra.job_logging = settings
            settings = OmegaConf.to_container(config.hydra.job_logging, resolve=True)
        else:
            settings = _filled(settings, {_OUTPUT_DIR: str(asked.run.path)})
        return settings  # type: ignore[no-any-return]


def _to_files(settings: dict[str, Any]) -> dict[str, Any]:
    """What of a logging configuration goes to files, for our own logger; empty if nothing does."""
    handlers, root = settings.get("handlers") or {}, settings.get("root") or {}
    wanted = [name for name in root.get("handlers") or [] if "filename" in handlers.get(name, {})]
    if not wanted:
        return {}
    return {
        "version": 1,
        "formatters": settings.get("formatters") or {},
        "filters": settings.get("filters") or {},
        "handlers": {name: handlers[name] for name in wanted},
        "loggers": {log.name: {**root, "handlers": wanted, "propagate": False}},
        "disable_existing_loggers": False,
    }


def _filled(tree: Any, texts: dict[str, str]) -> Any:
    """``tree`` with the keys of ``texts`` replaced in it."""
    if isinstance(tree, dict):
        return {key: _filled(value, texts) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_filled(value, texts) for value in tree]
    if isinstance(tree, str):
        for old, new in texts.items():
            tree = tree.replace(old, new)
    return tree
