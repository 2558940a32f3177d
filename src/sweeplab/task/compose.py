"""Composing the jobs of a sweep, fast.

Hydra takes about 50 ms to compose a job. Jobs of a grid differ in plain values only, so one job of
each kind is composed by Hydra, and the others are its typed configuration with their values patched
in. What is not a plain ``key=value`` (a config group, ``+key``, ``~key``) is part of the kind. A
value that is not of its key's type, or a configuration that refers to its own values, goes through
OmegaConf.
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

from sweeplab.config import KNOBS, RunConfig, check, replaced, to_dict
from sweeplab.errors import ConfigError
from sweeplab.parse import ENVIRONMENT, from_dict
from sweeplab.runs.saved_config import to_yaml
from sweeplab.task.grammar import literal


@dataclass(frozen=True)
class Job:
    """One composed job of a sweep."""

    overrides: list[str]
    config: RunConfig
    root: str  # data.root, as it is saved
    kind: _Kind

    def subdir(self, number: int) -> str:
        """The name of the run's folder in the sweep's folder: ``hydra.sweep.subdir``."""
        if self.kind.subdir == "${hydra.job.num}":
            return str(number)
        whole = self.hydra_config(number, "")
        HydraConfig.instance().set_config(whole)  # ${hydra:job.num} is looked up there
        return str(OmegaConf.select(whole, "hydra.sweep.subdir"))

    def hydra_texts(self, number: int, output_dir: str) -> dict[str, str]:
        """The contents of ``config.yaml``, ``overrides.yaml`` and ``hydra.yaml``."""
        job, runtime, overrides = self._changing(number, output_dir)
        changing = to_yaml({"hydra": {"job": job, "overrides": overrides}})
        return {
            "config": to_yaml(saved(self.config, self.root)),
            "overrides": to_yaml(self.overrides),
            # The kind's text ends in runtime, a long part of which one entry changes.
            "hydra": f"{changing}{self.kind.hydra_text}    {to_yaml(runtime)}",
        }

    def hydra_config(self, number: int, output_dir: str) -> DictConfig:
        """The whole tree, as Hydra would have composed it for this job."""
        whole: DictConfig = self.kind.cfg.copy()
        job, runtime, overrides = self._changing(number, output_dir)
        with read_write(whole), open_dict(whole):
            whole.merge_with(saved(self.config, self.root))
            for name, part in (("job", job), ("runtime", runtime), ("overrides", overrides)):
                OmegaConf.update(whole.hydra, name, part, merge=True)
        OmegaConf.copy_cache(from_config=self.kind.cfg, to_config=whole)
        return whole

    def _changing(self, number: int, output_dir: str) -> tuple[dict[str, Any], ...]:
        """What differs from job to job in hydra's job, runtime and overrides."""
        job, overrides = self.kind.hydra["job"], self.kind.hydra["overrides"]
        dirname = _dirname(self.overrides, job["config"])
        return (
            job | {"id": str(number), "num": number, "override_dirname": dirname},
            {"output_dir": output_dir},
            overrides | {"task": self.overrides},
        )


@dataclass(frozen=True)
class _Kind:
    """What jobs with the same keys and the same choice of config groups have in common."""

    cfg: DictConfig  # a whole tree, as Hydra composed it for one of them
    job: DictConfig  # its part without hydra
    config: RunConfig
    root: str  # data.root, as it is saved
    refers: bool  # whether some value is taken from another by interpolation
    hydra: dict[str, Any]  # the hydra part as plain values, not resolved
    hydra_text: str  # what of hydra.yaml is the same for all jobs
    subdir: str


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


def saved(config: RunConfig, root: str) -> dict[str, Any]:
    """What a run's ``config.yaml`` holds: the values of ``config``, and ``root``."""
    values = to_dict(config)
    values["data"]["root"] = root
    return values


def saved_root(config: RunConfig, composed: DictConfig) -> str:
    """``data.root`` as it is saved: a variable of the environment, where it was composed as one.

    So a sweep can move between machines.
    """
    data: Any = OmegaConf.to_container(composed.data)
    root = str(data["root"])
    # OmegaConf's grammar knows more than is read back, such as quotes.
    same = ENVIRONMENT.fullmatch(root) and from_dict({"data": {"root": root}}).data.root
    return root if same == config.data.root else literal(config.data.root)


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
            check(job.config)
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
        patch = {key: _of_type(key, value) for key, value in changes.items()}
        if kind.refers or None in patch.values():
            cfg: DictConfig = kind.job.copy()
            for key, value in changes.items():
                OmegaConf.update(cfg, key, value, merge=True)
            config = from_hydra(cfg)
            return Job(task, config, saved_root(config, cfg), kind)
        root = patch.get("data.root", kind.root)
        return Job(task, replaced(kind.config, patch), root, kind)

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


def _kind(cfg: DictConfig) -> _Kind:
    job = cfg.copy()
    with open_dict(job):
        del job["hydra"]
    hydra: Any = OmegaConf.to_container(cfg.hydra, resolve=False, enum_to_str=True)
    same = {name: part for name, part in hydra.items() if name not in ("job", "overrides")}
    runtime = same.pop("runtime")
    runtime.pop("output_dir", None)
    config, values = from_hydra(job), str(OmegaConf.to_container(job))
    return _Kind(
        cfg=cfg,
        job=job,
        config=config,
        root=saved_root(config, job),
        refers="${" in re.sub(r"\$\{(oc\.env|now):[^${}]*\}", "", values),
        hydra=hydra,
        hydra_text=to_yaml({"hydra": same | {"runtime": runtime}}).removeprefix("hydra:\n"),
        subdir=str(hydra["sweep"]["subdir"]),
    )


def _of_type(key: str, value: Any) -> Any:
    """``value`` if it is of the type of ``key``, an integer as a float where one is due.

    None when it is not, or there is no such key: OmegaConf then converts it, or says why not.
    """
    wanted = KNOBS[key].type if key in KNOBS else None
    if wanted is float and type(value) is int:
        return float(value)
    return value if type(value) is wanted and "${" not in str(value) else None


def _dirname(overrides: Sequence[str], rules: dict[str, Any]) -> str:
    """``hydra.job.override_dirname``: the overrides, sorted, as Hydra joins them."""
    rule = rules["override_dirname"]
    kept = sorted(text for text in overrides if text.split("=", 1)[0] not in rule["exclude_keys"])
    return re.sub("=", lambda _: rule["kv_sep"], rule["item_sep"].join(kept))
