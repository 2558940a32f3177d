"""Composing the jobs of a sweep, fast.

Hydra takes about 50 ms to compose a job. Jobs of a grid differ in plain values only, so one job of
each kind is composed by Hydra, and the others are copies of it with their values patched in. What
is not a plain ``key=value`` (a config group, ``+key``, ``~key``) is part of the kind. A value that
is not of its key's type, or a configuration that refers to its own values, goes through OmegaConf.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf, open_dict, read_write
from omegaconf.errors import OmegaConfBaseException

from sweeplab import config as run_config
from sweeplab.config import RunConfig
from sweeplab.errors import ConfigError
from sweeplab.parse import from_dict
from sweeplab.runs.saved_yaml import indented, to_yaml

CHANGING = ("overrides", "job", "runtime")  # the parts of hydra that differ from job to job


@dataclass(frozen=True)
class Job:
    """One composed job of a sweep."""

    overrides: list[str]
    config: RunConfig
    values: dict[str, Any]  # the job's own part of the tree, not resolved
    kind: _Kind

    def subdir(self, number: int) -> str:
        """The name of the run's folder in the sweep's folder: ``hydra.sweep.subdir``."""
        if self.kind.subdir == "${hydra.job.num}":
            return str(number)
        whole = self.hydra_config(number, "")
        before = HydraConfig.instance().cfg
        try:
            HydraConfig.instance().set_config(whole)
            return str(OmegaConf.select(whole, "hydra.sweep.subdir"))
        finally:
            HydraConfig.instance().cfg = before

    def hydra_texts(self, number: int, output_dir: str) -> dict[str, str]:
        """The contents of ``config.yaml``, ``overrides.yaml`` and ``hydra.yaml``."""
        return {
            "config": to_yaml(self.values),
            "overrides": to_yaml(self.overrides),
            "hydra": self._hydra_text(number, output_dir),
        }

    def hydra_config(self, number: int, output_dir: str) -> DictConfig:
        """The whole tree, as Hydra would have composed it for this job."""
        whole: DictConfig = self.kind.cfg.copy()
        with read_write(whole), open_dict(whole):
            for key, value in self.values.items():
                OmegaConf.update(whole, key, value, merge=True)
            hydra = self._hydra_values(number, output_dir)
            for part in CHANGING:
                OmegaConf.update(whole.hydra, part, hydra[part], merge=True)
        OmegaConf.copy_cache(from_config=self.kind.cfg, to_config=whole)
        return whole

    def _hydra_text(self, number: int, output_dir: str) -> str:
        """``hydra.yaml``, of which only the parts that differ from job to job are dumped anew."""
        values = self._hydra_values(number, output_dir)
        parts = [
            indented(to_yaml({name: value})) if name in CHANGING else self.kind.hydra_texts[name]
            for name, value in values.items()
        ]
        return "".join(["hydra:\n", *parts])

    def _hydra_values(self, number: int, output_dir: str) -> dict[str, Any]:
        base = self.kind.hydra
        return base | {
            "overrides": base["overrides"] | {"task": self.overrides},
            "job": base["job"]
            | {
                "id": str(number),
                "num": number,
                "override_dirname": _dirname(self.overrides, base["job"]["config"]),
            },
            "runtime": base["runtime"] | {"output_dir": output_dir},
        }


@dataclass(frozen=True)
class _Kind:
    """What jobs with the same keys and the same choice of config groups have in common."""

    cfg: DictConfig  # a whole tree, as Hydra composed it for one of them
    job: DictConfig  # its part without hydra
    values: dict[str, Any]  # the same as plain values, not resolved
    config: RunConfig
    refers: bool  # whether some value is taken from another by interpolation
    hydra: dict[str, Any]  # the hydra part as plain values, not resolved
    hydra_texts: dict[str, str]  # as YAML, by its parts that are the same for all jobs
    subdir: str


def compose_jobs(
    loader: ConfigLoader, master: DictConfig, job_overrides: Sequence[Sequence[str]]
) -> tuple[list[Job], list[str]]:
    """Compose and check every job.

    Returns:
        The jobs, and a sentence for each job that is wrong, naming its overrides. The jobs are
        all there only when there is no such sentence.
    """
    composer = _Composer(loader, master)
    jobs: list[Job] = []
    wrong: list[str] = []
    for given in job_overrides:
        overrides = list(given)
        try:
            job = composer.compose(overrides)
            run_config.check(job.config)
            jobs.append(job)
        except (ConfigError, HydraException, OmegaConfBaseException) as error:
            wrong.append(f"{' '.join(overrides)}: {readable(error)}")
    return jobs, wrong


def readable(error: Exception) -> str:
    """What ``error`` says, with the reason that Hydra keeps in its cause, on one line."""
    parts = [str(error)]
    if isinstance(error.__cause__, OmegaConfBaseException):
        parts.append(str(error.__cause__).splitlines()[0])
    return " ".join(" ".join(parts).split())


class _Composer:
    """Remembers what Hydra has answered during one sweep: kinds of jobs, groups, overrides."""

    def __init__(self, loader: ConfigLoader, master: DictConfig) -> None:
        self.loader = loader
        self.master = master
        self.parser = OverridesParser.create(config_loader=loader)
        self.kinds: dict[tuple[str, ...], _Kind] = {}
        self.groups: dict[str, bool] = {}
        self.parsed: dict[str, tuple[Override, bool]] = {}  # and whether it is plain

    def compose(self, overrides: list[str]) -> Job:
        parsed = [self.parse(text) for text in overrides]
        name = tuple(
            override.key_or_group if plain else f"={text}"
            for text, (override, plain) in zip(overrides, parsed, strict=True)
        )
        if name not in self.kinds:
            self.kinds[name] = _kind(self.loader.load_sweep_config(self.master, overrides))
        kind = self.kinds[name]
        task = [
            text
            for text, (override, _) in zip(overrides, parsed, strict=True)
            if not override.is_hydra_override()
        ]
        changes = {override.key_or_group: override.value() for override, plain in parsed if plain}
        typed = {key: _typed(kind.config, key, value) for key, value in changes.items()}
        if kind.refers or None in typed.values():
            return _slow_job(task, kind, changes)
        values = _patched(kind.values, typed)
        config = run_config.replaced(kind.config, typed)
        return Job(task, config, values, kind)

    def parse(self, text: str) -> tuple[Override, bool]:
        if text not in self.parsed:
            override = self.parser.parse_overrides([text])[0]
            self.parsed[text] = override, self.is_plain(override)
        return self.parsed[text]

    def is_plain(self, override: Override) -> bool:
        return (
            override.type == OverrideType.CHANGE
            and override.package is None
            and not override.is_hydra_override()
            and isinstance(override.value(), bool | int | float | str)
            and not self.is_group(override.key_or_group)
        )

    def is_group(self, key: str) -> bool:
        if key not in self.groups:
            self.groups[key] = bool(self.loader.get_group_options(key))
        return self.groups[key]


def _slow_job(task: list[str], kind: _Kind, changes: dict[str, Any]) -> Job:
    cfg: DictConfig = kind.job.copy()
    for key, value in changes.items():
        OmegaConf.update(cfg, key, value, merge=True)
    return Job(task, from_hydra(cfg), _plain_values(cfg), kind)


def _kind(cfg: DictConfig) -> _Kind:
    job = cfg.copy()
    with open_dict(job):
        del job["hydra"]
    hydra: Any = OmegaConf.to_container(cfg.hydra, resolve=False, enum_to_str=True)
    values = _plain_values(job)
    return _Kind(
        cfg=cfg,
        job=job,
        values=values,
        config=from_hydra(job),
        refers=_refers(values),
        hydra=hydra,
        hydra_texts={
            name: indented(to_yaml({name: value}))
            for name, value in hydra.items()
            if name not in CHANGING
        },
        subdir=str(hydra["sweep"]["subdir"]),
    )


def _plain_values(cfg: DictConfig) -> dict[str, Any]:
    values: Any = OmegaConf.to_container(cfg, resolve=False)
    return values  # type: ignore[no-any-return]


def _refers(values: Any) -> bool:
    """Whether an interpolation reaches for another value, as ``${batch_size}`` does."""
    if isinstance(values, dict):
        return any(map(_refers, values.values()))
    if not isinstance(values, str) or "${" not in values:
        return False
    return "${" in re.sub(r"\$\{(oc\.env|now):[^${}]*\}", "", values)


def _typed(config: RunConfig, key: str, value: Any) -> Any:
    """``value`` if it is of the type of ``key``, an integer as a float where one is due.

    None when it is not, or there is no such key: OmegaConf then converts it, or says why not.
    """
    there = run_config.flatten(config).get(key)
    if isinstance(there, float) and type(value) is int:
        return float(value)
    return value if type(value) is type(there) and "${" not in str(value) else None


def _patched(values: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """A copy of the nested ``values`` with the dotted keys of ``changes`` set."""
    copy = {key: dict(value) if isinstance(value, dict) else value for key, value in values.items()}
    for key, value in changes.items():
        node = copy
        *path, last = key.split(".")
        for name in path:
            node = node[name]
        node[last] = value
    return copy


def _dirname(overrides: Sequence[str], rules: dict[str, Any]) -> str:
    """``hydra.job.override_dirname``: the overrides, sorted, as Hydra joins them."""
    rule = rules["override_dirname"]
    kept = sorted(text for text in overrides if text.split("=", 1)[0] not in rule["exclude_keys"])
    return re.sub("=", lambda _: rule["kv_sep"], rule["item_sep"].join(kept))


def from_hydra(composed: Any) -> RunConfig:
    """The typed configuration in a tree that Hydra composed for a job, without its hydra part.

    Interpolations are resolved.

    Raises:
        ConfigError: as :func:`from_dict`.
    """
    try:
        values = OmegaConf.to_container(composed, resolve=True, throw_on_missing=True)
    except OmegaConfBaseException as error:
        raise ConfigError(f"the configuration does not resolve: {_first_line(error)}") from error
    assert isinstance(values, dict)
    return from_dict({str(key): value for key, value in values.items()})


def _first_line(error: Exception) -> str:
    # OmegaConf appends lines about its own internals (full_key, object_type) to each message.
    lines = str(error).splitlines() or [type(error).__name__]
    key = next((line.split(":", 1)[1].strip() for line in lines if "full_key:" in line), "")
    return f"{key}: {lines[0]}" if key else lines[0]
