"""Another processor, or other vector instructions of the same: what decides the last bits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from conftest import Command
from sweeplab import provenance
from sweeplab.report.text.merged import differences
from sweeplab.runs.folder import RunFolder, read_record
from sweeplab.sweeps.tables import load_sweep

WORDS = (
    *("train", "-m", "data.train_size=500", "data.val_size=200", "epochs=2", "batch_size=50"),
    *("hydra.sweep.dir=s", "hydra.sweeper.report=false"),
)


def test_what_decides_the_last_bits_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    recorded = provenance.environment()["arithmetic"]
    assert recorded["pytorch"] == torch.backends.cpu.get_cpu_capability()
    before = torch.get_num_threads()
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            assert provenance._arithmetic() == recorded
    finally:
        torch.set_num_threads(before)
    for limit, level in (("AVX2", "AVX2"), ("avx2_vnni", "AVX2"), ("SSE41", "SSE41")):
        monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", limit)
        monkeypatch.setattr(provenance, "cpuinfo", lambda _: "sse4_1 avx avx2 fma")
        assert provenance._onednn_level() == level
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX512_CORE_AMX")  # more than this processor has
    assert provenance._onednn_level() == "AVX2"


def test_a_sweep_of_two_processors_says_so(
    sweeplab: Command,
    process: Callable[..., Any],
    tmp_path: Path,
    mnist_root: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    root = f"data.root={mnist_root}"
    assert sweeplab(*WORDS, root, "seed=0").code == 0
    here = provenance.environment()["arithmetic"]
    if here["onednn"] != "AVX512_CORE":
        pytest.skip("this processor has no instructions that can be left out")
    resumed = process(*WORDS, root, "seed=0,1", ONEDNN_MAX_CPU_ISA="AVX2")
    assert resumed.returncode == 0, resumed.stderr
    said = " ".join(resumed.stdout.split())
    assert "trained with other vector instructions" in said
    assert f"oneDNN AVX512_CORE, sums {here['sums']}" in said
    other = read_record(RunFolder(tmp_path / "s" / "1")).environment["arithmetic"]
    assert other["onednn"] == "AVX2"
    assert other["sums"] != here["sums"]
    assert "complete: 2 runs, with 2 sets of vector instructions" in sweeplab("ls", "s").out
    (sentence,) = differences(load_sweep(tmp_path / "s"))
    assert sentence.startswith("These runs were trained with different vector instructions")
    assert f"oneDNN AVX2, sums {other['sums']}, compiled steps {here['steps']} (1 run)" in sentence
    done = sweeplab("reproduce", "s/1")
    assert done.code == 0
    assert done.out.startswith("equal within tolerance")
    assert "arithmetic.onednn" in done.out
    assert "arithmetic.sums" in done.out
    assert "environment is the same" not in done.out
    # Alike in all that is recorded, other bits are no matter of rounding.
    monkeypatch.setattr(provenance, "_machine", lambda: _as(tmp_path / "s" / "1"))
    done = sweeplab("reproduce", "s/1")
    assert done.code == 1
    assert "nothing recorded of the environment differs" in done.out


def _as(run: Path) -> dict[str, Any]:
    return read_record(RunFolder(run)).environment
