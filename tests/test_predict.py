"""``sweeplab predict`` on what users have: drawn digits, odd and damaged images, rows of files."""

from __future__ import annotations

import random
import zlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

import own_data
from conftest import Command
from sweeplab.data.idx import read_idx
from sweeplab.data.mnist import IDX_FILES
from sweeplab.data.pictures import read_picture
from sweeplab.data.strokes import as_drawn, as_the_set
from sweeplab.prediction import predict
from sweeplab.runs.folder import RunFolder


def seven(side: int = 200, line: int = 14) -> NDArray[np.uint8]:
    """A 7, light on black, small and in a corner of its image."""
    pixels = np.zeros((side, side), np.uint8)
    pixels[20 : 20 + line, 20:80] = 255
    for step in range(90):
        column = 80 - line - step // 3
        pixels[20 + step, column : column + line] = 255
    return pixels


class TestStrokes:
    def test_a_stroke_fills_the_box_and_its_mass_is_in_the_middle(self) -> None:
        made = as_the_set(Image.fromarray(seven()), 28, 20)
        rows, columns = np.nonzero(made)
        assert max(np.ptp(rows), np.ptp(columns)) == 19
        mass = made / made.sum()
        middle = [(mass.sum(1) * np.arange(28)).sum(), (mass.sum(0) * np.arange(28)).sum()]
        assert np.allclose(middle, 14, atol=0.6)

    def test_dark_on_light_is_told_by_the_border(self) -> None:
        light = as_the_set(Image.fromarray(seven()), 28, 20)
        grey_paper = (230 - seven() * 0.8).astype(np.uint8)
        assert np.allclose(as_the_set(Image.fromarray(grey_paper), 28, 20), light, atol=2)

    def test_an_image_of_the_set_stays_as_it_is(self) -> None:
        one = as_the_set(Image.fromarray(seven()), 28, 20)
        assert np.array_equal(as_the_set(Image.fromarray(one), 28, 20), one)

    @pytest.mark.parametrize("shade", [0, 128, 255])
    def test_an_empty_page_has_no_digit(self, shade: int) -> None:
        with pytest.raises(ValueError, match="nothing is drawn"):
            as_the_set(Image.new("L", (90, 50), shade), 28, 20)


def test_digits_drawn_elsewhere_are_read_as_well_as_the_sets_own(
    sweeplab: Command, tmp_path: Path, mnist_root: Path
) -> None:
    run = ("train", f"data.root={mnist_root}", "optimizer.lr=0.1", "hydra.run.dir=run")
    assert sweeplab(*run).code == 0
    raw = mnist_root / "MNIST" / "raw"
    images = read_idx(raw / IDX_FILES[2], 3).numpy()[:100]
    labels = read_idx(raw / IDX_FILES[3], 1).numpy()[:100]
    files: dict[str, list[Path]] = {"own": [], "drawn": []}
    for i, pixels in enumerate(images):
        own, drawn = tmp_path / f"own{i}.png", tmp_path / f"drawn{i}.png"
        Image.fromarray(pixels).save(own)
        page = np.full((400, 300), 255, np.uint8)  # a large page, the digit small in its corner
        large = np.asarray(Image.fromarray(pixels).resize((140, 140), Image.Resampling.BICUBIC))
        page[10:150, 10:150] -= large
        Image.fromarray(page).save(drawn)
        files["own"].append(own)
        files["drawn"].append(drawn)

    def accuracy(which: str, *, as_is: bool = False) -> float:
        found, _ = predict(RunFolder(tmp_path / "run"), files[which], as_is=as_is)
        return float(np.mean([p.probabilities.argmax() for p in found] == labels))

    assert accuracy("own") == accuracy("own", as_is=True) > 0.8
    assert accuracy("drawn") >= accuracy("own") - 0.05
    assert accuracy("drawn", as_is=True) < 0.4  # why it is done


class TestPictures:
    @pytest.mark.parametrize("stroke", [0, 255])
    def test_strokes_on_nothing_are_seen(self, tmp_path: Path, stroke: int) -> None:
        """As drawing programs export them: all of one colour, the shape in the transparency."""
        shape = seven()
        clear = np.dstack([np.full((*shape.shape, 3), stroke, np.uint8), shape])
        Image.fromarray(clear).save(tmp_path / "clear.png")
        made = as_the_set(read_picture(tmp_path / "clear.png"), 28, 20)
        assert np.allclose(made, as_the_set(Image.fromarray(shape), 28, 20), atol=2)

    def test_depth_is_no_matter(self, tmp_path: Path) -> None:
        shape = seven()
        Image.fromarray(shape).save(tmp_path / "8.png")
        Image.fromarray(shape.astype(np.uint16) * 257).save(tmp_path / "16.png")
        Image.fromarray(shape.astype(np.float32) / 255).save(tmp_path / "float.tiff")
        Image.fromarray(shape.astype(np.float32)).save(tmp_path / "wide.tiff")
        Image.fromarray(shape).convert("P").save(tmp_path / "palette.gif")
        Image.fromarray(shape > 127).save(tmp_path / "bits.png")
        expected = as_drawn(read_picture(tmp_path / "8.png"), 28)
        for name in ("16.png", "float.tiff", "wide.tiff", "palette.gif", "bits.png"):
            made = as_drawn(read_picture(tmp_path / name), 28)
            assert np.allclose(made, expected, atol=1), name

    def test_what_would_fill_the_memory_is_refused(self, tmp_path: Path) -> None:
        Image.new("L", (13_000, 13_000)).save(tmp_path / "large.png")
        with pytest.raises(ValueError, match="13000 x 13000 pixels, more than 50 million"):
            read_picture(tmp_path / "large.png")
        bomb = PngImagePlugin.PngInfo()
        bomb.add_itxt("a", "x" * 2**22, zip=True)
        Image.fromarray(seven()).save(tmp_path / "text.png", pnginfo=bomb)
        with pytest.raises(ValueError, match="too large"):
            read_picture(tmp_path / "text.png")

    @pytest.mark.parametrize("kind", ["png", "jpg", "gif", "bmp", "tiff", "webp", "ppm", "tga"])
    def test_damaged_images_are_refused_and_nothing_else(self, tmp_path: Path, kind: str) -> None:
        chance = random.Random(0)
        Image.fromarray(seven()[::3, ::3]).convert("RGB").save(tmp_path / f"sound.{kind}")
        sound = (tmp_path / f"sound.{kind}").read_bytes()
        path = tmp_path / f"damaged.{kind}"
        for _ in range(120):
            content = bytearray(sound[: chance.choice([len(sound), chance.randrange(len(sound))])])
            for _ in range(chance.randrange(1, 6)):
                if content:
                    content[chance.randrange(min(len(content), 300))] = chance.randrange(256)
            path.write_bytes(content)
            try:
                image = read_picture(path)
            except ValueError:
                continue
            assert image.mode in ("L", "RGB")

    def test_a_chunk_with_a_wrong_length_is_refused(self, tmp_path: Path) -> None:
        Image.fromarray(seven()).save(tmp_path / "a.png")
        content = (tmp_path / "a.png").read_bytes()
        ihdr = b"IHDR" + (2**31 - 1).to_bytes(4) * 2 + content[24:29]
        lying = content[:12] + ihdr + zlib.crc32(ihdr).to_bytes(4) + content[33:]
        (tmp_path / "b.png").write_bytes(lying)
        with pytest.raises(ValueError, match="pixels"):
            read_picture(tmp_path / "b.png")


@pytest.fixture
def trained(sweeplab: Command, tmp_path: Path) -> Command:
    def train(*words: str) -> object:
        done = sweeplab("train", *words, "hydra.run.dir=run", "batch_size=16", "optimizer.lr=0.2")
        assert done.code == 0, done.text
        return done

    return train  # type: ignore[return-value]


def test_rows_of_a_file_are_predicted_with_the_runs_own_scale(
    sweeplab: Command, tmp_path: Path, trained: Command
) -> None:
    own_data.csv(tmp_path / "w.csv")
    trained("data=arrays", "data.path=w.csv", "data.label=sort")
    (tmp_path / "w.csv").rename(tmp_path / "gone.csv")  # a run needs its data no more
    unlabelled = own_data.wine().drop(columns=["sort", "number"])
    unlabelled.to_csv(tmp_path / "new.csv", index=False)
    found, classes = predict(RunFolder(tmp_path / "run"), [tmp_path / "new.csv"])
    right = [classes[p.probabilities.argmax()] for p in found] == own_data.wine()["sort"]
    assert right.mean() > 0.9
    done = sweeplab("predict", "run", "gone.csv")
    assert done.code == 0, done.text
    assert "gone.csv:177" in done.out
    assert "rose" in done.out
    pd.DataFrame({"a": [1.0], "b": [2.0]}).to_csv(tmp_path / "few.csv", index=False)
    done = sweeplab("predict", "run", "few.csv")
    assert done.code == 1
    assert "has examples of 2 numbers, and the run was trained on examples of 13" in done.err
    Image.fromarray(seven()).save(tmp_path / "a.png")
    done = sweeplab("predict", "run", "a.png")
    assert "trained on 13 features, and no image can be turned into them" in done.err


def test_a_photograph_is_made_small_as_the_others_were(
    sweeplab: Command, tmp_path: Path, trained: Command
) -> None:
    own_data.photos(tmp_path / "photos")
    trained("data=images", "data.path=photos", "data.colour=rgb", "data.size=10", "data.root=root")
    files = [tmp_path / "photos" / name / "7.jpg" for name in own_data.ANIMALS]
    found, classes = predict(RunFolder(tmp_path / "run"), files)
    assert [classes[p.probabilities.argmax()] for p in found] == list(own_data.ANIMALS)


def test_a_run_whose_scale_was_changed_is_not_used(
    sweeplab: Command, tmp_path: Path, trained: Command
) -> None:
    own_data.npz(tmp_path / "f.npz")
    trained("data=arrays", "data.path=f.npz")
    path = tmp_path / "run" / "inputs.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    done = sweeplab("predict", "run", "f.npz")
    assert done.code == 1
    assert "inputs.safetensors is not the file that the run wrote" in done.err


def test_many_classes_show_the_best_five_and_the_pairs(
    sweeplab: Command, tmp_path: Path, trained: Command
) -> None:
    make = np.random.default_rng(0)
    centres = make.normal(size=(40, 12))
    labels = np.arange(2000) % 40
    x = centres[labels] + make.normal(scale=0.9, size=(2000, 12))
    names = np.array([f"class {k}" for k in range(40)])
    np.savez(tmp_path / "f.npz", X=x, y=labels, classes=names)
    trained("data=arrays", "data.path=f.npz")
    done = sweeplab("evaluate", "run")
    assert "among the five most probable ones in 0.9" in done.out, done.out
    assert "Most often confused" in done.out
    done = sweeplab("predict", "run", "f.npz")
    assert done.out.count("f.npz:") == 2000


def test_unequal_classes_are_said(sweeplab: Command, tmp_path: Path, trained: Command) -> None:
    make = np.random.default_rng(0)
    labels = (make.random(1000) < 0.1).astype(np.int64)
    x = make.normal(size=(1000, 5)) + labels[:, None] * 0.3
    np.savez(tmp_path / "f.npz", X=x, y=labels)
    trained("data=arrays", "data.path=f.npz")
    assert (
        "The classes are unequal: averaged over classes, accuracy is"
        in sweeplab("evaluate", "run").out
    )
