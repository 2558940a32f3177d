"""Composing the jobs of a sweep, fast.

Hydra takes about 50 ms to compose a job. Jobs of a grid differ in plain values only, so one job of
each kind is composed by Hydra, and the others are its typed configuration with their values patched
in. What is not a plain ``key=value`` (a config group, ``+key``, ``~key``) is part of the kind. A
value that is not of its key's type, or a configuration that refers to its own values, goes through
OmegaConf.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf, open_dict, read_write
from omegaconf.errors import OmegaConfBaseException

from sweeplab.config import KNOBS, RunConfig, problems, replaced, to_dict
from sweeplab.errors import ConfigError
from sweeplab.parse import ENVIRONMENT, from_dict
from sweeplab.runs.saved_config import to_yaml


@dataclass(frozen=True)
class Job:
    """One composed job of a sweep."""

    overrides: list[str]
    config: RunConfig
    root: str  # data.root, as it is saved
    kind: _Kind

    def subdir(self, number: int) -> str:
        """The name of the run's folder in the sweep's folder: ``hydra.sweep.subdir``."""
        if self.kind.hydra["sweep"]["subdir"] == "${hydra.job.num}":
            return str(number)
        whole = self.hydra_config(number, "")
        HydraConfig.instance().set_config(whole)  # ${hydra:job.num} is looked up there
        return str(OmegaConf.select(whole, "hydra.sweep.subdir"))

    def hydra_texts(self, number: int, output_dir: str) -> dict[str, str]:
        """The contents of ``config.yaml``, ``overrides.yaml`` and ``hydra.yaml``."""
        changing = self._changing(number, output_dir)
        runtime = changing.pop("runtime")
        return {
            "config": to_yaml(saved(self.config, self.root)),
            "overrides": to_yaml(self.overrides),
            # The kind's text ends in runtime, a long part of which one entry changes.
            "hydra": f"{to_yaml({'hydra': changing})}{self.kind.hydra_text}    {to_yaml(runtime)}",
        }

    def hydra_config(self, number: int, output_dir: str) -> DictConfig:
        """The whole tree, as Hydra would have composed it for this job."""
        whole: DictConfig = self.kind.cfg.copy()
        with read_write(whole), open_dict(whole):
            whole.merge_with(saved(self.config, self.root))
            for name, part in self._changing(number, output_dir).items():
                OmegaConf.update(whole.hydra, name, part, merge=True)
        OmegaConf.copy_cache(from_config=self.kind.cfg, to_config=whole)
        return whole

    def _changing(self, number: int, output_dir: str) -> dict[str, dict[str, Any]]:
        """What differs from job to job in hydra's job, runtime and overrides."""
        job, overrides = self.kind.hydra["job"], self.kind.hydra["overrides"]
        rule = job["config"]["override_dirname"]
        named = [text for text in self.overrides if text.split("=")[0] not in rule["exclude_keys"]]
        dirname = rule["item_sep"].join(sorted(named)).replace("=", rule["kv_sep"])
        return {
            "job": job | {"id": str(number), "num": number, "override_dirname": dirname},
            "runtime": {"output_dir": output_dir},
            "overrides": overrides | {"task": self.overrides},
        }


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


def from_hydra(composed: Any) -> RunConfig:
    """The typed configuration in a tree that Hydra composed for a job, without its hydra part.

    Interpolations are resolved.

    Raises:
        ConfigError: as :func:`from_dict`.
    """
    try:
        values = OmegaConf.to_container(composed, resolve=True, throw_on_missing=True)
    except OmegaConfBaseException as error:
        # OmegaConf appends lines about its own internals (full_key, object_type) to each message.
        first, *more = str(error).splitlines() or [type(error).__name__]
        keys = [f"{line.split(':', 1)[1].strip()}: " for line in more if "full_key:" in line]
        raise ConfigError(
            f"the configuration does not resolve: {''.join(keys[:1])}{first}"
        ) from error
    assert isinstance(values, dict)
    return from_dict({str(key): value for key, value in values.items()})


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


def composer(loader: ConfigLoader, master: DictConfig) -> Callable[[Sequence[str]], Job | str]:
    """A function from overrides to the job, its values not yet checked; or to what is wrong."""
    known = _Composer(loader, master)

    def compose(overrides: Sequence[str]) -> Job | str:
        try:
            return known.compose(list(overrides))
        except (ConfigError, HydraException, OmegaConfBaseException) as error:
            reason = str(error)
            if isinstance(error.__cause__, OmegaConfBaseException):  # Hydra keeps the reason there
                reason += f" {str(error.__cause__).splitlines()[0]}"
            return " ".join(reason.split())

    return compose


def compose_jobs(
    loader: ConfigLoader, master: DictConfig, job_overrides: Sequence[Sequence[str]]
) -> tuple[list[Job], list[str]]:
    """Compose and check every job.

    Returns:
        The jobs, and a sentence for each job that is wrong, naming its overrides. The jobs are
        all there only when there is no such sentence.
    """
    jobs: list[Job] = []
    wrong: list[str] = []
    compose = composer(loader, master)
    for overrides in job_overrides:
        job = compose(overrides)
        if isinstance(job, str) or problems(job.config):
            reason = job if isinstance(job, str) else "; ".join(problems(job.config)) + "."
            wrong.append(f"{' '.join(overrides)}: {reason}")
        else:
            jobs.append(job)
    return jobs, wrong


class _Composer:
    """Remembers what Hydra has answered during one sweep: kinds of jobs, groups, overrides."""

    def __init__(self, loader: ConfigLoader, master: DictConfig) -> None:
        self.loader = loader
        self.master = master
        self.parser = OverridesParser.create(config_loader=loader)
        self.kinds: dict[tuple[str, ...], _Kind] = {}
        self.parsed = cache(self.parse)
        self.group_options = cache(loader.get_group_options)

    def compose(self, overrides: list[str]) -> Job:
        parsed = [self.parsed(text) for text in overrides]
        name = tuple(
            override.key_or_group if plain else f"={override.input_line}"
            for override, plain in parsed
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
            config = _resolved(cfg, kind.cfg)
            return Job(task, config, saved_root(config, cfg), kind)
        root = patch.get("data.root", kind.root)
        return Job(task, replaced(kind.config, patch), root, kind)

    def parse(self, text: str) -> tuple[Override, bool]:
        """The override, and whether it is a plain ``key=value``."""
        override = self.parser.parse_overrides([text])[0]
        return override, (
            override.type == OverrideType.CHANGE
            and override.package is None
            and not override.is_hydra_override()
            and isinstance(override.value(), bool | int | float | str)
            and not self.group_options(override.key_or_group)
        )


def quoted(path: Path) -> str:
    """``path`` as a value in Hydra's override grammar."""
    text = str(path)
    if re.fullmatch(r"[A-Za-z0-9/_.%+-]+", text):
        return text
    return "'" + re.sub(r"(\\*)'", r"\1\1\\'", re.sub(r"(\\+)$", r"\1\1", literal(text))) + "'"


def literal(text: str) -> str:
    """``text`` as a value of OmegaConf's, which would take ``${x}`` in it for another value."""
    # A backslash counts only before such a mark.
    return re.sub(r"(\\*)\$\{", r"\1\1\\${", text)


def _kind(cfg: DictConfig) -> _Kind:
    job = cfg.copy()
    with open_dict(job):
        del job["hydra"]
    hydra: Any = OmegaConf.to_container(cfg.hydra, resolve=False, enum_to_str=True)
    same = {name: part for name, part in hydra.items() if name not in ("job", "overrides")}
    runtime = same.pop("runtime")
    runtime.pop("output_dir", None)
    config, values = _resolved(job, cfg), str(OmegaConf.to_container(job))
    return _Kind(
        cfg=cfg,
        job=job,
        config=config,
        root=saved_root(config, job),
        refers="${" in re.sub(r"\$\{(oc\.env|now):[^${}]*\}", "", values),
        hydra=hydra,
        hydra_text=to_yaml({"hydra": same | {"runtime": runtime}}).removeprefix("hydra:\n"),
    )


def _resolved(job: DictConfig, whole: DictConfig) -> RunConfig:
    """:func:`from_hydra`, where values may refer to ``whole``: ``${hydra:runtime.cwd}``."""
    HydraConfig.instance().set_config(whole)
    OmegaConf.set_readonly(whole.hydra, None)  # it is filled in for each job
    return from_hydra(job)


def _of_type(key: str, value: Any) -> Any:
    """``value`` if it is of the type of ``key``, an integer as a float where one is due.

    None when it is not, or there is no such key: OmegaConf then converts it, or says why not.
    """
    wanted = KNOBS[key].type if key in KNOBS else None
    if wanted is float and type(value) is int:
        return float(value)
    if wanted == int | str:  # text is brought to one form on the way through OmegaConf
        return value if type(value) is int else None
    return value if type(value) is wanted and "${" not in str(value) else None
