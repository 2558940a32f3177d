"""What to know before believing a sweep: its failures, seeds, ranges and length of training."""

from __future__ import annotations

from typing import Any

from sweeplab.report.text.answer import row_of, setting
from sweeplab.statistics import Analysis, BestIterations, Chance, Design, Edge, Outcomes, Rise
from sweeplab.statistics.keys import SIZE
from sweeplab.sweeps.tables import Sweep
from sweeplab.words import (
    capital,
    change,
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
    said = [*_outcomes(analysis.outcomes), *_seeds(analysis.chance)]
    if analysis.design:
        said.append(_design(analysis.design))
    said += map(_edge, analysis.edges)
    if analysis.recommended is None:
        return said
    recommended = setting(row_of(part, analysis.recommended), part.knobs)
    if analysis.best_iterations:
        of = "the tied settings" if len(analysis.could_be_best) > 1 else recommended
        said.append(_best_iterations(analysis.best_iterations, of))
    if analysis.rise and analysis.rise.clear:
        said.append(_rise(analysis.rise, recommended))
    said += [_no_effect(test) for test in analysis.tests.to_dict("records") if not test["effect"]]
    if not analysis.chance.paired and len(part.settings) > 1:
        said.append(
            "Which images each run classified rightly is not known, so settings are compared by "
            "their accuracies alone, as if each had its own images: fewer differences are found."
        )
    return said


def _outcomes(runs: Outcomes) -> list[str]:
    every = count(runs.runs, "run")
    said = []
    if not runs.usable:
        said.append(f"None of {every} completed." if runs.runs else "There are no runs.")
    if runs.failed:
        why = f": {runs.error}".removesuffix(".") if runs.error else ""
        said.append(f"{runs.failed:,} of {every} failed{why}.")
    if runs.diverged:
        said.append(f"{runs.diverged:,} of {every} {_diverged(runs)}.")
    if runs.repeated:
        repeat = "repeats" if runs.repeated == 1 else "repeat"
        said.append(
            f"{count(runs.repeated, 'run')} {repeat} the setting and seed of another; each counts "
            "once."
        )
    return said


def _diverged(runs: Outcomes) -> str:
    text = f"({percent(runs.diverged / runs.runs)}) diverged"
    rates = {value_text(lr): share for lr, share in runs.by_rate.items()}
    if rates:
        shares = [f"{percent(share)} of the runs at {lr}" for lr, share in rates.items()]
        text += f", from learning rate {next(iter(rates))} on ({some(shares)})"
    if runs.decay_alone:
        text += "; in all of them learning rate × weight decay exceeds 2, "
        text += "where decay alone makes the weights grow"
    return text


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


def _design(design: Design) -> str:
    often = f"{percent(design.power)} of the time"
    said = f"The two highest are told apart {often} if they truly differ by {design.detectable:.3f}"
    if design.enough:
        return f"{said}."
    needed = {"validation images": design.images, "seeds a setting": design.seeds}
    ways = [f"about {many:,} {what}" for what, many in needed.items() if many]
    takes = " or ".join(ways) or "more of both, images and seeds"
    return f"{said}. For {design.interest:.3f} it would take {takes}."


def _edge(edge: Edge) -> str:
    extreme, wider = ("largest", "larger") if edge.largest else ("smallest", "smaller")
    inner = value_text(edge.inner)
    if edge.difference is None:
        evidence = f"at {inner} no run was stable"
    else:
        by = change(edge.difference.estimate, edge.difference.low, edge.difference.high)
        chance = "" if edge.clear else ", which may be chance"
        evidence = f"{by} against {inner}{chance}"
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
    how = "one seed; 95 % interval from the scatter of its curve"
    if rise.runs > 1:
        how = f"95 % t interval over {rise.runs} seeds"
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
