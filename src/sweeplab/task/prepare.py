"""From a request, as overrides, to a checked plan: nothing trains before every job is sound."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hydra.core.config_loader import ConfigLoader
from omegaconf import DictConfig

from sweeplab.config import DataConfig, RunConfig, check
from sweeplab.config import identity as deciding
from sweeplab.data import load, resolve, where
from sweeplab.errors import ConfigError, DataError, NewerFormatError, RunFolderError
from sweeplab.execute.files import WHOLE, Rung
from sweeplab.runs.folder import RunFolder, RunIdentity
from sweeplab.runs.record import RunRecord, signature
from sweeplab.sweeps.find import complete_runs
from sweeplab.sweeps.folder import (
    OWN_NAMES,
    JobEntry,
    SweepFolder,
    SweepRecord,
    read_sweep,
    within,
)
from sweeplab.sweeps.plan import Plan, plan
from sweeplab.sweeps.question import parse_question
from sweeplab.task.compose import Job, compose_jobs
from sweeplab.training import ENGINE_VERSION, Sizes, sizes_of

LISTED = 20  # wrong jobs that a message names before it only counts


@dataclass(frozen=True)
class Request:
    """A sweep, as Hydra hands it to a launcher."""

    loader: ConfigLoader
    master: DictConfig  # the multirun's configuration, with hydra in it
    job_overrides: Sequence[Sequence[str]]  # of each job asked for
    first: int = 0  # the lowest number for a job that is new
    rung: Rung = WHOLE  # how long the jobs are to train for now


@dataclass(frozen=True)
class Asked:
    """A job of a request, and its place in the sweep's folder."""

    job: Job
    identity: RunIdentity
    number: int
    run: RunFolder
    sizes: Sizes

    @property
    def place(self) -> tuple[int, str]:
        """Its number and its folder, as Hydra knows them."""
        return self.number, str(self.run.path)


@dataclass(frozen=True)
class Prepared:
    """A request held against the folder it is to fill."""

    folder: SweepFolder
    jobs: list[Asked]  # in the order asked for
    plan: Plan
    complete: dict[str, RunRecord]  # by signature: what the folder holds already
    stamp: tuple[int, int] | None  # of the folder, when it was looked into
    record: SweepRecord


def sweep_folder(master: DictConfig) -> SweepFolder:
    """The folder that ``hydra.sweep.dir`` names."""
    return SweepFolder(Path(str(master.hydra.sweep.dir)).absolute())


def identify(config: RunConfig, data_checksum: str, engine: int | None = None) -> RunIdentity:
    """What tells the run of ``config``, on images of this checksum, from every other."""
    version = engine or ENGINE_VERSION
    return RunIdentity(
        config=config,
        signature=signature(config, data_checksum, version),
        data_checksum=data_checksum,
        engine_version=version,
    )


def prepare(request: Request) -> Prepared:
    """Compose and check every job, and plan which of them the sweep's folder still lacks.

    Raises:
        ConfigError: some jobs are wrong; the message lists them.
        DataError: a data set cannot be had, or is not the one that the folder's runs were
            trained on.
    """
    jobs, identities, sizes = _composed(request)
    folder = sweep_folder(request.master)
    stamp = folder.stamp()
    searched = ""
    try:
        before = read_sweep(folder)
        earlier, searched = before.jobs, before.search
    except NewerFormatError:
        raise
    except RunFolderError:
        earlier = []
    complete = complete_runs(folder, request.rung.end)
    records = {signature: record for signature, (_, record) in complete.items()}
    identities = [_as_trained(identity, records) for identity in identities]
    _refuse_other_data(folder, identities, records.values())
    known = {
        signature: int(run.path.name)
        for signature, (run, _) in complete.items()
        if run.path.name.isdecimal()
    }
    known |= {entry.signature: entry.number for entry in earlier}
    planned = plan([each.signature for each in identities], complete, known, request.first)

    asked = []
    entries = {entry.signature: entry for entry in earlier}
    for job, identity, size, number in zip(jobs, identities, sizes, planned.numbers, strict=True):
        name = identity.signature
        run = complete[name][0] if name in complete else _run_folder(folder, job.subdir(number))
        asked.append(Asked(job, identity, number, run, size))
        entries[name] = JobEntry(
            number=number,
            folder=run.path.relative_to(folder.path).as_posix(),
            overrides=job.overrides,
            signature=name,
            state=records[name].status if name in records else "planned",
        )
    _refuse_shared_folders(asked)
    hydra = request.master.hydra
    record = SweepRecord(
        name=str(hydra.job.name),
        # The header is the question of the experiment that was asked for, where one was.
        question=str(hydra.help.header).strip() if "experiment" in hydra.runtime.choices else "",
        jobs=sorted(entries.values(), key=lambda entry: entry.number),
        asks=_question(hydra.sweeper),
        search=str(hydra.sweeper.get("method") or searched),
    )
    return Prepared(folder, asked, planned, records, stamp, record)


def _as_trained(identity: RunIdentity, complete: Mapping[str, RunRecord]) -> RunIdentity:
    """``identity``, or, where an engine of another version trained that run whole, as it did.

    A complete run stays one: the engines' results agree to rounding.
    """
    for version in {record.engine_version for record in complete.values()} - {ENGINE_VERSION}:
        other = identify(identity.config, identity.data_checksum, version)
        if other.signature in complete:
            return other
    return identity


def _question(sweeper: DictConfig) -> str:
    """What the sweep asks, as our sweepers keep it; empty with another's."""
    text = str(sweeper.get("question") or "")
    return str(parse_question(text)) if text else ""


def _composed(request: Request) -> tuple[list[Job], list[RunIdentity], list[Sizes]]:
    jobs, wrong = compose_jobs(request.loader, request.master, request.job_overrides)
    identities: list[RunIdentity] = []
    sizes: list[Sizes] = []
    found: dict[Hashable, tuple[DataConfig, str, Sizes]] = {}
    for position, job in enumerate(jobs):
        asked = tuple(vars(job.config.data).values())
        try:
            # Kept here too: a sweep of more data sets than `load` keeps would load each for each.
            if asked not in found:
                data = resolve(job.config.data)
                check(replace(job.config, data=data))
                dataset = load(data)
                found[asked] = data, dataset.checksum, sizes_of(dataset)
            data, checksum, size = found[asked]
            if data != job.config.data:
                jobs[position] = replace(job, config=check(replace(job.config, data=data)))
        except ConfigError as error:
            wrong.append(f"{' '.join(job.overrides)}: {error}")
        else:
            identities.append(identify(jobs[position].config, checksum))
            sizes.append(size)
    if wrong:
        counted = f"{len(wrong)} of {len(request.job_overrides)} combinations are wrong"
        more = [f"... and {len(wrong) - LISTED} more"] if len(wrong) > LISTED else []
        raise ConfigError("\n  ".join([f"{counted}, so none is trained:", *wrong[:LISTED], *more]))
    return jobs, identities, sizes


def _refuse_other_data(
    folder: SweepFolder, identities: Sequence[RunIdentity], complete: Collection[RunRecord]
) -> None:
    """A sweep is of one data set and one engine: mixed, its report would compare unlike things."""
    elsewhere = "or train in a new folder: hydra.sweep.dir=FOLDER."
    engines = {record.engine_version for record in complete}
    mixed = {identity.engine_version for identity in identities} - engines
    if engines and mixed:
        raise RunFolderError(
            f"The runs in {folder.path} were trained by version {max(engines)} of the engine, and "
            f"this is version {max(mixed)}. Use the sweeplab that trained them, {elsewhere}"
        )
    known = {_examples(record.config): record for record in complete}
    for identity in identities:
        trained = known.get(_examples(identity.config))
        if trained is not None and trained.data_checksum != identity.data_checksum:
            raise DataError(
                f"The examples of {where(identity.config.data)} are not those that the "
                f"runs in {folder.path} were trained on (checksum {identity.data_checksum[:12]}, "
                f"then {trained.data_checksum[:12]}). Restore the files, {elsewhere}"
            )


def _examples(config: RunConfig) -> Hashable:
    """What chooses the examples of a run, wherever they lie."""
    return tuple(item for item in deciding(config).items() if item[0].startswith("data."))


def _run_folder(folder: SweepFolder, subdir: str) -> RunFolder:
    """The folder of a run, where every command finds it.

    Raises:
        ConfigError: ``hydra.sweep.subdir`` leads elsewhere.
    """
    parts = Path(subdir).parts
    if not within(subdir):
        why = "must stay within the sweep's folder"
    elif any(part.startswith(".") for part in parts):
        why = "must have no part that begins with a dot, where no run is looked for"
    elif parts and parts[0] in OWN_NAMES:
        why = f"must not begin with {parts[0]}, which is the sweep's own"
    else:
        return RunFolder(folder.path / subdir)
    raise ConfigError(f"hydra.sweep.subdir {why}, but is '{subdir}' for a run.")


def _refuse_shared_folders(jobs: Sequence[Asked]) -> None:
    owners: dict[Path, str] = {}
    for asked in jobs:
        path, signature = asked.run.path, asked.identity.signature
        if owners.setdefault(path, signature) != signature:
            raise ConfigError(
                "hydra.sweep.subdir must give every run a folder of its own, but two different "
                f"runs would share {path}. Use hydra.job.num in it."
            )
