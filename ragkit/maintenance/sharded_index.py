"""Index folders into a sharded collection, in this process: list once, let each shard read, split,
embed and write its own files, then publish a generation.

A working copy of a shard is an ordinary collection, which is written as any other: a run that was
killed is continued by the next one. Readers see nothing of it until the manifest is written.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path

from ragkit import trust, user_dirs
from ragkit.encoders import Encoder
from ragkit.errors import CollectionError, UsageError
from ragkit.exploring.stored_versions import find_versions
from ragkit.ingest import removal, run
from ragkit.ingest.moved_files import note_possible_moves
from ragkit.ingest.options import IndexOptions
from ragkit.ingest.plan import FileListing, FilePart, Plan, finish_together
from ragkit.ingest.writer import Progress
from ragkit.models.selection import ModelSelection
from ragkit.records.reports import Coverage, IndexReport
from ragkit.retrieval import calibration
from ragkit.settings import Settings
from ragkit.storage.index_reader import IndexReader
from ragkit.storage.lock import lock_timeout, writer_lock
from ragkit.storage.shards import cache, publish
from ragkit.storage.shards.database import ShardedDatabase, ShardedIndexReader, find_trust_level
from ragkit.storage.shards.location import ShardLocation
from ragkit.storage.shards.manifest import EncoderEntry, Manifest, ShardEntry, check_schema
from ragkit.storage.shards.placement import MAX_SHARDS, check_shards, first_id
from ragkit.storage.shards.shard import LocalShard, Shard, totals_of
from ragkit.storage.sqlite import files as file_rows
from ragkit.storage.sqlite import passages
from ragkit.storage.sqlite.database import FILE_NAME, SCHEMA_VERSION, Database, untrusted_message
from ragkit.storage.sqlite.sharding.row_ids import first_row_id, set_first_row_id
from ragkit.storage.sqlite.vector_cache import VectorCache
from ragkit.trust import TrustLevel

WORK = "work"  # the folder of the working copies


@dataclass(frozen=True, slots=True)
class ShardedIndexOptions:
    """What a run does; the fields are those of `Collection.index`. `shards`: default, as before."""

    paths: Sequence[str | Path] = ()
    shards: int | None = None
    model: str | None = None
    include: Sequence[str] | None = None
    exclude: Sequence[str] | None = None
    dry_run: bool = False
    prune: bool = False
    rebuild: bool = False
    password_file: str | Path | None = None
    wait: float | None = None


class WorkingShard:
    """The working copy of one shard: an ordinary collection whose row ids begin at its number."""

    def __init__(
        self,
        folder: Path,
        number: int,
        settings: Settings,
        encoder: Encoder | None = None,
        notify: Callable[[str], None] = lambda line: None,
        *,
        published: bool = False,
    ) -> None:
        """Open the working copy in `folder`, or make an empty one. `published`: the folder of a
        published shard, which is only read. Raises CollectionError."""
        self.folder, self.number = folder, number
        self.store = Database(folder, create=not published, published=published)
        self.store.notify = notify
        with self.store.reading() as connection:
            first = first_row_id(connection)
        if first is None:
            with self.store.writing() as connection:
                if passages.count(connection):
                    raise CollectionError(
                        f"{folder} is not the working copy of a shard; move it away"
                    )
                set_first_row_id(connection, first_id(number))
        elif first != first_id(number):
            raise CollectionError(f"{folder} is the working copy of another shard; move it away")
        self.indexes = IndexReader(self.store, notify)
        self.encoders = ModelSelection(self.store, settings, encoder)

    def roots(self) -> list[file_rows.Root]:
        """Return the roots that the shard knows."""
        with self.store.reading() as connection:
            return file_rows.roots(connection)

    def encoder_entry(self) -> EncoderEntry | None:
        """Return the encoder of the shard's vectors."""
        with self.store.reading() as connection:
            row = passages.model(connection)
        if row is None:
            return None
        return EncoderEntry(
            row["name"], row["fingerprint"], row["dimension"], row["window"], row["options"]
        )

    def current_model(self, rebuild: bool) -> tuple[int, str] | None:
        """Return row id and fingerprint of the stored encoder if the caller's own encoder is that
        one, so that nothing changes; else None."""
        own = self.encoders.own_encoder
        if own is None or rebuild:
            return None
        with self.store.reading() as connection:
            row = passages.model(connection)
        if row is None or row["fingerprint"] != own.fingerprint:
            return None
        return row["id"], row["fingerprint"]

    def as_shard(self, entry: ShardEntry, entries: Iterable[ShardEntry]) -> LocalShard:
        """Return the shard as searching sees it, before it is published."""
        return LocalShard(self.folder, entry, totals_of(entries))

    def close(self) -> None:
        """Close the database connections."""
        self.store.close()


def work_folder(location: ShardLocation) -> Path:
    """Return the folder of the working copies of a collection on this machine."""
    if location.folder is not None:
        return location.folder / WORK
    digest = blake2b(location.address.encode("utf-8", "surrogateescape"), digest_size=16)
    return user_dirs.data() / "shards" / digest.hexdigest()


def shard_folder(location: ShardLocation, number: int) -> Path:
    """Return the folder of the working copy of a shard on this machine."""
    return work_folder(location) / f"shard-{number:04d}"


def has_working_copy(location: ShardLocation, manifest: Manifest | None, number: int) -> bool:
    """Whether this machine has a working copy of a shard from which a run would go on."""
    folder = shard_folder(location, number)
    if not folder.is_dir():
        return False
    if manifest is None:
        return True
    if number >= len(manifest.shards):  # else its roots and files are those of long ago
        return not publish.is_older(folder, manifest)
    return publish.is_ahead(folder, manifest, number)


def prepare_folder(location: ShardLocation, manifest: Manifest | None, number: int) -> Path:
    """Return the folder of a shard's working copy. It is made from the published shard if there is
    none here, or only one that another machine has gone on from. Raises CollectionError."""
    folder = shard_folder(location, number)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        if has_working_copy(location, manifest, number):
            return folder
        if folder.is_dir():
            shutil.rmtree(folder)
    except OSError as error:
        raise CollectionError(f"cannot write {folder}: {error.strerror or error}") from error
    if manifest is not None and number < len(manifest.shards):
        publish.restore_working_copy(location, manifest, number, folder)
    return folder


def index(
    address: str | Path,
    options: ShardedIndexOptions,
    settings: Settings,
    encoder: Encoder | None = None,
    notify: Callable[[str], None] = lambda line: None,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> IndexReport:
    """Update a sharded collection to match folders and files, and publish it; return what changed.

    Raises as `Collection.index`; CollectionError if the address cannot be reached.
    """
    location, timeout = ShardLocation(address), lock_timeout(options.wait)
    manifest = cache.read_manifest(location)
    count = check_collection(location, manifest, options.shards)
    if options.dry_run:
        return _preview(location, manifest, count, options, settings, encoder)
    make_folder(location, work_folder(location))
    with _locked(location, "ragkit index", timeout) as stack:
        manifest = cache.read_manifest(location)  # another process may have published meanwhile
        count = check_collection(location, manifest, options.shards)
        folders = [prepare_folder(location, manifest, number) for number in range(count)]
        shards = _open_shards(stack, folders, settings, encoder, notify)
        for folder in folders:
            stack.enter_context(writer_lock(folder, "ragkit index", timeout))
        prepared, index_options = _prepare(location, shards, options, settings)
        reports = _write(shards, prepared, index_options, options, settings, on_progress)
        publish_generation(location, manifest, shards, notify)
        delete_given_up(location, count)
        return merge_reports(reports, prepared)


@contextlib.contextmanager
def _locked(
    location: ShardLocation, purpose: str, timeout: float
) -> Iterator[contextlib.ExitStack]:
    """Context manager that holds the lock of a collection's working copies, and closes what is
    entered into the stack."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(writer_lock(work_folder(location), purpose, timeout))
        yield stack


def _open_shards(
    stack: contextlib.ExitStack,
    folders: Sequence[Path],
    settings: Settings,
    encoder: Encoder | None,
    notify: Callable[[str], None] = lambda line: None,
) -> list[WorkingShard]:
    """Open the working copies of all shards, which share one encoder."""
    shards = []
    for number, folder in enumerate(folders):
        shards.append(WorkingShard(folder, number, settings, encoder, notify))
        stack.callback(shards[-1].close)
    _share_encoder(shards)
    return shards


def _share_encoder(shards: Sequence[WorkingShard]) -> None:
    for shard in shards[1:]:
        shard.encoders.share_encoder(shards[0].encoders)


def _preview(
    location: ShardLocation,
    manifest: Manifest | None,
    count: int,
    options: ShardedIndexOptions,
    settings: Settings,
    encoder: Encoder | None,
) -> IndexReport:
    """Return what a run would change. Makes no working copies: shards that have none on this
    machine are read as they are published, new ones are empty."""
    with (
        tempfile.TemporaryDirectory(prefix="ragkit-") as temporary,
        contextlib.ExitStack() as stack,
    ):
        shards = []
        for number in range(count):
            folder, published = shard_folder(location, number), False
            if not has_working_copy(location, manifest, number):
                published = manifest is not None and number < len(manifest.shards)
                folder = Path(temporary, folder.name)
                if manifest is not None and published:
                    folder = cache.fetch_shard(location, manifest, number)
            shards.append(WorkingShard(folder, number, settings, encoder, published=published))
            stack.callback(shards[-1].close)
        _share_encoder(shards)
        prepared, index_options = _prepare(location, shards, options, settings)
        fingerprint = shards[0].encoders.fingerprint_for_indexing(options.model, options.rebuild)
        reports = [
            run.preview(shard.store, index_options, fingerprint, each)
            for shard, each in zip(shards, prepared, strict=True)
        ]
        return merge_reports(reports, prepared)


def remove(
    address: str | Path,
    paths: Sequence[str | Path],
    settings: Settings,
    encoder: Encoder | None = None,
    notify: Callable[[str], None] = lambda line: None,
    wait: float | None = None,
) -> int:
    """Remove roots, folders or files from a sharded collection, and publish it; return the number
    of removed files that had been read.

    Raises as `Collection.remove`; CollectionError if there is no sharded collection.
    """
    location, timeout = ShardLocation(address), lock_timeout(wait)
    manifest = cache.read_manifest(location)
    if manifest is None:
        raise CollectionError(f"no sharded collection at {location.address}")
    check_collection(location, manifest, None, "nothing is removed from it")
    make_folder(location, work_folder(location))
    with _locked(location, "ragkit remove", timeout) as stack:
        manifest = cache.read_manifest(location)  # another process may have published meanwhile
        count = check_collection(location, manifest, None)
        folders = [prepare_folder(location, manifest, number) for number in range(count)]
        shards = _open_shards(stack, folders, settings, encoder, notify)
        for folder in folders:
            stack.enter_context(writer_lock(folder, "ragkit remove", timeout))
        try:
            own_paths = _paths_by_shard(shards, paths)
        except UsageError:  # a run that removed them may have been interrupted before it published
            publish_generation(location, manifest, shards, notify)
            raise
        removed = sum(
            removal.remove_paths(shard.store, shard.indexes.index_writer, own, notify)
            for shard, own in zip(shards, own_paths, strict=True)
            if own
        )
        publish_generation(location, manifest, shards, notify)
        return removed


def _paths_by_shard(
    shards: Sequence[WorkingShard], paths: Sequence[str | Path]
) -> list[list[str | Path]]:
    """Return which of the paths each shard has, without those of which the paths before leave
    nothing there. Raises UsageError for one of which no shard has anything left, or that is in
    several roots."""
    own_paths: list[list[str | Path]] = [[] for _ in shards]
    taken = [removal.Taken() for _ in shards]
    for path in paths:
        matches: list[removal.Match] = []
        was_removed = False
        for shard, own, before in zip(shards, own_paths, taken, strict=True):
            with shard.store.reading() as connection:
                found = before.without(removal.find_matches(connection, path))
                was_begun = removal.was_removed(connection, path)
            if found or was_begun:
                own.append(path)
            matches += found
            was_removed |= was_begun
            before.add(found)
        if matches or not was_removed:
            removal.one_match(path, matches)
    return own_paths


def delete_given_up(location: ShardLocation, count: int) -> None:
    """Delete the working copies on this machine of shards that the collection of `count` shards
    does not have (any more)."""
    for folder in work_folder(location).glob("shard-*"):
        number = folder.name.removeprefix("shard-")
        if number.isdecimal() and int(number) >= count:
            shutil.rmtree(folder, ignore_errors=True)


def check_collection(
    location: ShardLocation,
    manifest: Manifest | None,
    shards: int | None,
    refused: str = "nothing is added",
) -> int:
    """Return the number of shards of a run. Raises UsageError for a number out of range, without
    one for a new collection, and for a folder with an ordinary collection; CollectionError if the
    manifest is of another version, or, with what is `refused`, if the collection is not trusted."""
    if manifest is not None:
        check_schema(manifest, SCHEMA_VERSION, location.address)
        if find_trust_level(location, manifest.id, lambda line: None) is TrustLevel.UNTRUSTED:
            folder = location.folder or Path(location.address)
            raise CollectionError(untrusted_message(folder, refused))
    elif location.folder is not None and os.path.lexists(location.folder / FILE_NAME):
        raise UsageError(
            f"{location.address} is an ordinary collection. Name another folder for a sharded one: "
            "ragkit -c DIR index FOLDER --shards N"
        )
    if shards is None:
        if manifest is None:
            raise UsageError(
                "say how many shards a new collection has: --shards N, one for each process or "
                "machine that is to search it"
            )
        return len(manifest.shards)
    try:
        check_shards(shards)
    except ValueError as error:
        raise UsageError(f"--shards {shards}: expected 1 to {MAX_SHARDS:,}") from error
    return shards


def make_folder(location: ShardLocation, work: Path) -> None:
    """Make the folders of a collection and of its working copies. Raises CollectionError."""
    try:
        is_new = location.folder is not None and not location.folder.exists()
        work.mkdir(parents=True, exist_ok=True)
        if is_new and location.folder is not None:  # a folder that is ours alone
            (location.folder / ".gitignore").write_text("*\n", encoding="utf-8")
    except OSError as error:
        raise CollectionError(
            f"cannot create a collection at {location.address}: {error.strerror or error}"
        ) from error


def _prepare(
    location: ShardLocation,
    shards: Sequence[WorkingShard],
    options: ShardedIndexOptions,
    settings: Settings,
) -> tuple[list[run.PreparedRun], IndexOptions]:
    """Return the finished plans of all shards. Folders are listed once."""
    first = shards[0]
    with first.store.reading() as connection:
        records = file_rows.has_table_records(connection)
        secrets = file_rows.secrets_mode(connection)
    index_options = replace(
        IndexOptions.from_settings(
            settings, list(options.paths), include=options.include, exclude=options.exclude,
            dry_run=options.dry_run, prune=options.prune, rebuild=options.rebuild,
            records=records if settings.records is None else settings.records,
            secrets=secrets if settings.secrets is None else settings.secrets,
            password_file=options.password_file,
        ),
        skip_folder=(location.folder or work_folder(location)).resolve(),
    )  # fmt: skip
    roots: dict[str, file_rows.Root] = {}
    for shard in shards:  # in the order in which they are written: the first has the newest globs
        for root in shard.roots():
            roots.setdefault(root.path, root)
    fingerprint = first.encoders.fingerprint_for_indexing(options.model, options.rebuild)
    listing = FileListing()
    prepared = [
        run.prepare_run(
            shard.store, index_options, fingerprint,
            FilePart(shard.number, len(shards), listing),
            [roots[path] for path in sorted(roots)],
        )
        for shard in shards
    ]  # fmt: skip
    finish_plans(prepared, prune=options.prune)
    return prepared, index_options


def finish_plans(prepared: Sequence[run.PreparedRun], *, prune: bool) -> None:
    """Decide about the missing files of all shards, target by target. A file that has moved to
    another shard is one of the new files there: it is removed here, whatever else is missing,
    unless the new one cannot be read."""
    note_possible_moves([plan for each in prepared for plan in each.plans])
    stamps = {
        (task.file.size, task.file.mtime_ns, task.file.inode)
        for each in prepared
        for plan in each.plans
        for task in plan.new
    }
    for each in prepared:
        for plan in each.plans:
            moved = [
                row
                for row in plan.missing
                if (row.size, row.mtime_ns, row.inode) in stamps
                and row.id not in plan.possible_moves
            ]
            ids = {row.id for row in moved}
            plan.missing = [row for row in plan.missing if row.id not in ids]
            plan.removed += moved
            plan.left_count += sum(row.has_text for row in moved)
    by_target: dict[tuple[str, str], list[Plan]] = {}
    for each in prepared:
        for plan in each.plans:
            by_target.setdefault((plan.target.path, plan.target.under), []).append(plan)
    for plans in by_target.values():
        finish_together(plans, prune=prune)
    for each in prepared:
        each.warnings.extend(warning for plan in each.plans for warning in plan.warnings)


def _write(
    shards: Sequence[WorkingShard],
    prepared: Sequence[run.PreparedRun],
    index_options: IndexOptions,
    options: ShardedIndexOptions,
    settings: Settings,
    on_progress: Callable[[Progress], None],
) -> list[IndexReport]:
    """Let each shard read, embed and write its files."""
    reports: list[IndexReport] = []
    totals = [sum(len(plan.to_read) for plan in each.plans) for each in prepared]
    files_total, files_before = sum(totals), 0
    cache_of_vectors: VectorCache | None = None
    try:
        for shard, each, total in zip(shards, prepared, totals, strict=True):
            decides = shard.encoders.decides_precision(options.model, options.rebuild)
            model_id, fingerprint = shard.current_model(options.rebuild) or (
                shard.encoders.set_collection_model(
                    options.model, options.rebuild, "fp32" if decides else None
                )
            )
            if shard is shards[0]:
                cache_of_vectors = _vector_cache(shard, fingerprint, settings)
            store_modes(shard, index_options)
            done = sum(report.embedded for report in reports)

            def report_progress(
                progress: Progress, files: int = files_before, n: int = done
            ) -> None:
                on_progress(
                    replace(
                        progress, files=files + progress.files, files_total=files_total,
                        embedded=n + progress.embedded,
                    )
                )  # fmt: skip

            reports.append(
                run.index(
                    shard.store, shard.indexes.index_writer, index_options, model_id, fingerprint,
                    shards[0].encoders.load_encoder, report_progress, cache_of_vectors, each,
                )
            )  # fmt: skip
            files_before += total
    finally:
        if cache_of_vectors is not None:
            cache_of_vectors.close()
    return reports


def store_modes(shard: WorkingShard, options: IndexOptions) -> None:
    """Store how tables and secrets are read, if that has changed."""
    with shard.store.reading() as connection:
        stored = file_rows.has_table_records(connection), file_rows.secrets_mode(connection)
    if stored != (bool(options.records), options.secrets):
        with shard.store.writing() as connection:
            file_rows.set_table_records(connection, options.records)
            file_rows.set_secrets_mode(connection, options.secrets)


def _vector_cache(shard: WorkingShard, fingerprint: str, settings: Settings) -> VectorCache | None:
    max_bytes = settings.vector_cache_mb * 1_000_000
    entry = shard.encoder_entry()
    if max_bytes == 0 or shard.encoders.own_encoder is not None or entry is None:
        return None
    return VectorCache(fingerprint, entry.dimension, max_bytes)


def publish_generation(
    location: ShardLocation,
    before: Manifest | None,
    shards: Sequence[WorkingShard],
    notify: Callable[[str], None] = lambda line: None,
) -> Manifest:
    """Publish the working copies of all shards as the next generation, if they have changed; return
    the current manifest. Raises CollectionError; what was current before then stays so."""
    generation = 1 if before is None else before.generation + 1
    entries = [
        publish.publish_shard(shard.store, shard.number, location, generation) for shard in shards
    ]
    encoder = shards[0].encoder_entry()
    if before is not None and is_published(location, before, entries, encoder):
        return before
    for shard in shards:
        if (other := shard.encoder_entry()) != encoder:
            raise CollectionError(
                f"{location.address}: shard {shard.number} has vectors of "
                f"{other.name if other else 'no model'}, others of "
                f"{encoder.name if encoder else 'no model'}. Embed all with one: ragkit -c "
                f"{location.address} index --rebuild --model NAME"
            )
    opened = [shard.as_shard(entry, entries) for shard, entry in zip(shards, entries, strict=True)]
    try:
        return publish_entries(
            location, before, entries, encoder, opened, shards[0].encoders.load_encoder, notify
        )
    finally:
        for each in opened:
            each.close()


def is_published(
    location: ShardLocation,
    manifest: Manifest,
    entries: Sequence[ShardEntry],
    encoder: EncoderEntry | None,
) -> bool:
    """Whether the current generation has these shards, and its statistics are there."""
    if (manifest.shards, manifest.encoder) != (tuple(entries), encoder):
        return False
    return manifest.statistics is not None and location.has(manifest.statistics)


def publish_entries(
    location: ShardLocation,
    before: Manifest | None,
    entries: Sequence[ShardEntry],
    encoder: EncoderEntry | None,
    opened: Sequence[Shard],
    load_encoder: Callable[[], Encoder],
    notify: Callable[[str], None] = lambda line: None,
) -> Manifest:
    """Publish the generation of these shards, whose files are there; return its manifest.

    `opened`: who answers for them, in their order. Raises CollectionError.
    """
    manifest = publish.next_manifest(before, entries, encoder)
    if before is not None:
        manifest = replace(manifest, fusion=before.fusion)
    store = ShardedDatabase(
        location, manifest, shards=opened, trust_level=TrustLevel.OWN, notify=notify
    )
    try:
        indexes = ShardedIndexReader(store)
        with store.reading() as connection:
            newer = find_versions(connection, indexes)
            statistics = publish.publish_statistics(location, entries, newer)
            manifest = store.manifest = replace(manifest, statistics=statistics)
            found = calibration.find(connection, indexes, load_encoder)
        fusion = None if found is None else calibration.to_json(found)
        manifest = replace(manifest, fusion=fusion)
    finally:
        store.close()
    publish.publish_manifest(location, manifest)
    if before is None:
        with contextlib.suppress(CollectionError):
            place = location.address
            if location.folder is not None:
                place = trust.canonical(location.folder)
            trust.record(place, manifest.id, "created")
    cache.delete_unused(location, manifest)
    return manifest


def merge_reports(
    reports: Sequence[IndexReport], prepared: Sequence[run.PreparedRun]
) -> IndexReport:
    """Return the report of a run from those of its shards. A file that is in another shard now,
    because their number has changed, is moved, not removed and added."""
    moved = sum(plan.left_count for each in prepared for plan in each.plans)
    sums: Counter[str] = Counter()
    names = (
        "added", "updated", "unchanged", "moved", "removed", "failed", "skipped", "passages",
        "embedded", "reused", "tokens", "truncated_tokens", "unsupported",
    )  # fmt: skip
    for report in reports:
        sums.update({name: getattr(report, name) for name in names})
    moved = min(moved, sums["added"], sums["removed"])
    sums.update({"added": -moved, "removed": -moved, "moved": moved})
    coverages = [report.coverage for report in reports if report.coverage is not None]
    return IndexReport(
        **{name: sums[name] for name in names},
        seconds=sum(report.seconds for report in reports),
        documents=tuple(
            sorted(
                (file for report in reports for file in report.documents),
                key=lambda file: (file.root, file.path),
            )
        ),
        warnings=tuple(dict.fromkeys(line for report in reports for line in report.warnings)),
        dry_run=any(report.dry_run for report in reports),
        coverage=_coverage(coverages) if coverages else None,
        missing=tuple(each for report in reports for each in report.missing),
    )


def _coverage(parts: Sequence[Coverage]) -> Coverage:
    from ragkit.storage.sqlite.file_status import whole_coverage

    return whole_coverage(list(parts))
