"""Composing jobs fast, held against Hydra's own composition of each."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hydra.core.config_loader import ConfigLoader
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict

from sweeplab.parse import from_dict
from sweeplab.task.compose import compose_jobs, from_hydra
from sweeplab.task.grid import Space
from sweeplab.task.grid import expand as expand_space


def master(loader: ConfigLoader, *overrides: str) -> DictConfig:
    return loader.load_configuration("train", list(overrides), RunMode.MULTIRUN)


def by_hydra(loader: ConfigLoader, whole: DictConfig, job: list[str], number: int) -> DictConfig:
    composed = loader.load_sweep_config(whole, job)
    with open_dict(composed):
        composed.hydra.job.id = number
        composed.hydra.job.num = number
        composed.hydra.runtime.output_dir = "/there"
    return composed


def without_hydra(whole: DictConfig) -> DictConfig:
    job = whole.copy()
    with open_dict(job):
        del job["hydra"]
    return job


def expand(loader: ConfigLoader, lines: list[str]) -> list[list[str]]:
    return expand_space(loader, Space(), lines)


GRIDS = [
    ["optimizer.lr=0.1,1", "optimizer.weight_decay=0,1e-3", "seed=range(2)"],
    ["data=digits,mnist", "optimizer.lr=0.1,0.5", "batch_size=32"],
    ["data=digits", "data.train_size=100,1000", "++data.val_start=900"],
    ["batch_size=8,'16'", "optimizer={lr:0.3},{lr:0.2}", "device=cpu,auto"],
    ["data.root='a b','c=d',${oc.env:HOME}", "epochs=1"],
    ["epochs=${batch_size},3", "batch_size=5,6"],
    ["optimizer.momentum=0,0.9", "eval_every=choice(1,2)", "seed=7"],
]


@pytest.mark.parametrize("lines", GRIDS, ids=" ".join)
def test_a_patched_job_is_the_one_that_hydra_composes(
    loader: ConfigLoader, lines: list[str]
) -> None:
    whole = master(loader, *lines)
    grid = expand(loader, lines)
    jobs, wrong = compose_jobs(loader, whole, grid)
    assert wrong == []
    assert len(jobs) == len(grid)
    for number, (job, overrides) in enumerate(zip(jobs, grid, strict=True)):
        theirs = by_hydra(loader, whole, overrides, number)
        assert job.config == from_hydra(without_hydra(theirs))
        texts = {
            name: yaml.safe_load(text) for name, text in job.hydra_texts(number, "/there").items()
        }
        plain: Any = OmegaConf.to_container(theirs, enum_to_str=True)
        hydra = plain.pop("hydra")
        assert texts["hydra"]["hydra"] == hydra
        assert texts["overrides"] == hydra["overrides"]["task"]
        assert from_dict(texts["config"]) == job.config
        assert texts["config"].keys() == plain.keys()


@pytest.mark.parametrize(
    ("given", "saved"),
    [
        ("${oc.env:SWEEPLAB_DATA,data}", "${oc.env:SWEEPLAB_DATA,data}"),
        ("${oc.env:SWEEPLAB_DATA}", "${oc.env:SWEEPLAB_DATA}"),
        ("${oc.env:SWEEPLAB_DATA}/more", "/images/more"),
        ("${oc.env:NOT_SET,'a b'}", "a b"),
        ("/x/${data.name}", "/x/digits"),
        (r"'/x/\${data.name}'", r"/x/\${data.name}"),  # a folder of this name
        ("/x/y", "/x/y"),
    ],
)
def test_a_saved_configuration_refers_to_nothing_but_the_data_folders_variable(
    loader: ConfigLoader, monkeypatch: pytest.MonkeyPatch, given: str, saved: str
) -> None:
    monkeypatch.setenv("SWEEPLAB_DATA", "/images")
    lines = ["data=digits", f"data.root={given}", "data.val_start=${data.train_size}", "seed=1,2"]
    jobs, wrong = compose_jobs(loader, master(loader, *lines), expand(loader, lines))
    assert wrong == []
    for number, job in enumerate(jobs):
        config = yaml.safe_load(job.hydra_texts(number, "/there")["config"])
        assert config["data"]["root"] == saved
        assert config["data"]["val_start"] == 1000
        assert config["seed"] == number + 1


def test_the_folder_may_be_named_after_the_overrides(loader: ConfigLoader) -> None:
    lines = ["optimizer.lr=0.1,1", "seed=3,4"]
    named = "hydra.sweep.subdir=lr-${optimizer.lr}/${hydra.job.override_dirname}"
    whole = master(loader, named, *lines)
    for number, overrides in enumerate(expand(loader, lines)):
        job = compose_jobs(loader, whole, [overrides])[0][0]
        theirs = by_hydra(loader, whole, overrides, number)
        assert job.subdir(number) == OmegaConf.select(theirs, "hydra.sweep.subdir")


def test_a_later_value_of_a_key_replaces_an_earlier_one(loader: ConfigLoader) -> None:
    assert expand(loader, ["seed=range(3)", "epochs=1,2", "seed=9"]) == [
        ["seed=9", "epochs=1"],
        ["seed=9", "epochs=2"],
    ]


def test_every_wrong_job_is_named_with_its_reason(loader: ConfigLoader) -> None:
    asked = [["seed=1"], ["batch_size=x"], ["optmizer.lr=1"], ["data=none"], ["epochs=0"], ["a"]]
    jobs, wrong = compose_jobs(loader, master(loader), asked)
    assert [job.config.seed for job in jobs] == [1]
    assert len(wrong) == 5
    for sentence, start, reason in zip(
        wrong,
        ["batch_size=x:", "optmizer.lr=1:", "data=none:", "epochs=0:", "a:"],
        ["could not be converted to Integer", "optmizer", "none", "at least 1", "EQUAL"],
        strict=True,
    ):
        assert sentence.startswith(start)
        assert reason in sentence
        assert "\n" not in sentence
