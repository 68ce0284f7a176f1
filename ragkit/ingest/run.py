"""One run of `index`, from paths to a report. The writer's lock must be held by the caller."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ragkit.documents import READER_VERSION
from ragkit.encoders import Encoder
from ragkit.ingest import plan as planning
from ragkit.ingest.apply import Progress, Writer
from ragkit.ingest.plan import Plan, Target, Task
from ragkit.ingest.reading import Cut
from ragkit.passages import CUTTER_VERSION
from ragkit.records import FileStatus, IndexReport
from ragkit.storage import embeddings, ledger, passages
from ragkit.storage.database import Database
from ragkit.storage.indexes import Indexes


@dataclass(frozen=True, slots=True)
class Request:
    """What the user asked for. None for globs: those the root was indexed with."""

    paths: Sequence[str | Path] = ()
    include: Sequence[str] | None = None
    exclude: Sequence[str] | None = None
    dry_run: bool = False
    prune: bool = False
    rebuild: bool = False
    passage_tokens: int = 200
    overlap: float = 0.1
    max_file_bytes: int = 50_000_000


def plans(store: Database, request: Request, fingerprint: str) -> tuple[list[Plan], str, list[str]]:
    """What there is to do, the recipe files are to be read by, and warnings."""
    recipe = (
        f"read {READER_VERSION}, cut {CUTTER_VERSION}, {request.passage_tokens} tokens, "
        f"overlap {request.overlap:g}, model {fingerprint[:16]}"
    )
    with store.reading() as connection:
        targets, warnings = planning.targets(
            ledger.roots(connection), request.paths, request.include, request.exclude
        )
        made = [
            planning.make(
                connection,
                target,
                recipe="none" if request.rebuild and request.dry_run else recipe,
                max_bytes=request.max_file_bytes,
                skip=store.folder.resolve(),
                prune=request.prune,
            )
            for target in targets
        ]
    warnings += [warning for plan in made for warning in plan.warnings]
    return made, recipe, warnings


def preview(store: Database, request: Request, fingerprint: str) -> IndexReport:
    """What a run would do; changes nothing."""
    started = time.monotonic()
    made, recipe, warnings = plans(store, request, fingerprint)
    every = [task for plan in made for task in plan.read]
    tasks = [task for task in every if request.rebuild or not _same_content(task, recipe)]
    known = [task for task in tasks if task.known and task.known.has_text]
    skipped = tuple(
        FileStatus(
            each.path,
            "skipped",
            each.reason,
            0,
            None,
            None,
            each.size,
            0,
            0,
            (),
            plan.target.folder,
        )
        for plan in made
        for each in plan.passed
    )
    return IndexReport(
        added=len(tasks) - len(known),
        updated=len(known),
        unchanged=sum(plan.unchanged for plan in made) + len(every) - len(tasks),
        moved=sum(len(plan.moved) for plan in made),
        removed=sum(row.has_text for plan in made for row in plan.gone),
        skipped=len(skipped),
        seconds=time.monotonic() - started,
        documents=skipped,
        warnings=tuple(warnings),
        dry_run=True,
    )


def _same_content(task: Task, recipe: str) -> bool:
    """Whether a file with a new stamp holds what the ledger knows."""
    known = task.known
    if known is None or (known.size, known.recipe) != (task.found.size, recipe):
        return False
    try:
        return ledger.content_hash(task.absolute.read_bytes()) == known.hash
    except OSError:
        return False


def index(
    store: Database,
    indexes: Indexes,
    request: Request,
    model_id: int,
    fingerprint: str,
    load_encoder: Callable[[], Encoder],
    on_progress: Callable[[Progress], None],
) -> IndexReport:
    """Bring the collection in line with the folders. The encoder is loaded only if needed."""
    started = time.monotonic()
    made, recipe, warnings = plans(store, request, fingerprint)
    with store.reading() as connection:
        waiting = embeddings.pending_count(connection, model_id)
    writer = Writer(store, indexes, model_id, waiting, on_progress, started)
    for plan in made:
        writer.settle(plan)
    embedder = None
    if waiting or any(plan.read for plan in made):
        encoder = load_encoder()
        cut = Cut(
            encoder,
            request.passage_tokens,
            request.overlap,
            recipe,
            request.max_file_bytes,
        )
        embedder = writer.read_and_embed(made, cut, encoder)
    writer.finish()
    bad = _not_read(store, [plan.target for plan in made], writer.roots)
    counts = writer.counts
    embedded = embedder.embedded if embedder else 0
    with store.reading() as connection:
        total = passages.count(connection)
    return IndexReport(
        added=counts["added"],
        updated=counts["updated"],
        unchanged=counts["unchanged"],
        moved=counts["moved"],
        removed=counts["removed"],
        failed=sum(each.status == "failed" for each in bad),
        skipped=sum(each.status == "skipped" for each in bad),
        passages=total,
        embedded=embedded,
        reused=max(0, waiting + counts["read_passages"] - embedded),
        tokens=embedder.tokens if embedder else 0,
        truncated_tokens=embedder.truncated_tokens if embedder else 0,
        seconds=time.monotonic() - started,
        documents=bad,
        warnings=tuple(warnings),
    )


def _not_read(
    store: Database, targets: Sequence[Target], roots: dict[str, int]
) -> tuple[FileStatus, ...]:
    """The ledger's skipped and failed files within what was scanned."""
    scanned: dict[str, list[str]] = {}
    for target in targets:
        scanned.setdefault(target.path, []).append(target.under)
    found: list[FileStatus] = []
    for path, unders in scanned.items():
        with store.reading() as connection:
            rows = ledger.statuses(connection, wanted=("skipped", "failed"), root_ids=[roots[path]])
        found += [
            row
            for row in rows
            if any(not under or Path(row.path).is_relative_to(under) for under in unders)
        ]
    return tuple(found)
