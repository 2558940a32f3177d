"""Hydra's own tests of launchers, unmodified, for a task function that is not ours."""

from __future__ import annotations

import pytest
from hydra.test_utils.launcher_common_tests import IntegrationTestSuite, LauncherTestSuite
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
