"""Where the shipped configuration lies: beside the package in a checkout, inside it in a wheel."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent


def conf_dir() -> Path:
    """The folder of the configuration that Hydra composes."""
    return _shipped("conf")


def experiments_dir() -> Path:
    """The folder of the shipped experiments."""
    return _shipped("experiments")


def _shipped(name: str) -> Path:
    inside = PACKAGE / name
    return inside if inside.is_dir() else PACKAGE.parent.parent / name
