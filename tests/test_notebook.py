"""The notebook in docs runs from top to bottom on a small sweep, without a network."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from conftest import ROOT, Command

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")

NOTEBOOK = ROOT / "docs" / "notebook.ipynb"


@pytest.fixture
def executed(sweeplab: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    grid = ("optimizer.lr=0.1,1", "optimizer.weight_decay=0,0.1", "seed=0,1", "epochs=2")
    folder = f"hydra.sweep.dir={tmp_path / 'outputs' / 'quickstart' / '2026-11-23_10-00-00'}"
    done = sweeplab("train", "-m", "data=digits", *grid, folder, "hydra.sweeper.report=false")
    assert done.code == 0, done.text
    # A kernel's files belong to the test, not to whoever runs it.
    for name in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    where = {"metadata": {"path": str(tmp_path)}}
    return nbclient.NotebookClient(notebook, timeout=120, resources=where).execute()


def outputs(cell: Any) -> list[dict[str, Any]]:
    return [output.get("data", {}) for output in cell.get("outputs", [])]


def test_every_cell_runs_and_shows_what_it_should(executed: Any) -> None:
    shown = [data for cell in executed.cells for data in outputs(cell)]
    assert sum("image/png" in data for data in shown) == 4
    assert "8 runs: 8 completed" in shown[0]["text/html"]
    [said] = [data["text/markdown"] for data in shown if "text/markdown" in data]
    assert "on 400 validation images" in said


def test_it_ships_with_its_outputs_and_without_traces_of_a_machine() -> None:
    text = NOTEBOOK.read_text(encoding="utf-8")
    cells = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
    assert all(cell["execution_count"] for cell in cells)
    assert sum("image/png" in data for cell in cells for data in outputs(cell)) == 4
    kinds = {output["output_type"] for cell in cells for output in cell["outputs"]}
    assert kinds == {"execute_result"}  # no error, nothing on stderr to explain
    assert not re.search(r"(?:/home/|/root/|/tmp/|/Users/)", text)
    assert len(text) < 400_000
