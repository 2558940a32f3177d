"""What a sweep's numbers say: which setting to use, how sure one can be, what each knob does.

Every function takes frames (or :class:`Noise`, which :func:`noise` makes of them) and gives
frames. :func:`analyse` calls them all.
"""

from sweeplab.statistics.analysis import Analysis, analyse
from sweeplab.statistics.curve_checks import rises
from sweeplab.statistics.effects import Difference, compare, knob_effects, knob_tests
from sweeplab.statistics.importance import decompose, importance
from sweeplab.statistics.noise import Noise, noise
from sweeplab.statistics.optimism import optimism
from sweeplab.statistics.predictions import Correct, correct_of, read_correct
from sweeplab.statistics.recommend import RULE, candidates, examples_seen, recommend
from sweeplab.statistics.replicates import (
    Replicates,
    replicates,
    usable,
    validation_set,
)
from sweeplab.statistics.settings import noise_floor, settings
from sweeplab.statistics.tied import tied_set
from sweeplab.statistics.words import Finding

__all__ = [
    "RULE",
    "Analysis",
    "Correct",
    "Difference",
    "Finding",
    "Noise",
    "Replicates",
    "analyse",
    "candidates",
    "compare",
    "correct_of",
    "decompose",
    "examples_seen",
    "importance",
    "knob_effects",
    "knob_tests",
    "noise",
    "noise_floor",
    "optimism",
    "read_correct",
    "recommend",
    "replicates",
    "rises",
    "settings",
    "tied_set",
    "usable",
    "validation_set",
]
