"""`Collection`: the one noun that holds state. Everything the command line does is a method here.

A collection is a folder: `ragkit.db`, which is all of the truth, and index files that are made
from it. One process writes at a time; any number of threads and processes search meanwhile.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal

from ragkit.encoder_choice import EncoderChoice
from ragkit.errors import UsageError
from ragkit.methods import awaitable, to_its_end
from ragkit.records import (
    CollectionStatus,
    DocumentEntry,
    Excerpt,
    FileStatus,
    Hit,
    IndexReport,
    Whereabouts,
)
from ragkit.settings import Settings
from ragkit.storage import ledger, texts
from ragkit.storage.database import Database
from ragkit.storage.lock import writer_lock
from ragkit.storage.summary import summary

if TYPE_CHECKING:
    from ragkit.answer_records import Event, Turn
    from ragkit.answering import Chat
    from ragkit.answers import ChatModel
    from ragkit.encoders import Encoder
    from ragkit.encoders.crossencoder import Reranker
    from ragkit.encoders.spec import ModelSpec
    from ragkit.ingest.apply import Progress
    from ragkit.ingest.corpus import Row
    from ragkit.retrieval.filters import Where
    from ragkit.retrieval.pipeline import Retriever
    from ragkit.storage.indexes import Indexes

PATIENCE = 2.0  # seconds to wait for another writer: a reader mending an index file is done by then
logger = logging.getLogger("ragkit")
Paths = str | Path | Sequence[str | Path]


class Collection:
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
        self.settings = settings or Settings()
        self._notify = notify
        self._store = Database(self.folder, create=create)
        self._encoders = EncoderChoice(self._store, self.settings, encoder)
        self._reranker = reranker
        self._loading = threading.Lock()  # of the reranker

    @cached_property
    def _indexes(self) -> Indexes:
        from ragkit.storage.indexes import Indexes

        return Indexes(self._store, self._notify, self.settings.candidates)

    @cached_property
    def _retriever(self) -> Retriever:
        from ragkit.retrieval.pipeline import Retriever

        return Retriever(
            self._store, self._indexes, self._encoders, self._load_reranker, self._notify
        )

    def _load_reranker(self) -> Reranker:
        with self._loading:
            if self._reranker is None:
                from ragkit.encoders import crossencoder

                self._reranker = crossencoder.load(
                    self.settings.reranker or crossencoder.DEFAULT_RERANKER
                )
            return self._reranker

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

        request = run.Request.of(
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
                ledger.keep_records(connection, request.records)
            return run.index(
                self._store,
                self._indexes,
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
                self._indexes,
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
        from ragkit.ingest.watching import changes, patiently

        with self._store.reading() as connection:
            roots = [root.path for root in ledger.roots(connection) if Path(root.path).exists()]
        named = _listed(paths)
        for _ in changes(named or roots, self.folder, stop):
            report = patiently(lambda: self.index(paths), self._notify, stop)
            if report and (report.added or report.updated or report.moved or report.removed):
                yield report

    def search(  # noqa: PLR0913 (each is one choice of a user's)
        self,
        query: str,
        k: int | None = None,
        *,
        mode: str | None = None,
        min_score: float = -1.0,
        context: int = 0,
        where: Where | None = None,
        per_document: int | None = None,
        diverse: bool | float = False,
        fusion: str | None = None,
        explain: bool = False,
        rerank: bool = False,
        budget: float | None = None,
        exact: bool = False,
    ) -> list[Hit]:
        """The k passages that answer best, best first; none where the collection is empty.

        `mode`: dense (by cosine similarity, the default), lexical (BM25) or hybrid (both, by
        `fusion`: convex, of their scores, or rrf, of their ranks). `min_score` is a cosine in every
        mode. `context` widens each hit by so many passages on either side, and joins those that
        then overlap. `where` is a filter (docs/ranking.md). `per_document`: so many passages of one
        document at most. `diverse`: no two alike (MMR; a number is its λ). `explain` adds to each
        hit why it is there. `rerank`: a cross-encoder reads the first 20 again, or as many as fit
        into `budget` seconds. `exact` compares with every vector also where a large collection is
        searched by compressed ones (docs/storage.md). Equal scores come by ascending passage id.

        Raises UsageError: an empty query, a number out of range, an unknown mode, a wrong filter.
        """
        from ragkit.retrieval.request import Request, asked

        wanted = Request(
            self.settings.top_k if k is None else k, mode or self.settings.mode, min_score, context,
            where, per_document, diverse, fusion or self.settings.fusion, explain,
            rerank, budget, exact,
        )  # fmt: skip
        return self._retriever.find([asked(query)], wanted)[0]

    asearch = awaitable(search)

    def search_many(  # noqa: PLR0913
        self,
        queries: Sequence[str],
        k: int | None = None,
        *,
        mode: str | None = None,
        min_score: float = -1.0,
        context: int = 0,
        where: Where | None = None,
        per_document: int | None = None,
        diverse: bool | float = False,
        fusion: str | None = None,
        explain: bool = False,
        rerank: bool = False,
        budget: float | None = None,
        exact: bool = False,
    ) -> list[list[Hit]]:
        """What `search` finds for each query, in order; encoded and compared all at once."""
        from ragkit.retrieval.request import Request, asked

        wanted = Request(
            self.settings.top_k if k is None else k, mode or self.settings.mode, min_score, context,
            where, per_document, diverse, fusion or self.settings.fusion, explain,
            rerank, budget, exact,
        )  # fmt: skip
        return self._retriever.find([asked(query) for query in queries], wanted)

    def ask_stream(  # noqa: PLR0913
        self,
        question: str,
        k: int | None = None,
        *,
        mode: str = "hybrid",
        min_score: float = -1.0,
        where: Where | None = None,
        per_document: int | None = None,
        diverse: bool | float = False,
        fusion: str | None = None,
        history: Sequence[Turn] = (),
        llm: ChatModel | Literal[False] | None = None,
    ) -> Iterator[Event]:
        """The answer as it is made: one `Retrieved`, `Piece`s of its text, the `Answer`.

        It is made from the k passages (6 where none is named) that `search` finds with these
        options, widened to whole paragraphs: by the language model of the settings, by another
        `llm`, or of the sources' own sentences (extractive) where there is none, where `llm` is
        False, and where it cannot be reached. A question that follows on `history` is made whole
        before anything is looked for. Closing the iterator ends the request to the model.

        Raises UsageError as `search` does, ModelError and CollectionError.
        """
        from ragkit import answering
        from ragkit.retrieval.request import Request, asked

        wanted = Request(
            answering.SOURCES if k is None else k, mode, min_score, 0, where, per_document, diverse,
            fusion or self.settings.fusion, rerank=self.settings.reranker is not None,
        )  # fmt: skip
        sources = answering.Sources(self._retriever, wanted)
        chosen = answering.language_model(self.settings) if llm is None else llm or None
        return answering.stream(asked(question), history, chosen, sources)

    def chat(self) -> Chat:
        """A conversation: an object with `ask`, `stream` and `history`."""
        from ragkit.answering import Chat

        return Chat(self.ask_stream)

    ask = to_its_end(ask_stream)
    aask = awaitable(ask)

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
            return texts.entries(connection, after, limit)

    def document(
        self, document_id: int, start: int = 0, length: int = sys.maxsize
    ) -> tuple[DocumentEntry, str]:
        """A document and its text, or so many characters of it from `start` on.

        Raises UsageError where no document has this id.
        """
        with self._store.reading() as connection:
            found = texts.entry(connection, document_id, start, length)
        if found is None:
            raise UsageError(f"no document has the id {document_id}")
        return found

    def get(self, reference: str, context: int = 0) -> Excerpt:
        """The text behind a citation, a document's path or a passage's id.

        `context` adds so many lines on either side. Raises UsageError where nothing is there.
        """
        from ragkit.retrieval import references

        with self._store.reading() as connection:
            return references.get(connection, reference, context)

    def files(self, status: str | None = None, paths: Paths = ()) -> list[FileStatus]:
        """The ledger: every file of every root with what became of it, or those of one status.

        `paths`: only these files, and what is in these folders. Each file is looked at, whether it
        has changed since. Raises UsageError for a path of which the ledger knows nothing.
        """
        from ragkit.ingest import paths as named

        with self._store.reading() as connection:
            return named.listed(connection, _listed(paths), [status] if status else [])

    def explain(self, path: str | Path) -> Whereabouts:
        """Why a path is found or not: what became of it, by which rule, and what changes that."""
        from ragkit.ingest import why

        with self._store.reading() as connection:
            return why.explain(
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
            return removal.remove(self._store, self._indexes, named)

    def status(self) -> CollectionStatus:
        """What is in the collection. Loads no model and no index."""
        from ragkit import __version__

        return summary(self._store, __version__)

    def _by_records(self) -> bool:
        """Whether tables are read by their records: as is set, else as they were before."""
        if self.settings.records is not None:
            return self.settings.records
        with self._store.reading() as connection:
            return ledger.kept_records(connection)


def _listed(paths: Paths) -> list[str | Path]:
    return [paths] if isinstance(paths, (str, Path)) else list(paths)
