"""Which images a run sees, and what is said when they cannot be had."""

from __future__ import annotations

import os
import shutil
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits

from sweeplab.config import DataConfig
from sweeplab.data import Dataset, inputs_of, load, load_test
from sweeplab.data.idx import read_idx
from sweeplab.data.mnist import IDX_FILES
from sweeplab.errors import ConfigError, DataError


def digits(train_size: int = 1000, val_size: int = 400, val_start: int = 1000) -> DataConfig:
    return DataConfig("digits", "unused", train_size, val_size, val_start)


def write_idx(folder: Path, images: int = 30, side: int = 28, labels: int | None = None) -> None:
    """Four files in the IDX format, the pixels of image i all i."""
    folder.mkdir(parents=True)
    for name in IDX_FILES:
        count = images if "images" in name or labels is None else labels
        if "images" in name:
            header = struct.pack(">IIII", 2051, count, side, side)
            body = np.repeat(np.arange(count, dtype=np.uint8), side * side).tobytes()
        else:
            header = struct.pack(">II", 2049, count)
            body = (np.arange(count) % 10).astype(np.uint8).tobytes()
        (folder / name).write_bytes(header + body)


@pytest.fixture
def little_mnist(tmp_path: Path) -> Path:
    write_idx(tmp_path / "MNIST" / "raw")
    return tmp_path


def test_digits_are_scikit_learns_in_their_order() -> None:
    bunch = load_digits()
    dataset = load(digits(train_size=1100))
    expected = np.concatenate([bunch.data[:1000], bunch.data[1400:1500]]) / 16
    assert np.array_equal(dataset.train_images.numpy(), expected.astype(np.float32))
    assert np.array_equal(dataset.val_labels.numpy(), bunch.target[1000:1400])
    images, labels = load_test(digits(), inputs_of(digits()))
    assert np.array_equal(images * 16, bunch.data[1500:])
    assert np.array_equal(labels.numpy(), bunch.target[1500:])


def test_mnist_trains_on_the_images_around_the_validation_images(little_mnist: Path) -> None:
    config = DataConfig("mnist", str(little_mnist), train_size=9, val_size=4, val_start=5)
    dataset = load(config)
    number = (dataset.train_images[:, 0] * 255).round().int().tolist()
    assert number == [0, 1, 2, 3, 4, 9, 10, 11, 12]
    assert (dataset.val_images[:, 0] * 255).round().int().tolist() == [5, 6, 7, 8]
    assert dataset.train_labels.tolist() == [0, 1, 2, 3, 4, 9, 0, 1, 2]
    assert dataset.image_shape == (28, 28)


def test_pixels_are_scaled_as_totensor_does(mnist_root: Path) -> None:
    from torchvision import datasets, transforms

    theirs = datasets.MNIST(str(mnist_root), train=True, transform=transforms.ToTensor())
    ours = load(DataConfig("mnist", str(mnist_root)))
    for i in (0, 7, 1999):
        image, label = theirs[i]
        assert torch.equal(ours.train_images[i], image.flatten())
        assert ours.train_labels[i] == label
    assert torch.equal(ours.val_images[0], theirs[2000][0].flatten())


@settings(max_examples=30, deadline=None)
@given(
    sizes=st.tuples(st.integers(1, 1000), st.integers(1, 1000)),
    val_size=st.integers(1, 500),
    val_start=st.integers(0, 1000),
)
def test_smaller_training_sets_nest_and_never_touch_the_validation_images(
    sizes: tuple[int, int], val_size: int, val_start: int
) -> None:
    small, large = (load(digits(size, val_size, val_start)) for size in sorted(sizes))
    assert torch.equal(large.train_images[: min(sizes)], small.train_images)
    assert torch.equal(small.val_images, large.val_images)
    numbers = torch.arange(1500)
    val = set(range(val_start, val_start + val_size))
    train = [int(i) for i in numbers if int(i) not in val][: max(sizes)]
    assert torch.equal(large.train_labels, torch.tensor(load_digits().target[train]))


@settings(max_examples=30, deadline=None)
@given(
    sizes=st.tuples(st.integers(1, 999), st.integers(1, 999)),
    val_size=st.integers(1, 500),
    val_start=st.integers(0, 1000),
    draw=st.integers(1, 2**31 - 1),
)
def test_each_draw_trains_on_other_images_nested_and_none_of_the_validation_images(
    sizes: tuple[int, int], val_size: int, val_start: int, draw: int
) -> None:
    def drawn(size: int, draw: int) -> Dataset:
        return load(replace(digits(size, val_size, val_start), train_draw=draw))

    small, large = (drawn(size, draw) for size in sorted(sizes))
    first = drawn(max(sizes), 0)
    assert torch.equal(large.train_images[: min(sizes)], small.train_images)
    assert torch.equal(large.val_images, first.val_images)
    # No two of these images are alike, so that each can be told by its pixels.
    pool = {tuple(row) for row in load_digits().data.tolist()}
    pool -= {tuple(row) for row in (large.val_images * 16).tolist()}
    here = {tuple(row) for row in (large.train_images * 16).tolist()}
    assert len(here) == max(sizes)
    assert here <= pool
    if max(sizes) > 10:
        assert not torch.equal(large.train_images, first.train_images)


def test_two_draws_share_as_many_images_as_chance_has_it() -> None:
    def drawn(draw: int) -> set[tuple[float, ...]]:
        data = replace(digits(train_size=220), train_draw=draw)  # of 1,100 that do not validate
        return {tuple(row) for row in load(data).train_images.tolist()}

    shared = [len(drawn(k) & drawn(k + 1)) for k in range(1, 41)]
    # Hypergeometric: mean 220 * 220 / 1100 = 44, variance 44 * 0.8 * 880 / 1099 = 28.2.
    assert abs(np.mean(shared) - 44) < 4 * np.sqrt(28.2 / 40)


def test_the_checksum_is_of_the_images_used_and_of_nothing_else(little_mnist: Path) -> None:
    def checksum(root: Path, train_size: int) -> str:
        return load(DataConfig("mnist", str(root), train_size, 4, 5)).checksum

    longer = little_mnist / "longer"
    write_idx(longer / "MNIST" / "raw", images=60)
    assert checksum(longer, 9) == checksum(little_mnist, 9)
    assert checksum(little_mnist, 8) != checksum(little_mnist, 9)
    other = little_mnist / "other"
    shutil.copytree(little_mnist / "MNIST", other / "MNIST")
    path = other / "MNIST" / "raw" / IDX_FILES[0]
    content = bytearray(path.read_bytes())
    content[16 + 3 * 784] ^= 1  # a pixel of image 3
    path.write_bytes(bytes(content))
    assert checksum(other, 9) != checksum(little_mnist, 9)


def test_the_checksum_of_digits_stays_what_it_was() -> None:
    # Written down once: a change to it would orphan every saved run.
    assert load(digits()).checksum[:16] == "4dcbfb4a95ffa3f4"


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (digits(train_size=1101), r"data\.train_size must not exceed 1100 .* but is 1101"),
        (digits(val_start=1101), r"data\.val_start \+ data\.val_size must not exceed the 1500"),
        (DataConfig("letters"), r"data\.name must be one of mnist, fashion_mnist, kmnist, emnist_"),
    ],
)
def test_more_than_there_is_names_the_key_and_the_rule(config: DataConfig, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load(config)


def test_absent_and_offline_says_what_to_do_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import urllib.request

    def refused(*_: object, **__: object) -> None:
        raise OSError("Network is unreachable")

    monkeypatch.setattr(urllib.request, "urlopen", refused)
    root = tmp_path / "data"
    with pytest.raises(DataError) as caught:
        load(DataConfig("mnist", str(root)))
    for part in ("could not be downloaded", IDX_FILES[3], "SWEEPLAB_DATA", "data=digits"):
        assert part in str(caught.value)
    assert not root.exists()


def test_idx_files_read_as_torchvision_reads_them(mnist_root: Path) -> None:
    from torchvision import datasets

    for train in (True, False):
        theirs = datasets.MNIST(str(mnist_root), train=train)
        images, labels = IDX_FILES[:2] if train else IDX_FILES[2:]
        folder = mnist_root / "MNIST" / "raw"
        assert torch.equal(read_idx(folder / images, 3), theirs.data)
        assert torch.equal(read_idx(folder / labels, 1).long(), theirs.targets)


@settings(max_examples=50, deadline=None)
@given(content=st.binary(max_size=60), header=st.booleans())
@example(content=b"\0\0\0\3abc", header=True)
@example(content=b"\xff\xff\xff\xffabc", header=True)
def test_any_other_bytes_are_no_idx_file(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, header: bool
) -> None:
    path = tmp_path_factory.mktemp("idx") / "train-labels-idx1-ubyte"
    path.write_bytes(b"\0\0\x08\x01" + content if header else content)
    if header and content[:4] == struct.pack(">I", len(content) - 4 & 0xFFFFFFFF):
        assert bytes(read_idx(path, 1).tolist()) == content[4:]
    else:
        with pytest.raises(ValueError, match=path.name):
            read_idx(path, 1)


@pytest.mark.parametrize(
    ("content", "dimensions"),
    [
        (b"\0\0\x08\x01" + struct.pack(">i", 3) + b"abcd", 1),  # one byte too many
        (b"\0\0\x0d\x01" + struct.pack(">i", 3) + b"abc", 1),  # floats
        (b"\0\0\x08\x03" + struct.pack(">iii", -1, -1, 3) + b"abc", 3),
        (b"\0\0\x08\x03" + struct.pack(">iii", 2**30, 2**30, 16), 3),  # 0 modulo 2**64
    ],
)
def test_a_header_that_does_not_fit_is_refused(
    tmp_path: Path, content: bytes, dimensions: int
) -> None:
    (tmp_path / "some-ubyte").write_bytes(content)
    with pytest.raises(ValueError, match="some-ubyte"):
        read_idx(tmp_path / "some-ubyte", dimensions)


@pytest.mark.parametrize("file", IDX_FILES)
def test_a_truncated_file_is_named_damaged(little_mnist: Path, file: str) -> None:
    path = little_mnist / "MNIST" / "raw" / file
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(DataError, match=r"MNIST files in .*raw are damaged .* Delete that folder"):
        load(DataConfig("mnist", str(little_mnist), 9, 4, 5))


def test_labels_that_do_not_fit_their_images_are_damage(tmp_path: Path) -> None:
    write_idx(tmp_path / "MNIST" / "raw", labels=29)
    with pytest.raises(DataError, match="damaged"):
        load(DataConfig("mnist", str(tmp_path), 9, 4, 5))


def test_a_label_that_is_no_digit_is_damage(little_mnist: Path) -> None:
    path = little_mnist / "MNIST" / "raw" / IDX_FILES[1]
    path.write_bytes(path.read_bytes()[:-1] + b"\x0b")
    with pytest.raises(DataError, match="damaged"):
        load(DataConfig("mnist", str(little_mnist), 9, 4, 5))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(DataError, match="cannot be put there"):
        load(DataConfig("mnist", str(tmp_path / "data")))


def test_a_root_that_is_a_file_is_named(tmp_path: Path) -> None:
    root = tmp_path / "data"
    root.write_text("")
    with pytest.raises(DataError, match="cannot be put there"):
        load(DataConfig("mnist", str(root)))
