"""The methods behind the numbers: what each does, which chance it covers, and who described it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from sweeplab.report.text.answer import RULE
from sweeplab.statistics.analysis import Analysis
from sweeplab.words import of_data


@dataclass(frozen=True)
class Method:
    """One method, for the box "Methods and assumptions"."""

    name: str
    what: str  # it answers or does
    covers: str  # which chance its result counts in
    not_covered: str  # and which not
    source: str  # who described it


SAMPLE = "which training images there were; other data than these"
BEST = Method(
    "Settings that could be the best (multiple comparisons with the best)",
    "A setting stays unless another is ahead of it by more than chance explains. With 95 % "
    "confidence the truly best one is among those that stay. What chance explains is seen in "
    "redrawn sweeps, in which all settings are equally good.",
    "images and seeds, paired; that all settings were compared at once",
    SAMPLE,
    "J. C. Hsu, Multiple Comparisons, 1996, chapter 4; S. S. Gupta, Technometrics 7, 1965; "
    "J. P. Romano, A. M. Shaikh and M. Wolf, Econometrica 82, 2014",
)
DIFFERENCES = Method(
    "Differences, and the word “clearly”",
    "The best of some settings less the best of others. “Clearly” means that the 95 % interval "
    "leaves out 0. Every section reads this one comparison.",
    "images and seeds, paired; that the best were picked; that all settings were compared",
    SAMPLE,
    "J. C. Hsu, Multiple Comparisons, 1996, section 4.2; for images A. Agresti and Y. Min, "
    "Statistics in Medicine 24, 2005",
)
SEEDS = Method(
    "How much seeds differ (empirical Bayes)",
    "With few seeds a variance is poorly known, so settings of like accuracy lend each other "
    "strength, and intervals have heavier tails.",
    "that settings may be unequally noisy",
    "a setting whose noise is unlike that of all others",
    "M. Lu and M. Stephens, Bioinformatics 32, 2016; C. W. Law, Y. Chen, W. Shi and G. K. Smyth, "
    "Genome Biology 15, 2014",
)
ACCURACY = Method(
    "The interval of one accuracy",
    "Images and seeds in one standard error, and an interval that stays within 0 and 1.",
    "images and seeds",
    f"that the setting was chosen for its accuracy; {SAMPLE}",
    "E. B. Wilson, J. Am. Stat. Assoc. 22, 1927; E. L. Korn and B. I. Graubard, Survey "
    "Methodology 24, 1998",
)
EXPECTED = Method(
    "What to expect of the chosen setting (bootstrap bias corrected selection)",
    "The choice is repeated on redrawn images and seeds, and scored on images that had no part "
    "in it.",
    "images and seeds; that the highest was picked",
    "how noisy the picked setting is, where many are far noisier than others and seeds are few: "
    f"up to a third of its luck; {SAMPLE}",
    "I. Tsamardinos, E. Greasidou and G. Borboudakis, Machine Learning 107, 2018",
)
CHOICE = Method(
    "The setting to use",
    f"That of the highest mean among those that never diverged. {RULE}",
    "none: it is a rule, not a test",
    "that others could be the best, which is said beside it",
    "on sweeps drawn from real runs, rules that prefer simpler settings lost accuracy",
)
DESIGN = Method(
    "How small a difference would be found (power)",
    "The true difference of the two highest that this sweep would find in four cases of five.",
    "images and seeds",
    "it says nothing about the difference that was observed",
    "J. M. Hoenig and D. M. Heisey, The American Statistician 55, 2001",
)
IMPORTANCE = Method(
    "How much each knob mattered (functional analysis of variance)",
    "Shares of the variance of final validation accuracy over the values that were tried: other "
    "ranges give other shares.",
    "images and seeds, each interval by itself at 95 %",
    f"that many shares are shown at once; {SAMPLE}",
    "I. M. Sobol, 1993; F. Hutter, H. Hoos and K. Leyton-Brown, ICML 2014; for noise S. R. Searle, "
    "G. Casella and C. E. McCulloch, Variance Components, 1992",
)
TESTS = Method(
    "Whether a knob does anything (max-t test)",
    "All settings that differ in this knob alone are compared, one by one and on average. A "
    "false effect is found in at most 5 % of cases.",
    "images and seeds; all comparisons of one knob at once",
    "that several knobs are tested: each has its own 5 %",
    "P. H. Westfall and S. S. Young, Resampling-Based Multiple Testing, 1993, section 2.5",
)
CURVES = Method(
    "Whether training was long enough",
    "The slope of the validation accuracy over the last third of its evaluations, without the "
    "last two, and where in training each run was at its best.",
    "the scatter of the curve, and seeds where there are several",
    "the choice of the images",
    "F. W. Zwiers and H. von Storch, J. Climate 8, 1995; A. M. Law, Simulation Modeling and "
    "Analysis, 2015",
)
BUDGET = Method(
    "Where the uncertainty comes from (variance components)",
    "The variance of an accuracy, or of a difference, is split into its parts, which add up.",
    "images, seeds, and training images where several draws of them were trained",
    "that the parts are themselves estimated from few seeds or draws",
    "S. R. Searle, G. Casella and C. E. McCulloch, Variance Components, 1992, section 3.5",
)
TRIES = Method(
    "What fewer settings would have found",
    "The mean over all subsets of the settings, with the luck of the picked one taken off.",
    "images and seeds; that the highest was picked",
    "settings outside of those that were tried, or a search that learns from its own results; what "
    "the choice of the images does to all settings alike",
    "R. Tang and others, Showing your work doesn't always work, ACL 2020; B. Efron and R. J. "
    "Tibshirani, An Introduction to the Bootstrap, 1993, section 10.2",
)
EARLY = Method(
    "Early evaluations against the end (rank correlation)",
    "Spearman's correlation of the settings' order early and at the end. What stopping early "
    "gains is scored on seeds that had no part in choosing the iteration.",
    "which settings were tried; for stopping, the seeds",
    "the choice of the images, which both ends share",
    "D. G. Bonett and T. A. Wright, Psychometrika 65, 2000; C. Nadeau and Y. Bengio, Machine "
    "Learning 52, 2003",
)
LAWS = Method(
    "Straight lines on logarithmic axes",
    "The best learning rate against the batch size, or the error against the number of training "
    "images; each band holds at one place of the line.",
    "images and seeds, and how far points lie off the line",
    f"that the line goes on outside of the range; {SAMPLE}",
    "J. Hestness and others, Deep learning scaling is predictable, empirically, 2017",
)
SECTIONS = Method(
    "Several sections in one report",
    "Each method keeps its 95 % by itself.",
    "what stands at each",
    "that there are several: of twenty statements at 95 %, one may be wrong",
    "no correction is made across sections",
)

# Each with when a report uses it.
USED: tuple[tuple[Method, Callable[[Analysis], bool]], ...] = (
    (CHOICE, lambda found: len(found.tied) > 1),
    (BEST, lambda found: len(found.tied) > 1),
    (DIFFERENCES, lambda found: len(found.tied) > 1),
    (SEEDS, lambda found: found.chance.most > 1 and len(found.tied) > 1),
    (EXPECTED, lambda found: found.expected is not None),
    (ACCURACY, lambda found: found.accuracy is not None and found.expected is None),
    (DESIGN, lambda found: found.design is not None),
    (IMPORTANCE, lambda found: not found.importance.empty),
    (TESTS, lambda found: not found.tests.empty),
    (BUDGET, lambda found: found.further.budgets is not None),
    (TRIES, lambda found: len(found.further.tries) > 0),
    (EARLY, lambda found: len(found.further.early) > 0 or found.further.stopping is not None),
    (LAWS, lambda found: bool(found.further.ridge or found.further.power_law)),
    (CURVES, lambda found: found.recommended is not None),
    (SECTIONS, lambda found: len(found.tied) > 1),
)


def methods(analysis: Analysis) -> list[Method]:
    """The methods that this report used, in the order of the page."""
    used = [method for method, uses in USED if uses(analysis)]
    used = [_with_draws(method) for method in used] if analysis.chance.draws else used
    return [
        replace(each, **{key: of_data(text) for key, text in vars(each).items()}) for each in used
    ]


def _with_draws(method: Method) -> Method:
    """The same where draws of the training images are the replicates: their chance is covered."""
    covers = method.covers.replace("images and seeds", "validation images and training images")
    left_out = method.not_covered.replace(SAMPLE, "other data than these")
    return replace(method, covers=covers, not_covered=left_out)
