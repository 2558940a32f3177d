"""The statistics of a loaded sweep, for notebooks."""

from __future__ import annotations

from sweeplab.errors import SweeplabError
from sweeplab.statistics import Analysis, analyse
from sweeplab.sweeps.comparable import comparable
from sweeplab.sweeps.tables import Sweep
from sweeplab.words import listed


def analysis(sweep: Sweep) -> Analysis:
    """Every statistic of a sweep, from its tables and from what its models predict.

    Raises:
        SweeplabError: its runs were measured on several validation sets.
    """
    parts = comparable(sweep)
    if len(parts) > 1:
        raise SweeplabError(
            f"This sweep's runs were measured on {len(parts)} validation sets, whose accuracies do "
            f"not compare: {listed(list(parts))}. Take one of them: "
            f"`statistics.analyse(comparable(sweep)[{next(iter(parts))!r}])`, with `comparable` "
            "from `sweeplab.sweeps.comparable`."
        )
    return analyse(*parts.values())
