"""Published data sets in their true formats: small files, made here as their authors state them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from sweeplab.api import data_config
from sweeplab.config import DataConfig
from sweeplab.data import dataset, load, load_test
from sweeplab.errors import DataError


def idx(path: Path, values: NDArray[np.uint8]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    header = np.array([0x0800 | values.ndim, *values.shape], dtype=">i4").tobytes()
    path.write_bytes(header + values.tobytes())


def cifar(path: Path, labels: NDArray[np.uint8], seed: int) -> NDArray[np.uint8]:
    """Label bytes ``[n, k]`` and planes ``[n, 3, 32, 32]``, which are returned."""
    planes = np.random.default_rng(seed).integers(0, 256, (len(labels), 3, 32, 32), np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(np.column_stack([labels, planes.reshape(len(labels), -1)]).tobytes())
    return planes


def small(name: str, root: Path) -> DataConfig:
    return DataConfig(name, str(root), train_size=60, val_size=20, val_start=60)


@pytest.mark.parametrize(
    ("name", "start", "first", "classes"),
    [("kmnist", "KMNIST/raw/", 0, 10), ("emnist_letters", "EMNIST/raw/emnist-letters-", 1, 26)],
)
def test_idx_files_of_other_sets(
    tmp_path: Path, name: str, start: str, first: int, classes: int
) -> None:
    images = np.random.default_rng(0).integers(0, 256, (80, 28, 28), np.uint8)
    labels = (first + np.arange(80) % classes).astype(np.uint8)
    for part in ("train", "test" if "letters" in start else "t10k"):
        idx(tmp_path / f"{start}{part}-images-idx3-ubyte", images)
        idx(tmp_path / f"{start}{part}-labels-idx1-ubyte", labels)
    found = load(small(name, tmp_path))
    # EMNIST's images are stored by columns: upright they are transposed.
    upright = images.transpose(0, 2, 1) if "letters" in start else images
    assert np.array_equal(found.train_images.numpy() * 255, upright[:60].reshape(60, -1))
    assert found.train_labels.tolist() == (labels[:60] - first).tolist()
    assert len(found.class_names) == classes
    assert found.class_names[1] == {"kmnist": "ki", "emnist_letters": "B"}[name]
    idx(tmp_path / f"{start}train-labels-idx1-ubyte", labels + 26)
    _forget()
    with pytest.raises(DataError, match="images and labels do not fit together"):
        load(small(name, tmp_path))


def _forget() -> None:
    """What was read of files that are then changed: published ones do not."""
    for cache in (dataset._raw, dataset._arrange):
        cache.cache_clear()


@pytest.mark.parametrize("classes", [10, 100])
def test_cifars_binary_files(tmp_path: Path, classes: int) -> None:
    name, folder = f"cifar{classes}", tmp_path / f"CIFAR{classes}"
    fine = np.arange(40) % classes
    if classes == 10:
        train = [folder / "cifar-10-batches-bin" / f"data_batch_{i}.bin" for i in range(1, 6)]
        test = folder / "cifar-10-batches-bin" / "test_batch.bin"
        labels = fine[:, None].astype(np.uint8)
    else:
        train = [folder / "cifar-100-binary" / "train.bin"]
        test = folder / "cifar-100-binary" / "test.bin"
        # The superclass comes first, and plays no part.
        fine = np.arange(200) % classes
        labels = np.column_stack([fine // 5, fine]).astype(np.uint8)
    planes = np.concatenate([cifar(path, labels, seed) for seed, path in enumerate(train)])
    shown = cifar(test, labels, 9)
    found = load(small(name, tmp_path))
    assert found.image_shape == (32, 32, 3)
    seen = (found.train_images.numpy() * 255).round().reshape(-1, 32, 32, 3)
    for channel in range(3):
        assert np.array_equal(seen[..., channel], planes[:60, channel])
    assert found.train_labels.tolist() == np.tile(fine, len(train))[:60].tolist()
    second = {10: "automobile", 100: "aquarium_fish"}
    assert found.class_names[1] == second[classes]
    assert len(found.class_names) == classes
    assert found.inputs is not None
    tested, truth = load_test(small(name, tmp_path), found.inputs)
    assert np.array_equal((tested * 255).round()[:, ::3], shown[:, 0].reshape(len(shown), -1))
    assert truth.tolist() == fine.tolist()
    test.write_bytes(test.read_bytes()[:-1])
    _forget()
    with pytest.raises(DataError, match=r"are damaged \(test\w*\.bin is not whole"):
        load(small(name, tmp_path))


@pytest.mark.parametrize("name", ["kmnist", "emnist_letters", "cifar10", "cifar100"])
def test_offline_says_what_to_do(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import urllib.request

    def refused(*_: object, **__: object) -> None:
        raise OSError("Network is unreachable")

    monkeypatch.setattr(urllib.request, "urlopen", refused)
    monkeypatch.setenv("SWEEPLAB_DATA", str(tmp_path / "data"))
    config = data_config(name)
    assert config.name == name
    with pytest.raises(DataError, match=r"could not be downloaded .*Connect to the network"):
        load(DataConfig(name, str(tmp_path / "data")))
    assert not (tmp_path / "data").exists()
