"""What a new user types, in the words that they know."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import sweeplab as public
from conftest import Command
from sweeplab.cli.typed import closest
from sweeplab.config import KNOBS
from sweeplab.errors import ConfigError

PROGRAM = Path(sys.executable).with_name("sweeplab")
EXPERIMENT = (
    "# Why?\ndefaults:\n  - override /data: digits\nepochs: 1\n"
    "hydra: {sweeper: {params: {seed: '1,2'}}}\n"
)


@pytest.mark.parametrize(
    "words",
    [
        ("mine.yaml", "optimizer.lr=0.3"),
        ("-m", "mine.yaml", "optimizer.lr=0.3"),
        ("optimizer.lr=0.3", "mine.yaml"),
        ("optimizer.lr=0.3", "-m", "mine.yaml"),
    ],
)
def test_an_experiment_stands_anywhere_among_the_words(
    sweeplab: Command, tmp_path: Path, words: tuple[str, ...]
) -> None:
    (tmp_path / "mine.yaml").write_text(EXPERIMENT)
    done = sweeplab("train", *words, "--dry-run")
    assert done.code == 0, done.text
    assert "2 runs to train" in done.out
    assert done.out.count("optimizer.lr=0.3") == 2


def test_one_experiment_at_a_time(sweeplab: Command, tmp_path: Path) -> None:
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text(EXPERIMENT)
    done = sweeplab("train", "a.yaml", "seed=3", "b.yaml")
    assert done.code == 2
    assert "a.yaml and b.yaml are two" in done.err


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("lr", "optimizer.lr"),
        ("LR", "optimizer.lr"),
        ("learning_rate", "optimizer.lr"),
        ("optimizer.learning_rate", "optimizer.lr"),
        ("wd", "optimizer.weight_decay"),
        ("weight_decay", "optimizer.weight_decay"),
        ("bs", "batch_size"),
        ("batchsize", "batch_size"),
        ("train_size", "data.train_size"),
        ("dataset", "data"),
        ("momentun", "optimizer.momentum"),
        ("epoch", "epochs"),
        ("zzz", ""),
    ],
)
def test_the_key_that_was_meant(key: str, meant: str) -> None:
    assert closest(key) == meant


def test_every_key_is_the_closest_to_itself() -> None:
    assert {key: closest(key) for key in KNOBS} == {key: key for key in KNOBS}


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("lr=0.1", "Did you mean optimizer.lr?"),
        ("model=mlp", "sweeplab trains one model: softmax regression"),
        ("optimizer=adam", "trains with torch.optim.SGD and no other optimizer"),
        ("loss=mse", "The loss is the cross-entropy"),
    ],
)
def test_what_sweeplab_is_not_is_said(sweeplab: Command, word: str, message: str) -> None:
    done = sweeplab("train", word, "data=digits")
    assert done.code == 2
    assert message in done.err
    assert not Path("outputs").exists()


def test_part_of_a_configuration_can_be_given_at_once(sweeplab: Command) -> None:
    done = sweeplab("train", "optimizer={lr: 0.25}", "data=digits", "--cfg", "job")
    assert done.code == 0, done.text
    assert "lr: 0.25" in done.out


def test_it_runs_as_a_module() -> None:
    words = [sys.executable, "-m", "sweeplab", "--version"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("sweeplab, version")


@pytest.mark.parametrize(("before", "option"), [(("train",), "--shell-completion"), ((), "-sc")])
def test_shell_completion_is_installed_as_hydra_documents(
    before: tuple[str, ...], option: str
) -> None:
    words = [PROGRAM, *before, option, "install=bash"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert "complete -o nospace -o default -F hydra_bash_completion sweeplab" in done.stdout


def test_a_name_in_the_place_of_a_part_is_refused_at_once() -> None:
    with pytest.raises(ConfigError, match=r"data must be a DataConfig, but is 'digits'.*data_conf"):
        public.RunConfig(data="digits")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"optimizer must be an OptimizerConfig, but is 'adam'"):
        public.RunConfig(optimizer="adam")  # type: ignore[arg-type]


def test_a_result_in_a_notebook() -> None:
    config = public.RunConfig(data=public.data_config("digits"), epochs=2, eval_every=7)
    result = public.train(config)
    first, second = repr(result).splitlines()
    assert first.startswith("<RunResult: validation accuracy 0.")
    assert first.endswith("after 30 iterations")
    assert "name=digits" in second
    assert "lr=0.01" in second
    assert "eval_every=7" in second
    rows = result.curves.evaluations
    assert rows.iteration.tolist() == [0, 7, 14, 21, 28, 30]
    assert not np.isnan(rows.val_loss).any()
    for metric in ("accuracy", "loss"):
        lines = result.curves.plot(metric).lines
        assert [line.get_label() for line in lines] == ["training", "validation"]
        np.testing.assert_array_equal(lines[1].get_ydata(), getattr(rows, f"val_{metric}"))
    with pytest.raises(ValueError, match="'accuracy' or 'loss', but is 'error'"):
        result.curves.plot("error")


def test_verbose_logging_names_no_fonts(tmp_path: Path) -> None:
    words = ("data=digits", "epochs=1", "hydra.verbose=true", "hydra.run.dir=r")
    process = subprocess.run(
        [PROGRAM, "train", *words], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert "findfont" not in process.stdout + process.stderr
    assert "Run folder: r" in process.stdout


def test_a_closed_pipe_stops_no_sweep(tmp_path: Path) -> None:
    words = "-m data=digits epochs=1 seed=1,2 hydra.sweep.dir=s"
    line = f"'{PROGRAM}' train {words} | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", line], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, "Traceback" in done.stderr) == (0, False)
    assert (tmp_path / "s" / "runs.csv").exists()
    assert (tmp_path / "s" / "report.html").exists()


@pytest.mark.parametrize("closed", [">&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_commands_do_without_standard_streams(tmp_path: Path, closed: str) -> None:
    for words in ("train data=digits epochs=1 hydra.run.dir=r", "ls ."):
        done = subprocess.run(
            ["bash", "-c", f"'{PROGRAM}' {words} {closed}"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
    # Nothing that was printed landed in a file that was opened in the place of the stream.
    assert (tmp_path / "r" / "run.json").read_text()[0] == "{"


def test_training_accuracy_over_a_part_is_said(sweeplab: Command) -> None:
    small = ("data=digits", "data.train_size=40,80", "epochs=1", "batch_size=20", "eval_train=50")
    assert sweeplab("train", "-m", *small, "hydra.sweep.dir=s").code == 0
    page = Path("s/report.html").read_text()
    over = "over the first 50 of the training images"
    assert f"Training loss and accuracy are taken {over}." in page
    assert f"after the last iteration, mean, {over}" in page
    one = sweeplab("train", "data=digits", "data.train_size=80", *small[2:])
    assert one.code == 0
    assert f"({over})" in one.out + one.err


def test_help_has_a_whole_sentence_for_each_command(sweeplab: Command) -> None:
    text = sweeplab("--help").out
    listed = text[text.index("Commands:") :].splitlines()[1:]
    assert [line.split()[0] for line in listed][:4] == ["experiments", "train", "watch", "report"]
    assert [line for line in listed if not line.endswith((".", "?"))] == []
    assert [line for line in listed if line.endswith("...")] == []
