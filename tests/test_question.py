"""The question that an experiment asks: how it is said, and how it travels to the report."""

from __future__ import annotations

from pathlib import Path

import pytest

from conftest import Command
from sweeplab.errors import ConfigError
from sweeplab.sweeps.folder import SweepFolder, read_sweep
from sweeplab.sweeps.question import parse_question, question_of

SIZE, DECAY, LR = "data.train_size", "optimizer.weight_decay", "optimizer.lr"
MINE = """# Is a larger batch better?
question: {question}
defaults:
  - override /data: digits
epochs: 1
data: {{train_size: 200}}
hydra:
  sweeper:
    params:
      batch_size: 32,64
      seed: range(2)
"""


@pytest.mark.parametrize(
    ("knobs", "asked", "answered"),
    [
        ([], "", "spread"),
        ([LR], "", f"effect of {LR}"),
        ([SIZE, DECAY], "", f"substitute {DECAY} for {SIZE}"),
        ([LR, DECAY], "", "best"),
        ([LR, DECAY, SIZE], "", "importance"),
        ([LR, DECAY, SIZE], "best", "best"),
        ([LR, "batch_size"], "effect of batch_size", "effect of batch_size"),
        ([LR], "effect of batch_size", f"effect of {LR}"),  # fixed on the command line
        ([f"batch_size+{LR}", DECAY], f"effect of {LR}", f"effect of batch_size+{LR}"),
        ([f"batch_size+{LR}"], "", f"effect of batch_size+{LR}"),
        ([LR], "importance", f"effect of {LR}"),
        ([LR], "of another sweeplab", f"effect of {LR}"),
    ],
)
def test_a_sweep_answers_what_was_asked_or_what_its_knobs_suggest(
    knobs: list[str], asked: str, answered: str
) -> None:
    assert str(question_of(knobs, asked)) == answered


@pytest.mark.parametrize("text", ["best", "importance", "spread", f"effect of {LR}"])
def test_a_question_is_written_as_it_is_read(text: str) -> None:
    assert str(parse_question(text)) == text


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("which", "but is 'which'"),
        ("effect of lr", "Did you mean optimizer.lr?"),
        ("effect of seed", "is no knob"),
        ("effect", "names one knob"),
        (f"substitute {DECAY}", "names two knobs"),
        (f"substitute {DECAY} for {DECAY}", "names two knobs"),
        (f"best {LR}", "names no knob"),
    ],
)
def test_a_wrong_question_is_one_message(text: str, says: str) -> None:
    with pytest.raises(ConfigError, match="question") as error:
        parse_question(text)
    assert says in str(error.value)


def test_an_experiments_question_reaches_its_report(sweeplab: Command, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(MINE.format(question="spread"))
    done = sweeplab("train", "mine.yaml", "hydra.sweep.dir=s")
    assert done.code == 0, done.text
    assert read_sweep(SweepFolder(tmp_path / "s")).asks == "spread"
    assert "question: spread" in (tmp_path / "s" / "multirun.yaml").read_text()


def test_a_wrong_question_stops_before_training(sweeplab: Command, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(MINE.format(question="effect of batchsize"))
    done = sweeplab("train", "mine.yaml", "hydra.sweep.dir=s")
    assert done.code == 1
    assert "mine.yaml: question names 'batchsize', which is no knob" in done.text
    assert "Did you mean batch_size?" in done.text
    assert not (tmp_path / "s").exists()


def test_another_sweeper_is_asked_no_question(sweeplab: Command, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(MINE.format(question="spread"))
    done = sweeplab("train", "mine.yaml", "--cfg", "hydra", "hydra/sweeper=basic")
    assert done.code == 0, done.text
    assert "question" not in done.out
