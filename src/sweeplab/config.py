"""The typed configuration of a run: its fields, their rules, and the way to and from Hydra.

Nothing else in the package knows OmegaConf. The YAML in ``conf/`` holds the values that a command
starts from; the defaults here are the tutorial's, for use from Python.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sweeplab.errors import ConfigError

DEVICES = ("auto", "cpu", "cuda")
LARGEST_SEED = 2**32 - 1
LARGEST_FLOAT = 3e38
LARGEST_INT = 2**31 - 1
MOST_ITERATIONS = 10**7  # a curve keeps a row for each

# A saved configuration keeps its interpolations: they may refer to its other keys, and to the
# environment, as data.root does. Other resolvers are refused: people register some that evaluate
# Python, a run's folder may come from anyone, and oc.decode would resolve what is written escaped.
HARMLESS_RESOLVERS = ("oc.env", "oc.select")
LONGEST_VALUE = 4096
MOST_INTERPOLATIONS = 8  # in one value: each may be as long as another value

# What cannot change a run's result on one machine, and so is no part of what identifies the run.
NOT_IDENTITY = ("device", "data.root")


@dataclass
class DataConfig:
    """Which images a run sees.

    The validation images are ``val_start .. val_start + val_size - 1`` whatever ``train_size``
    is; training takes the first ``train_size`` of the other images, so smaller training sets
    nest in larger ones.
    """

    name: str = "mnist"
    root: str = "data"
    train_size: int = 2000
    val_size: int = 500
    val_start: int = 2000


@dataclass
class OptimizerConfig:
    """``torch.optim.SGD``'s knobs, with its meaning: weight decay acts on the bias too."""

    lr: float = 0.01
    weight_decay: float = 0.0
    momentum: float = 0.0


# Not frozen: OmegaConf cannot compose a frozen dataclass as a schema. Nothing mutates one.
@dataclass
class RunConfig:
    """Everything that decides one training run."""

    data: DataConfig = field(default_factory=DataConfig)
    batch_size: int = 64
    epochs: int = 10
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    seed: int = 0
    eval_every: int = 10
    device: str = "auto"


def problems(config: RunConfig) -> list[str]:
    """Every rule that ``config`` breaks, one sentence each; empty when it is sound.

    What only the data set can tell (is ``train_size`` there at all?) is checked by
    ``sweeplab.data``.
    """
    data, optimizer = config.data, config.optimizer
    whole = (
        ("data.train_size", data.train_size, 1),
        ("data.val_size", data.val_size, 1),
        ("data.val_start", data.val_start, 0),
        ("batch_size", config.batch_size, 1),
        ("epochs", config.epochs, 1),
        ("eval_every", config.eval_every, 1),
    )
    found = [
        f"{key} must be at least {low}, but is {value}" for key, value, low in whole if value < low
    ]
    found += [
        f"{key} must be at most {LARGEST_INT}, but is {value}"
        for key, value, _ in whole
        if value > LARGEST_INT
    ]
    found += [
        f"{key} must hold no NUL character, but is {value!r:.100}"
        for key, value in (("data.name", data.name), ("data.root", data.root))
        if "\0" in value
    ]
    if not 0 < optimizer.lr <= LARGEST_FLOAT:
        found.append(
            f"optimizer.lr must be above 0 and at most {LARGEST_FLOAT:.1e} (training is in "
            f"float32), but is {optimizer.lr}"
        )
    if not 0 <= optimizer.weight_decay <= LARGEST_FLOAT:
        found.append(
            f"optimizer.weight_decay must be between 0 and {LARGEST_FLOAT:.1e} (training is in "
            f"float32), but is {optimizer.weight_decay}"
        )
    if not 0 <= optimizer.momentum < 1:
        found.append(
            f"optimizer.momentum must be at least 0 and below 1, but is {optimizer.momentum}"
        )
    if not 0 <= config.seed <= LARGEST_SEED:
        found.append(f"seed must lie between 0 and {LARGEST_SEED}, but is {config.seed}")
    if config.device not in DEVICES:
        found.append(f"device must be one of {', '.join(DEVICES)}, but is '{config.device}'")
    if 1 <= data.train_size < config.batch_size:
        found.append(
            "batch_size must not exceed data.train_size, because partial batches are dropped "
            f"and no batch would be left, but batch_size is {config.batch_size} and "
            f"data.train_size is {data.train_size}"
        )
    elif config.batch_size > 0 and not found:
        iterations = config.epochs * (data.train_size // config.batch_size)
        if iterations > MOST_ITERATIONS:
            found.append(
                f"epochs must give at most {MOST_ITERATIONS} iterations, but {config.epochs} "
                f"epochs of {data.train_size // config.batch_size} batches are {iterations}"
            )
    return found


def check(config: RunConfig) -> RunConfig:
    """Return ``config`` unchanged.

    Raises:
        ConfigError: it breaks a rule; the message lists every one.
    """
    found = problems(config)
    if found:
        raise ConfigError("; ".join(found) + ".")
    return config


def to_dict(config: RunConfig) -> dict[str, Any]:
    """``config`` as nested plain values, as saved in a run's folder."""
    # Not dataclasses.asdict, whose deep copies a sweep of 10,000 would feel.
    return {
        key: dict(vars(value)) if dataclasses.is_dataclass(value) else value
        for key, value in vars(config).items()
    }


def flatten(config: RunConfig) -> dict[str, Any]:
    """``config`` as one level of dotted keys, such as ``optimizer.lr``."""
    return dict(_flat(to_dict(config)))


def identity(config: RunConfig) -> dict[str, Any]:
    """The dotted keys and values that decide the result: all but where and on what it ran."""
    return {key: value for key, value in flatten(config).items() if key not in NOT_IDENTITY}


def from_dict(values: Mapping[str, Any], where: str = "the configuration") -> RunConfig:
    """The typed configuration in ``values``, nested as :func:`to_dict` gives it.

    Types are converted where nothing is lost (``1`` to ``1.0``, ``"1e-1"`` to ``0.1``).

    Raises:
        ConfigError: a key is unknown, a value has the wrong type, or asks for more than a value of
            another key or of the environment; ``where`` names the source.
    """
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    _refuse_traps(values, where)
    try:
        merged = OmegaConf.merge(OmegaConf.structured(RunConfig), OmegaConf.create(dict(values)))
        typed = OmegaConf.to_object(merged)
    # An integer of any size fits in YAML, and a reference may lead back to itself.
    except (OmegaConfBaseException, ValueError, OverflowError, RecursionError) as error:
        raise ConfigError(f"{where} is not a run's configuration: {_first_line(error)}") from error
    assert isinstance(typed, RunConfig)
    for key, value in flatten(typed).items():
        # Beyond 4,300 digits Python does not even print it.
        if isinstance(value, int) and abs(value) >= 2**63:
            raise ConfigError(f"{where} is not a run's configuration: {key} exceeds 64 bits.")
    return typed


_NAMES = "|".join(map(re.escape, HARMLESS_RESOLVERS))
_HARMLESS = re.compile(r"\$\{\s*(?:[\w.]+\s*\}|(?:" + _NAMES + r")\s*:)")


def _refuse_traps(tree: Any, where: str) -> None:
    """Refuse interpolations that could run code, and values made to fill the memory."""
    if isinstance(tree, Mapping):
        for value in tree.values():
            _refuse_traps(value, where)
    elif isinstance(tree, str):
        # A backslash makes a mark a part of the text; two are one backslash, and no escape.
        tree = re.sub(r"(?<!\\)((?:\\\\)*)\\\$\{", r"\1", tree)
        asked = tree.count("${")
        if len(tree) > LONGEST_VALUE or asked > MOST_INTERPOLATIONS:
            raise ConfigError(
                f"{where} is not a run's configuration: it has a value of {len(tree)} letters "
                f"and {asked} interpolations, and at most {LONGEST_VALUE} and "
                f"{MOST_INTERPOLATIONS} are read."
            )
        if asked != len(_HARMLESS.findall(tree)):
            raise ConfigError(
                f"{where} is not a run's configuration: '{tree:.100}' uses a resolver that is not "
                f"one of {', '.join(HARMLESS_RESOLVERS)}. Write the value that it stands for."
            )


def from_hydra(composed: Any) -> RunConfig:
    """The typed configuration in a tree that Hydra composed for a job, without its hydra part.

    Interpolations are resolved.

    Raises:
        ConfigError: as :func:`from_dict`.
    """
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    try:
        values = OmegaConf.to_container(composed, resolve=True, throw_on_missing=True)
    except OmegaConfBaseException as error:
        raise ConfigError(f"the configuration does not resolve: {_first_line(error)}") from error
    assert isinstance(values, dict)
    return from_dict({str(key): _literal(value) for key, value in values.items()})


def _literal(tree: Any) -> Any:
    """A resolved ``tree``, in which ``${`` is a part of a name and not to be resolved again."""
    if isinstance(tree, dict):
        return {key: _literal(value) for key, value in tree.items()}
    return re.sub(r"(\\*)\$\{", r"\1\1\\${", tree) if isinstance(tree, str) else tree


def replaced(config: RunConfig, changes: Mapping[str, Any]) -> RunConfig:
    """A copy of ``config`` with the dotted keys of ``changes``, already of the right type."""
    nested: dict[str, dict[str, Any]] = {}
    top: dict[str, Any] = {}
    for key, value in changes.items():
        if "." in key:
            node, name = key.split(".")
            nested.setdefault(node, {})[name] = value
        else:
            top[key] = value
    for node, values in nested.items():
        top[node] = dataclasses.replace(getattr(config, node), **values)
    return dataclasses.replace(config, **top)


def keys() -> list[str]:
    """Every dotted key of a run's configuration, in order."""
    return list(flatten(RunConfig()))


def _flat(tree: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for key, value in tree.items():
        if isinstance(value, Mapping):
            found += _flat(value, f"{prefix}{key}.")
        else:
            found.append((f"{prefix}{key}", value))
    return found


def _first_line(error: Exception) -> str:
    # OmegaConf appends lines about its own internals (full_key, object_type) to each message.
    lines = str(error).splitlines() or [type(error).__name__]
    key = next((line.split(":", 1)[1].strip() for line in lines if "full_key:" in line), "")
    return f"{key}: {lines[0]}" if key else lines[0]
