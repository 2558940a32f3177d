"""From a request, as overrides, to a checked plan: nothing trains before every job is sound."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hydra.core.config_loader import ConfigLoader
from omegaconf import DictConfig

from sweeplab.config import RunConfig
from sweeplab.data import load
from sweeplab.errors import ConfigError, DataError, NewerFormatError, RunFolderError
from sweeplab.runs.folder import RunFolder, RunIdentity
from sweeplab.runs.record import RunRecord
from sweeplab.runs.signature import signature
from sweeplab.sweeps.find import complete_runs
from sweeplab.sweeps.folder import JobEntry, SweepFolder, SweepRecord, read_sweep
from sweeplab.sweeps.plan import Plan, plan
from sweeplab.task.compose import Job, compose_jobs
from sweeplab.training import ENGINE_VERSION

LISTED = 20  # wrong jobs that a message names before it only counts


@dataclass
class Prepared:
    """A request held against the folder it is to fill. Lists run over the jobs asked for."""

    folder: SweepFolder
    jobs: list[Job]
    identities: list[RunIdentity]
    runs: list[RunFolder]
    plan: Plan
    complete: dict[str, RunRecord]  # by signature: what the folder holds already
    stamp: tuple[int, int] | None  # of the folder, when it was looked into
    record: SweepRecord


def identify(config: RunConfig, data_checksum: str) -> RunIdentity:
    """What tells the run of ``config``, on images of this checksum, from every other."""
    return RunIdentity(
        config=config,
        signature=signature(config, data_checksum, ENGINE_VERSION),
        data_checksum=data_checksum,
        engine_version=ENGINE_VERSION,
    )


def prepare(
    loader: ConfigLoader, master: DictConfig, job_overrides: Sequence[Sequence[str]], first: int
) -> Prepared:
    """Compose and check every job, and plan which of them the sweep's folder still lacks.

    Raises:
        ConfigError: some jobs are wrong; the message lists them.
        DataError: a data set cannot be had, or is not the one that the folder's runs were
            trained on.
    """
    jobs, checksums = _composed(loader, master, job_overrides)
    identities = [identify(job.config, checksums[_data(job.config)]) for job in jobs]
    folder = SweepFolder(Path(str(master.hydra.sweep.dir)).absolute())
    stamp = folder.stamp()
    try:
        earlier = read_sweep(folder).jobs
    except NewerFormatError:
        raise
    except RunFolderError:
        earlier = []
    complete = complete_runs(folder)
    _refuse_other_data(folder, identities, [record for _, record in complete.values()])
    known = {
        record.signature: int(run.path.name)
        for run, record in complete.values()
        if run.path.name.isdecimal()
    }
    known |= {job.signature: job.number for job in earlier}
    planned = plan([identity.signature for identity in identities], complete, known, first)

    runs = [
        complete[identity.signature][0]
        if identity.signature in complete
        else RunFolder(folder.path / job.subdir(number))
        for job, identity, number in zip(jobs, identities, planned.numbers, strict=True)
    ]
    _refuse_shared_folders(identities, runs)
    entries = {job.signature: job for job in earlier}
    for job, identity, number, run in zip(jobs, identities, planned.numbers, runs, strict=True):
        done = complete.get(identity.signature)
        entries[identity.signature] = JobEntry(
            number=number,
            folder=run.path.relative_to(folder.path).as_posix(),
            overrides=job.overrides,
            signature=identity.signature,
            state=done[1].status if done else "planned",
        )
    record = SweepRecord(
        name=str(master.hydra.job.name),
        question=question(master),
        jobs=sorted(entries.values(), key=lambda job: job.number),
    )
    there = {name: done for name, (_, done) in complete.items()}
    return Prepared(folder, jobs, identities, runs, planned, there, stamp, record)


def prepared_anew(
    prepared: Prepared,
    loader: ConfigLoader,
    master: DictConfig,
    job_overrides: Sequence[Sequence[str]],
    first: int,
) -> Prepared:
    """``prepared``, or a new one where another process has worked in the folder since.

    To be called with the folder locked: numbers and folders that were free may be taken.
    """
    if prepared.folder.stamp() == prepared.stamp:
        return prepared
    return prepare(loader, master, job_overrides, first)


def question(master: DictConfig) -> str:
    """The question of the experiment that was asked for, or nothing."""
    asked = "experiment" in master.hydra.runtime.choices
    return str(master.hydra.help.header).strip() if asked else ""


def _composed(
    loader: ConfigLoader, master: DictConfig, job_overrides: Sequence[Sequence[str]]
) -> tuple[list[Job], dict[Hashable, str]]:
    """The jobs, and the checksums of their images by :func:`_data`."""
    jobs, wrong = compose_jobs(loader, master, job_overrides)
    checksums: dict[Hashable, str] = {}
    for job in jobs:
        try:
            # Kept here too: a sweep of more data sets than `load` keeps would load each for each.
            if _data(job.config) not in checksums:
                checksums[_data(job.config)] = load(job.config.data).checksum
        except ConfigError as error:
            wrong.append(f"{' '.join(job.overrides)}: {error}")
    if wrong:
        more = [f"... and {len(wrong) - LISTED} more"] if len(wrong) > LISTED else []
        raise ConfigError(
            "\n  ".join(
                [
                    f"{len(wrong)} of {len(job_overrides)} combinations are wrong, so none is "
                    "trained:",
                    *wrong[:LISTED],
                    *more,
                ]
            )
        )
    return jobs, checksums


def _data(config: RunConfig) -> Hashable:
    return tuple(vars(config.data).values())


def _refuse_other_data(
    folder: SweepFolder, identities: Sequence[RunIdentity], there: Sequence[RunRecord]
) -> None:
    """A sweep is of one data set and one engine: mixed, its report would compare unlike things."""
    elsewhere = "or train in a new folder: hydra.sweep.dir=FOLDER."
    for record in there:
        if record.engine_version != ENGINE_VERSION:
            raise RunFolderError(
                f"The runs in {folder.path} were trained by version {record.engine_version} of the "
                f"engine, and this is version {ENGINE_VERSION}. Use the sweeplab that trained "
                f"them, {elsewhere}"
            )
    known = {_images(record.config): record for record in there}
    for identity in identities:
        trained = known.get(_images(identity.config))
        if trained is not None and trained.data_checksum != identity.data_checksum:
            data = identity.config.data
            raise DataError(
                f"The images of {data.name} in {Path(data.root).absolute()} are not those that the "
                f"runs in {folder.path} were trained on (checksum {identity.data_checksum[:12]}, "
                f"then {trained.data_checksum[:12]}). Restore the files, {elsewhere}"
            )


def _images(config: RunConfig) -> Hashable:
    """What chooses the images of a run, wherever they lie."""
    data = config.data
    return data.name, data.train_size, data.val_size, data.val_start


def _refuse_shared_folders(identities: Sequence[RunIdentity], runs: Sequence[RunFolder]) -> None:
    owners: dict[Path, str] = {}
    for identity, run in zip(identities, runs, strict=True):
        other = owners.setdefault(run.path, identity.signature)
        if other != identity.signature:
            raise ConfigError(
                "hydra.sweep.subdir must give every run a folder of its own, but two different "
                f"runs would share {run.path}. Use hydra.job.num in it."
            )
