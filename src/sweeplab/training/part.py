"""A part of the training of some runs, which is cut at the end of an epoch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sweeplab.config import RunConfig
from sweeplab.results import Curves, State
from sweeplab.training.schedule import iterations_per_epoch


@dataclass(frozen=True)
class Part:
    """Where runs begin, and when they stop. A configuration says how long a whole run is."""

    states: Sequence[State] = ()  # where each run begins; none: all from their first weights
    until: int | None = None  # the epochs after which to stop; None: at their end

    @property
    def epochs(self) -> int:
        """Those that are done before."""
        return self.states[0].epochs if self.states else 0

    def iterations(self, config: RunConfig) -> tuple[int, int]:
        """The updates that are done before, and those that are done after."""
        each, until = iterations_per_epoch(config), self.until or config.epochs
        return self.epochs * each, min(until, config.epochs) * each

    def pasts(self, configs: Sequence[RunConfig]) -> Iterator[tuple[RunConfig, Curves | None]]:
        """Each run with its curves so far."""
        for place, config in enumerate(configs):
            yield config, self.states[place].curves if self.states else None

    def of(self, places: Sequence[int]) -> Part:
        """The same for some of the runs."""
        return Part([self.states[place] for place in places] if self.states else (), self.until)


WHOLE = Part()
