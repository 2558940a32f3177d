"""``sweeplab reproduce``, ``evaluate`` and ``predict`` on runs that were saved."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.metrics import confusion_matrix
from statsmodels.stats.proportion import proportion_confint

from conftest import Command, reseal
from report_sweeps import write_run
from sweeplab.evaluation import evaluate, wilson_interval
from sweeplab.runs.folder import RunFolder, read_curves, read_test, read_weights
from sweeplab.sameness import Outcome, compare


@pytest.fixture
def run(sweeplab: Command, tmp_path: Path) -> Path:
    """A trained run on digits, good enough to be worth predicting with."""
    words = ("data=digits", "epochs=5", "optimizer.lr=0.5", "hydra.run.dir=run")
    assert sweeplab("train", *words).code == 0
    return tmp_path / "run"


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_a_fresh_run_comes_out_identical(sweeplab: Command, run: Path) -> None:
    done = sweeplab("reproduce", run)
    assert (done.code, done.out.strip()) == (0, "identical")


def test_an_edited_config_is_named_with_both_values(sweeplab: Command, run: Path) -> None:
    edit(run / ".hydra" / "config.yaml", "lr: 0.5", "lr: 0.4")
    done = sweeplab("reproduce", run)
    assert done.code == 1
    assert done.out.startswith("different")
    assert "first at iteration 2: batch_loss was" in done.out
    assert "optimizer.lr is 0.4 in .hydra/config.yaml, and was 0.5" in done.out


def test_changed_curves_are_found_at_their_iteration(sweeplab: Command, run: Path) -> None:
    lines = (run / "curves.csv").read_text().splitlines()
    cells = lines[38].split(",")  # iteration 37
    lines[38] = ",".join([*cells[:3], "0.25", *cells[4:]])
    (run / "curves.csv").write_text("\n".join(lines) + "\n")
    done = sweeplab("reproduce", run)
    assert done.code == 1
    assert "curves.csv is not the file that the run wrote" in done.out
    assert f"first at iteration 37: batch_loss was 0.25, and is now {cells[3]}" in done.out


def test_changed_weights_alone_are_found(sweeplab: Command, run: Path) -> None:
    content = bytearray((run / "weights.safetensors").read_bytes())
    content[-2] ^= 0x40
    (run / "weights.safetensors").write_bytes(bytes(content))
    done = sweeplab("reproduce", run)
    assert done.code == 1
    assert "the curves are identical, the weights are not" in done.out


def test_other_data_is_told_by_its_checksum(
    sweeplab: Command, tmp_path: Path, mnist_root: Path
) -> None:
    words = ("data.train_size=300", "epochs=1", "hydra.run.dir=run")
    sweeplab("train", *words, f"data.root='{mnist_root}'")
    copy = tmp_path / "copy"
    shutil.copytree(mnist_root, copy)
    path = copy / "MNIST" / "raw" / "train-images-idx3-ubyte"
    content = bytearray(path.read_bytes())
    content[16 + 300] ^= 0xFF
    path.write_bytes(bytes(content))
    config = tmp_path / "run" / ".hydra" / "config.yaml"
    config.write_text(re.sub("root: .*", f"root: '{copy}'", config.read_text()))
    done = sweeplab("reproduce", "run")
    assert done.code == 1
    assert "the data is other data: its checksum is" in done.out


def test_a_run_from_another_machine_is_judged_by_tolerance(sweeplab: Command, run: Path) -> None:
    edit(run / "run.json", '"cpu": "', '"cpu": "another ')
    reseal(run / "run.json")
    curves = run / "curves.csv"
    first = curves.read_text().splitlines()[2].split(",")[3]
    edit(curves, first, str(np.nextafter(np.float32(first), np.float32(9))))
    done = sweeplab("reproduce", run)
    assert done.code == 0
    assert done.out.startswith("equal within tolerance")
    assert re.search(r"cpu +another", done.out)
    # On the same machine the bits must be the same.
    edit(run / "run.json", '"cpu": "another ', '"cpu": "')
    assert sweeplab("reproduce", run).code == 1


def test_differences_within_tolerance_and_beyond(run: Path) -> None:
    curves, weights = read_curves(RunFolder(run)), read_weights(RunFolder(run))
    saved = Outcome("completed", curves, weights)

    def verdict(factor: float) -> str:
        moved = (weights[0] * np.float32(factor), weights[1])
        return compare(saved, Outcome("completed", curves, moved)).verdict

    assert [verdict(f) for f in (1, 1 + 1e-6, 1.01)] == [
        "identical",
        "equal within tolerance",
        "different",
    ]
    assert compare(saved, Outcome("diverged", curves, weights)).verdict == "different"

    def moved(**columns: Any) -> str:
        other = dataclasses.replace(curves, **columns)
        return compare(saved, Outcome("completed", other, weights)).verdict

    loss, accuracy = curves.val_loss, curves.val_accuracy
    assert moved(val_loss=loss * np.float32(1 + 1e-6)) == "equal within tolerance"
    assert moved(val_loss=loss * np.float32(1.01)) == "different"
    assert moved(val_accuracy=accuracy + 0.01) == "different"


def test_runs_that_come_out_otherwise_are_named_before_those_that_failed(
    sweeplab: Command, tmp_path: Path
) -> None:
    words = ("train", "-m", "data=digits", "epochs=1", "seed=0,1", "hydra.sweep.dir=s")
    assert sweeplab(*words, "hydra.sweeper.report=false").code == 0
    for number in range(30):
        write_run(tmp_path / "s" / f"0{number}-failed", None, seed=100 + number)
    curves = tmp_path / "s" / "1" / "curves.csv"
    first = curves.read_text().splitlines()[2].split(",")[3]
    edit(curves, first, str(np.nextafter(np.float32(first), np.float32(9))))
    done = sweeplab("reproduce", "s")
    assert done.code == 1
    lines = done.out.splitlines()
    assert lines[0].startswith("s/1: equal within tolerance")
    assert sum("not retrained" in line for line in lines[:-1]) == 19
    assert lines[-2:] == [
        "... and 11 more that are not identical",
        "32 runs retrained: 30 not retrained, 1 identical, 1 equal within tolerance",
    ]


def test_values_taken_from_hydra_are_saved_as_what_they_were(sweeplab: Command) -> None:
    taken = ("data=digits", "epochs=1", "data.root=${hydra:runtime.cwd}/data", "seed=${now:%S}")
    assert sweeplab("train", *taken, "hydra.run.dir=one").code == 0
    words = (*taken, "hydra.sweep.dir=s", "hydra.sweeper.report=false")
    done = sweeplab("train", "-m", *words, "optimizer.lr=0.1,0.5")
    assert done.code == 0, done.text
    for folder in map(Path, ("one", "s/0", "s/1")):
        text = (folder / ".hydra" / "config.yaml").read_text()
        assert "$" not in text
        assert f"root: {Path.cwd()}/data" in text
    assert sweeplab("reproduce", "one").out.strip() == "identical"
    assert sweeplab("reproduce", "s").out.strip() == "2 runs retrained: 2 identical"
    assert sweeplab("evaluate", "s/0").code == 0


@pytest.mark.parametrize("folder", [".", "nowhere"])
def test_a_folder_that_is_no_run_is_refused(sweeplab: Command, folder: str) -> None:
    done = sweeplab("reproduce", folder)
    assert done.code == 1
    assert folder in done.err
    assert "Traceback" not in done.text


def test_a_sample_of_a_sweep(sweeplab: Command, tmp_path: Path) -> None:
    grid = ("data=digits", "epochs=1", "seed=range(6)", "hydra.sweeper.report=false")
    sweeplab("train", "-m", *grid, "hydra.sweep.dir=s")
    assert sweeplab("reproduce", "s", "--sample", 4).out.strip() == "4 runs retrained: 4 identical"
    (tmp_path / "s" / "2" / ".hydra" / "config.yaml").unlink()
    done = sweeplab("reproduce", "s")
    assert done.code == 1
    assert "s/2: not retrained" in done.out
    assert done.out.strip().endswith("6 runs retrained: 5 identical, 1 not retrained")


def test_evaluate_agrees_with_scikit_learn_and_counts_its_calls(
    sweeplab: Command, run: Path
) -> None:
    done = sweeplab("evaluate", run)
    assert done.code == 0
    record = json.loads((run / "test.json").read_text())
    bunch = load_digits()
    images, labels = bunch.data[1500:] / 16, bunch.target[1500:]
    weight, bias = read_weights(RunFolder(run))
    predicted = (images @ weight.T + bias).argmax(axis=1)
    assert record["confusion"] == confusion_matrix(labels, predicted).tolist()
    assert record["accuracy"] == (predicted == labels).mean()
    assert record["examples"] == 297
    assert f"Test accuracy {record['accuracy']:.4f} on 297 images" in done.out
    assert "opened for this run once" in done.out
    again = sweeplab("evaluate", run)
    assert "opened for this run 2 times" in again.out
    assert "Choosing by test accuracy makes it optimistic" in again.out


@pytest.mark.parametrize(("correct", "examples"), [(0, 10), (7, 10), (270, 297), (500, 500)])
def test_the_interval_is_wilsons(correct: int, examples: int) -> None:
    expected = proportion_confint(correct, examples, method="wilson")
    assert wilson_interval(correct, examples) == pytest.approx(expected, abs=1e-12)


def test_predict_reads_images_as_the_training_set_has_them(
    sweeplab: Command, run: Path, tmp_path: Path
) -> None:
    images = load_digits().images[1500:1508]
    weight, bias = (torch.from_numpy(part) for part in read_weights(RunFolder(run)))
    for i, pixels in enumerate(images):
        light_on_dark = Image.fromarray((pixels * 255 / 16).round().astype(np.uint8))
        light_on_dark.save(tmp_path / f"{i}.png")
        Image.eval(light_on_dark, lambda v: 255 - v).convert("RGB").save(tmp_path / f"dark{i}.png")
    done = sweeplab("predict", run, *(f"{i}.png" for i in range(8)))
    assert done.code == 0
    rows = [line.split() for line in done.out.splitlines() if ".png" in line]
    expected = torch.softmax(
        torch.from_numpy(images.reshape(8, 64) / 16).float() @ weight.T + bias, dim=1
    )
    for i, row in enumerate(rows):
        assert row[:2] == [f"{i}.png", str(int(expected[i].argmax()))]
        assert [float(cell) for cell in row[2:]] == pytest.approx(expected[i].tolist(), abs=0.01)
    inverted = sweeplab("predict", run, "--invert", *(f"dark{i}.png" for i in range(8)))
    assert inverted.out.replace("dark", "").split() == done.out.split()


def test_predict_takes_images_of_any_size(sweeplab: Command, run: Path, tmp_path: Path) -> None:
    digit = Image.fromarray((load_digits().images[1500] * 255 / 16).astype(np.uint8))
    digit.resize((80, 80), Image.Resampling.NEAREST).save(tmp_path / "large.png")
    digit.save(tmp_path / "small.png")
    done = sweeplab("predict", run, "small.png", "large.png")
    small, large = (line.split()[1:] for line in done.out.splitlines() if ".png" in line)
    assert small == large


def test_a_file_that_is_no_image_is_named(sweeplab: Command, run: Path, tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no image")
    for name in ("text.png", "absent.png"):
        done = sweeplab("predict", run, name)
        assert done.code == 1
        assert f"{name} cannot be read as an image" in done.err


def test_a_run_without_weights_cannot_be_used(sweeplab: Command) -> None:
    words = ("data=digits", "optimizer.lr=1000", "optimizer.weight_decay=1", "hydra.run.dir=bad")
    sweeplab("train", *words)
    for words in (("evaluate", "bad"), ("predict", "bad", "x.png")):
        done = sweeplab(*words)
        assert done.code == 1
        assert "Choose a completed run" in done.err


def test_a_changed_configuration_is_not_evaluated(sweeplab: Command, run: Path) -> None:
    edit(run / ".hydra" / "config.yaml", "lr: 0.5", "lr: 0.4")
    done = sweeplab("evaluate", run)
    assert done.code == 1
    assert "changed since" in done.err
    assert not (run / "test.json").exists()


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"lr": 0.5', '"lr": 0.3', "its optimizer.lr is 0.3, and that of the run is 0.5"),
        ('"seed": 0', '"seed": 1', "its seed is 1, and that of the run is 0"),
        ('"data_checksum": "', '"data_checksum": "0', "its data_checksum, engine_version or"),
        ("final", "", "val_loss is 0.002 there, and"),
    ],
)
def test_a_record_that_contradicts_itself_is_not_reproduced(
    sweeplab: Command, run: Path, old: str, new: str, says: str
) -> None:
    record = run / "run.json"
    if "final" in old:
        values = json.loads(record.read_text())
        values["final"]["val_loss"] = 0.002
        record.write_text(json.dumps(values))
    else:
        edit(record, old, new)
    done = sweeplab("reproduce", run)
    assert (done.code, "run.json is damaged: " in done.out) == (1, True)
    assert "checksum" in done.out
    # Of a record that has no checksum, or a new one, the value is named.
    reseal(record)
    done = sweeplab("reproduce", run)
    assert done.code == 1
    assert says in done.out
    assert "identical" not in done.out


def test_looks_at_the_test_set_at_once_are_all_counted(run: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(evaluate, [RunFolder(run)] * 4))
    record = read_test(RunFolder(run))
    assert record is not None
    assert len(record.opened) == 4
