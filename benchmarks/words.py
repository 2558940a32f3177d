"""What was measured, as the text of ``docs/benchmarks.md``."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

RUNS = 1000  # what whole commands are compared at
PEERS = ("stacked", "jax", "torch_vmap")
LAUNCHERS = {
    "basic": "Hydra's basic launcher",
    "joblib": "Hydra's joblib launcher, all cores",
    "stacked": "`hydra/launcher=stacked`",
}


def markdown(results: Mapping[str, Any]) -> str:
    """The sections of ``docs/benchmarks.md`` that were measured."""
    sections = {
        "training": _training,
        "peers": _peers,
        "probes": _probes,
        "commands": _commands,
        "growth": _growth,
    }
    return "\n\n".join(
        [_head(results["environment"])]
        + [section(results[name]) for name, section in sections.items() if name in results]
    )


def extrapolated(measured: Sequence[Mapping[str, Any]], runs: int = RUNS) -> float:
    """Seconds for ``runs`` runs, on the line through the two sizes measured last."""
    first, second = measured[-2:]
    if second["runs"] == runs:
        return float(second["seconds"])
    slope = (second["seconds"] - first["seconds"]) / (second["runs"] - first["runs"])
    return float(second["seconds"] + slope * (runs - second["runs"]))


def _head(about: Mapping[str, Any]) -> str:
    return "# Benchmarks\n\n" + _paragraphs(
        """
        `make benchmark` measures all of this on one machine in one go, in about ten minutes, and
        writes this page, [benchmarks.json](benchmarks.json) and the plots. It trains on MNIST where
        it is at hand (`SWEEPLAB_DATA`), else on scikit-learn's digits. Machines differ and are
        rarely quiet: compare the figures of one session with each other, not with another
        machine's.
        """,
        f"""
        The figures here are from {about["cpus"]} cores of {about["cpu"]}, Python
        {about["python"]}, PyTorch {about["packages"]["torch"]}, on {about["date"]}.
        """,
    )


def _training(found: Mapping[str, Any]) -> str:
    ms, faster = found["ms_a_run"], found["times_faster_than"]
    rows = [
        (name, f"{ms[key]:.3g}", f"{1000 / ms[key]:.3g}", f"**{faster[key]:.1f} times**")
        for key, name in (("tutorial", "the tutorial's loop"), ("train_one", "`train_one`"))
    ]
    rows.append(
        ("`train_stack`", f"{ms['train_stack']:.3g}", f"{1000 / ms['train_stack']:.3g}", "")
    )
    return "\n\n".join(
        [
            "## Training alone",
            _paragraphs(
                f"""
                {found["settings"]} settings of learning rate and weight decay at the tutorial's
                other values, in one process; the three take turns, and medians are given. The
                tutorial's own loop is `benchmarks/tutorial_loop.py`: a `DataLoader` over a list of
                images, `nn.Linear`, and accuracy on both whole sets every ten iterations.
                `train_one` is our specification, which tests hold the engine to.
                """
            ),
            _table(("", "ms a run", "runs/s", "the stack is faster by"), rows),
            _paragraphs(
                f"""
                The matrix products of a run by its weights take {found["gflop_a_run"]:.3g} GFLOP,
                pixels that are blank in every image left out. All of training, not its products
                alone, goes at {found["share_of_product_rate"]:.0%} of the
                {found["product_gflops"]:.0f} GFLOP/s that `torch.mm` reaches here on the same
                shapes. That can be more than 100%: a run that is trained by scores, as these are,
                needs a quarter fewer, and by products of our own.
                """
            ),
        ]
    )


def _peers(found: Sequence[Mapping[str, Any]]) -> str:
    rows = []
    for row in found:
        ms, faster = row["ms_a_run"], row["times_faster_than"]
        rows.append(
            (
                f"{row['batch_size']}",
                f"{row['runs']}",
                *(f"{ms[name]:.3g}" if name in ms else "" for name in PEERS),
                *(f"**{faster[name]:.2f}**" if name in faster else "" for name in PEERS[1:]),
            )
        )
    return "\n\n".join(
        [
            "## Against peers",
            _paragraphs(
                """
                The same settings, batches and evaluations by JAX's `vmap` + `jit` + `scan`,
                compiled before, and by `torch.func.vmap`, in turns in one process. Milliseconds a
                run, and how many times as fast the stack is: below 1 the peer is faster. An empty
                cell was not measured. `python benchmarks --only peers` measures this alone.
                """
            ),
            _table(("batch", "runs", "stack", "JAX", "torch", "x JAX", "x torch"), rows),
            "![Milliseconds of training a run, by runs and by batch size, for each peer]"
            "(images/benchmarks-peers.png)",
        ]
    )


def _probes(found: Mapping[str, Any]) -> str:
    seconds, accuracy, theirs = found["seconds"], found["accuracy"], found["scikit_learn"]
    rows = [
        ("the stack, 16 heads", f"{seconds['stack']:.2f}", f"{accuracy['stack']:.3f}"),
        ("the loop by hand, 16 heads", f"{seconds['loop']:.2f}", f"{accuracy['loop']:.3f}"),
        (
            f"`LogisticRegression`, one model, {theirs['iterations']} iterations",
            f"{theirs['seconds']:.2f}",
            f"{theirs['accuracy']:.3f}",
        ),
    ]
    parts = [
        "## Linear probes",
        _paragraphs(
            f"""
            16 learning rates on {found["train"]:,} x 768 synthetic features in {found["classes"]}
            classes, batches of 128, momentum 0.9, one epoch, on {found["threads"]} threads. By
            hand: 16 `nn.Linear` heads fed the same batch, one SGD with a group for each. The stack
            also evaluates before and after, on all validation and 1,000 training examples.
            `python benchmarks --only probes` measures this alone.
            """
        ),
        _table(("", "seconds", "best validation accuracy"), rows),
        _paragraphs(
            f"""
            The stack is **{found["times_faster_than_the_loop"]:.2f} times** as fast as the loop,
            and its updates run at {100 * found["share_of_product_rate"]:.0f} % of the rate of the
            same matrix products alone ({found["product_gflops"]:.0f} GFLOP/s).
            """
        ),
    ]
    if whole := found["whole"]:
        parts.append(
            _paragraphs(
                f"""
                All of MNIST's shape, 60,000 x 784 and 10,000 to validate on, {whole["settings"]}
                settings, 2 epochs, `eval_every=epoch`, as a command: {whole["seconds"]:.0f} s,
                and {whole["peak_bytes"] / 1e9:.2f} GB at its peak, of which
                {whole["data_bytes"] / 1e9:.2f} GB are the data once.
                """
            )
        )
    return "\n\n".join(parts)


def _commands(found: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    stacked = found["stacked"][-1]
    rows = []
    for key, name in LAUNCHERS.items():
        seconds = extrapolated(found[key], stacked["runs"])
        last = found[key][-1]
        ours = key == "stacked"
        rows.append(
            (
                name,
                f"{seconds:.3g}" + ("" if last["runs"] == stacked["runs"] else ", extrapolated"),
                "" if ours else f"**{seconds / stacked['seconds']:.1f} times**",
                f"{last['megabytes']:.0f} MB" + (" a process" if key == "joblib" else ""),
            )
        )
    outside = (stacked["seconds"] - stacked["training_seconds"]) / stacked["runs"] * 1000
    small = found["stacked"][0]
    start = small["seconds"] - small["training_seconds"]
    sizes = [row["runs"] for row in found["basic"]]
    return "\n\n".join(
        [
            "## Whole commands",
            _paragraphs(
                f"""
                A grid of learning rates and five seeds. Folders and tables are written; the report
                is left out. Hydra's launchers run with Hydra's own sweeper and train each run
                through `train_one`, as a script of one's own would. They were measured with
                {sizes[0]} and with {sizes[1]} runs, and the time for {stacked["runs"]:,} lies on
                the line through both. The stacked command is the median of
                {stacked["repeats"]}.
                """
            ),
            _table(
                (f"{stacked['runs']:,} runs", "seconds", "stacked is faster by", "memory"), rows
            ),
            _paragraphs(
                f"""
                Of the stacked command's {stacked["seconds"]:.1f} s,
                {stacked["training_seconds"]:.1f} s were training. The rest is
                **{outside:.1f} ms a run outside training**: starting, most of it importing
                PyTorch ({start:.1f} s in a command of {small["runs"]} runs), and then for each run
                composing it, checking it, writing its seven files, and its part of the tables.
                """
            ),
            "![Seconds against runs for each launcher](images/benchmarks.png)",
        ]
    )


def _growth(found: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        (
            f"{row['runs']:,}",
            f"{row['seconds']:.1f}",
            f"{row['training_seconds']:.1f}",
            f"{row['seconds'] / row['runs'] * 1000:.1f}",
            f"{row['megabytes']:.0f} MB",
        )
        for row in found
    ]
    before, last = found[-2:]
    more = last["runs"] - before["runs"]
    seconds = last["seconds"] - before["seconds"]
    outside = seconds - (last["training_seconds"] - before["training_seconds"])
    return "\n\n".join(
        [
            "## Growth",
            "The stacked launcher on scikit-learn's digits, ten epochs, whole commands:",
            _table(("runs", "seconds", "of them training", "ms a run", "memory"), rows),
            _paragraphs(
                f"""
                From {before["runs"]:,} to {last["runs"]:,} runs each further run costs
                {seconds / more * 1000:.1f} ms, {outside / more * 1000:.1f} of them outside
                training.
                """
            ),
        ]
    )


def _paragraphs(*texts: str) -> str:
    return "\n\n".join(textwrap.fill(" ".join(text.split()), 100) for text in texts)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
