"""A stack that was handed to an executor: how far it is, and whether its worker hangs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sweeplab.execute.files import StackFiles, StackRun
from sweeplab.execute.progress import Meter, Tally, last_beat, work_of

# Seconds of patience: with a worker that is starting, which imports PyTorch on a cold and busy
# machine; with one that should give a sign each second; and with one that lives and gets no
# further, which may take its time between two evaluations.
START_SECONDS, SILENT_SECONDS, STUCK_SECONDS = 180.0, 60.0, 300.0
STUCK_TIMES = 3.0  # and so many times what the whole stack is expected to take


@dataclass(frozen=True)
class Piece:
    """A stack on its way, and how often a worker was lost with it."""

    runs: Sequence[StackRun]
    lost: int = 0


@dataclass
class Handed:
    """A piece in training, or about to be."""

    piece: Piece
    files: StackFiles | None  # where another process trains it
    meter: Meter  # where this one does
    beats: int = 0  # bytes that its worker has written, when they were last looked at
    work: float = 0.0  # done by then
    silent: float = 0.0  # seconds without another beat
    stuck: float = 0.0  # seconds without more work

    def tally(self) -> Tally:
        """What has been done of it."""
        return last_beat(self.files.beats)[1] if self.files else self.meter.tally()

    def hangs(self, seconds: float, pace: float) -> str:
        """Why its worker must be given up after ``seconds`` more, or an empty string.

        Args:
            pace: how many seconds one second of expected work takes here.
        """
        assert self.files
        beats, tally = last_beat(self.files.beats)
        self.silent = 0.0 if beats > self.beats else self.silent + seconds
        self.stuck = 0.0 if tally.work > self.work else self.stuck + seconds
        self.beats, self.work = max(beats, self.beats), max(tally.work, self.work)
        if self.silent > (SILENT_SECONDS if beats else START_SECONDS):
            return f"its worker process gave no sign of life for {self.silent:.0f} s"
        if self.stuck > max(STUCK_SECONDS, STUCK_TIMES * pace * work_of(self.piece.runs)):
            return f"its worker process got no further for {self.stuck:.0f} s"
        return ""
