"""A sweep from Python: what ``sweeplab train -m`` does, with a dictionary and arrays in memory."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hydra import initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from sweeplab.config import RunConfig
from sweeplab.data.arrays import hand_over
from sweeplab.errors import ConfigError
from sweeplab.places import conf_dir
from sweeplab.sweeps.tables import Sweep, load_sweep
from sweeplab.task.compose import quoted
from sweeplab.task.grid import line_of
from sweeplab.task.job import TrainTask

FAILED = 1  # the exit code of a command whose runs are all there, some of them failed


def sweep(
    values: Mapping[str, Any],
    data: Any = None,
    folder: str | Path | None = None,
    *,
    report: bool = True,
) -> Sweep:
    """Train every combination of ``values`` in this process, and load what it left.

    The folder, its tables, its report and its resumption are those of the command: the same call
    with the same folder trains what is missing.

    Args:
        values: keys of the configuration, each with one value or a list of them, such as
            ``{"optimizer.lr": [0.1, 1.0], "seed": range(3), "epochs": 5}``.
        data: ``(X, y)``, or a dictionary of ``X``, ``y``, ``X_val``, ``y_val``, ``X_test``,
            ``y_test`` and ``classes``: NumPy arrays or tensors. Without, ``values["data"]`` names a
            data set. They are split and scaled as ``data=arrays`` does it.
        folder: the sweep's; a new one in ``outputs/notebook`` if None.
        report: whether to build the report.

    Raises:
        ConfigError: a key is unknown, or a combination breaks a rule.
        DataError: the data cannot be used.
    """
    if data is not None and "data" in values:
        raise ConfigError("Give data=..., or values['data'], and not both.")
    name = time.strftime("%Y-%m-%d_%H-%M-%S")
    home = Path(folder if folder is not None else Path("outputs", "notebook", name)).absolute()
    lines = [line_of(key, _plain(value)) for key, value in values.items()]
    if data is not None:
        lines += ["data=arrays", f"data.path='{hand_over(data)}'"]
    lines += [f"hydra.sweep.dir={quoted(home)}", f"hydra.sweeper.report={str(report).lower()}"]
    ConfigStore.instance().store(name="run_config", node=RunConfig, provider="sweeplab")
    task = TrainTask(["sweeplab.sweep"])
    try:
        with initialize_config_dir(version_base="1.3", config_dir=str(conf_dir())):
            hydra = GlobalHydra.instance().hydra
            assert hydra is not None
            hydra.multirun("train", task, lines, with_log_configuration=False)
    except SystemExit as stop:  # as a command ends
        if stop.code != FAILED:
            raise KeyboardInterrupt from None
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError(" ".join(str(error).split())) from error
    return load_sweep(home)


def _plain(value: Any) -> Any:
    """A range, an array or a number of NumPy's as what a YAML file holds."""
    if hasattr(value, "tolist"):
        return value.tolist()
    return list(value) if isinstance(value, range | tuple) else value
