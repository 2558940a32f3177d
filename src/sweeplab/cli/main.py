"""``sweeplab``: the commands and how their errors are shown."""

from __future__ import annotations

import atexit
import gc
import logging
import os
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import click

from sweeplab.cli.streams import mend_streams
from sweeplab.errors import shown_as_messages, wants_traceback

PATH: Any = click.Path(path_type=Path)


class InOrder(click.Group):
    """Commands in the order in which one comes to need them."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Their names."""
        return [*self.commands]


@click.group(cls=InOrder, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(metadata.version("sweeplab"), prog_name="sweeplab")
def cli() -> None:
    """What do training-set size, batch size, learning rate and weight decay do to a classifier?

    Train every combination at once, read the report, and get any curve back.

    \b
      sweeplab train experiments/quickstart.yaml
      sweeplab train -m optimizer.lr=0.01,0.1 'seed=range(5)' data=digits

    A SWEEP is a folder that `train` left, a RUN one of the numbered folders in it.
    """


@cli.command()
def experiments() -> None:
    """List the experiments at hand, each with its question."""
    from sweeplab.cli.experiments import list_experiments

    list_experiments()


@cli.command(context_settings={"ignore_unknown_options": True}, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def train(arguments: tuple[str, ...]) -> None:
    """Train one run; with -m, or an experiment's file, a sweep.

    Everything after `train` is Hydra's: KEY=VALUE, -m, --cfg job, --help. `--dry-run` shows a
    sweep's jobs and trains none.
    """
    from sweeplab.cli.train import train as run_train

    run_train(list(arguments))


@cli.command()
@click.argument("sweep", type=PATH)
@click.option("--page", is_flag=True, help="Keep a page up to date too: SWEEP/progress.html.")
@click.option("--open", "open_browser", is_flag=True, help="Open that page in the browser.")
def watch(sweep: Path, page: bool, open_browser: bool) -> None:
    """Follow a sweep that is being trained.

    Exit code 0 once it has ended, 1 if it was stopped.

    \b
      sweeplab watch outputs/a --open
    """
    from sweeplab.cli.watch import watch as run_watch

    sys.exit(run_watch(sweep, page=page or open_browser, open_browser=open_browser))


@cli.command()
@click.argument("folders", nargs=-1, required=True, type=PATH, metavar="SWEEP...")
@click.option("--open", "open_browser", is_flag=True, help="Open the page in the browser.")
@click.option("--format", "formats", default="svg,png", show_default=True, help="Figure files.")
@click.option("--output", type=PATH, help="The folder to write to.")
def report(
    folders: tuple[Path, ...], open_browser: bool, formats: str, output: Path | None
) -> None:
    """Build the tables, figures and page of a sweep anew.

    Of several sweeps, or a folder of them, together: those that were named one by one get a folder
    of their own, beside the first.

    \b
      sweeplab report outputs/a --open
      sweeplab report outputs/a outputs/b
    """
    from sweeplab.cli.report import report as run_report

    run_report(list(folders), output=output, open_browser=open_browser, formats=formats)


@cli.command()
@click.argument("outputs", default="outputs", type=PATH, metavar="[FOLDER]")
def ls(outputs: Path) -> None:
    """List the sweeps in a folder, outputs if none is named.

    With date, state and size of each, and what its report answers.
    """
    from sweeplab.cli.listing import list_outputs

    list_outputs(outputs)


@cli.command()
@click.argument("sides", nargs=-1, required=True, metavar="A B | SWEEP RUN RUN")
@click.option("--output", type=PATH, help="The folder to write to.")
@click.option("--open", "open_browser", is_flag=True, help="Open the page in the browser.")
def compare(sides: tuple[str, ...], output: Path | None, open_browser: bool) -> None:
    """Is B better than A? Of two sweeps, or of two settings of one.

    Settings that both have are compared seed by seed and image by image. A run stands for its
    setting, with all its seeds. The page goes to a folder beside A.

    \b
      sweeplab compare outputs/a outputs/b
      sweeplab compare outputs/a 12 40
    """
    from sweeplab.cli.compare import compare as run_compare

    run_compare(sides, output=output, open_browser=open_browser)


@cli.command()
@click.argument("run", type=PATH, metavar="RUN|SWEEP")
def evaluate(run: Path) -> None:
    """Ask the test set about a run; that is recorded and counted.

    Of a sweep, about the run that its report names. Prints accuracy and confusion matrix.

    \b
      sweeplab evaluate outputs/a
      sweeplab evaluate outputs/a/17
    """
    from sweeplab.cli.evaluate import evaluate as run_evaluate

    run_evaluate(run)


@cli.command()
@click.argument("run", type=PATH, metavar="RUN")
@click.argument("files", nargs=-1, required=True, type=PATH, metavar="FILE...")
@click.option("--invert", is_flag=True, help="What is drawn is dark on light, whatever the border.")
@click.option("--as-is", is_flag=True, help="Do not cut out, centre or invert what is drawn.")
def predict(run: Path, files: tuple[Path, ...], invert: bool, as_is: bool) -> None:
    """Class probabilities of images, or of the rows of a file.

    \b
      sweeplab predict outputs/a/17 digit.png
    """
    from sweeplab.cli.evaluate import predict as run_predict

    run_predict(run, list(files), invert=invert, as_is=as_is)


@cli.command()
@click.argument("folder", type=PATH, metavar="RUN|SWEEP")
@click.option("--sample", type=click.IntRange(min=1), help="Retrain this many runs of a sweep.")
@click.option("--seed", type=int, default=0, show_default=True, help="Draws the sample.")
@click.option("--restore", is_flag=True, help="Write weights that were pruned anew.")
def reproduce(folder: Path, sample: int | None, seed: int, restore: bool) -> None:
    """Train a run, or a whole sweep, again: is it the same?

    Exit code 0 if the curves and weights are the same to the last bit, 1 if not.

    \b
      sweeplab reproduce outputs/a/17
      sweeplab reproduce outputs/a --sample 20
    """
    from sweeplab.cli.reproduce import reproduce as run_reproduce

    sys.exit(run_reproduce(folder, sample=sample, seed=seed, restore=restore))


@cli.command()
@click.argument("sweep", type=PATH)
@click.option(
    "--to", required=True, type=click.Choice(["tensorboard", "mlflow", "csv"]), help="Which tool."
)
@click.option("--output", type=PATH, help="The folder for mlflow.db or the tables.")
def export(sweep: Path, to: str, output: Path | None) -> None:
    """Write a sweep for TensorBoard, for MLflow, or as CSV.

    Again, it adds what is new.

    \b
      tensorboard  an event file in each run's folder
      mlflow       SWEEP/mlflow.db, a parent run with a child for each run
      csv          SWEEP/csv: runs, settings and curves
    """
    from sweeplab.cli.export import export as run_export

    if output is not None and to == "tensorboard":
        raise click.UsageError("--to tensorboard writes to the runs' own folders: leave --output.")
    run_export(sweep, to=to, output=output)


@cli.command()
@click.argument("folders", nargs=-1, required=True, type=PATH, metavar="SWEEP...")
@click.option("--weights", is_flag=True, help="Weights alone, not whole runs; keeps the best's.")
@click.option("--failed", is_flag=True, help="Failed runs.")
@click.option("--diverged", is_flag=True, help="Diverged runs.")
@click.option("--keep-best", type=click.IntRange(min=0), help="All but this many settings.")
@click.option("--dry-run", is_flag=True, help="Show what would go, and remove nothing.")
@click.option("--yes", is_flag=True, help="Also what might not come back as it is.")
def prune(folders: tuple[Path, ...], *, dry_run: bool, yes: bool, **rules: Any) -> None:
    """Remove what training again would bring back.

    Whole runs, or their weights alone. Nothing is removed without one of the rules.

    \b
      sweeplab prune outputs/a --weights --dry-run
      sweeplab prune outputs/a --keep-best 10
    """
    from sweeplab.cli.prune import prune as run_prune
    from sweeplab.sweeps.prune import Rules

    run_prune(folders, Rules(**rules), dry_run=dry_run, yes=yes)


def _collect_less_garbage() -> None:
    """Save a second of each command: nearly all objects that it makes live to its end.

    PyTorch alone makes a million. Python would look through them again and again, and free them
    one by one before it leaves.
    """
    gc.set_threshold(50_000, 20, 100)

    @atexit.register
    def _leave_objects() -> None:
        # torchvision, imported to fetch a data set, brings a library (Triton) that reports at the
        # end what was not freed.
        if "torchvision" not in sys.modules:
            gc.freeze()


def main() -> None:
    """The console script: runs a command and shows an error as one message."""
    _collect_less_garbage()
    mend_streams()
    # With hydra.verbose=true they would tell of every font that there is.
    for name in ("matplotlib", "PIL"):
        logging.getLogger(name).setLevel(logging.INFO)
    logging.raiseExceptions = False  # a log file on a full disk is no reason for a traceback
    if sys.argv[1:2] in (
        ["-sc"],
        ["--shell-completion"],
    ):  # Hydra's completion script asks the bare command
        os.environ["COMP_LINE"] = os.environ.get("COMP_LINE", "").replace(" train", "", 1)
        sys.argv.insert(1, "train")
    with shown_as_messages(wants_traceback()):
        cli.main(prog_name="sweeplab")
