"""Run an index: from paths to an `IndexReport`. The caller must hold the writer lock."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from ragkit.encoders import Encoder
from ragkit.errors import UsageError
from ragkit.ingest import moved_files, unreadable
from ragkit.ingest import plan as planning
from ragkit.ingest.mailboxes import hash_file
from ragkit.ingest.options import IndexOptions, ReadSettings
from ragkit.ingest.plan import READ_STATUSES, FilePart, FileTask, Plan, ScanTarget
from ragkit.ingest.reading import ReadContext, Reader
from ragkit.ingest.scan import ROOT
from ragkit.ingest.writer import CollectionWriter, Progress
from ragkit.records.reports import UNREAD_STATUSES, FileStatus, IndexReport, Missing
from ragkit.records.text import embedded_text
from ragkit.storage.index_writer import IndexWriter
from ragkit.storage.sqlite import file_status, passages
from ragkit.storage.sqlite import files as file_rows
from ragkit.storage.sqlite.database import Database
from ragkit.storage.sqlite.files import FileRow, Root
from ragkit.storage.sqlite.vector_cache import VectorCache


@dataclass(frozen=True, slots=True)
class PreparedRun:
    """The plans of a run, how its files are read, and warnings for the user."""

    plans: list[Plan]
    read_settings: ReadSettings
    warnings: list[str]


def make_plans(
    store: Database, options: IndexOptions, fingerprint: str
) -> tuple[list[Plan], ReadSettings, list[str]]:
    """Return the plans of a run, the read settings and the warnings for the user. Scans the folders
    and changes nothing.

    Raises UsageError for a path that does not exist.
    """
    run = prepare_run(store, options, fingerprint)
    for plan in run.plans:
        plan.finish(prune=options.prune)
    warnings = [warning for plan in run.plans for warning in plan.warnings]
    return run.plans, run.read_settings, run.warnings + warnings


def prepare_run(
    store: Database,
    options: IndexOptions,
    fingerprint: str,
    part: FilePart | None = None,
    roots: Sequence[Root] | None = None,
) -> PreparedRun:
    """Return the plans of a run, which `Plan.finish` or `finish_together` has to finish.

    `part`: the files of this shard; `roots`: those of all shards. Raises as `make_plans`.
    """
    read_settings = ReadSettings.from_options(options, fingerprint)
    current = ReadSettings("none") if options.rebuild and options.dry_run else read_settings
    with store.reading() as connection:
        roots = file_rows.roots(connection) if roots is None else roots
        compare = partial(
            planning.compare,
            connection,
            roots,
            read_settings=current,
            max_bytes=options.max_file_bytes,
            skip=options.skip_folder or store.folder.resolve(),
            password_file=options.password_file,
            part=part,
        )
        targets = planning.find_targets(roots, options.paths, options.include, options.exclude)
        plans = []
        for target in targets:
            try:
                plans.append(compare(target))
            except UsageError:
                if options.paths or not planning.is_missing(target.path):
                    raise  # else it was deleted a moment ago: reported below as a missing root
        warnings = _move_roots(connection, roots, plans, compare, has_paths=bool(options.paths))
        moved_files.match_moved_files(connection, roots, plans, current)
        for plan in plans:
            plan.count_documents(connection)
    return PreparedRun(plans, read_settings, warnings)


def _move_roots(
    connection: sqlite3.Connection,
    roots: Sequence[Root],
    plans: list[Plan],
    compare: Callable[[ScanTarget], Plan],
    *,
    has_paths: bool,
) -> list[str]:
    """Assign missing roots to the plans that contain most of their files. Returns warnings."""
    absorbed_ids = {root.id for plan in plans for root in plan.target.absorbed_roots}
    missing = [
        root for root in roots if root.id not in absorbed_ids and planning.is_missing(root.path)
    ]
    warnings: list[str] = []
    for position, plan in enumerate(plans):
        moved = moved_files.find_moved_roots(connection, plan, missing) if plan.new else []
        if not moved:
            continue
        is_new = all(root.path != plan.target.path for root in roots)
        plans[position] = compare(planning.with_moved_roots(plan.target, moved, is_new=is_new))
        missing = [root for root in missing if root not in moved]
        warnings += [
            f"{root.path} is now {plan.target.scanned_path}; its passages are kept"
            for root in moved
        ]
    if not has_paths:
        warnings += [
            f"{root.path} is missing; its documents are kept. If it has moved: ragkit index "
            f"FOLDER; to remove them: ragkit remove {root.path}"
            for root in missing
        ]
    return warnings


def preview(
    store: Database,
    options: IndexOptions,
    fingerprint: str,
    prepared: PreparedRun | None = None,
) -> IndexReport:
    """Report what a run would do. Changes nothing. `prepared`: as in `index`."""
    started = time.monotonic()
    if prepared is None:
        plans, read_settings, warnings = make_plans(store, options, fingerprint)
    else:
        plans, read_settings, warnings = prepared.plans, prepared.read_settings, prepared.warnings
    tasks_to_read = [task for plan in plans for task in plan.to_read]
    unchanged_tasks = (
        []
        if options.rebuild
        else [task for task in tasks_to_read if _has_same_content(task, read_settings)]
    )
    unchanged_ids = {id(task) for task in unchanged_tasks}
    tasks = [task for task in tasks_to_read if id(task) not in unchanged_ids]
    updated = [task for task in tasks if task.stored and task.stored.has_text]
    rows = [task.stored for task in unchanged_tasks if task.stored]
    moved_roots = {root.id for plan in plans for root in plan.target.moved_roots}
    moved = sum(row.root_id in moved_roots and row.status in READ_STATUSES for row in rows)
    unread_files = _expected_unread(plans, [row for row in rows if row.status not in READ_STATUSES])
    return IndexReport(
        added=len(tasks) - len(updated),
        updated=len(updated),
        unchanged=sum(plan.unchanged_count for plan in plans)
        + sum(row.status in READ_STATUSES for row in rows)
        - moved,
        moved=sum(len(plan.moved) + plan.moved_with_root_count for plan in plans) + moved,
        removed=sum(row.has_text for plan in plans for row in plan.removed)
        + sum(row.has_text for plan in plans for _, row in plan.skipped if row is not None),
        failed=sum(file.status == "failed" for file in unread_files),
        skipped=sum(file.status == "skipped" for file in unread_files),
        unsupported=sum(file.status == "unsupported" for file in unread_files),
        seconds=time.monotonic() - started,
        documents=unread_files,
        warnings=tuple(warnings),
        dry_run=True,
    )


def _expected_unread(plans: Sequence[Plan], unchanged: Sequence[FileRow]) -> tuple[FileStatus, ...]:
    """Return the files that a run would report as skipped or failed, without reading any."""
    files = []
    for plan in plans:
        folder = plan.target.folder
        for file, _ in plan.skipped:
            files.append(
                _file_status(folder, file.path, file.status, file.reason, file.size, file.kind)
            )
        files += [_status_of_row(folder, row) for row in plan.still_unread]
    folders = {
        task.stored.id: task.folder for plan in plans for task in plan.to_read if task.stored
    }
    files += [_status_of_row(folders[row.id], row) for row in unchanged]
    return tuple(sorted(files, key=lambda file: (file.root, file.path)))


def _status_of_row(folder: str, row: FileRow) -> FileStatus:
    return _file_status(folder, row.path, row.status, row.reason, row.size, row.kind)


def _file_status(
    root: str, path: str, status: str, reason: str | None, size: int, kind: str | None
) -> FileStatus:
    return FileStatus(
        path=path,
        status=status,
        reason=reason,
        passages=0,
        media_type=None,
        encoding=None,
        size=size,
        characters=0,
        tokens=0,
        warnings=(),
        root=root,
        kind=kind,
    )


def _has_same_content(task: FileTask, read_settings: ReadSettings) -> bool:
    """Whether a file with a new time stamp has its stored content."""
    stored = task.stored
    if (
        stored is None
        or stored.size != task.file.size
        or not read_settings.match(stored.recipe, is_included=task.file.is_included)
    ):
        return False
    try:
        # A byte more, so that a file that has grown since is another one.
        return hash_file(task.folder, task.file.path, task.file.size + 1) == stored.hash
    except OSError:
        return False


def first_texts(store: Database, options: IndexOptions, encoder: Encoder, limit: int) -> list[str]:
    """Return about the first `limit` passages that a run with these options would embed, header
    included. Reads files and changes nothing.

    Raises UsageError as `make_plans`.
    """
    preview_options = replace(options, dry_run=True)  # a rebuild reads every file
    plans, read_settings, _ = make_plans(store, preview_options, encoder.fingerprint)
    if options.rebuild:
        read_settings = ReadSettings("none")  # no stored file counts as read
    context = ReadContext(options, read_settings, lambda: encoder)
    texts: dict[str, None] = {}
    reader = Reader([task for plan in plans for task in plan.to_read], context)
    try:
        while not reader.finished and len(texts) < limit:
            for result in reader.take(1, 0.05):
                for part in result.parts:
                    texts |= dict.fromkeys(
                        embedded_text(passage.header, passage.text) for passage in part.passages
                    )
    finally:
        reader.stop()
    if reader.error is not None and len(texts) < limit:
        raise reader.error
    return list(texts)[:limit]


def index(  # noqa: PLR0913, PLR0917
    store: Database,
    index_writer: IndexWriter,
    options: IndexOptions,
    model_id: int,
    fingerprint: str,
    load_encoder: Callable[[], Encoder],
    on_progress: Callable[[Progress], None],
    vector_cache: VectorCache | None = None,
    prepared: PreparedRun | None = None,
) -> IndexReport:
    """Update the collection to the state of the folders. The encoder is loaded only if needed.

    `prepared`: finished plans; default: those of `make_plans`.

    `vector_cache`: vectors of this encoder that other collections have, too.

    Raises UsageError (a path does not exist), ModelError, CollectionError (disk full).
    """
    started = time.monotonic()
    if prepared is None:
        plans, read_settings, warnings = make_plans(store, options, fingerprint)
    else:
        plans, read_settings, warnings = prepared.plans, prepared.read_settings, prepared.warnings
    writer = CollectionWriter(store, index_writer, model_id, on_progress, started, vector_cache)
    writer.apply_without_reading(plans)
    withdrawn = unreadable.withdraw_vectors(store, model_id, load_encoder)
    with store.reading() as connection:
        writer.pending = passages.count_pending(connection, model_id)
    embedder = None
    if writer.pending or any(plan.to_read for plan in plans):
        context = ReadContext(options, read_settings, load_encoder)
        embedder = writer.read_and_embed(plans, context, load_encoder)
    writer.finish()
    unread_files = _unread_files(store, [plan.target for plan in plans], writer.roots)
    counts = writer.counts
    with store.reading() as connection:
        total = passages.count(connection)
        if withdrawn or (embedder is not None and embedder.unreadable):
            count = passages.count_unreadable(connection, model_id)
            warnings.append(_unreadable_warning(connection, count))
        if embedder is not None and embedder.embedded:
            warnings += _language_warnings(connection, load_encoder)
        parts = file_status.missing_parts(connection, writer.roots.values())
    read_count = counts["added"] + counts["updated"] + counts["unchanged"] + counts["moved"]
    return IndexReport(
        added=counts["added"],
        updated=counts["updated"],
        unchanged=counts["unchanged"],
        moved=counts["moved"],
        removed=counts["removed"],
        failed=sum(file.status == "failed" for file in unread_files),
        skipped=sum(file.status == "skipped" for file in unread_files),
        unsupported=sum(file.status == "unsupported" for file in unread_files),
        passages=total,
        embedded=embedder.embedded if embedder else 0,
        reused=counts["read_passages"] - embedder.embedded_new - embedder.unreadable_new
        if embedder
        else 0,
        tokens=embedder.tokens if embedder else 0,
        truncated_tokens=embedder.truncated_tokens if embedder else 0,
        seconds=time.monotonic() - started,
        coverage=file_status.sum_coverage(
            read_count, (file.kind for file in unread_files), (part.kind for part in parts)
        ),
        missing=(*_missing_files(unread_files), *parts),
        documents=unread_files,
        warnings=tuple(warnings),
    )


def _language_warnings(
    connection: sqlite3.Connection, load_encoder: Callable[[], Encoder]
) -> list[str]:
    """The warning that the encoder does not read most of the collection, if it says what it
    reads."""
    encoder = load_encoder()  # it has been loaded to embed
    languages: tuple[str, ...] = getattr(encoder, "languages", ())
    warning = unreadable.describe_foreign_languages(connection, encoder.name, languages)
    return [] if warning is None else [warning]


def _unreadable_warning(connection: sqlite3.Connection, count: int) -> str:
    model = passages.model(connection)
    name = model["name"] if model is not None else "the model"
    return (
        f"{count:,} passage{'s' if count > 1 else ''} that {name} cannot read: most of the words "
        "are not in its vocabulary. Only keyword search finds them (ragkit ls); to use a model "
        "that reads this language: ragkit index --rebuild --model NAME"
    )


def _unread_files(
    store: Database, targets: Sequence[ScanTarget], roots: dict[str, int]
) -> tuple[FileStatus, ...]:
    """Return the stored skipped and failed files within the scanned parts."""
    scanned: dict[str, list[str]] = {}
    for target in targets:
        scanned.setdefault(target.path, []).append(target.under)
    files: list[FileStatus] = []
    for path, unders in scanned.items():
        with store.reading() as connection:
            rows = file_status.coverage_report(
                connection, statuses=UNREAD_STATUSES, root_ids=[roots[path]]
            )
        files += [row for row in rows if any(_is_in_scan(row.path, under) for under in unders)]
    return tuple(files)


def _missing_files(files: Sequence[FileStatus]) -> list[Missing]:
    return [
        Missing(
            file.root if file.path == ROOT else file.path,
            file.kind or "damaged",
            file.reason or file.status,
        )
        for file in files
        if file_status.is_missing(file)
    ]


def _is_in_scan(path: str, under: str) -> bool:
    """Whether a row lies in the scanned part, or is a skipped folder around it."""
    if not under or Path(path).is_relative_to(under):
        return True
    return path.endswith("/") and Path(under).is_relative_to(path)
