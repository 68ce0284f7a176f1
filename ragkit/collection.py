"""`Collection`: the one object that holds state. Everything the command line does is a method here.

A collection is a folder: `ragkit.db`, the source of truth, and index files that are built from it.
One process writes at a time; any number of threads and processes search meanwhile. In reading
order: open and close, index, search, ask, look up, status.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal

from ragkit.errors import UsageError
from ragkit.models.selection import ModelSelection
from ragkit.settings import Settings
from ragkit.storage.lock import writer_lock
from ragkit.storage.sqlite import documents as document_rows
from ragkit.storage.sqlite import files as file_rows
from ragkit.storage.sqlite.database import Database

if TYPE_CHECKING:
    from ragkit.answers.llm import ChatModel
    from ragkit.answers.pipeline import Chat
    from ragkit.encoders import Encoder
    from ragkit.encoders.cross_encoder import Reranker
    from ragkit.encoders.spec import ModelSpec
    from ragkit.evaluation.run import Evaluation
    from ragkit.ingest.corpus import Row
    from ragkit.ingest.writer import Progress
    from ragkit.records.answers import Answer, Event, Turn
    from ragkit.records.documents import Hit
    from ragkit.records.reports import (
        CollectionStatus,
        DocumentEntry,
        Excerpt,
        FileStatus,
        IndexReport,
        NotRead,
        Whereabouts,
    )
    from ragkit.retrieval.filter_parser import Where
    from ragkit.retrieval.options import SearchOptions
    from ragkit.retrieval.pipeline import Retriever
    from ragkit.storage.index_reader import IndexReader

LOCK_TIMEOUT = (
    2.0  # seconds to wait for another writer, such as a reader that repairs an index file
)
logger = logging.getLogger("ragkit")
Paths = str | Path | Sequence[str | Path]


class Collection:
    """Documents, their passages and vectors, in one folder. Searching is safe from many threads.

    `encoder` and `reranker` replace the models named in `settings` (for tests and unusual models);
    `notify` is called with warnings of one line each that a user need not act on.
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
        """Open the collection in `folder`, or create one there.

        Raises CollectionError where it cannot be used, or does not exist and `create` is false.
        """
        self.folder = Path(folder).expanduser().absolute()
        self.settings = settings or Settings()
        self._store = Database(self.folder, create=create)
        self._encoders = ModelSelection(self._store, self.settings, encoder)
        self._reranker = reranker
        self._reranker_lock = threading.Lock()
        self._notify = notify

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
        """Close the database. Using the object again opens it again."""
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
        """Update the collection from these folders and files, or from all known roots.

        `include` and `exclude` are globs in .gitignore's syntax, stored with the root. `prune`
        deletes the entries of missing files even if most of a folder is missing. `rebuild` reads
        and embeds everything again, with another `model` if one is named. `on_progress` is called
        on this thread. The run can be interrupted at any time; the next one continues.

        Raises UsageError (a path that does not exist), ModelError (another model than the
        collection's), CollectionError (locked, read-only, disk full).
        """
        from ragkit.ingest import run
        from ragkit.ingest.options import IndexOptions

        options = IndexOptions.from_settings(
            self.settings,
            _path_list(paths),
            include=include,
            exclude=exclude,
            dry_run=dry_run,
            prune=prune,
            rebuild=rebuild,
            records=self._table_records(),
        )
        if dry_run:
            fingerprint = self._encoders.fingerprint_for_indexing(model, rebuild)
            return run.preview(self._store, options, fingerprint)
        with writer_lock(self.folder, "ragkit index", LOCK_TIMEOUT):
            model_id, fingerprint = self._encoders.set_collection_model(model, rebuild)
            with self._store.writing() as connection:
                file_rows.set_table_records(connection, options.records)
            return run.index(
                self._store,
                self._indexes.index_writer,
                options,
                model_id,
                fingerprint,
                self._encoders.load_encoder,
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
        """Index each of these rows of `file` as a document, path "file/ID", in an empty collection.

        `whole` makes one passage of each row, which the encoder truncates at its window. For
        labelled datasets (`evaluation`); `index` would read the file itself.
        """
        from ragkit.ingest import corpus

        cut = corpus.split_rows(self.settings.passage_tokens, self.settings.overlap)
        with writer_lock(self.folder, "ragkit eval", LOCK_TIMEOUT):
            corpus.index_rows(
                self._store,
                self._indexes.index_writer,
                self._encoders.set_collection_model(None, rebuild=False)[0],
                self._encoders.load_encoder,
                file,
                rows,
                corpus.one_passage_per_row if whole else cut,
                on_progress,
            )

    def watch(
        self, paths: Paths = (), *, stop: threading.Event | None = None
    ) -> Iterator[IndexReport]:
        """Index whenever files change; yield the report of every run that changed something.

        `paths` are as for `index`. Runs until `stop` is set or the caller closes the iterator.
        """
        from ragkit.ingest.watch import retry_while_busy, watch_changes

        with self._store.reading() as connection:
            roots = [root.path for root in file_rows.roots(connection) if Path(root.path).exists()]
        watched = _path_list(paths) or roots
        for _ in watch_changes(watched, self.folder, stop):
            report = retry_while_busy(lambda: self.index(paths), self._notify, stop)
            if report and (report.added or report.updated or report.moved or report.removed):
                yield report

    def search(  # noqa: PLR0913 (the fields of `SearchOptions`)
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
        """Return the k best passages for a query, best first; none where the collection is empty.

        `mode`: dense (cosine similarity, the default), lexical (BM25) or hybrid (both, combined by
        `fusion`: convex, of their scores, or rrf, of their ranks). `min_score` is a cosine in every
        mode. `context` extends each hit by that many passages on either side, and joins hits that
        then overlap. `where` is a filter (docs/ranking.md). `per_document`: at most that many
        passages of one document. `diverse`: no near-duplicates (MMR; a number is its λ). `explain`
        adds to each hit why it was found. `rerank`: a cross-encoder re-orders the first 20
        passages, or as many as fit into `budget` seconds. `exact` compares the query with every
        vector also where a large collection is searched by compressed ones (docs/storage.md).
        Equal scores are in order of ascending passage id.

        Raises UsageError (an empty query, a number out of range, an unknown mode, a filter that
        cannot be parsed), ModelError and CollectionError.
        """
        from ragkit.retrieval.options import SearchOptions

        options = SearchOptions(
            k=self.settings.top_k if k is None else k, mode=mode or self.settings.mode,
            fusion=fusion or self.settings.fusion, min_score=min_score, context=context,
            where=where, per_document=per_document, diverse=diverse, explain=explain,
            rerank=rerank, budget=budget, exact=exact,
        )  # fmt: skip
        return self.search_with([query], options)[0]

    async def asearch(  # noqa: PLR0913
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
        """`search` for event loops: runs on a thread, so the loop goes on."""
        import asyncio

        from ragkit.retrieval.options import SearchOptions

        options = SearchOptions(
            k=self.settings.top_k if k is None else k, mode=mode or self.settings.mode,
            fusion=fusion or self.settings.fusion, min_score=min_score, context=context,
            where=where, per_document=per_document, diverse=diverse, explain=explain,
            rerank=rerank, budget=budget, exact=exact,
        )  # fmt: skip
        return (await asyncio.to_thread(self.search_with, [query], options))[0]

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
        """Return the hits of `search` for each query, in order; encoded and compared in a batch."""
        from ragkit.retrieval.options import SearchOptions

        options = SearchOptions(
            k=self.settings.top_k if k is None else k, mode=mode or self.settings.mode,
            fusion=fusion or self.settings.fusion, min_score=min_score, context=context,
            where=where, per_document=per_document, diverse=diverse, explain=explain,
            rerank=rerank, budget=budget, exact=exact,
        )  # fmt: skip
        return self.search_with(queries, options)

    def search_with(self, queries: Sequence[str], options: SearchOptions) -> list[list[Hit]]:
        """Return the hits of each query, in order, found with ready-made options.

        `search` and `search_many` are this with the options as arguments. Raises as they do.
        """
        return self._retriever.search(queries, options)

    def search_options(self, given: Mapping[str, Any]) -> SearchOptions:
        """Return the options of a search: those in `given` by name, the others by the settings.

        Raises UsageError for a value out of range, TypeError for an unknown name.
        """
        from ragkit.retrieval.options import SearchOptions

        settings = self.settings
        defaults = SearchOptions(k=settings.top_k, mode=settings.mode, fusion=settings.fusion)
        return replace(defaults, **given)

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
        rerank: bool | None = None,
        exact: bool = False,
        history: Sequence[Turn] = (),
        llm: ChatModel | Literal[False] | None = None,
    ) -> Iterator[Event]:
        """Yield an answer while it is written: one `Retrieved`, `Piece`s of its text, the `Answer`.

        The answer is written from the k passages (default 6) that `search` finds with these
        options, extended to whole paragraphs: by the language model of the settings, by another
        `llm`, or of the sources' own sentences (extractive) where no model is configured, where
        `llm` is False, and where the model cannot be reached. A follow-up question is completed
        from `history` before the search. `rerank` is as in `search`; None: rerank if the settings
        name a reranker. Closing the iterator ends the request to the model.

        Raises UsageError as `search` does, ModelError and CollectionError.
        """
        given: dict[str, Any] = {
            "mode": mode, "min_score": min_score, "where": where, "per_document": per_document,
            "diverse": diverse, "exact": exact,
        }  # fmt: skip
        optional = {"k": k, "fusion": fusion, "rerank": rerank}
        given |= {name: value for name, value in optional.items() if value is not None}
        return self.ask_with(question, self.answer_options(given), history=history, llm=llm)

    def ask(  # noqa: PLR0913
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
        rerank: bool | None = None,
        exact: bool = False,
        history: Sequence[Turn] = (),
        llm: ChatModel | Literal[False] | None = None,
    ) -> Answer:
        """Return the answer to a question: the last event of `ask_stream` with these arguments."""
        from ragkit.records.answers import last_answer

        events = self.ask_stream(
            question, k, mode=mode, min_score=min_score, where=where, per_document=per_document,
            diverse=diverse, fusion=fusion, rerank=rerank, exact=exact, history=history, llm=llm,
        )  # fmt: skip
        return last_answer(events)

    async def aask(  # noqa: PLR0913
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
        rerank: bool | None = None,
        exact: bool = False,
        history: Sequence[Turn] = (),
        llm: ChatModel | Literal[False] | None = None,
    ) -> Answer:
        """`ask` for event loops: runs on a thread, so the loop goes on."""
        import asyncio

        return await asyncio.to_thread(
            self.ask, question, k, mode=mode, min_score=min_score, where=where,
            per_document=per_document, diverse=diverse, fusion=fusion, rerank=rerank, exact=exact,
            history=history, llm=llm,
        )  # fmt: skip

    def ask_with(
        self,
        question: str,
        options: SearchOptions,
        *,
        history: Sequence[Turn] = (),
        llm: ChatModel | Literal[False] | None = None,
    ) -> Iterator[Event]:
        """Yield the events of `ask_stream` for ready-made options. Raises as it does."""
        from ragkit.answers import pipeline
        from ragkit.retrieval.options import validate_query

        sources = pipeline.Sources(self._retriever, options)
        model = pipeline.load_language_model(self.settings) if llm is None else llm or None
        return pipeline.stream_answer(validate_query(question), history, model, sources)

    def answer_options(self, given: Mapping[str, Any]) -> SearchOptions:
        """Return the options of the search behind an answer: `given` by name, else the defaults.

        Raises as `search_options` does.
        """
        from ragkit.answers.pipeline import DEFAULT_SOURCES
        from ragkit.retrieval.options import SearchOptions

        settings = self.settings
        defaults = SearchOptions(
            k=DEFAULT_SOURCES,
            mode="hybrid",
            fusion=settings.fusion,
            rerank=settings.reranker is not None,
        )
        return replace(defaults, **given)

    def chat(self) -> Chat:
        """Return a conversation: an object with `ask`, `stream` and `history`."""
        from ragkit.answers.pipeline import Chat

        return Chat(self.ask_stream)

    def model(self) -> ModelSpec | None:
        """Return the model that the passages are embedded with; None before the first `index`."""
        return self._encoders.spec()

    def encoder(self) -> Encoder:
        """Return the collection's encoder, loaded. Raises ModelError where it cannot be used."""
        return self._encoders.load_encoder()

    def share_encoder(self, other: Collection) -> None:
        """Use the encoder that `other` has loaded, if it is this collection's encoder too."""
        self._encoders.share_encoder(other._encoders)

    def documents(self, after: int = 0, limit: int = 100) -> list[DocumentEntry]:
        """Return up to `limit` documents in order of their ids, starting after the id `after`."""
        with self._store.reading() as connection:
            return document_rows.list_entries(connection, after, limit)

    def document(
        self, document_id: int, start: int = 0, length: int = sys.maxsize
    ) -> tuple[DocumentEntry, str]:
        """Return a document and its text, or up to `length` characters of it from `start`.

        Raises UsageError where no document has this id.
        """
        with self._store.reading() as connection:
            entry = document_rows.get_entry(connection, document_id, start, length)
        if entry is None:
            raise UsageError(f"no document has the id {document_id}")
        return entry

    def get(self, reference: str, context: int = 0) -> Excerpt:
        """Return the text behind a citation, a document's path or a passage's id.

        `context` adds that many lines on either side. Raises UsageError where there is none.
        """
        from ragkit.retrieval import citations

        with self._store.reading() as connection:
            return citations.get_excerpt(connection, reference, context)

    def files(self, status: str | None = None, paths: Paths = ()) -> list[FileStatus]:
        """Return every file of every root with its status, or the files of one `status`.

        `paths`: only these files and the files in these folders. Each file is checked for changes
        since it was indexed. Raises UsageError for a path that is not in the collection.
        """
        from ragkit.ingest import known_paths

        with self._store.reading() as connection:
            return known_paths.list_files(connection, _path_list(paths), [status] if status else [])

    def not_read(
        self, after: int = 0, limit: int = 100, *, left_out: bool = False
    ) -> list[NotRead]:
        """Return up to `limit` files that were not read, or only in part, with the reasons.

        In order of their ids, starting after the id `after`. `left_out`: instead the files that are
        excluded by rules or are no documents.
        """
        from ragkit.storage.sqlite import file_status

        with self._store.reading() as connection:
            return file_status.list_not_read(connection, after, limit, left_out=left_out)

    def explain(self, path: str | Path) -> Whereabouts:
        """Return why a path is indexed or not: its status, the rule, and what would change it."""
        from ragkit.ingest import explain_path

        with self._store.reading() as connection:
            return explain_path.explain_path(
                connection, str(path), self.folder, int(self.settings.max_file_mb * 1_000_000)
            )

    def remove(self, paths: Paths) -> int:
        """Remove roots, folders or documents; return how many indexed files were removed.

        The files on disk stay, and the next `index` of their root adds them again unless the root
        itself was removed. Raises UsageError for a path that is not in the collection.
        """
        from ragkit.ingest import removal

        removed = _path_list(paths)
        with writer_lock(self.folder, "ragkit remove", LOCK_TIMEOUT):
            return removal.remove_paths(self._store, self._indexes.index_writer, removed)

    @classmethod
    def evaluate_dataset(
        cls,
        dataset: str | Path,
        *,
        settings: Settings | None = None,
        protocol: str = "collection",
        rerank: bool = False,
        run: str | Path | None = None,
        encoder: Encoder | None = None,
        notify: Callable[[str], None] = lambda line: None,
        on_progress: Callable[[Progress], None] = lambda progress: None,
    ) -> Evaluation:
        """Measure retrieval with `settings.mode` and `settings.model` on a BEIR-layout dataset.

        The corpus is indexed into a collection of its own in the cache folder, which a second
        evaluation of the same corpus, protocol, model and passage size uses again. `protocol`:
        evaluation/run.py. `run` names a file for the rankings in TREC's format. `encoder` replaces
        the model. Raises UsageError (no such dataset, an invalid line, an unknown protocol),
        UnavailableError (ir-measures is missing).
        """
        from ragkit import user_dirs
        from ragkit.evaluation import beir
        from ragkit.evaluation import run as evaluation
        from ragkit.models import selection

        settings = settings or Settings()
        evaluation.check_protocol(protocol)
        labels = beir.read_dataset(dataset)
        beir.compute_measures({"": {"": 1}}, {})  # a missing package is reported before the work
        if encoder is None:
            _, encoder = selection.load(selection.spec_from_settings(settings, None))
        settings = replace(settings, model=None)
        name = evaluation.collection_name(labels, settings, protocol, encoder.fingerprint)
        folder = user_dirs.cache() / "eval" / name
        notices: list[str] = []
        with cls(folder, settings=settings, encoder=encoder, notify=notices.append) as collection:
            collection.index_rows(
                labels.folder / beir.CORPUS_FILE,
                labels.corpus(),
                whole=protocol == "beir",
                on_progress=on_progress,
            )

            def search(text: str) -> list[Hit]:
                return collection.search(text, k=beir.DEPTH, per_document=1, rerank=rerank)

            result = evaluation.evaluate(
                labels, search, mode=settings.mode, protocol=protocol, rerank=rerank, run_path=run
            )
        if notices:  # about long queries, for example: once, not for each query
            notify(
                notices[0] + (f" (and {len(notices) - 1:,} more notices)" if notices[1:] else "")
            )
        return result

    def status(self) -> CollectionStatus:
        """Return what is in the collection. Loads no model and no index."""
        from ragkit.storage.sqlite.file_status import collection_status
        from ragkit.version import __version__

        return collection_status(self._store, __version__)

    @cached_property
    def _indexes(self) -> IndexReader:
        from ragkit.storage.index_reader import IndexReader

        return IndexReader(self._store, self._notify, self.settings.candidates)

    @cached_property
    def _retriever(self) -> Retriever:
        from ragkit.retrieval.pipeline import Retriever

        return Retriever(
            self._store, self._indexes, self._encoders, self._load_reranker, self._notify
        )

    def _load_reranker(self) -> Reranker:
        """Return the cross-encoder, loaded on the first call."""
        with self._reranker_lock:
            if self._reranker is None:
                from ragkit.encoders import cross_encoder

                self._reranker = cross_encoder.load(
                    self.settings.reranker or cross_encoder.DEFAULT_RERANKER
                )
            return self._reranker

    def _table_records(self) -> bool:
        """Return whether each row of a table is a document: as set, else as before."""
        if self.settings.records is not None:
            return self.settings.records
        with self._store.reading() as connection:
            return file_rows.has_table_records(connection)


def _path_list(paths: Paths) -> list[str | Path]:
    return [paths] if isinstance(paths, (str, Path)) else list(paths)
