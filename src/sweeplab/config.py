"""The typed configuration of a run: every knob declared once, with all that others ask of it.

The checks and their messages, the signature, what may be trained together, the words of the report
and the table in the README are read from these declarations. The YAML in ``conf/`` holds the values
that a command starts from; the defaults here are the tutorial's, for use from Python.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

from sweeplab.data_keys import DataConfig as DataConfig  # noqa: PLC0414 - a part of this
from sweeplab.errors import ConfigError
from sweeplab.knobs import LARGEST_INT, LARGEST_SEED, Every, OneOf, Range, declared_in, knob

LARGEST_FLOAT = 3e38
MOST_ITERATIONS = 10**7  # a curve keeps a row for each


@dataclass
class OptimizerConfig:
    """``torch.optim.SGD``'s knobs, with its meaning: weight decay acts on the bias too."""

    lr: float = knob(
        0.01,
        "learning rate of `torch.optim.SGD`",
        "learning rate",
        Range(0, LARGEST_FLOAT, low_open=True, why=" (training is in float32)", single=True),
        short="lr",
        free=True,
        ordered=True,
    )
    weight_decay: float = knob(
        0.0,
        "its weight decay; the bias decays too",
        "weight decay",
        Range(0, LARGEST_FLOAT, why=" (training is in float32)", single=True),
        short="wd",
        free=True,
        ordered=True,
        off=0.0,
        signed_off=True,
    )
    momentum: float = knob(
        0.0,
        "its momentum",
        "momentum",
        Range(0, 1, high_open=True, single=True),
        free=True,
        ordered=True,
        off=0.0,
        signed_off=True,
    )
    nesterov: bool = knob(False, "its Nesterov momentum", "Nesterov momentum", free=True, off=False)
    schedule: str = knob(
        "constant",
        "`constant`, or `cosine` or `linear`: how the learning rate falls to 0 over the iterations",
        "learning-rate schedule",
        OneOf(("constant", "cosine", "linear")),
        short="schedule",
        free=True,
        off="constant",
    )
    warmup: float = knob(
        0.0,
        "epochs, or a part of one, in which the learning rate first rises from near 0",
        "warmup",
        Range(0, LARGEST_INT),
        unit="epochs",
        free=True,
        ordered=True,
        off=0.0,
    )


# Not frozen: OmegaConf cannot compose a frozen dataclass as a schema. Nothing mutates one.
@dataclass
class RunConfig:
    """Everything that decides one training run."""

    data: DataConfig = field(default_factory=DataConfig)
    batch_size: int = knob(
        64,
        "examples an update sees; a last, partial batch is dropped",
        "batch size",
        Range(1, LARGEST_INT),
        short="batch",
        unit="images",
        ordered=True,
    )
    epochs: int = knob(
        10,
        "passes over the training examples",
        "epochs",
        Range(1, LARGEST_INT),
        ordered=True,
    )
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    seed: int = knob(
        0,
        "initial weights and batch order; several seeds are replicates of a setting",
        "seed",
        Range(0, LARGEST_SEED),
        role="replicate",
        free=True,
    )
    eval_every: int | str = knob(
        10,
        "iterations between evaluations on the whole sets; or `epoch`, or a part or a multiple, as "
        "`0.5 epoch`",
        "iterations between evaluations",
        Every(),
    )
    device: str = knob(
        "auto",
        "`auto`, `cpu` or `cuda`",
        "device",
        OneOf(("auto", "cpu", "cuda")),
        role="place",
    )
    eval_train: int = knob(
        0,
        "training loss and accuracy are taken over the first so many training examples (0: all)",
        "training images evaluated",
        Range(0, LARGEST_INT),
        unit="images",
        off=0,
        zero="all",
    )

    def __post_init__(self) -> None:
        """Refuse what is easily given in the place of a part.

        Raises:
            ConfigError: ``data`` or ``optimizer`` is a name, or another thing.
        """
        # OmegaConf makes one of its own nodes where this is a schema.
        if isinstance(self.data, str):
            raise ConfigError(
                f"data must be a DataConfig, but is '{self.data}': "
                f"RunConfig(data=sweeplab.data_config('{self.data}'))."
            )
        if isinstance(self.optimizer, str | int | float):
            raise ConfigError(
                f"optimizer must be an OptimizerConfig, but is {self.optimizer!r}: "
                "RunConfig(optimizer=sweeplab.OptimizerConfig(lr=0.1))."
            )


KNOBS = declared_in(RunConfig)  # by dotted key, in order
_READ: dict[str, Callable[[RunConfig], Any]] = {key: attrgetter(key) for key in KNOBS}
_SHARED = attrgetter(*(key for key, known in KNOBS.items() if not known.free))


def problems(config: RunConfig) -> list[str]:
    """Every rule that ``config`` breaks, one sentence each; empty when it is sound.

    What only the data set can tell (is ``train_size`` there at all?) is checked by
    ``sweeplab.data``.
    """
    found = []
    for key, read in _READ.items():
        value = read(config)
        rule = KNOBS[key].rule
        if rule is not None and (broken := rule.broken(value)):
            found.append(f"{key} must be {broken}, but is {value!r:.100}")
    if not found and config.data.order_seed and config.data.order == "file":
        return [
            "data.order_seed needs data.order=shuffled, but data.order is file and "
            f"data.order_seed is {config.data.order_seed}"
        ]
    return found or _between(config)


def _between(config: RunConfig) -> list[str]:
    """The rules between values, each of which is sound by itself."""
    train_size, batch_size = config.data.train_size, config.batch_size
    if config.optimizer.nesterov and not config.optimizer.momentum:
        return ["optimizer.nesterov needs optimizer.momentum above 0, but that is 0.0"]
    if config.optimizer.warmup > config.epochs:
        return [
            f"optimizer.warmup must be at most epochs, {config.epochs}, but is "
            f"{config.optimizer.warmup}"
        ]
    if train_size and train_size < batch_size:  # 0 is all: known when the data are read
        return [
            "batch_size must not exceed data.train_size, because partial batches are dropped "
            f"and no batch would be left, but batch_size is {batch_size} and data.train_size is "
            f"{train_size}"
        ]
    batches = train_size // batch_size
    if config.epochs * batches > MOST_ITERATIONS:
        return [
            f"epochs must give at most {MOST_ITERATIONS} iterations, but {config.epochs} epochs "
            f"of {batches} batches are {config.epochs * batches}"
        ]
    return []


def check(config: RunConfig) -> RunConfig:
    """Return ``config`` unchanged.

    Raises:
        ConfigError: it breaks a rule; the message lists every one.
    """
    found = problems(config)
    if found:
        raise ConfigError("; ".join(found) + ".")
    return config


def shared(config: RunConfig) -> tuple[Any, ...]:
    """The values that all runs which are trained together have in common."""
    values: tuple[Any, ...] = _SHARED(config)
    return values


def to_dict(config: RunConfig) -> dict[str, Any]:
    """``config`` as nested plain values, as saved in a run's folder."""
    # Not dataclasses.asdict, whose deep copies a sweep of 10,000 would feel.
    return {
        key: dict(vars(value)) if dataclasses.is_dataclass(value) else value
        for key, value in vars(config).items()
    }


def flatten(config: RunConfig) -> dict[str, Any]:
    """``config`` as one level of dotted keys, such as ``optimizer.lr``."""
    return {key: read(config) for key, read in _READ.items()}


def identity(config: RunConfig) -> dict[str, Any]:
    """The dotted keys and values that decide the result: all but where and on what it ran.

    A knob that is off is left out, so that one which a later version adds changes no saved run.
    """
    return {
        key: value
        for key, value in flatten(config).items()
        if (known := KNOBS[key]).role != "place" and (known.signed_off or value != known.off)
    }


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
