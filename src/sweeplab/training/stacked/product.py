"""The matrix products that the engine's time goes into, with bits that no neighbour can change."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

import torch
from torch import Tensor

from sweeplab.provenance import cpuinfo

FULL = 16  # runs whose products are tried together, and by whose size a way is preferred
_SMALL = 4e6  # floating-point operations of a full product, up to which MKL is the faster

_ONEDNN = hasattr(torch.ops.mkldnn, "_linear_pointwise")

# MKL uses the whole vector width of Intel's processors, and of no others'.
_MKL_FIRST = cpuinfo("vendor_id") == "GenuineIntel"

NUMBERS = 3000  # that a trial compares, or a few more

Way = Callable[[Tensor, Tensor], Tensor]


def product(left: Tensor, right: Tensor, classes: int) -> Tensor:
    """``left @ right``, float32 ``[r * C, k]`` and ``[k, n]`` to ``[r * C, n]``, for r runs.

    The rows of a run have the bits that they have alone. Usually each number of a product is one
    sum in one order, whatever the rows around it. No library promises it, so it is tried, and
    where it fails each run has a product of its own.
    """
    if left.device.type != "cpu":
        return _padded(left, right, classes)
    shape = *right.shape, classes, right.is_contiguous()
    way, runs = _way(*shape), len(left) // classes
    if runs == 1 or _exact(way, runs, *shape):
        return way(left, right)
    return torch.cat([way(part, right) for part in torch.split(left, classes)])


def products(left: Tensor, rights: Tensor, groups: Sequence[slice]) -> Tensor:
    """Each run's ``left`` ``[P, C, k]`` by its group's ``rights`` ``[S, k, n]``, ``[P, C, n]``.

    Small ones are taken all at once, where that gives the bits of :func:`product`.
    """
    (runs, classes, k), n = left.shape, rights.shape[2]
    if len(groups) > 1 and left.device.type == "cpu" and _exact_at_once(runs, k, n, classes):
        if len(groups) < runs:
            sizes = torch.tensor([places.stop - places.start for places in groups])
            rights = rights.repeat_interleave(sizes, 0, output_size=runs)
        return torch.bmm(left, rights)
    found = [
        product(left[places].flatten(0, 1), right, classes)
        for places, right in zip(groups, rights, strict=True)
    ]
    return (found[0] if len(found) == 1 else torch.cat(found)).view(runs, classes, n)


def shared_product(left: Tensor, right: Tensor) -> Tensor:
    """``left @ right`` of what belongs to no run: nothing is beside it."""
    return _onednn(left, right) if _ONEDNN and left.device.type == "cpu" else left @ right


def _padded(left: Tensor, right: Tensor, classes: int) -> Tensor:
    """On a GPU: products of one size alone, however many runs there are."""
    full = FULL * classes
    parts = []
    for part in torch.split(left, full):
        whole = part.new_zeros(full, part.shape[1])
        whole[: len(part)] = part
        parts.append((whole @ right)[: len(part)])
    return torch.cat(parts)


def _mkl(left: Tensor, right: Tensor) -> Tensor:
    return left @ right


def _onednn(left: Tensor, right: Tensor) -> Tensor:
    """The operator that torch.compile emits calls of.

    It uses the whole vector width of processors on which MKL, behind ``torch.mm``, does not, but
    takes 15 microseconds to get going where MKL takes 3.
    """
    result: Tensor = torch.ops.mkldnn._linear_pointwise(left, right.T, None, "none", [], "")
    return result


@lru_cache(maxsize=4096)
def _way(k: int, n: int, classes: int, contiguous: bool) -> Way:
    """How products of such sizes are taken, for any number of runs."""
    if not _ONEDNN:
        return _mkl
    large = 2 * FULL * classes * k * n > _SMALL and not _MKL_FIRST
    ways = (_onednn, _mkl) if large else (_mkl, _onednn)
    exact = (way for way in ways if _exact(way, FULL, k, n, classes, contiguous))
    return next(exact, ways[0])


@lru_cache(maxsize=4096)
def _exact(way: Way, runs: int, k: int, n: int, classes: int, contiguous: bool) -> bool:
    """Whether so many runs' product has the bits, for each of them, of one alone, on this CPU.

    Tried on random numbers, thousands of them: another order of summation shows in the last bits of
    some, but of few where the sums are short.
    """
    make = torch.Generator().manual_seed(0)
    for _ in range(1 + NUMBERS // (classes * n)):
        alone = torch.randn(classes, k, generator=make)
        right = torch.randn(k, n, generator=make)
        right = right if contiguous else right.T.contiguous().T
        # Not where memory was given, for libraries may take what begins there by itself.
        several = alone.repeat(runs + 1, 1)[classes:]
        together = way(several, right).view(runs, classes, n)
        if not (together == way(alone, right)).all():
            return False
    return True


@lru_cache(maxsize=4096)
def _exact_at_once(runs: int, k: int, n: int, classes: int) -> bool:
    """Whether ``torch.bmm`` gives each run the bits of its :func:`product`: tried, as above."""
    way, make = _way(k, n, classes, contiguous=True), torch.Generator().manual_seed(0)
    if way is not _mkl:
        return False  # what is large enough for oneDNN is faster by groups
    for _ in range(1 + NUMBERS // (runs * classes * n)):
        left = torch.randn(runs, classes, k, generator=make)
        right = torch.randn(runs, k, n, generator=make)
        alone = torch.stack([way(*each) for each in zip(left, right, strict=True)])
        if not (torch.bmm(left, right) == alone).all():
            return False
    return True
