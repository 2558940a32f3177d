"""`sweeplab export`, read back by the other tools' own readers."""

from __future__ import annotations

import csv
import json
import math
import shutil
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from conftest import Command
from report_sweeps import write_run
from sweeplab.config import KNOBS, flatten
from sweeplab.runs.folder import RunFolder, read_record
from sweeplab.sweeps.find import runs_in
from sweeplab.sweeps.folder import SweepFolder, SweepRecord, write_sweep

METRICS = ("train_loss", "train_accuracy", "val_loss", "val_accuracy")


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    """A sweep of two runs that completed, one that diverged, and one that failed."""
    folder = tmp_path / "outputs" / "s"
    for seed in (0, 1):
        write_run(folder / str(seed), [0.1, 0.4, 0.5 + seed / 100], seed=seed, optimizer__lr=0.1)
    write_run(folder / "2", [0.1, 0.2], diverged_at=14, optimizer__lr=9.0)
    write_run(folder / "3", None, optimizer__lr=0.3)
    write_sweep(SweepFolder(folder), SweepRecord("study", "Which is best?", []))
    return folder


def curve(run: Path, metric: str) -> list[tuple[int, float]]:
    """The evaluations of a run, by its own file."""
    rows = list(csv.DictReader((run / "curves.csv").open()))
    return [(int(row["iteration"]), float(row[metric])) for row in rows if row[metric]]


def files(folder: Path) -> dict[Path, tuple[int, bytes]]:
    return {
        path: (path.stat().st_mtime_ns, path.read_bytes())
        for path in folder.rglob("*")
        if path.is_file()
    }


class TestTensorBoard:
    @pytest.fixture(autouse=True)
    def _installed(self) -> None:
        pytest.importorskip("tensorboardX")
        pytest.importorskip("tensorboard")

    def read(self, run: Path) -> Any:
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        found = EventAccumulator(str(run), size_guidance={"scalars": 0})
        found.Reload()
        return found

    def hparams(self, run: Path) -> Any:
        from tensorboard.plugins.hparams import metadata

        found = self.read(run).SummaryMetadata("_hparams_/session_start_info")
        return metadata.parse_session_start_info_plugin_data(found.plugin_data.content)

    def test_its_own_reader_finds_every_run_with_knobs_and_metrics(
        self, sweeplab: Command, sweep: Path
    ) -> None:
        done = sweeplab("export", "outputs/s", "--to", "tensorboard")
        assert "4 runs in outputs/s" in done.out
        assert "Look: tensorboard --logdir outputs/s" in done.out
        for run in runs_in(sweep):
            config = flatten(read_record(run).config)
            told = self.hparams(run.path).hparams
            for key, value in config.items():
                if KNOBS[key].role == "place":
                    assert key not in told
                elif isinstance(value, str):
                    assert told[key].string_value == value
                elif isinstance(value, bool):
                    assert told[key].bool_value == value
                else:
                    assert told[key].number_value == value
            assert told["status"].string_value == json.loads(run.record.read_text())["status"]
        for name in ("0", "1", "2"):
            found = self.read(sweep / name)
            for metric in (*METRICS, "batch_loss"):
                scalars = [(each.step, each.value) for each in found.Scalars(metric)]
                assert [step for step, _ in scalars] == [s for s, _ in curve(sweep / name, metric)]
                assert [value for _, value in scalars] == pytest.approx(
                    [v for _, v in curve(sweep / name, metric)], rel=1e-6
                )
        [final] = self.read(sweep / "1").Scalars("final_val_accuracy")
        assert (final.step, final.value) == (20, pytest.approx(0.51))
        assert "final_val_accuracy" not in self.read(sweep / "2").Tags()["scalars"]

    def test_the_tab_hparams_has_a_row_for_each(self, sweeplab: Command, sweep: Path) -> None:
        from tensorboard.backend.event_processing import data_provider, plugin_event_multiplexer
        from tensorboard.context import RequestContext
        from tensorboard.plugins import base_plugin
        from tensorboard.plugins.hparams import api_pb2, backend_context, list_session_groups

        sweeplab("export", "outputs/s", "--to", "tensorboard")
        multiplexer = plugin_event_multiplexer.EventMultiplexer()
        multiplexer.AddRunsFromDirectory(str(sweep))
        multiplexer.Reload()
        provider = data_provider.MultiplexerDataProvider(multiplexer, str(sweep))
        context = backend_context.Context(base_plugin.TBContext(data_provider=provider))
        listed = list_session_groups.Handler(
            RequestContext(),
            context,
            "",
            api_pb2.ListSessionGroupsRequest(
                start_index=0,
                slice_size=100,
                allowed_statuses=[api_pb2.STATUS_SUCCESS],
            ),
        ).run()
        assert listed.total_size == 4
        rates = {group.hparams["optimizer.lr"].number_value for group in listed.session_groups}
        assert rates == {0.1, 9.0, 0.3}

    def test_again_changes_nothing_and_adds_what_is_new(
        self, sweeplab: Command, sweep: Path
    ) -> None:
        sweeplab("export", "outputs/s", "--to", "tensorboard")
        before = files(sweep)
        assert "Nothing new: 4 runs" in sweeplab("export", "outputs/s", "--to", "tensorboard").out
        assert files(sweep) == before
        shutil.rmtree(sweep / "3")
        write_run(sweep / "3", [0.1, 0.3, 0.6], optimizer__lr=0.3)  # it was tried again
        write_run(sweep / "4", [0.1, 0.3, 0.6], optimizer__lr=0.4)
        done = sweeplab("export", "outputs/s", "--to", "tensorboard")
        assert "2 of 5 runs added" in done.out
        assert {path: files(sweep)[path] for path in before if "/3/" not in str(path)} == {
            path: content for path, content in before.items() if "/3/" not in str(path)
        }

    def test_a_run_that_was_trained_anew_has_one_file(self, sweeplab: Command, sweep: Path) -> None:
        sweeplab("export", "outputs/s", "--to", "tensorboard")
        [old] = (sweep / "0").glob("events*")
        old.rename(old.with_name(f"events.out.tfevents.1.{old.name.rsplit('.', 1)[1]}"))
        sweeplab("export", "outputs/s", "--to", "tensorboard")
        assert [path.name for path in (sweep / "0").glob("events*")] == [old.name]

    def test_other_commands_do_not_mind(self, sweeplab: Command, sweep: Path) -> None:
        before = sweeplab("ls", "outputs").out.split()[-8:]
        dry = ("prune", "outputs/s", "--failed", "--diverged", "--dry-run")
        kept = [line.split()[:2] for line in sweeplab(*dry).out.splitlines()]
        sweeplab("export", "outputs/s", "--to", "tensorboard")
        assert sweeplab("ls", "outputs").out.split()[-8:-4] == before[:4]
        assert [line.split()[:2] for line in sweeplab(*dry).out.splitlines()][:2] == kept[:2]
        assert "files of others" not in sweeplab(*dry).out
        assert sweeplab("report", "outputs/s", "--format", "svg").code == 0


class TestMLflow:
    @pytest.fixture(autouse=True)
    def _installed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("mlflow", "sqlalchemy", "alembic"):
            pytest.importorskip(name)

    def runs(self, store: Path) -> tuple[Any, list[Any]]:
        """The parent, and its children by their names, as MLflow's own client finds them."""
        from mlflow import MlflowClient

        client = MlflowClient(tracking_uri=f"sqlite:///{store}")
        experiment = client.get_experiment_by_name("study")
        found = list(client.search_runs([experiment.experiment_id]))
        [parent] = [run for run in found if "mlflow.parentRunId" not in run.data.tags]
        children = [run for run in found if run is not parent]
        assert {run.data.tags["mlflow.parentRunId"] for run in children} == {parent.info.run_id}
        return parent, sorted(children, key=lambda run: run.info.run_name)

    def test_its_own_client_finds_every_run_with_knobs_and_metrics(
        self, sweeplab: Command, sweep: Path
    ) -> None:
        from mlflow import MlflowClient

        done = sweeplab("export", "outputs/s", "--to", "mlflow")
        assert "4 runs in outputs/s/mlflow.db" in done.out
        assert "sqlite:///outputs/s/mlflow.db" in done.out
        parent, children = self.runs(sweep / "mlflow.db")
        assert parent.info.run_name == "s"
        assert parent.data.tags["sweeplab.question"] == "Which is best?"
        assert [run.info.run_name for run in children] == ["0", "1", "2", "3"]
        assert [run.info.status for run in children] == ["FINISHED"] * 3 + ["FAILED"]
        assert "a <planted> failure" in children[3].data.tags["sweeplab.error"]
        client = MlflowClient(tracking_uri=f"sqlite:///{sweep / 'mlflow.db'}")
        for run in children:
            config = flatten(read_record(RunFolder(sweep / run.info.run_name)).config)
            assert run.data.params == {
                key: str(value) for key, value in config.items() if KNOBS[key].role != "place"
            }
        for run in children[:3]:
            for metric in METRICS:
                history = client.get_metric_history(run.info.run_id, metric)
                wanted = curve(sweep / run.info.run_name, metric)
                assert [each.step for each in history] == [step for step, _ in wanted]
                # A loss is a float32, of which the file has the shortest decimals.
                values = [value for _, value in wanted]
                assert [each.value for each in history] == pytest.approx(values, rel=1e-7)
        assert children[1].data.metrics["final_val_accuracy"] == 0.51
        assert "final_val_accuracy" not in children[2].data.metrics

    def test_again_changes_nothing_and_adds_what_is_new(
        self, sweeplab: Command, sweep: Path
    ) -> None:
        sweeplab("export", "outputs/s", "--to", "mlflow", "--output", "store")
        store = sweep.parent.parent / "store" / "mlflow.db"
        assert not (sweep / "mlflow.db").exists()
        before = [run.to_dictionary() for run in self.runs(store)[1]]
        done = sweeplab("export", "outputs/s", "--to", "mlflow", "--output", "store")
        assert "Nothing new: 4 runs" in done.out
        assert [run.to_dictionary() for run in self.runs(store)[1]] == before
        shutil.rmtree(sweep / "3")
        write_run(sweep / "3", [0.1, 0.3, 0.6], optimizer__lr=0.3)  # it was tried again
        write_run(sweep / "4", [0.1, 0.3, 0.6], optimizer__lr=0.4)
        done = sweeplab("export", "outputs/s", "--to", "mlflow", "--output", "store")
        assert "of 5 runs added" in done.out
        _, children = self.runs(store)
        assert [run.info.run_name for run in children] == ["0", "1", "2", "3", "4"]
        assert [run.to_dictionary() for run in children][:3] == before[:3]


def test_tables_for_spreadsheets(sweeplab: Command, sweep: Path) -> None:
    assert "4 runs in outputs/s/csv" in sweeplab("export", "outputs/s", "--to", "csv").out
    before = {path: content for path, (_, content) in files(sweep / "csv").items()}
    sweeplab("export", "outputs/s", "--to", "csv")
    assert {path: content for path, (_, content) in files(sweep / "csv").items()} == before
    runs = pd.read_csv(sweep / "csv" / "runs.csv")
    assert runs["status"].tolist() == ["completed", "completed", "diverged", "failed"]
    assert runs["final_val_accuracy"].tolist()[:2] == [0.5, 0.51]
    curves = pd.read_csv(sweep / "csv" / "curves.csv")
    one = curves[(curves["run"] == 1) & curves["val_accuracy"].notna()]
    assert list(zip(one["iteration"], one["val_accuracy"], strict=True)) == curve(
        sweep / "1", "val_accuracy"
    )
    settings = pd.read_csv(sweep / "csv" / "settings.csv").set_index("optimizer.lr")
    assert settings.loc[0.1, "final_val_accuracy"] == pytest.approx(0.505)
    assert math.isnan(settings.loc[9.0, "final_val_accuracy"])


@pytest.mark.parametrize(("to", "module"), [("tensorboard", "tensorboardX"), ("mlflow", "mlflow")])
def test_what_is_not_installed_is_said_with_the_line_that_installs_it(
    sweeplab: Command, sweep: Path, monkeypatch: pytest.MonkeyPatch, to: str, module: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)  # as if it were not there
    done = sweeplab("export", "outputs/s", "--to", to)
    assert done.code == 1
    assert f"pip install 'sweeplab[{to}]'" in done.err
    assert len(done.err.strip().splitlines()) == 1
    assert not (sweep / "mlflow.db").exists()


def test_wrong_words(sweeplab: Command, sweep: Path) -> None:
    (sweep.parent / "empty").mkdir()
    done = sweeplab("export", "outputs/empty", "--to", "csv")
    assert (done.code, "is not a sweep's folder" in done.err) == (1, True)
    assert sweeplab("export", "outputs/s", "--to", "wandb").code == 2
    done = sweeplab("export", "outputs/s", "--to", "tensorboard", "--output", "x")
    assert (done.code, "runs' own folders" in done.err) == (2, True)
    assert list((sweep.parent / "empty").iterdir()) == []
