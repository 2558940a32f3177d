"""No knob is silently ignored: an engine says which it acts on, and refuses the others."""

from __future__ import annotations

from sweeplab.config import KNOBS, RunConfig, flatten
from sweeplab.errors import ConfigError

# Obeyed for every engine: by the data set that it is given, and by ``training.schedule``.
ELSEWHERE = frozenset(
    {key for key in KNOBS if key.startswith("data.")}
    | {"batch_size", "epochs", "seed", "eval_every", "eval_train"}
)


def refuse_others(config: RunConfig, obeyed: frozenset[str], engine: str) -> None:
    """Make sure that every knob which is on is one that the engine acts on.

    Args:
        obeyed: the keys of the knobs that ``engine`` acts on itself.

    Raises:
        ConfigError: another knob is on.
    """
    for key, value in flatten(config).items():
        if key in obeyed | ELSEWHERE or KNOBS[key].role == "place" or value == KNOBS[key].off:
            continue
        raise ConfigError(
            f"{key} is {value}, and {engine} does not know it: the run would be trained as if it "
            "were not there."
        )
