"""Data of a user's own: read as they are, split as asked, refused in plain words when unsound."""

from __future__ import annotations

import os
import re
import shutil
import struct
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from sklearn.preprocessing import StandardScaler, normalize

import own_data
from conftest import Command
from sweeplab.api import data_config
from sweeplab.config import DataConfig
from sweeplab.data import load, load_test, resolve
from sweeplab.errors import ConfigError, DataError
from sweeplab.statistics.predictions import read_correct
from sweeplab.sweeps.tables import load_sweep
from sweeplab.training.stacked.images import compact


def arrays(path: Path, **keys: Any) -> DataConfig:
    return resolve(replace(data_config("arrays"), path=str(path), **keys))


def images(path: Path, **keys: Any) -> DataConfig:
    keys = {"root": str(path.parent / "root"), "size": 8} | keys
    return resolve(replace(data_config("images"), path=str(path), **keys))


def npy(path: Path) -> Path:
    x, y = own_data.features()
    np.save(path.with_name("X.npy"), x)
    np.save(path.with_name("y.npy"), y)
    return path.with_name("X.npy")


class TestFormats:
    @pytest.mark.parametrize("name", ["f.npz", "packed.npz", "X.npy", "f.safetensors", "f.parquet"])
    def test_the_same_numbers_are_the_same_data_in_every_format(
        self, tmp_path: Path, name: str
    ) -> None:
        x, y = own_data.features()
        path = tmp_path / name
        if name == "packed.npz":
            np.savez_compressed(path, X=x, y=y)
        elif name == "X.npy":
            npy(path)
        elif name == "f.parquet":
            pd.DataFrame({"X": list(x), "y": y}).to_parquet(path)
        elif name == "f.safetensors":
            own_data.safetensors(path)
        else:
            own_data.npz(path)
        dataset = load(arrays(path, order="shuffled", scale="none"))
        expected = load(arrays(own_data.npz(tmp_path / "expected.npz"), scale="none"))
        assert dataset.checksum == expected.checksum
        assert torch.equal(dataset.train_images, expected.train_images)
        assert dataset.class_names == tuple("0123456789")

    def test_a_table_is_read_as_pandas_reads_it(self, tmp_path: Path) -> None:
        table = own_data.wine().sample(frac=1, random_state=0).drop(columns="number")
        table.to_csv(tmp_path / "w.csv", index=False)
        sizes = {"test_share": 0.0, "val_start": 40, "val_size": 70}
        config = arrays(tmp_path / "w.csv", label="sort", order="file", scale="none", **sizes)
        dataset = load(config)
        train = table.iloc[[*range(40), *range(110, 178)]]
        numbers = train.drop(columns="sort").to_numpy(np.float32)
        assert np.array_equal(dataset.train_images.numpy(), numbers)
        assert dataset.class_names == ("red", "rose", "white")
        assert [dataset.class_names[k] for k in dataset.train_labels] == [*train["sort"]]

    @pytest.mark.parametrize(
        ("written", "encoding"),
        [
            ({"sep": ";"}, "utf-8"),
            ({"sep": ";", "decimal": ","}, "utf-8-sig"),
            ({"sep": "\t"}, "utf-16"),
            ({"sep": "|", "lineterminator": "\r\n"}, "utf-8"),
            (None, "utf-8"),  # ", " and a comma at the end of each line
        ],
    )
    def test_a_table_may_be_separated_and_encoded_as_spreadsheets_do_it(
        self, tmp_path: Path, written: dict[str, str] | None, encoding: str
    ) -> None:
        table = own_data.wine().drop(columns="number")
        table["sort"] = table["sort"].replace({"rose": "rosé, süß"})
        table = table[["alcohol", "sort", *table.columns[1:-1]]]  # the classes in the middle
        plain, odd = tmp_path / "plain.csv", tmp_path / "odd.csv"
        table.to_csv(plain, index=False)
        if written is None:
            lines = [
                ", ".join(f'"{cell}"' if "," in str(cell) else str(cell) for cell in row) + ","
                for row in [table.columns, *table.to_numpy().tolist()]
            ]
            odd.write_text("\n".join(lines) + "\n", encoding=encoding)
        else:
            table.to_csv(odd, index=False, encoding=encoding, **written)  # type: ignore[call-overload]
        known, found = (load(arrays(path, label="sort")) for path in (plain, odd))
        assert found.checksum == known.checksum
        assert found.class_names == ("red", "rosé, süß", "white")

    def test_uncompressed_arrays_are_mapped_and_not_read(self, tmp_path: Path) -> None:
        from sweeplab.data.members import read_npz

        assert isinstance(read_npz(own_data.npz(tmp_path / "f.npz"))["X"], np.memmap)

    def test_half_precision_is_taken_as_it_is(self, tmp_path: Path) -> None:
        x, y = own_data.features()
        np.savez(tmp_path / "f.npz", X=x.astype(np.float16), y=y)
        shuffled = load(arrays(tmp_path / "f.npz", scale="none"))
        assert set(np.unique(shuffled.train_images)) <= set(np.unique(x.astype(np.float16)))

    def test_sets_of_their_own_validate_and_test(self, tmp_path: Path) -> None:
        x, y = own_data.features()
        own = {"X_val": x[::5] + 1, "y_val": y[::5], "X_test": x[::4] + 2, "y_test": y[::4]}
        config = arrays(own_data.npz(tmp_path / "f.npz", **own), scale="none")
        assert (config.train_size, config.val_size) == (400, 80)
        dataset = load(config)
        assert np.array_equal(dataset.val_images.numpy(), x[::5] + 1)
        assert dataset.inputs is not None
        tested, labels = load_test(config, dataset.inputs)
        assert np.array_equal(tested, x[::4] + 2)
        assert np.array_equal(labels.numpy(), y[::4])

    def test_names_of_classes_come_with_the_numbers(self, tmp_path: Path) -> None:
        names = np.array([f"digit {k}" for k in range(10)])
        dataset = load(arrays(own_data.npz(tmp_path / "f.npz", classes=names)))
        assert dataset.class_names[3] == "digit 3"


class TestSplits:
    def test_a_file_sorted_by_class_gives_every_class_to_every_set(self, tmp_path: Path) -> None:
        config = arrays(own_data.npz(tmp_path / "f.npz"))
        dataset = load(config)
        assert (len(dataset.train_labels), len(dataset.val_labels)) == (256, 64)
        assert dataset.inputs is not None
        _, tested = load_test(config, dataset.inputs)
        for labels in (dataset.train_labels, dataset.val_labels, tested):
            assert set(labels.tolist()) == set(range(10))

    def test_sets_are_apart_and_smaller_ones_nest(self, tmp_path: Path) -> None:
        x, y = own_data.features()
        numbered = np.column_stack([np.arange(400), x]).astype(np.float32)
        np.savez(tmp_path / "f.npz", X=numbered, y=y)
        config = arrays(tmp_path / "f.npz", scale="none")
        large, small = load(config), load(replace(config, train_size=150))
        assert torch.equal(small.train_images, large.train_images[:150])
        assert torch.equal(small.val_images, large.val_images)
        assert small.train_images.data_ptr() == large.train_images.data_ptr()  # one memory
        assert compact(large, torch.device("cpu"), 256).images is large.whole  # and no copy of it
        assert large.inputs is not None
        tested, _ = load_test(config, large.inputs)
        parts = [large.train_images[:, 0], large.val_images[:, 0], torch.from_numpy(tested)[:, 0]]
        assert sorted(torch.cat(parts).tolist()) == list(range(400))
        other = load(replace(config, order_seed=1))
        assert not torch.equal(other.train_images, large.train_images)

    def test_of_few_examples_enough_validate_for_every_class(self, tmp_path: Path) -> None:
        x, y = own_data.features(3, 36)[0], np.repeat([0, 1, 2], [20, 9, 7])
        for seed in range(5):
            dataset = load(arrays(saved(tmp_path / "f.npz", X=x, y=y), order_seed=seed))
            assert set(dataset.val_labels.tolist()) == {0, 1, 2}
            assert set(dataset.train_labels.tolist()) == {0, 1, 2}
            # No more than that takes: without the last, a class is missing, or it is a fifth.
            fewer = set(dataset.val_labels[:-1].tolist())
            assert len(dataset.val_labels) == 5 or fewer != {0, 1, 2}

    def test_balanced_takes_as_many_of_each_class_and_leaves_validation(
        self, tmp_path: Path
    ) -> None:
        config = arrays(own_data.csv(tmp_path / "w.csv"), label="sort")
        few = load(replace(config, balanced=True, train_size=12))
        assert np.bincount(few.train_labels).tolist() == [4, 4, 4]
        fewer = load(replace(config, balanced=True, train_size=6, scale="none"))
        assert torch.equal(
            fewer.train_images,
            load(replace(config, balanced=True, train_size=12, scale="none")).train_images[:6],
        )
        assert torch.equal(load(config).val_labels, few.val_labels)
        with pytest.raises(ConfigError, match=r"multiple of the 3 classes .* but is 10"):
            load(replace(config, balanced=True, train_size=10))
        most = resolve(replace(config, balanced=True, train_size=0))
        assert most.train_size % 3 == 0
        with pytest.raises(ConfigError, match="the same number of each class"):
            load(replace(most, train_size=most.train_size + 3))


class TestScales:
    def test_standardizing_is_scikit_learns_over_the_training_examples(
        self, tmp_path: Path
    ) -> None:
        config = arrays(own_data.csv(tmp_path / "w.csv"), label="sort", train_size=60)
        raw = load(replace(config, scale="none"))
        scaled = load(config)
        theirs = StandardScaler().fit(raw.train_images.double().numpy())
        for which in ("train_images", "val_images"):
            expected = theirs.transform(getattr(raw, which).double().numpy())
            np.testing.assert_allclose(getattr(scaled, which).numpy(), expected, atol=1e-4)
        more = load(replace(config, train_size=100))
        assert not torch.allclose(more.val_images, scaled.val_images)

    def test_a_feature_that_never_changes_is_0_and_no_nan(self, tmp_path: Path) -> None:
        x, y = own_data.features()
        x[:, 3] = 0.1
        np.savez(tmp_path / "f.npz", X=x, y=y)
        dataset = load(arrays(tmp_path / "f.npz"))
        assert dataset.train_images[:, 3].abs().max() < 1e-6

    def test_l2_is_scikit_learns(self, tmp_path: Path) -> None:
        path = own_data.npz(tmp_path / "f.npz")
        raw = load(arrays(path, scale="none")).train_images.numpy()
        scaled = load(arrays(path, scale="l2")).train_images.numpy()
        np.testing.assert_allclose(scaled, normalize(raw), rtol=1e-5, atol=1e-7)

    def test_unit_brings_bytes_and_floats_within_1(self, tmp_path: Path) -> None:
        path = own_data.csv(tmp_path / "w.csv")
        dataset = load(arrays(path, label="sort", scale="unit"))
        assert dataset.train_images.abs().max() == 1
        x = np.arange(200 * 6, dtype=np.int64).reshape(200, 6) % 256
        np.savez(tmp_path / "b.npz", X=x.astype(np.uint8), y=np.arange(200) % 2)
        raw = load(arrays(tmp_path / "b.npz", scale="none")).train_images
        assert torch.equal(load(arrays(tmp_path / "b.npz", scale="unit")).train_images, raw / 255)


class TestImages:
    def test_a_folder_a_class_becomes_small_square_images(self, tmp_path: Path) -> None:
        folder = own_data.photos(tmp_path / "photos", each=12)
        config = images(folder, colour="rgb", val_size=12)
        dataset = load(config)
        assert dataset.class_names == own_data.ANIMALS
        assert dataset.image_shape == (8, 8, 3)
        assert len(list((tmp_path / "root" / "decoded").iterdir())) == 1
        before = dataset.checksum
        shutil.move(folder, tmp_path / "elsewhere")
        assert load(replace(config, path=str(tmp_path / "elsewhere"))).checksum == before
        shutil.rmtree(tmp_path / "root")  # what was kept only saves time
        again = replace(config, path=str(tmp_path / "elsewhere"), root=str(tmp_path / "new"))
        assert load(again).checksum == before

    def test_folders_train_val_and_test_are_what_they_say(self, tmp_path: Path) -> None:
        for name, each in (("train", 9), ("val", 4), ("test", 3)):
            own_data.photos(tmp_path / "photos" / name, each=each)
        config = images(tmp_path / "photos")
        assert (config.train_size, config.val_size) == (36, 16)
        dataset = load(config)
        assert dataset.inputs is not None
        assert len(load_test(config, dataset.inputs)[1]) == 12

    def test_a_photograph_taken_on_its_side_is_turned(self, tmp_path: Path) -> None:
        from sweeplab.data.pictures import fitted, read_picture

        upright = Image.fromarray(np.repeat([[0], [255]], 20, 1).repeat(10, 0).astype(np.uint8))
        exif = Image.Exif()
        exif[0x0112] = 6  # turn by 90 degrees clockwise to see it
        upright.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "a.png", exif=exif)
        upright.save(tmp_path / "b.png")
        turned, plain = (
            fitted(read_picture(tmp_path / name), 4, "grey") for name in ("a.png", "b.png")
        )
        assert np.array_equal(turned, plain)

    def test_broken_files_are_named_and_left_out_or_stop(
        self, tmp_path: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        folder = own_data.photos(tmp_path / "photos", each=10)
        (folder / "cat" / "bad.jpg").write_bytes(b"\xff\xd8\xff\xe0no image")
        (folder / "cat" / "notes.txt").write_text("not an image by its name")
        config = images(folder, val_size=12)
        assert config.train_size == 20
        load(config)
        said = capfd.readouterr().out
        assert said.count("1 of 41 files in") == 1
        assert "cat/bad.jpg" in said
        with pytest.raises(DataError, match=r"1 of 41 .* cat/bad\.jpg .*on_broken=skip"):
            images(folder, on_broken="stop")


def lying_npz(path: Path) -> Path:
    """X says that it holds 2 GB, and is a few bytes long."""
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (700000, 768), }"
    header += b" " * (63 - (10 + len(header)) % 64) + b"\n"
    content = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + b"1234"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("X.npy", content)
    return path


class Planted:
    """What a pickle would run."""

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return os.mkdir, ("planted",)


def saved(path: Path, **members: Any) -> Path:
    np.savez(path, **members)
    return path


def text(folder: Path, content: str | bytes) -> Path:
    path = folder / "t.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


X, Y = own_data.features()
GAP = np.where(np.arange(X.size).reshape(X.shape) == 123, np.nan, X)
TABLE = pd.DataFrame({"a": [1.0, 2.0, 3.0, 4.0], "b": ["1", "x", "3", "4"], "y": [0, 1, 0, 1]})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: saved(p / "f.npz", X=X, y=Y[:-1]), "X has 400 examples, and y 399 classes"),
        (lambda p: saved(p / "f.npz", X=GAP, y=Y), "X has a gap or NaN in example 3, counted"),
        (lambda p: saved(p / "f.npz", X=X.astype(float) * 1e300, y=Y), "X has .* beyond float32"),
        (lambda p: saved(p / "f.npz", X=X, y=Y * 0), "all its examples are of one class, '0'"),
        (lambda p: saved(p / "f.npz", X=X, y=Y + 1), r"numbered 1 to 10, .*: save y - 1,"),
        (lambda p: saved(p / "f.npz", X=X, y=Y - 1), r"numbered -1 to 8, .*: save y \+ 1,"),
        (lambda p: saved(p / "f.npz", X=X, y=Y * 2), "no example of the class '1'"),
        (lambda p: saved(p / "f.npz", X=X, y=Y + 0.5), "y must hold integers or text"),
        (lambda p: saved(p / "f.npz", X=X[:, 0], y=Y), r"X must have a row for each example"),
        (lambda p: saved(p / "f.npz", X=X, y=np.eye(10)[Y]), "y must have one class for each"),
        (lambda p: saved(p / "f.npz", X=X.astype(str), y=Y), "X holds text"),
        (lambda p: saved(p / "f.npz", X=X.astype(complex), y=Y), "X must hold numbers of uint8"),
        (lambda p: saved(p / "f.npz", features=X, y=Y), "it has no X. .* features, y: save"),
        (lambda p: saved(p / "f.npz", X=X, y=Y, X_val=X), "X_val and y_val come together"),
        (
            lambda p: saved(p / "f.npz", X=X, y=Y, X_val=X[:, :5], y_val=Y),
            r"an example of X_val has the shape \[5\], and one of X \[40\]",
        ),
        (
            lambda p: saved(p / "f.npz", X=X, y=Y, X_val=X[Y < 9], y_val=Y[Y < 9]),
            "no example of the class '9' to validate on",
        ),
        (
            lambda p: saved(p / "f.npz", X=X[Y < 9], y=Y[Y < 9], X_val=X, y_val=Y),
            "no example of the class '9' to train on",
        ),
        (
            lambda p: saved(p / "f.npz", X=X, y=np.array([Planted()] * 400, dtype=object)),
            r"y is pickled: .*Save text as y\.astype\(str\)",
        ),
        (lambda p: lying_npz(p / "f.npz"), "X says that it holds 700000 x 768 numbers .* are 132"),
        (lambda p: (p / "f.npz").write_bytes(b"PK") and p / "f.npz", "cannot be used"),
        (lambda p: p, r"must be a file .* is a folder. For a folder of images: data=images"),
        (lambda p: p / "absent.npz", "there is no .*absent.npz"),
        (lambda p: (p / "f.pt").write_bytes(b"x") and p / "f.pt", "must end in one of .npz"),
        (lambda p: (os.mkfifo(p / "f.npz"), p / "f.npz")[1], "is a device or a pipe"),
        (
            lambda p: (TABLE.to_csv(p / "t.csv", index=False), p / "t.csv")[1],
            "its column 'b' holds 'x', and must hold numbers alone",
        ),
        (
            lambda p: (TABLE[["a", "b"]].to_csv(p / "t.csv", index=False), p / "t.csv")[1],
            "it has no column 'label or y' for the classes. Set data.label to one of its colu",
        ),
        (
            lambda p: (p / "t.csv").write_text("a,y\n1,0\n,1\n3,0\n") and p / "t.csv",
            "its column 'a' has nothing in row 2",
        ),
        (lambda p: (TABLE.to_csv(p / "t.csv"), p / "t.csv")[1], "a column without a name"),
        (lambda p: (p / "t.csv").write_text("") == 0 and p / "t.csv", "it is empty"),
        (lambda p: (p / "f.npz").write_bytes(b"") == 0 and p / "f.npz", "it is empty"),
        (
            lambda p: saved(p / "f.npz", X=X, y=np.array([3, 7, 12])[Y % 3]),
            r"numbered 3, 7, 12, .* save numpy\.unique\(y, return_inverse=True\)\[1\]",
        ),
        (
            lambda p: saved(p / "f.npz", X=X, y=np.where(Y == 3, np.nan, Y)),
            "y has no class, but nan, for example 123, counted",
        ),
        (
            lambda p: saved(p / "f.npz", X=np.where(X[2, 1] == X, np.inf, X).astype("f2"), y=Y),
            "X has inf in example 2, counted",
        ),
        (
            lambda p: saved(p / "f.npz", X=X, y=np.where(np.arange(400) == 7, 10, Y)),
            "but one example of the class '10', and it takes one to train on and another",
        ),
        (lambda p: np.savez(p / "f.npz", X, Y) or p / "f.npz", "it holds arr_0, arr_1: save them"),
        (lambda p: np.save(p / "X.npy", X) or p / "X.npy", r"no y\.npy beside it with the classes"),
        (lambda p: text(p, "a;b;y\n1;2;ü\n".encode("latin1")), "UTF-8, .* 0xfc in line 2"),
        (lambda p: text(p, "a,y\n1,0\n".encode("utf-16-le")), "it is no text in UTF-8"),
        (lambda p: text(p, b"PK\x03\x04and more"), "a spreadsheet's own file"),
        (lambda p: text(p, "a,b,y\n1,2,0\n1,2,0,4\n"), "line 3 has 4 cells, and its first line 3"),
        (lambda p: text(p, "a;b;y\n1,5;2.5;0\n3,5;1.5;1\n"), "a comma, as '1,5', .* as '2.5'"),
        (lambda p: text(p, "a,y\nNA,0\n2,1\n"), "its column 'a' has 'NA', a gap, in row 1"),
        (lambda p: text(p, "a,y\n1,\n2,1\n"), "'y', the classes, has nothing in row 1"),
        (lambda p: text(p, "1.5,2.5,0\n3.5,4.5,1\n"), "its first line, '1.5, 2.5, 0, ...'"),
        (lambda p: text(p, "a y\n1 0\n"), "one column alone, 'a y': commas, semicolons, tabs or"),
        (lambda p: text(p, "a,y\n"), "the names of its columns, and no other"),
    ],
)  # fmt: skip
def test_unsound_arrays_are_refused_in_one_clear_message(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    make: Callable[[Path], Path],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=message) as caught:
        load(arrays(make(tmp_path)))
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "planted").exists()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: p.mkdir(), "must hold a folder of images for each class, and holds none"),
        (lambda p: (p / "cat").mkdir(parents=True), "cat, a class, holds no image"),
        (lambda p: own_data.photos(p, each=5, classes=("cat",)), "all its examples are of one"),
        (lambda p: p.write_bytes(b"x"), "must be a folder .* For a file of arrays"),
        (lambda p: None, "there is no"),
        (lambda p: (p / "train").mkdir(parents=True), "must hold a folder for each class"),
        (lambda p: own_data.photos(p / "test", each=2), "holds test, and no train"),
    ],
)
def test_unsound_folders_are_refused_in_one_clear_message(
    tmp_path: Path, make: Callable[[Path], Any], message: str
) -> None:
    make(tmp_path / "photos")
    with pytest.raises(DataError, match=message):
        images(tmp_path / "photos")


def test_a_class_missing_from_what_is_chosen_is_named_with_what_to_do(tmp_path: Path) -> None:
    config = arrays(own_data.npz(tmp_path / "f.npz"), order="file")
    with pytest.raises(DataError, match=r"data\.train_size chooses have none of the class .*'0'"):
        load(replace(config, val_size=200, train_size=100))
    shuffled = arrays(own_data.npz(tmp_path / "f.npz"), train_size=12)
    with pytest.raises(DataError, match=r"none of the class .*data\.balanced=true"):
        load(shuffled)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("data=arrays",), "data.path must say where your data lie"),
        (("data=digits", "data.size=9"), "data.size is for data=images, and does nothing for"),
        (("data=digits", "data.test_share=0.3"), "data.test_share is for data=arrays and data=im"),
    ],
)
def test_a_key_that_would_do_nothing_is_refused(
    sweeplab: Command, words: tuple[str, ...], message: str
) -> None:
    done = sweeplab("train", *words)
    assert done.code == 1
    assert message in done.err
    assert "Traceback" not in done.text


def test_a_path_may_have_any_name(
    sweeplab: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "süß, b=c").mkdir()
    own_data.npz(tmp_path / "süß, b=c" / "f (1)=1.npz")
    for number, name in enumerate(("~/süß, b=c/f (1)=1.npz", "süß, b=c/f (1)=1.npz")):
        words = ("data=arrays", f"data.path={name}", "epochs=1", "batch_size=16")
        done = sweeplab("train", *words, f"hydra.run.dir=run{number}")
        assert done.code == 0, done.text
    done = sweeplab("train", "data=arrays", "data.path=f=1.npz")  # no such file: Hydra's message
    assert done.code == 1


MAKERS: dict[str, tuple[Callable[[Path], Path], str, tuple[str, ...]]] = {
    "photographs": (own_data.photos, "photos", ("data=images", "data.size=10", "data.root=root")),
    "features": (own_data.npz, "f.npz", ("data=arrays",)),
    "csv": (own_data.csv, "w.csv", ("data=arrays", "data.label=sort")),
    "parquet": (own_data.parquet, "w.parquet", ("data=arrays", "data.label=sort")),
}


@pytest.mark.parametrize("kind", MAKERS)
def test_from_data_of_ones_own_to_the_report_and_back(
    sweeplab: Command, tmp_path: Path, kind: str
) -> None:
    make, name, source = MAKERS[kind]
    make(tmp_path / name)
    words = ("train", "-m", *source, "optimizer.lr=0.02,0.2", "seed=1,2", "epochs=3",
             "batch_size=16", "hydra.sweep.dir=sweep")  # fmt: skip
    done = sweeplab(*words, f"data.path={name}")
    assert done.code == 0, done.text
    assert "4 runs: 4 completed" in done.out
    assert Path("sweep/report.html").is_file()
    loaded = load_sweep("sweep")
    right = read_correct(loaded)  # the report pairs settings over the same examples
    assert right is not None
    shares = [float(np.mean(one)) for one in right if one is not None]
    assert shares == pytest.approx(loaded.runs["final_val_accuracy"].tolist(), abs=0.02)
    assert "4 runs retrained: 4 identical" in sweeplab("reproduce", "sweep").out
    done = sweeplab("evaluate", "sweep/2")
    assert done.code == 0, done.text
    assert "Test accuracy" in done.out
    # What is said of features, and of rows of a table, calls none of them an image.
    page = re.sub(r"(?s)<(script|style).*?</\1>", "", Path("sweep/report.html").read_text())
    images = re.findall(r"(?i)\bimages?\b", page + done.out)
    assert bool(images) == (kind == "photographs")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / name).rename(tmp_path / "elsewhere" / name)
    done = sweeplab(*words, f"data.path=elsewhere/{name}")
    assert "0 runs to train, 4 complete already" in done.out, done.text
