"""Check a collection completely, and repair what can be made again from what is intact.

The order: can it be opened; the database, row by row; what has no vector; the index files; the
model; disk, lock and log. Checking changes nothing. Repairing never deletes what cannot be made
again: a database that cannot be used is renamed, and a new one gets what could be rescued.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from ragkit import trust
from ragkit.encoders import Encoder
from ragkit.errors import BusyError, CollectionError, RagkitError
from ragkit.maintenance import versions
from ragkit.models.selection import ModelSelection
from ragkit.records.maintenance import Diagnosis, DoctorReport
from ragkit.settings import Settings
from ragkit.storage import collection_files
from ragkit.storage.atomic_files import delete_unused_files
from ragkit.storage.checksums import ChecksumCache, is_plausible
from ragkit.storage.index_writer import INDEX_KINDS, IndexWriter, current_lexical_file
from ragkit.storage.lock import writer_lock
from ragkit.storage.opening import open_database, trust_database
from ragkit.storage.sqlite import changes, integrity, passages, salvage, state, transfer
from ragkit.storage.sqlite.database import FILE_NAME, Database, untrusted_message
from ragkit.storage.sqlite.integrity import Finding
from ragkit.storage.sqlite.state import IndexFile, generation

MAX_LOG_BYTES = 64_000_000  # a larger write-ahead log means that a reader has kept it from merging
MIN_FREE_BYTES = 200_000_000
MIN_FREE_SHARE = 1.0  # of the database: an index run or a migration may write as much again
MAX_REMOVED_SHARE = 0.1  # of the lexical index; `ragkit index` writes it anew then
_LOG_NAME, _SHM_NAME = f"{FILE_NAME}-wal", f"{FILE_NAME}-shm"
# Kinds of findings in the database, by the name of the check that reports them.
_CHECKS = {
    "integrity": ("sqlite", "sqlite_index", "schema"),
    "foreign keys": ("foreign_key", *integrity.DELETE_DERIVED),
    "texts": integrity.READ_AGAIN,
    "vectors": integrity.EMBED_AGAIN,
    "orphans": integrity.DELETE_UNUSED,
    "embeddings": integrity.RECOUNT,
}
_EXPECTED = {
    "integrity": "SQLite finds no error, and every table is there",
    "foreign keys": "every row refers to one that exists",
    "texts": "every text has the checksum that it was written with",
    "vectors": "every vector has its checksum, its model's dimension and the length 1",
    "orphans": "every vector belongs to a passage",
    "embeddings": "no passage has lost its vector",
    "rows": "every value is of a type that ragkit writes",
}
# Kinds that make the database unusable: only its copy in a backup, or a new one, helps.
_LOST = ("sqlite", "schema", "model", "generation", "foreign_key")
_REPAIRABLE = (
    *integrity.READ_AGAIN, *integrity.EMBED_AGAIN, *integrity.REINDEX, *integrity.DELETE_UNUSED,
    *integrity.RECOUNT, *integrity.DELETE_DERIVED, *integrity.READ_FILE_AGAIN,
)  # fmt: skip


def examine(
    folder: Path,
    settings: Settings,
    *,
    repair: bool = False,
    encoder: Encoder | None = None,
    wait: float = 0.0,
    notify: Callable[[str], None] = lambda line: None,
) -> DoctorReport:
    """Check the collection in `folder`; with `repair`, put in order what can be put in order.

    Raises CollectionError if there is no collection, and with `repair` BusyError if another process
    writes for longer than `wait` seconds. Damage of any kind is reported, never raised.
    """
    started = time.monotonic()
    folder = folder.absolute()
    if not os.path.lexists(folder / FILE_NAME):
        raise CollectionError(
            f"no collection at {folder}. Make one with: ragkit -c {folder} index FOLDER"
        )
    first = _examine(folder, settings, encoder, notify)
    actions: list[str] = []
    if repair:
        actions = _repair(folder, first, wait, notify)
        if actions:
            first = _merge(first, _examine(folder, settings, encoder, notify))
    return replace(first, actions=tuple(actions), seconds=time.monotonic() - started)


def examine_published(
    folder: Path, settings: Settings, encoder: Encoder | None, notify: Callable[[str], None]
) -> DoctorReport:
    """Check the folder of a published shard, of which nothing is written."""
    report = _examine(folder, settings, encoder, notify, published=True)
    kept = (entry for entry in report.diagnoses if entry.name not in ("permissions", "lock"))
    return replace(report, diagnoses=tuple(kept))


def _merge(before: DoctorReport, after: DoctorReport) -> DoctorReport:
    """Return the report after a repair; what it has put in order stays listed as repaired."""
    wrong = {entry.name: entry for entry in before.diagnoses if entry.severity != "ok"}
    diagnoses = []
    for entry in after.diagnoses:
        if entry.severity == "ok" and entry.name in wrong:
            diagnoses.append(replace(wrong[entry.name], repaired=True))
        elif entry.name == "texts" and entry.severity != "ok":  # marked to be read again
            diagnoses.append(replace(entry, remedy="ragkit index"))
        else:
            diagnoses.append(entry)
    return replace(after, diagnoses=tuple(diagnoses))


def _examine(
    folder: Path,
    settings: Settings,
    encoder: Encoder | None,
    notify: Callable[[str], None],
    *,
    published: bool = False,
) -> DoctorReport:
    diagnoses: list[Diagnosis] = []
    counts: dict[str, int] = {}
    usable = True
    try:
        _refuse_empty(folder / FILE_NAME)
        if published:
            store = Database(folder, published=True)
        else:
            store = open_database(folder, create=False, notify=notify)
    except CollectionError as error:
        usable = False
        diagnoses.append(_unusable(folder, error))
        diagnoses += _guarded("readable tables", lambda: _readable_tables(folder))
    else:
        with contextlib.closing(store):
            diagnoses.append(
                Diagnosis("database", "ok", f"{folder / FILE_NAME}, {_bytes(store.size())}")
            )
            for name, check in (
                ("integrity", lambda: _check_database(store)),
                ("embeddings", lambda: _check_embeddings(store)),
                ("index files", lambda: _check_index_files(store)),
                ("word index", lambda: _check_word_index(store)),
                ("model", lambda: _check_model(store, settings, encoder)),
                ("write-ahead log", lambda: _check_log(store)),
            ):
                diagnoses += _guarded(name, check)
            with contextlib.suppress(CollectionError), store.reading() as connection:
                counts = transfer.counts(connection)
            if store.read_only:
                diagnoses.append(_read_only(store))
    diagnoses += _guarded("disk", lambda: _check_disk(folder))
    diagnoses += _guarded("lock", lambda: _check_lock(folder))
    return DoctorReport(
        str(folder), usable, tuple(_unique(diagnoses)), versions.versions(), counts=counts
    )


def _refuse_empty(path: Path) -> None:
    """Raise CollectionError for a file of 0 bytes, in which SQLite would make a new database."""
    if collection_files.is_regular_file(path) and not path.stat().st_size:
        log = path.with_name(_LOG_NAME)
        if not collection_files.is_regular_file(log) or not log.stat().st_size:
            raise CollectionError(f"{path} is damaged: it is empty")


def _guarded(name: str, check: Callable[[], Iterator[Diagnosis]]) -> list[Diagnosis]:
    """Return the diagnoses of a check; one that fails is a diagnosis itself."""
    try:
        return list(check())
    except (RagkitError, OSError, sqlite3.Error, ValueError, TypeError, LookupError) as error:
        return [Diagnosis(name, "error", str(error), "it can be checked", _remedy_for_damage())]


def _unique(diagnoses: Sequence[Diagnosis]) -> list[Diagnosis]:
    """Leave out an "ok" for a check that has found something, and all but the last for another."""
    wrong = {entry.name for entry in diagnoses if entry.severity != "ok"}
    last = {entry.name: entry for entry in diagnoses}
    return [
        entry
        for entry in diagnoses
        if entry.severity != "ok" or (entry.name not in wrong and last[entry.name] is entry)
    ]


def _remedy_for_damage() -> str:
    return "ragkit doctor --repair; or ragkit restore --force BACKUP"


def _unusable(folder: Path, error: CollectionError) -> Diagnosis:
    text, remedy = str(error), None  # most messages have a remedy
    if isinstance(error, BusyError):
        remedy = "run the same command again"
    elif "damaged" in text or "not a SQLite database" in text:
        remedy = _remedy_for_lost(folder)
    return Diagnosis("database", "error", text, "a database that can be opened", remedy)


def _remedy_for_lost(folder: Path) -> str:
    """Return what to do about a database that cannot be repaired in place."""
    restore = "ragkit restore --force BACKUP; without a backup: "
    if salvage.is_rescuable(folder / FILE_NAME):
        return restore + "ragkit doctor --repair, which keeps the damaged file, then ragkit index"
    return restore + f"move {folder} away and index the folders again"


def _readable_tables(folder: Path) -> Iterator[Diagnosis]:
    counts = salvage.readable_counts(folder / FILE_NAME)
    readable = [f"{count:,} {table}" for table, count in counts.items() if count is not None]
    lost = [table for table, count in counts.items() if count is None]
    tables = ", ".join(readable) or "none"
    if lost and readable:
        tables += f"; not {', '.join(lost)}"
    yield Diagnosis("readable tables", "error" if lost else "ok", tables, "all tables")


def _check_database(store: Database) -> Iterator[Diagnosis]:
    with store.reading() as connection:
        findings = integrity.check(connection)
    lost = ""
    if any(finding.kind in _LOST for finding in findings):
        lost = _remedy_for_lost(store.folder)
    by_check = {kind: name for name, kinds in _CHECKS.items() for kind in kinds}
    for name, expected in _EXPECTED.items():
        own = [finding for finding in findings if by_check.get(finding.kind, "rows") == name]
        if not own:
            yield Diagnosis(name, "ok", expected)
        for finding in own:
            severity = "error" if finding.is_damage else "warning"
            yield Diagnosis(name, severity, finding.message, expected, _remedy(finding) or lost)


def _remedy(finding: Finding) -> str | None:
    """Return the remedy for what can be repaired in place; None for other findings."""
    if finding.kind in (
        *integrity.READ_AGAIN, *integrity.READ_FILE_AGAIN, *integrity.EMBED_AGAIN,
        *integrity.RECOUNT, *integrity.DELETE_DERIVED,
    ):  # fmt: skip
        return "ragkit doctor --repair, then ragkit index"
    if finding.kind in _REPAIRABLE:
        return "ragkit doctor --repair"
    if finding.kind in _LOST:
        return None
    return "ragkit index --rebuild, which reads every file again; or ragkit restore --force BACKUP"


def _check_embeddings(store: Database) -> Iterator[Diagnosis]:
    with store.reading() as connection:
        model = passages.model(connection)
        if model is None:
            yield Diagnosis("embeddings", "ok", "no passages yet")
            return
        total = passages.count(connection)
        pending = passages.count_pending(connection, model["id"])
        unreadable = passages.count_unreadable(connection, model["id"])
    if pending:
        yield Diagnosis(
            "embeddings",
            "warning",
            f"texts without an embedding, which only keyword search finds: {pending:,}",
            "every text has an embedding",
            "ragkit index",
        )
    else:
        yield Diagnosis("embeddings", "ok", f"{total - unreadable:,} of {total:,} passages")
    if unreadable:
        yield Diagnosis(
            "unreadable passages",
            "warning",
            f"{unreadable:,} passages that {model['name']} cannot read; only keyword search finds "
            "them",
            "the model knows most words of every passage",
            "ragkit index --rebuild --model NAME, with a model for the language; ragkit ls",
        )


def _check_index_files(store: Database) -> Iterator[Diagnosis]:
    with store.reading() as connection:
        files = {kind: state.index_file(connection, kind) for kind in INDEX_KINDS}
        newest, total = generation(connection), passages.count(connection)
    names = set()
    for kind, file in files.items():
        if file is None:
            continue
        names.add(file.name)
        reason = index_file_damage(store.folder, kind, file, newest)
        if reason and _is_recorded(store, kind, file):
            yield Diagnosis(
                "index files", "error", reason, "a file as it was written", _INDEX_REMEDY
            )
    for kind in ("vectors", "words"):
        if total and files[kind] is None:
            yield Diagnosis(
                "index files", "warning", f"no {kind} file", f"a {kind} file", _INDEX_REMEDY
            )
    entries = [entry.name for entry in store.folder.iterdir() if not entry.is_symlink()]
    unused = [
        name
        for name in entries
        if name not in names
        and (collection_files.is_index_name(name) or collection_files.is_leftover_name(name))
    ]
    # The previous files stay until the next update, because a reader may have them open.
    if len(unused) > len(INDEX_KINDS):
        yield Diagnosis(
            "unused files",
            "warning",
            f"{len(unused):,} index files that are not in use",
            "at most the previous ones",
            "ragkit doctor --repair",
        )
    yield Diagnosis("index files", "ok", f"{len(names)} files, as they were written")


_INDEX_REMEDY = "ragkit doctor --repair (nothing is embedded again)"


def _is_recorded(store: Database, kind: str, file: IndexFile) -> bool:
    """Whether this is still the current file: a writer may have replaced it meanwhile."""
    with store.reading() as connection:
        return state.index_file(connection, kind) == file


def index_file_damage(folder: Path, kind: str, file: IndexFile, newest: int) -> str | None:
    """Return what is wrong with a recorded index file; None if it is as it was written."""
    checksums = ChecksumCache(folder)
    try:
        if not is_plausible(kind, file, newest):
            return (
                f"the database names {collection_files.shorten_name(file.name)} as its {kind} file"
            )
        if kind == "words":
            checksums.verify_folder(file)
        else:
            checksums.verify_file(kind, file)
    except FileNotFoundError:
        return f"{file.name} is missing"
    except (OSError, ValueError) as error:
        return str(error)
    return None


def _check_word_index(store: Database) -> Iterator[Diagnosis]:
    with store.reading() as connection:
        file = current_lexical_file(connection)
        if file is None:
            return
        total = passages.count(connection)
        stored = state.value(connection, "lexical_removed")
        removed = stored if isinstance(stored, int) else changes.count_ever_removed(connection)
        is_stale = changes.has_newer_text(connection, file.generation)
        removed += len(changes.removed_since(connection, file.generation))
    share = removed / (total + removed) if removed else 0.0
    if is_stale:
        yield Diagnosis(
            "word index",
            "warning",
            "there is text that it does not contain yet",
            "it contains every passage",
            "ragkit index",
        )
    if share > MAX_REMOVED_SHARE:
        yield Diagnosis(
            "word index",
            "warning",
            f"{share:.0%} of it are deleted passages, which count in BM25",
            f"at most {MAX_REMOVED_SHARE:.0%}",
            "ragkit doctor --repair",
        )
    yield Diagnosis("word index", "ok", f"in step with the database; {share:.0%} deleted passages")


def _check_model(
    store: Database, settings: Settings, encoder: Encoder | None
) -> Iterator[Diagnosis]:
    with store.reading() as connection:
        row = passages.model(connection)
    if row is None:
        yield Diagnosis("model", "ok", "none yet")
        return
    try:
        loaded = ModelSelection(store, settings, encoder).load_encoder()
    except RagkitError as error:
        yield Diagnosis(
            "model",
            "error",
            str(error),
            f"{row['name']} with the fingerprint {row['fingerprint'][:12]}",
            "keyword search works without it: ragkit query --mode lexical",
        )
        return
    yield Diagnosis(
        "model", "ok", f"{loaded.name}, fingerprint {loaded.fingerprint[:12]}, as stored"
    )


def _check_log(store: Database) -> Iterator[Diagnosis]:
    with contextlib.suppress(OSError):
        size = (store.folder / _LOG_NAME).stat().st_size
        if size > MAX_LOG_BYTES:
            yield Diagnosis(
                "write-ahead log",
                "warning",
                f"{_bytes(size)}: a process has been reading for long, or has died",
                f"at most {_bytes(MAX_LOG_BYTES)}",
                "end programs that have the collection open, then ragkit doctor --repair",
            )
            return
        yield Diagnosis("write-ahead log", "ok", _bytes(size))
        return
    yield Diagnosis("write-ahead log", "ok", "none")


def _read_only(store: Database) -> Diagnosis:
    if store.is_untrusted:
        return Diagnosis(
            "trust",
            "warning",
            "the collection came with a checkout and is only read",
            "a collection that you made or trust",
            f"ragkit trust {shlex.quote(str(store.folder))}",
        )
    return Diagnosis(
        "permissions",
        "warning",
        f"{store.folder} cannot be written",
        "a folder that you can write",
        "search works; to index or to repair, give yourself the permission",
    )


def _check_disk(folder: Path) -> Iterator[Diagnosis]:
    free = shutil.disk_usage(folder).free
    size = (folder / FILE_NAME).stat().st_size
    needed = max(MIN_FREE_BYTES, int(MIN_FREE_SHARE * size))
    if free < needed:
        yield Diagnosis(
            "disk",
            "warning",
            f"{_bytes(free)} free",
            f"{_bytes(needed)} or more",
            "free some space",
        )
    else:
        yield Diagnosis("disk", "ok", f"{_bytes(free)} free")


def _check_lock(folder: Path) -> Iterator[Diagnosis]:
    """Report who writes. Takes the lock for a moment where there is a lock file."""
    path = folder / "writer.lock"
    if not collection_files.is_regular_file(path):
        yield Diagnosis("lock", "ok", "nobody is writing")
        return
    try:
        with writer_lock(folder, "ragkit doctor"):
            pass
    except BusyError as error:
        yield Diagnosis(
            "lock", "warning", str(error).partition(";")[0], "nobody is writing", "wait for it"
        )
        return
    except CollectionError as error:  # the folder is read-only
        yield Diagnosis("lock", "ok", str(error))
        return
    yield Diagnosis("lock", "ok", "nobody is writing")


def _repair(
    folder: Path, report: DoctorReport, wait: float, notify: Callable[[str], None]
) -> list[str]:
    """Put in order what can be put in order; return what was done."""
    is_lost = any(
        entry.severity == "error" and entry.remedy and entry.remedy.startswith("ragkit restore")
        for entry in report.diagnoses
    )
    if is_lost or not report.usable:
        return _start_anew(folder, wait, notify)
    actions: list[str] = []
    store = open_database(folder, create=False, notify=notify)
    with contextlib.closing(store):
        store.refuse_untrusted("nothing is repaired")
        with writer_lock(folder, "ragkit doctor --repair", wait):
            actions += _repair_rows(store)
            actions += _repair_index_files(store)
            log = folder / _LOG_NAME
            before = log.stat().st_size if log.exists() else 0
            if before > MAX_LOG_BYTES:
                store.checkpoint()
                actions.append("merged the write-ahead log")
    return actions


def _repair_rows(store: Database) -> list[str]:
    with store.reading() as connection:
        findings = [
            finding for finding in integrity.check(connection) if finding.kind in _REPAIRABLE
        ]
    if not findings:
        return []
    with store.changing() as (connection, at_generation):
        integrity.repair(connection, findings, at_generation)
    actions = {
        integrity.REINDEX: "rebuilt SQLite's indexes",
        integrity.READ_AGAIN: "marked damaged documents: the next ragkit index reads them again",
        integrity.READ_FILE_AGAIN: "marked damaged rows: the next ragkit index reads them again",
        integrity.EMBED_AGAIN: "deleted damaged vectors: the next ragkit index embeds them again",
        integrity.DELETE_UNUSED: "deleted vectors that belong to no passage",
        integrity.DELETE_DERIVED: "deleted rows that refer to nothing: run ragkit index",
        integrity.RECOUNT: "marked passages without a vector: the next ragkit index embeds them",
    }
    kinds = {finding.kind for finding in findings}
    return [line for own, line in actions.items() if kinds & set(own)]


def _repair_index_files(store: Database) -> list[str]:
    """Rebuild index files that are damaged, missing or out of step. The caller holds the lock."""
    actions = []
    with store.reading() as connection:
        files = {kind: state.index_file(connection, kind) for kind in INDEX_KINDS}
        newest = generation(connection)
    damaged = [
        file
        for kind, file in files.items()
        if file is not None and index_file_damage(store.folder, kind, file, newest)
    ]
    if damaged:
        with store.writing() as connection:
            transfer.forget_index_files(connection, [file.name for file in damaged])
    writer = IndexWriter(store, ChecksumCache(store.folder))
    writer.update_lexical()
    writer.update_vectors()
    with store.reading() as connection:
        names = set(state.index_names(connection))
    if damaged or names != {file.name for file in files.values() if file is not None}:
        actions.append("rebuilt index files from the database")
    before = len(list(store.folder.iterdir()))
    delete_unused_files(store.folder, names)
    if len(list(store.folder.iterdir())) < before and not actions:
        actions.append("deleted index files that are not in use")
    return actions


def _start_anew(folder: Path, wait: float, notify: Callable[[str], None]) -> list[str]:
    """Rename a database that cannot be used, and put what can be read of it into a new one.

    Does nothing if not even its folders can be read: then the file stays where it is.
    """
    path = folder / FILE_NAME
    canonical = trust.canonical(folder)
    if (
        trust.is_version_controlled(canonical)
        and trust.find(canonical) is None
        and not trust.is_trusted_by_environment()
    ):
        raise CollectionError(untrusted_message(folder, "nothing is repaired"))
    if not salvage.is_rescuable(path):
        return []
    with writer_lock(folder, "ragkit doctor --repair", wait):
        stamp = time.strftime("%Y%m%d-%H%M%S")
        aside = folder / f"damaged-{stamp}-{FILE_NAME}"
        if os.path.lexists(aside):
            return []
        temporary = folder / f".new-{os.getpid()}"
        try:
            _make_folder(temporary)
            store = Database(temporary, create=True)
            try:
                rescued = salvage.rescue(path, store)
            finally:
                store.close()
            for name in (_SHM_NAME, _LOG_NAME, FILE_NAME):
                if os.path.lexists(folder / name):
                    (folder / name).rename(aside.with_name(aside.name + name[len(FILE_NAME) :]))
            (temporary / FILE_NAME).rename(path)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    with contextlib.closing(open_database(folder, create=False, notify=notify)) as store:
        if not store.is_untrusted:
            trust_database(store)
    return [
        f"kept the damaged database as {aside}",
        f"made a new database with {rescued.roots:,} folders, {rescued.models:,} models and "
        f"{rescued.vectors:,} vectors of the old one: ragkit index reads the documents again",
    ]


def _make_folder(path: Path) -> None:
    """Create a folder, in place of one that a killed repair left; a link of that name is not
    followed. Raises CollectionError."""
    shutil.rmtree(path, ignore_errors=True)
    try:
        path.mkdir()
    except OSError as error:
        raise CollectionError(
            f"cannot make the folder {path}: {error.strerror or error}. Delete what has its name"
        ) from error


def _bytes(number: float) -> str:
    for unit in ("B", "kB", "MB"):
        if number < 1000:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} GB"
