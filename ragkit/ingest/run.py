"""One run of `index`, from paths to a report. The writer's lock must be held by the caller."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from ragkit.encoders import Encoder
from ragkit.ingest import moved_files
from ragkit.ingest import plan as planning
from ragkit.ingest.options import IndexOptions, ReadSettings
from ragkit.ingest.plan import READ, FileTask, Plan, ScanTarget
from ragkit.ingest.reading import ReadContext
from ragkit.ingest.writer import Progress, Writer
from ragkit.records.reports import FileStatus, IndexReport, Missing
from ragkit.storage.index_writer import IndexWriter
from ragkit.storage.sqlite import embeddings, file_status, passages
from ragkit.storage.sqlite import files as file_rows
from ragkit.storage.sqlite.database import Database
from ragkit.storage.sqlite.files import FileRow, Root


def plans(
    store: Database, options: IndexOptions, fingerprint: str
) -> tuple[list[Plan], ReadSettings, list[str]]:
    """What there is to do, the recipe files are to be read by, and warnings."""
    read_settings = ReadSettings.from_options(options, fingerprint)
    current = ReadSettings("none") if options.rebuild and options.dry_run else read_settings
    with store.reading() as connection:
        roots = file_rows.roots(connection)
        compare = partial(
            planning.compare,
            connection,
            roots,
            read_settings=current,
            max_bytes=options.max_file_bytes,
            skip=store.folder.resolve(),
        )
        wanted = planning.targets(roots, options.paths, options.include, options.exclude)
        made = [compare(target) for target in wanted]
        warnings = _move_roots(connection, roots, made, compare, named=bool(options.paths))
        moved_files.match(connection, roots, made, current)
    for plan in made:
        plan.decide(prune=options.prune)
    return made, read_settings, warnings + [warning for plan in made for warning in plan.warnings]


def _move_roots(
    connection: sqlite3.Connection,
    roots: Sequence[Root],
    made: list[Plan],
    compare: Callable[[ScanTarget], Plan],
    *,
    named: bool,
) -> list[str]:
    """Let plans take in the vanished roots whose files they have found; what a user should know."""
    inside = {root.id for plan in made for root in plan.target.absorbs}
    vanished = [root for root in roots if root.id not in inside and not Path(root.path).exists()]
    told: list[str] = []
    for position, plan in enumerate(made):
        here = moved_files.moved_roots(connection, plan, vanished) if plan.new else []
        if not here:
            continue
        is_new = all(root.path != plan.target.path for root in roots)
        made[position] = compare(planning.with_moved(plan.target, here, is_new=is_new))
        vanished = [root for root in vanished if root not in here]
        told += [f"{root.path} is now {plan.target.place}; its passages are kept" for root in here]
    if not named:
        told += [
            f"{root.path} is not there; its documents are kept. If it has moved: ragkit index "
            f"FOLDER; to take them out: ragkit remove {root.path}"
            for root in vanished
        ]
    return told


def preview(store: Database, options: IndexOptions, fingerprint: str) -> IndexReport:
    """What a run would do; changes nothing."""
    started = time.monotonic()
    made, read_settings, warnings = plans(store, options, fingerprint)
    every = [task for plan in made for task in plan.read]
    same = [] if options.rebuild else [task for task in every if _same_content(task, read_settings)]
    same_ids = {id(task) for task in same}
    tasks = [task for task in every if id(task) not in same_ids]
    known = [task for task in tasks if task.known and task.known.has_text]
    rows = [task.known for task in same if task.known]
    moved_roots = {root.id for plan in made for root in plan.target.moved}
    moved = sum(row.root_id in moved_roots and row.status in READ for row in rows)
    bad = _would_not_be_read(made, [row for row in rows if row.status not in READ])
    return IndexReport(
        added=len(tasks) - len(known),
        updated=len(known),
        unchanged=sum(plan.unchanged for plan in made)
        + sum(row.status in READ for row in rows)
        - moved,
        moved=sum(len(plan.moved) + plan.along for plan in made) + moved,
        removed=sum(row.has_text for plan in made for row in plan.gone)
        + sum(row.has_text for plan in made for _, row in plan.passed if row is not None),
        failed=sum(each.status == "failed" for each in bad),
        skipped=sum(each.status == "skipped" for each in bad),
        seconds=time.monotonic() - started,
        documents=bad,
        warnings=tuple(warnings),
        dry_run=True,
    )


def _would_not_be_read(made: Sequence[Plan], same: Sequence[FileRow]) -> tuple[FileStatus, ...]:
    """The files that a run would list as skipped or failed, as far as that is known unread."""
    found = []
    for plan in made:
        folder = plan.target.folder
        for each, _ in plan.passed:
            found.append(_status(folder, each.path, "skipped", each.reason, each.size, each.kind))
        found += [_as_known(folder, row) for row in plan.still]
    folders = {task.known.id: task.folder for plan in made for task in plan.read if task.known}
    found += [_as_known(folders[row.id], row) for row in same]
    return tuple(sorted(found, key=lambda each: (each.root, each.path)))


def _as_known(folder: str, row: FileRow) -> FileStatus:
    return _status(folder, row.path, row.status, row.reason, row.size, row.kind)


def _status(
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


def _same_content(task: FileTask, read_settings: ReadSettings) -> bool:
    """Whether a file with a new stamp holds what the ledger knows."""
    known = task.known
    if known is None or known.size != task.found.size or not read_settings.match(known.recipe):
        return False
    try:
        return file_rows.content_hash(task.absolute.read_bytes()) == known.hash
    except OSError:
        return False


def index(
    store: Database,
    index_writer: IndexWriter,
    options: IndexOptions,
    model_id: int,
    fingerprint: str,
    load_encoder: Callable[[], Encoder],
    on_progress: Callable[[Progress], None],
) -> IndexReport:
    """Bring the collection in line with the folders. The encoder is loaded only if needed."""
    started = time.monotonic()
    made, read_settings, warnings = plans(store, options, fingerprint)
    writer = Writer(store, index_writer, model_id, on_progress, started)
    writer.settle(made)
    with store.reading() as connection:
        writer.pending = embeddings.count_pending(connection, model_id)
    embedder = None
    if writer.pending or any(plan.read for plan in made):
        context = ReadContext(options, read_settings, load_encoder)
        embedder = writer.read_and_embed(made, context, load_encoder)
    writer.finish()
    bad = _not_read(store, [plan.target for plan in made], writer.roots)
    counts = writer.counts
    with store.reading() as connection:
        total = passages.count(connection)
        parts = file_status.missing_parts(connection, writer.roots.values())
    read = counts["added"] + counts["updated"] + counts["unchanged"] + counts["moved"]
    return IndexReport(
        added=counts["added"],
        updated=counts["updated"],
        unchanged=counts["unchanged"],
        moved=counts["moved"],
        removed=counts["removed"],
        failed=sum(each.status == "failed" for each in bad),
        skipped=sum(each.status == "skipped" for each in bad),
        passages=total,
        embedded=embedder.embedded if embedder else 0,
        reused=counts["read_passages"] - embedder.fresh if embedder else 0,
        tokens=embedder.tokens if embedder else 0,
        truncated_tokens=embedder.truncated_tokens if embedder else 0,
        seconds=time.monotonic() - started,
        coverage=file_status.sum_coverage(
            read, (each.kind for each in bad), (part.kind for part in parts)
        ),
        missing=(*_missing(bad), *parts),
        documents=bad,
        warnings=tuple(warnings),
    )


def _not_read(
    store: Database, targets: Sequence[ScanTarget], roots: dict[str, int]
) -> tuple[FileStatus, ...]:
    """The ledger's skipped and failed files within what was scanned."""
    scanned: dict[str, list[str]] = {}
    for target in targets:
        scanned.setdefault(target.path, []).append(target.under)
    found: list[FileStatus] = []
    for path, unders in scanned.items():
        with store.reading() as connection:
            rows = file_status.coverage_report(
                connection, statuses=("skipped", "failed"), root_ids=[roots[path]]
            )
        found += [row for row in rows if any(_is_part(row.path, under) for under in unders)]
    return tuple(found)


def _missing(files: Sequence[FileStatus]) -> list[Missing]:
    return [
        Missing(each.path, each.kind or "damaged", each.reason or each.status)
        for each in files
        if file_status.is_missing(each)
    ]


def _is_part(path: str, under: str) -> bool:
    """Whether a row lies in what was scanned, or is the folder around it that is passed over."""
    if not under or Path(path).is_relative_to(under):
        return True
    return path.endswith("/") and Path(under).is_relative_to(path)
