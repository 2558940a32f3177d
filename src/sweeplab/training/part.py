"""A part of the training of some runs: where it begins, and where it is cut."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sweeplab.config import RunConfig
from sweeplab.results import Curves, State
from sweeplab.training.schedule import iterations_per_epoch


@dataclass(frozen=True)
class Part:
    """Where runs begin, and when they stop. A configuration says how long a whole run is."""

    states: Sequence[State | None] = ()  # where each begins; None: from its first weights, as all
    until: int | None = None  # the epochs after which to stop; None: at their end

    def begin(self, place: int = 0) -> int:
        """The updates of a run that are done before."""
        state = self.states[place] if self.states else None
        return state.updates if state else 0

    def end(self, config: RunConfig) -> int:
        """Those that are done after."""
        return min(self.until or config.epochs, config.epochs) * iterations_per_epoch(config)

    def pasts(self, configs: Sequence[RunConfig]) -> Iterator[tuple[RunConfig, Curves | None]]:
        """Each run with its curves so far."""
        for place, config in enumerate(configs):
            state = self.states[place] if self.states else None
            yield config, state.curves if state else None

    def of(self, places: Sequence[int]) -> Part:
        """The same for some of the runs."""
        return Part([self.states[place] for place in places] if self.states else (), self.until)


WHOLE = Part()
