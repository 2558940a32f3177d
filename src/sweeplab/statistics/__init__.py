"""What a sweep's numbers say: which setting to use, how sure one can be, what each knob does.

Numbers only: every function takes frames (or :class:`Noise`, which :func:`noise` makes of them)
and gives frames or small records. :func:`analyse` calls them all; ``report.text`` says it in words.
"""

from sweeplab.statistics.analysis import Analysis, analyse, analyse_runs
from sweeplab.statistics.budget import Budget, Budgets
from sweeplab.statistics.chance import Chance, noise_floor
from sweeplab.statistics.comparisons import Comparisons, Difference, comparisons
from sweeplab.statistics.design import Design, design
from sweeplab.statistics.early import Stopping, early, early_means, stopping
from sweeplab.statistics.edges import Edge, edges
from sweeplab.statistics.effects import knob_effects
from sweeplab.statistics.further import Further
from sweeplab.statistics.importance import decompose, importance
from sweeplab.statistics.intervals import Interval, accuracy_interval
from sweeplab.statistics.knob_tests import knob_tests
from sweeplab.statistics.laws import Law, power_law, ridge
from sweeplab.statistics.length import BestIterations, Rise, best_iterations, rise_of, rises
from sweeplab.statistics.noise import Noise, noise
from sweeplab.statistics.optimism import optimism
from sweeplab.statistics.outcomes import Outcomes, outcomes
from sweeplab.statistics.predictions import Correct, correct_of, read_correct
from sweeplab.statistics.recommend import candidates, examples_seen, recommend
from sweeplab.statistics.replicates import Replicates, replicates
from sweeplab.statistics.size_by_decay import size_by_decay
from sweeplab.statistics.tied import tied_set
from sweeplab.statistics.tries import chance_of_rank, enough, tries

__all__ = [
    "Analysis",
    "BestIterations",
    "Budget",
    "Budgets",
    "Chance",
    "Comparisons",
    "Correct",
    "Design",
    "Difference",
    "Edge",
    "Further",
    "Interval",
    "Law",
    "Noise",
    "Outcomes",
    "Replicates",
    "Rise",
    "Stopping",
    "accuracy_interval",
    "analyse",
    "analyse_runs",
    "best_iterations",
    "candidates",
    "chance_of_rank",
    "comparisons",
    "correct_of",
    "decompose",
    "design",
    "early",
    "early_means",
    "edges",
    "enough",
    "examples_seen",
    "importance",
    "knob_effects",
    "knob_tests",
    "noise",
    "noise_floor",
    "optimism",
    "outcomes",
    "power_law",
    "read_correct",
    "recommend",
    "replicates",
    "ridge",
    "rise_of",
    "rises",
    "size_by_decay",
    "stopping",
    "tied_set",
    "tries",
]
