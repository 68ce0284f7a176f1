"""`Collection`: the one noun that holds state. Everything the command line does is a method here.

A collection is a folder: `ragkit.db`, which is all of the truth, and index files that are made
from it. One process writes at a time; any number of threads and processes search meanwhile.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from ragkit.errors import UsageError
from ragkit.models.selection import EncoderChoice
from ragkit.searching import Searching
from ragkit.settings import Settings
from ragkit.storage.lock import writer_lock
from ragkit.storage.sqlite import documents as document_rows
from ragkit.storage.sqlite import files as file_rows
from ragkit.storage.sqlite.database import Database

if TYPE_CHECKING:
    from ragkit.encoders import Encoder
    from ragkit.encoders.cross_encoder import Reranker
    from ragkit.encoders.spec import ModelSpec
    from ragkit.ingest.corpus import Row
    from ragkit.ingest.writer import Progress
    from ragkit.records.reports import (
        CollectionStatus,
        DocumentEntry,
        Excerpt,
        FileStatus,
        IndexReport,
        NotRead,
        Whereabouts,
    )

PATIENCE = 2.0  # seconds to wait for another writer: a reader mending an index file is done by then
logger = logging.getLogger("ragkit")
Paths = str | Path | Sequence[str | Path]


class Collection(Searching):
    """Documents, their passages and vectors, in one folder. Searching is safe from many threads.

    `encoder` and `reranker` replace the models named in `settings` (tests and unusual models use
    them); `notify` is told, in one line each, what a user should know but need not act on.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        create: bool = True,
        settings: Settings | None = None,
        encoder: Encoder | None = None,
        reranker: Reranker | None = None,
        notify: Callable[[str], None] = logger.warning,
    ) -> None:
        """Open the collection in `folder`, or make one there.

        Raises CollectionError where it cannot be used, or is not there and `create` is false.
        """
        self.folder = Path(folder).expanduser().absolute()
        store = Database(self.folder, create=create)
        settings = settings or Settings()
        super().__init__(store, settings, EncoderChoice(store, settings, encoder), reranker, notify)

    def __enter__(self) -> Collection:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the database. The object can be used again; it opens what it needs."""
        self._store.close()

    def index(
        self,
        paths: Paths = (),
        *,
        model: str | None = None,
        include: Sequence[str] | None = None,
        exclude: Sequence[str] | None = None,
        dry_run: bool = False,
        prune: bool = False,
        rebuild: bool = False,
        on_progress: Callable[[Progress], None] = lambda progress: None,
    ) -> IndexReport:
        """Bring the collection in line with these folders and files, or with all known roots.

        `include` and `exclude` are globs in .gitignore's syntax, kept with the root. `prune`
        believes that vanished files are gone even where most of a folder is. `rebuild` reads and
        embeds everything again, with another `model` where one is named. `on_progress` is called
        on this thread. Interrupt it whenever you like: the next run goes on.

        Raises UsageError (a path that is not there), ModelError (another model than the
        collection's), CollectionError (locked, read-only, disk full).
        """
        from ragkit.ingest import run
        from ragkit.ingest.options import Request

        request = Request.of(
            self.settings,
            _listed(paths),
            include=include,
            exclude=exclude,
            dry_run=dry_run,
            prune=prune,
            rebuild=rebuild,
            records=self._by_records(),
        )
        if dry_run:
            fingerprint = self._encoders.fingerprint_to_write_with(model, rebuild)
            return run.preview(self._store, request, fingerprint)
        with writer_lock(self.folder, "ragkit index", PATIENCE):
            model_id, fingerprint = self._encoders.settle(model, rebuild)
            with self._store.writing() as connection:
                file_rows.keep_records(connection, request.records)
            return run.index(
                self._store,
                self._indexes.folding,
                request,
                model_id,
                fingerprint,
                self._encoders.ready,
                on_progress,
            )

    def index_rows(
        self,
        file: Path,
        rows: Iterable[Row],
        *,
        whole: bool = False,
        on_progress: Callable[[Progress], None] = lambda progress: None,
    ) -> None:
        """Make each of these rows of `file` a document, `path` "file/ID", in an empty collection.

        `whole` keeps a row in one passage, which the encoder's window cuts off. For labelled sets
        (`evaluation`): `index` would read the file by itself.
        """
        from ragkit.ingest import corpus

        cut = corpus.in_passages(self.settings.passage_tokens, self.settings.overlap)
        with writer_lock(self.folder, "ragkit eval", PATIENCE):
            corpus.fill(
                self._store,
                self._indexes.folding,
                self._encoders.settle(None, rebuild=False)[0],
                self._encoders.ready,
                file,
                rows,
                corpus.whole if whole else cut,
                on_progress,
            )

    def watch(
        self, paths: Paths = (), *, stop: threading.Event | None = None
    ) -> Iterator[IndexReport]:
        """Index again whenever files change; a report for every run that found something to do.

        `paths` as for `index`. Goes on until `stop` is set or the caller breaks off.
        """
        from ragkit.ingest.watch import changes, patiently

        with self._store.reading() as connection:
            roots = [root.path for root in file_rows.roots(connection) if Path(root.path).exists()]
        named = _listed(paths)
        for _ in changes(named or roots, self.folder, stop):
            report = patiently(lambda: self.index(paths), self._notify, stop)
            if report and (report.added or report.updated or report.moved or report.removed):
                yield report

    def model(self) -> ModelSpec | None:
        """The model that the passages are embedded with; None where nothing was indexed yet."""
        return self._encoders.spec()

    def encoder(self) -> Encoder:
        """What makes its vectors, loaded. Raises ModelError where it cannot be used."""
        return self._encoders.ready()

    def share_encoder(self, other: Collection) -> None:
        """Use the encoder that `other` has loaded, as long as it is this collection's too."""
        self._encoders.borrow(other._encoders)

    def documents(self, after: int = 0, limit: int = 100) -> list[DocumentEntry]:
        """`limit` documents at most, by id, those whose ids come after `after`."""
        with self._store.reading() as connection:
            return document_rows.entries(connection, after, limit)

    def document(
        self, document_id: int, start: int = 0, length: int = sys.maxsize
    ) -> tuple[DocumentEntry, str]:
        """A document and its text, or so many characters of it from `start` on.

        Raises UsageError where no document has this id.
        """
        with self._store.reading() as connection:
            found = document_rows.entry(connection, document_id, start, length)
        if found is None:
            raise UsageError(f"no document has the id {document_id}")
        return found

    def get(self, reference: str, context: int = 0) -> Excerpt:
        """The text behind a citation, a document's path or a passage's id.

        `context` adds so many lines on either side. Raises UsageError where nothing is there.
        """
        from ragkit.retrieval import citations

        with self._store.reading() as connection:
            return citations.get(connection, reference, context)

    def files(self, status: str | None = None, paths: Paths = ()) -> list[FileStatus]:
        """The ledger: every file of every root with what became of it, or those of one status.

        `paths`: only these files, and what is in these folders. Each file is looked at, whether it
        has changed since. Raises UsageError for a path of which the ledger knows nothing.
        """
        from ragkit.ingest import known_paths as named

        with self._store.reading() as connection:
            return named.listed(connection, _listed(paths), [status] if status else [])

    def not_read(
        self, after: int = 0, limit: int = 100, *, left_out: bool = False
    ) -> list[NotRead]:
        """`limit` files at most that were not read, or not wholly, and why; by id, those whose ids
        come after `after`. With `left_out` those that rules leave out or that are no documents."""
        from ragkit.storage.sqlite import file_status

        with self._store.reading() as connection:
            return file_status.not_read(connection, after, limit, left_out=left_out)

    def explain(self, path: str | Path) -> Whereabouts:
        """Why a path is found or not: what became of it, by which rule, and what changes that."""
        from ragkit.ingest import explain_path

        with self._store.reading() as connection:
            return explain_path.explain(
                connection, str(path), self.folder, int(self.settings.max_file_mb * 1_000_000)
            )

    def remove(self, paths: Paths) -> int:
        """Take roots, folders or documents out; returns how many files that were read are gone.

        Their files stay where they are, and come back with the next `index` of their root unless
        it is the root itself that was removed. Raises UsageError for a path that is not in here.
        """
        from ragkit.ingest import removal

        named = _listed(paths)
        with writer_lock(self.folder, "ragkit remove", PATIENCE):
            return removal.remove(self._store, self._indexes.folding, named)

    def status(self) -> CollectionStatus:
        """What is in the collection. Loads no model and no index."""
        from ragkit.storage.summary import summary
        from ragkit.version import __version__

        return summary(self._store, __version__)

    def _by_records(self) -> bool:
        """Whether tables are read by their records: as is set, else as they were before."""
        if self.settings.records is not None:
            return self.settings.records
        with self._store.reading() as connection:
            return file_rows.kept_records(connection)


def _listed(paths: Paths) -> list[str | Path]:
    return [paths] if isinstance(paths, (str, Path)) else list(paths)
