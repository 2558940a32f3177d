"""What was typed after ``sweeplab train``: an experiment's file among the words, mistyped keys."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path

import click

from sweeplab.config import KNOBS
from sweeplab.places import conf_dir

# Hydra's options whose value is the next word.
VALUED = {
    *("-cp", "--config-path", "-cn", "--config-name", "-cd", "--config-dir", "-p", "--package"),
    *("-c", "--cfg", "-i", "--info", "--experimental-rerun"),
}
OTHER_MODEL = "sweeplab trains one model: softmax regression, which is one linear layer."
OTHER_OPTIMIZER = (
    "sweeplab trains with torch.optim.SGD and no other optimizer. Its keys are: "
    f"{', '.join(key for key in KNOBS if key.startswith('optimizer.'))}."
)
OTHER_LOSS = "The loss is the cross-entropy, and no other."
# What people know from elsewhere, and how the key is called here, or why there is none.
ALIASES = {
    **dict.fromkeys(("learning_rate", "eta", "step_size"), "optimizer.lr"),
    **dict.fromkeys(("wd", "l2", "decay"), "optimizer.weight_decay"),
    **dict.fromkeys(("bs", "batch", "batchsize"), "batch_size"),
    **dict.fromkeys(("n", "n_train", "num_train", "dataset_size", "samples"), "data.train_size"),
    **dict.fromkeys(("n_val", "num_val"), "data.val_size"),
    **dict.fromkeys(("num_epochs", "n_epochs", "max_epochs", "iters"), "epochs"),
    **dict.fromkeys(("random_state", "random_seed"), "seed"),
    "dataset": "data",
}
ABSENT = {
    **dict.fromkeys(
        ("model", "net", "network", "arch", "architecture", "layers", "hidden", "hidden_size"),
        OTHER_MODEL,
    ),
    **dict.fromkeys(("dropout", "activation", "hidden_layers", "backbone"), OTHER_MODEL),
    **dict.fromkeys(("optim", "opt", "optimizer", "solver"), OTHER_OPTIMIZER),
    **dict.fromkeys(("loss", "criterion"), OTHER_LOSS),
}


def take_experiment(words: list[str]) -> str | None:
    """Take the experiment's file out of ``words``, wherever it stands among them.

    Raises:
        click.UsageError: there are two.
    """
    found = [
        word
        for before, word in zip(["", *words], words, strict=False)
        if word.endswith((".yaml", ".yml")) and "=" not in word and before not in VALUED
    ]
    if len(found) > 1:
        raise click.UsageError(
            f"One experiment at a time: {' and '.join(found)} are two. Train one after the other; "
            "`sweeplab report` takes both folders."
        )
    for word in found:
        words.remove(word)
    return found[0] if found else None


def options_first(words: Sequence[str]) -> list[str]:
    """``words`` with options before overrides: Hydra reads no override after ``a=1 -m``."""
    valued = [before in VALUED for before in ["", *words[:-1]]]
    options = [
        word for word, is_value in zip(words, valued, strict=True) if is_value or word[:1] == "-"
    ]
    rest = [
        word
        for word, is_value in zip(words, valued, strict=True)
        if not is_value and word[:1] != "-"
    ]
    return options + rest


def quote_path(word: str) -> str:
    """``data.path=~/photos`` as Hydra's grammar takes it, which wants quotes for ``~`` and ``=``.

    Only of what is there: else it is left to Hydra, as a sweep of paths is.
    """
    key, _, value = word.partition("=")
    path = Path(value)
    if key != "data.path" or not value or value[0] in "'\"" or not path.expanduser().exists():
        return word
    from sweeplab.task.compose import quoted  # imports Hydra

    return f"{key}={quoted(path)}"


def refuse_unknown_keys(words: Sequence[str]) -> None:
    """A mistyped key gets a suggestion, which Hydra's own message has none of.

    Raises:
        click.UsageError: there is one.
    """
    groups = {folder.name for folder in conf_dir().iterdir() if folder.is_dir()}
    nodes = {name.rsplit(".", 1)[0] for name in KNOBS}
    for word in words:
        key, given, value = word.partition("=")
        if not given or word.startswith(("-", "+", "~", "hydra.")) or "@" in key or "/" in key:
            continue
        if key in {*KNOBS, *groups} or (key in nodes and value.lstrip().startswith(("{", "$"))):
            continue
        if key in ABSENT:
            raise click.UsageError(f"There is no key {key} (in '{word}'). {ABSENT[key]}")
        close = closest(key)
        hint = f"Did you mean {close}?" if close else f"The keys are: {', '.join(KNOBS)}."
        raise click.UsageError(f"{key} is not a configuration key (in '{word}'). {hint}")


def closest(key: str) -> str:
    """The key that was meant: by its last word, by another name for it, or by its spelling."""
    spelled = {name.rsplit(".", 1)[-1]: name for name in KNOBS}
    spelled |= {knob.name.replace(" ", "_"): name for name, knob in KNOBS.items()}
    spelled |= ALIASES | {name: name for name in KNOBS}
    last = key.rsplit(".", 1)[-1]
    for asked in (key, last, key.lower(), last.lower()):
        if found := difflib.get_close_matches(asked, spelled, n=1, cutoff=0.75):
            return spelled[found[0]]
    found = difflib.get_close_matches(key, KNOBS, n=1)
    return found[0] if found else ""
