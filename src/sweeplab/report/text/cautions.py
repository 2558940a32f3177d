"""What to know before believing a sweep: its failures, seeds, ranges and length of training."""

from __future__ import annotations

from typing import Any

from sweeplab.report.text.answer import row_of, setting
from sweeplab.statistics.analysis import Analysis
from sweeplab.statistics.chance import Chance
from sweeplab.statistics.closest import Closest
from sweeplab.statistics.edges import Edge
from sweeplab.statistics.keys import SIZE
from sweeplab.statistics.length import BestIterations, Rise
from sweeplab.statistics.outcomes import Outcomes
from sweeplab.sweeps.tables import Sweep
from sweeplab.words import (
    capital,
    count,
    knob_name,
    number,
    percent,
    plus_minus,
    some,
    value_text,
)


def cautions(part: Sweep, analysis: Analysis) -> list[str]:
    """The sentences, the gravest first."""
    said = [
        *_outcomes(analysis.outcomes),
        *_seeds(analysis.chance),
        *([_closest(analysis.closest, analysis.chance)] if analysis.closest else []),
        *map(_edge, analysis.edges),
    ]
    if analysis.recommended is not None:
        recommended = setting(row_of(part, analysis.recommended), part.knobs)
        several = len(analysis.could_be_best) > 1
        if analysis.best_iterations is not None:
            of = "the tied settings" if several else recommended
            said.append(_best_iterations(analysis.best_iterations, of))
        if analysis.rise is not None and analysis.rise.clear:
            said.append(_rise(analysis.rise, recommended))
    tests = analysis.tests
    said += map(_no_effect, tests[~tests["effect"].astype(bool)].to_dict("records"))
    if analysis.recommended is not None and not analysis.chance.paired and len(part.settings) > 1:
        said.append(
            "Which images each run classified rightly is not known, so settings are compared by "
            "their accuracies alone, as if each had its own images: fewer differences are found."
        )
    return said


def _outcomes(runs: Outcomes) -> list[str]:
    said = []
    if not runs.usable:
        many = (
            f"None of {count(runs.runs, 'run')} completed." if runs.runs else "There are no runs."
        )
        said.append(many)
    if runs.failed:
        why = f": {runs.error}".removesuffix(".") if runs.error else ""
        said.append(f"{runs.failed:,} of {count(runs.runs, 'run')} failed{why}.")
    if runs.diverged:
        said.append(_diverged(runs))
    if runs.repeated:
        repeat = "repeats" if runs.repeated == 1 else "repeat"
        said.append(
            f"{count(runs.repeated, 'run')} {repeat} the setting and seed of another; each counts "
            "once."
        )
    return said


def _diverged(runs: Outcomes) -> str:
    share = percent(runs.diverged / runs.runs)
    text = f"{runs.diverged:,} of {count(runs.runs, 'run')} ({share}) diverged"
    if len(runs.by_rate):
        shares = [
            f"{percent(of)} of the runs at {value_text(lr)}" for lr, of in runs.by_rate.items()
        ]
        text += f", from learning rate {value_text(runs.by_rate.index[0])} on ({some(shares)})"
    if runs.decay_alone:
        text += (
            "; in all of them learning rate × weight decay exceeds 2, where decay alone makes the "
            "weights grow"
        )
    return f"{text}."


def _seeds(chance: Chance) -> list[str]:
    if chance.most == 1:
        return [
            "Every setting ran with one seed: nothing here covers the chance of initial weights "
            "and batch order. Add seeds, for example seed=0,1,2,3,4."
        ]
    if 0 < chance.fewest < 3:
        which = "All" if chance.fewest == chance.most else "Some"
        return [
            f"{which} settings have only {count(chance.fewest, 'seed')}: their t intervals are "
            "wide or absent, and comparisons borrow the other settings' spread over seeds."
        ]
    return []


def _closest(closest: Closest, chance: Chance) -> str:
    if closest.limit == "certainty":
        seeds = count(chance.fewest, "seed")
        takes = f"With only {seeds} that standard error is too uncertain. Add seeds."
    elif closest.limit == "seeds":
        takes = f"Seeds are most of it: it would take about {closest.needed:,} seeds a setting."
    elif closest.limit == "images":
        alone = "." if closest.seeds_do else "; more seeds alone would not do."
        takes = f"To tell, it would take about {closest.needed:,} validation images{alone}"
    else:
        takes = "To tell, it would take more seeds as well as more validation images."
    return (
        f"The two highest means are {closest.gap:.4f} apart with a standard error of "
        f"{closest.se:.4f}, which chance can explain. {takes}"
    )


def _edge(edge: Edge) -> str:
    extreme, wider = ("largest", "larger") if edge.largest else ("smallest", "smaller")
    inner = value_text(edge.inner)
    if edge.difference is None:
        evidence = f"at {inner} no run was stable"
    else:
        change = plus_minus(edge.difference.estimate, edge.difference.half, signed=True)
        chance = "" if edge.clear else ", which may be chance"
        evidence = f"{change} against {inner}{chance}"
    if edge.knob == SIZE and edge.largest:
        helps = "would probably" if edge.clear else "may"
        advice = f"More training images {helps} help further."
    else:
        advice = f"Try {wider} values, such as {value_text(edge.beyond)}."
    return (
        f"The best {knob_name(edge.knob)} is the {extreme} that was tried: best reachable "
        f"validation accuracy {number(edge.reached)} at {value_text(edge.value)} ({evidence}). "
        f"{advice}"
    )


def _best_iterations(best: BestIterations, of: str) -> str:
    where = "last tenth" if best.late else "first half"
    advice = "training may be too short" if best.late else "fewer iterations would do"
    return (
        f"The best iteration lies in the {where} of training in {best.there:,} of "
        f"{count(best.runs, 'run')} of {of}: {advice}."
    )


def _rise(rise: Rise, of: str) -> str:
    how = (
        f"95 % t interval over {rise.runs} seeds"
        if rise.runs > 1
        else "one seed; 95 % interval from the scatter of its curve"
    )
    return (
        f"The validation accuracy of {of} still rises: by "
        f"{plus_minus(rise.rise, rise.half, signed=True)} from iteration {rise.start:,} to "
        f"{rise.end:,} ({how}). Train longer."
    )


def _no_effect(test: dict[Any, Any]) -> str:
    return (
        f"{capital(knob_name(test['knob']))} has no measurable effect: averaged over what else "
        f"was swept, its largest difference is "
        f"{plus_minus(test['largest'], test['half'], signed=True)} "
        f"({value_text(test['high_value'])} against {value_text(test['low_value'])}; 95 %, "
        f"simultaneous over {count(test['comparisons'], 'comparison')})."
    )
