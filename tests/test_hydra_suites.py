"""Hydra's own tests of launchers and sweepers, unmodified, for a task that is not ours."""

from __future__ import annotations

from pathlib import Path

import pytest
from hydra.errors import HydraException
from hydra.test_utils.launcher_common_tests import (
    BatchedSweeperTestSuite,
    IntegrationTestSuite,
    LauncherTestSuite,
)
from hydra.test_utils.test_utils import TSweepRunner
from hydra.version import setbase


@pytest.fixture(autouse=True)
def _as_in_a_new_process() -> None:
    # The suites expect Hydra's old defaults, which `sweeplab train` in this process replaces.
    setbase("1.1")


@pytest.mark.parametrize(("launcher_name", "overrides"), [("stacked", [])])
class TestStackedLauncher(LauncherTestSuite):
    """In this process."""


@pytest.mark.parametrize(
    ("task_launcher_cfg", "extra_flags"), [({}, ["-m", "hydra/launcher=stacked"])]
)
class TestStackedLauncherIntegration(IntegrationTestSuite):
    """As a script in a process of its own."""


@pytest.mark.parametrize(("launcher_name", "overrides"), [("stacked", ["hydra/sweeper=grid"])])
class TestGridSweeper(LauncherTestSuite):
    """Launchers' tests, through our sweeper and launcher."""


@pytest.mark.parametrize(
    ("launcher_name", "overrides"),
    [("basic", ["hydra/sweeper=grid", "+hydra.sweeper.max_batch_size=2"])],
)
class TestGridSweeperInBatches(BatchedSweeperTestSuite):
    """Hydra's one suite for sweepers, which wants every combination of an app of its own."""


def test_a_search_refuses_a_task_that_is_not_ours(
    hydra_sweep_runner: TSweepRunner, tmpdir: Path
) -> None:
    sweep = hydra_sweep_runner(
        calling_file=None,
        calling_module="hydra.test_utils.a_module",
        task_function=None,
        config_path="configs",
        config_name="compose.yaml",
        overrides=["hydra/sweeper=search", "bar=1,2"],
        temp_dir=tmpdir,
    )
    with pytest.raises(HydraException, match="this task is another"), sweep:
        pass
