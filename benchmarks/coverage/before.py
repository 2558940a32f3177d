"""``python benchmarks/coverage/before.py CHECKOUT``: the same sweeps by the code before.

CHECKOUT holds commit 202b83d (``git worktree add CHECKOUT 202b83d``), whose comparisons took noisy
settings for quiet ones. What they say of the first of the simulated sweeps is added to
``docs/coverage.csv``, by names such as ``before: power``.
"""

from __future__ import annotations

import sys
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import simulate
from drawn import INVENTED, Drawn
from table import RESULTS, read, save, summary

SWEEPS = {10: 100, 50: 60, 240: 30}


def main() -> None:
    """Measure and save."""
    sys.path.insert(0, str(Path(sys.argv[1]) / "src"))
    known = read(RESULTS)
    for settings, seeds in product(SWEEPS, (2, 3, 5)):
        for kind in (*simulate.NOISES, 1, 2, 3):
            named = f"{settings} settings, {seeds} seeds"
            draw = partial(simulate.sweep, settings=settings, seeds=seeds)
            name = f"simulated, {kind} noise, {named}"
            if isinstance(kind, int):
                name, draw = f"simulated, {kind} se ahead, {named}", partial(draw, ahead=kind)
            else:
                draw = partial(draw, noise=kind)
            done = known["measure"].str.startswith("before: ") & (known["case"] == name)
            if done.any():
                continue
            rng = np.random.default_rng(list(name.encode()))
            found = summary([said(draw(rng)) for _ in range(SWEEPS[settings])])
            known = pd.concat([known, found.assign(case=name)], ignore_index=True)
            save(known, RESULTS)
            print(name, found.to_string(index=False), sep="\n", flush=True)


def said(drawn: Drawn) -> dict[str, float]:
    """What was said of one sweep."""
    # Of the other checkout: these modules are there alone.
    from sweeplab.report.statistics.effects import knob_tests
    from sweeplab.report.statistics.noise import noise
    from sweeplab.report.statistics.replicates import replicates
    from sweeplab.report.statistics.settings import settings
    from sweeplab.report.statistics.tied import tied_set

    runs, knobs = drawn.runs(), drawn.knobs
    correct: Any = list(drawn.right.reshape(-1, drawn.right.shape[2]))
    model = noise(replicates(runs, knobs, correct))
    among = tied_set(model)["tied"].to_numpy(dtype=bool)
    if np.ptp(drawn.truth) > 0:
        return {"before: power": float((~among[:-1]).mean())}
    rows = settings(runs, knobs)
    tests = knob_tests(model, rows, knobs, list(range(len(rows))))
    effect = tests.set_index("knob").loc[INVENTED, "effect"]
    return {"before: best lost": float((~among).mean()), "before: false effect": float(effect)}


if __name__ == "__main__":
    main()
