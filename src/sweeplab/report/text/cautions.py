"""What to know before believing a sweep: its failures, seeds, ranges and length of training."""

from __future__ import annotations

from typing import Any

from sweeplab.report.text.further import shared_draws
from sweeplab.report.text.stopped import stopped
from sweeplab.statistics import Analysis, BestIterations, Chance, Design, Edge, Outcomes, Rise
from sweeplab.statistics.keys import SIZE
from sweeplab.sweeps.settings import DRAW
from sweeplab.sweeps.tables import Sweep
from sweeplab.words import (
    capital,
    count,
    examples,
    knob_name,
    number,
    numbers,
    percent,
    replicates,
    some,
    value_text,
)


def cautions(part: Sweep, analysis: Analysis) -> list[str]:
    """The sentences, the gravest first."""
    said = [*_outcomes(analysis.outcomes), *stopped(part), *_seeds(analysis.chance)]
    if analysis.design:
        said.append(_design(analysis.design, analysis.chance))
    said += map(_edge, analysis.edges)
    if analysis.recommended is None:
        return said
    if analysis.best_iterations and not _early_stop_loses(analysis):
        several = len(analysis.could_be_best) > 1
        said.append(_best_iterations(analysis.best_iterations, several=several))
    if analysis.rise and analysis.rise.clear:
        said.append(_rise(analysis.rise, "with the setting to use, " if part.knobs else ""))
    said += [_no_effect(test) for test in analysis.tests.to_dict("records") if not test["effect"]]
    if SIZE in part.knobs and not analysis.chance.draws:
        said.append(
            f"Which {examples()} a small training set holds is luck too, and no interval covers "
            f"it: add {DRAW}=range(5)."
        )
    said += shared_draws(analysis.overlap)
    if len(part.stopped):
        said.append(
            f"Halving left the best of what was tried, by these validation {examples()}: that "
            "can flatter them more than is said here, and how much each knob mattered is not known."
        )
    elif part.adaptive:
        said.append(
            "A search chose these settings, most of them near the best that it knew: how much each "
            "knob mattered over the whole space is not known."
        )
    if not analysis.chance.paired and len(part.settings) > 1:
        said.append(
            f"Which {examples()} each run got right is not known, so settings are compared by "
            "their accuracies alone: fewer differences are found."
        )
    return said


def _early_stop_loses(analysis: Analysis) -> bool:
    """Whether early peaks are luck: stopping there was seen to lose accuracy (``further``)."""
    best, stop = analysis.best_iterations, analysis.further.stopping
    return bool(best and not best.late and stop and stop.loses)


def _outcomes(runs: Outcomes) -> list[str]:
    every = count(runs.runs, "run")
    said = []
    if not runs.usable:
        said.append(f"None of {every} completed." if runs.runs else "There are no runs.")
    if runs.failed:
        why = f": {runs.error}".removesuffix(".") if runs.error else ""
        said.append(f"{runs.failed:,} of {every} failed{why}.")
    if runs.diverged:
        said += _diverged(runs)
    if runs.decay_alone:
        said.append(
            "In every run that diverged, learning rate × weight decay exceeds 2: weight decay "
            "alone then makes the weights grow."
        )
    if runs.repeated:
        repeat = "repeats" if runs.repeated == 1 else "repeat"
        said.append(
            f"{count(runs.repeated, 'run')} {repeat} the setting and seed of another; each counts "
            "once."
        )
    return said


def _diverged(runs: Outcomes) -> list[str]:
    text = f"{runs.diverged:,} of {count(runs.runs, 'run')} ({percent(runs.diverged / runs.runs)})"
    rates = [(value_text(lr), percent(share)) for lr, share in runs.by_rate.items()]
    if not rates:
        return [f"{text} diverged."]
    shares = some([f"{share} at {lr}" for lr, share in rates])
    return [
        f"{text} diverged, all from learning rate {rates[0][0]} on.",
        f"The share that diverged is {shares}.",
    ]


def _seeds(chance: Chance) -> list[str]:
    if chance.most == 1:
        return [
            "Every setting ran with one seed, so the luck of the seed is in no interval.",
            "Add seeds, for example seed=0,1,2,3,4.",
        ]
    if 0 < chance.fewest < 3:
        which = "All" if chance.fewest == chance.most else "Some"
        return [
            f"{which} settings have only {replicates(chance.fewest, draws=chance.draws)}: what "
            f"{'these' if chance.draws else 'seeds'} do is then told from all settings together."
        ]
    return []


def _design(design: Design, chance: Chance) -> str:
    said = (
        f"In {percent(design.power)} of cases, this sweep finds which of the two highest is better "
        f"if they truly differ by {number(design.detectable)}."
    )
    if design.enough:
        return said
    each = "training sets" if chance.draws else "seeds"
    needed = {f"validation {examples()}": design.images, f"{each} a setting": design.seeds}
    ways = [f"about {many:,} {what}" for what, many in needed.items() if many]
    takes = " or ".join(ways) or f"more validation {examples()} and more {each}"
    return f"{said} For {number(design.interest)} it would take {takes}."


def _edge(edge: Edge) -> str:
    extreme, wider = ("largest", "larger") if edge.largest else ("smallest", "smaller")
    beyond = f"{wider} values, such as {value_text(edge.beyond)}"
    advice = f"Try {beyond}." if edge.clear else f"{capital(beyond)}, may be better."
    if edge.knob == SIZE and edge.largest:
        helps = "would probably" if edge.clear else "may"
        advice = f"More training {examples()} {helps} help further."
    stable = ""
    if edge.difference is None:
        stable = f"; at {value_text(edge.inner)} no setting ran to the end"
    name, value = knob_name(edge.knob), value_text(edge.value)
    if edge.clear:
        return f"The best {name}, {value}, is the {extreme} that was tried{stable}. {advice}"
    return f"The highest mean is at the {extreme} {name} that was tried, {value}{stable}. {advice}"


def _best_iterations(best: BestIterations, *, several: bool) -> str:
    where = "last tenth" if best.late else "first half"
    advice = "it may be too short" if best.late else "fewer iterations would do"
    of = " that could be the best" if several else ""
    return (
        f"In {best.there:,} of {count(best.runs, 'run')}{of}, accuracy peaks in the {where} of "
        f"training: {advice}."
    )


def _rise(rise: Rise, with_: str) -> str:
    said = capital(f"{with_}the validation accuracy still rises")
    by, half = numbers(rise.rise, rise.half)
    return f"{said}: by {by} ± {half} from iteration {rise.start:,} to {rise.end:,}. Train longer."


def _no_effect(test: dict[Any, Any]) -> str:
    low, high = value_text(test["low_value"]), value_text(test["high_value"])
    return (
        f"{capital(knob_name(test['knob']))} makes no clear difference: on average at most "
        f"{number(abs(test['largest']))} ± {number(test['half'])}, between {low} and {high}."
    )
