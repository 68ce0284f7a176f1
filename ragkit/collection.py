"""`Collection`, the entry point of the library: index documents, search them, answer questions.

A collection is a folder with a SQLite database (`ragkit.db`, the source of truth) and index files
that can be rebuilt from it. One process writes at a time; any number of threads and processes
search at the same time. Each command of the command line calls a method of this class. The methods
are in this order: open and close, index, search, ask, look up, remove, evaluate, status.
"""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

from ragkit.errors import CollectionError, UsageError
from ragkit.log import log_warning
from ragkit.models.selection import ModelSelection
from ragkit.settings import Settings, override
from ragkit.storage.lock import LOCK_TIMEOUT, lock_timeout, writer_lock
from ragkit.storage.opening import (
    is_address,
    is_sharded,
    open_address,
    open_database,
    trust_database,
)
from ragkit.storage.sqlite import documents as document_rows
from ragkit.storage.sqlite import files as file_rows
from ragkit.storage.sqlite.database import Database, untrusted_message

if TYPE_CHECKING:
    import sqlite3

    from ragkit.answers.llm import ChatModel
    from ragkit.answers.pipeline import Chat, Sources
    from ragkit.encoders import Encoder
    from ragkit.encoders.cross_encoder import Reranker
    from ragkit.encoders.spec import ModelSpec
    from ragkit.evaluation import tuning
    from ragkit.evaluation.run import Evaluation
    from ragkit.evaluation.self_questions import QuestionSet
    from ragkit.evaluation.self_run import JudgedQuery, SelfEvaluation
    from ragkit.ingest.corpus import Row
    from ragkit.ingest.options import IndexOptions
    from ragkit.ingest.writer import Progress
    from ragkit.maintenance.tune import TuningFolder, TuningSample
    from ragkit.models.relevance import RelevanceCalibration
    from ragkit.models.tuned import TunedSettings
    from ragkit.records.answers import Answer, Event, Turn
    from ragkit.records.exploring import DuplicateReport, MapReport, StoredTopics, TopicReport
    from ragkit.records.hits import Hit
    from ragkit.records.lookup import GrepResult, Listing, RelatedPassages, TextPart
    from ragkit.records.maintenance import (
        CopyReport,
        DistillReport,
        DoctorReport,
        MigrationReport,
        TuneReport,
        TuningTrial,
    )
    from ragkit.records.overview import FacetValue, OriginalFile, Overview
    from ragkit.records.reports import (
        CollectionStatus,
        DocumentEntry,
        Excerpt,
        FileStatus,
        IndexReport,
        Judgement,
        NotRead,
        Whereabouts,
    )
    from ragkit.retrieval.filter_parser import Where
    from ragkit.retrieval.options import SearchOptions
    from ragkit.retrieval.pipeline import Retriever
    from ragkit.storage.index_reader import IndexReader
    from ragkit.storage.sqlite.vector_cache import VectorCache

Paths = str | Path | Sequence[str | Path]
Result = TypeVar("Result")


class Collection:
    """Documents with their passages and vectors, stored in one folder.

    All methods that search or look up may be called from many threads at the same time. Use it as a
    context manager, or call `close`.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        create: bool = True,
        settings: Settings | None = None,
        encoder: Encoder | None = None,
        reranker: Reranker | None = None,
        notify: Callable[[str], None] = log_warning,
        chosen_settings: Iterable[str] = (),
        store: Database | None = None,
    ) -> None:
        """Open the collection in `folder`, or create one there.

        `folder` may have a sharded collection, or be the address of one (docs/scale.md); these are
        only read.

        - `create`: create the collection if it does not exist (default: True).
        - `settings`: models, sizes and limits (default: `Settings()`).
        - `chosen_settings`: names of settings whose value counts even if it is the default. Others
          that have their default are replaced by what `tune` has stored, if it has.
        - `encoder`, `reranker`: objects used instead of the models that `settings` names.
        - `notify`: called with one line of text for each warning (default: the logger "ragkit").
        - `store`: an open database used instead of that in `folder`, such as that of
          `storage.shards.database.open_sharded`.

        A collection that came with a checkout is only read until `trust` (docs/storage.md).

        Raises CollectionError if there is no collection and `create` is False, if the database is
        damaged or was written by a newer version, or if the folder cannot be read.
        """
        if store is None and is_address(folder):
            store = open_address(folder, notify)
        if store is None:
            store = open_database(
                Path(folder).expanduser().absolute(), create=create, notify=notify
            )
        self.folder = store.folder
        self.settings = settings or Settings()
        self._chosen_settings = frozenset(chosen_settings)
        self._skip_folder: Path | None = None  # that `index` does not scan, beside its own
        self._store = store
        self._store.notify = notify
        self._encoders = ModelSelection(self._store, self.settings, encoder)
        self._reranker = reranker
        self._reranker_lock = threading.Lock()
        self._notify = notify

    def __repr__(self) -> str:
        return f"Collection({str(self.folder)!r})"

    def __enter__(self) -> Collection:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def is_trusted(self) -> bool:
        """Whether the collection may be written: False if it came with a checkout and neither you
        made it on this machine nor trusted it."""
        return not self._store.is_untrusted

    @property
    def is_read_only(self) -> bool:
        """Whether the collection is only read: it is untrusted, or its folder is read-only."""
        return self._store.read_only or self._store.is_untrusted

    def trust(self) -> None:
        """Trust the collection: what it names (folders, models, servers) is used from now on.

        Call it before other threads use this object. Raises CollectionError if the database has
        parts that ragkit does not make, or if the list of trusted collections cannot be written.
        """
        trust_database(self._store)

    def close(self) -> None:
        """Close the database connections. The next call of a method opens them again."""
        self._store.close()

    def effective_settings(self) -> Settings:
        """Return `settings` with the values that `tune` has stored in the collection, where they
        have their default and are not among the `chosen_settings`."""
        return self._tuned()[0]

    def _tuned(self) -> tuple[Settings, bool]:
        """Return the effective settings, and whether a search reranks if nothing else is said: only
        with a reranker that the user has named."""
        from ragkit.models import tuned

        values = dict(self._read(tuned.load).values)
        if not values:
            return self.settings, False
        rerank = values.pop("rerank", False) is True
        changes = {name: value for name, value in values.items() if not self._is_chosen(name)}
        has_reranker = self.settings.reranker is not None or self._reranker is not None
        return override(self.settings, "tuned", changes), rerank and has_reranker

    def _is_chosen(self, name: str) -> bool:
        """Whether the user has set this setting, so that a tuned value does not count."""
        if name == "rerank":  # set by an option of each search only
            return False
        is_default = getattr(self.settings, name) == getattr(Settings(), name)
        return not is_default or name in self._chosen_settings

    def index(  # noqa: PLR0913 (the flags of `ragkit index`)
        self,
        paths: Paths = (),
        *,
        model: str | None = None,
        include: Sequence[str] | None = None,
        exclude: Sequence[str] | None = None,
        dry_run: bool = False,
        prune: bool = False,
        rebuild: bool = False,
        password_file: str | Path | None = None,
        wait: float | None = None,
        on_progress: Callable[[Progress], None] = lambda progress: None,
    ) -> IndexReport:
        """Update the collection to match folders and files; return what the run changed.

        New and changed files are read, split and embedded; deleted files are removed. The run can
        be interrupted at any time, and the next run continues.

        - `paths`: folders and files. Each becomes a root. Default: all roots of the collection.
        - `model`: the encoder's name or folder. Default: the collection's encoder, or that of the
          settings in a new collection. Another encoder than the collection's needs `rebuild`.
        - `include`, `exclude`: globs in .gitignore's syntax, stored with the root. Default: those
          stored before.
        - `dry_run`: only report what a run would do.
        - `prune`: remove all missing files. By default those are kept whose disk may not be
          mounted: files of an empty or missing folder, and many at once (docs/indexing.md).
        - `rebuild`: read and embed every file again.
        - `password_file`: a text file with one password per line, which are tried on encrypted
          PDF, zip and Office files. The passwords are not stored, and the file is not indexed.
        - `wait`: maximum time in seconds to wait for another writer. Default: 2.
        - `on_progress`: called on this thread with a `Progress` while files are read and embedded.

        Raises UsageError if a path does not exist, or if there is neither a path nor a root;
        ModelError if the encoder cannot be loaded or is not the collection's; BusyError if another
        process is writing; CollectionError if the folder is read-only or the disk is full.
        """
        from ragkit.exploring import stored_versions
        from ragkit.ingest import run
        from ragkit.ingest.options import IndexOptions
        from ragkit.retrieval import calibration

        self._store.refuse_untrusted("its folders are not read and nothing is added")
        self._store.refuse_sharded()
        options = IndexOptions.from_settings(
            self.effective_settings(),
            _path_list(paths),
            include=include,
            exclude=exclude,
            dry_run=dry_run,
            prune=prune,
            rebuild=rebuild,
            records=self._table_records(),
            secrets=self._secrets_mode(),
            password_file=password_file,
        )
        if self._skip_folder is not None:
            options = replace(options, skip_folder=self._skip_folder)
        if dry_run:
            fingerprint = self._encoders.fingerprint_for_indexing(model, rebuild)
            return run.preview(self._store, options, fingerprint)
        with writer_lock(self.folder, "ragkit index", lock_timeout(wait)):
            precision = self._tried_precision(options, model, rebuild)
            model_id, fingerprint = self._encoders.set_collection_model(model, rebuild, precision)
            with self._store.writing() as connection:
                file_rows.set_table_records(connection, options.records)
                file_rows.set_secrets_mode(connection, options.secrets)
            cache = self._vector_cache(fingerprint)
            try:
                report = run.index(
                    self._store,
                    self._indexes.index_writer,
                    options,
                    model_id,
                    fingerprint,
                    self._encoders.load_encoder,
                    on_progress,
                    cache,
                )
                calibration.update(self._store, self._indexes, self._encoders.load_encoder)
                stored_versions.update(self._store, self._indexes, renamed=report.moved > 0)
                return report
            finally:
                if cache is not None:
                    cache.close()
                self._store.checkpoint()

    @classmethod
    def index_shards(  # noqa: PLR0913 (the flags of `ragkit index`)
        cls,
        folder: str | Path,
        paths: Paths = (),
        *,
        shards: int | None = None,
        model: str | None = None,
        include: Sequence[str] | None = None,
        exclude: Sequence[str] | None = None,
        dry_run: bool = False,
        prune: bool = False,
        rebuild: bool = False,
        password_file: str | Path | None = None,
        wait: float | None = None,
        settings: Settings | None = None,
        encoder: Encoder | None = None,
        notify: Callable[[str], None] = log_warning,
        on_progress: Callable[[Progress], None] = lambda progress: None,
    ) -> IndexReport:
        """Update the sharded collection in `folder`, or make one, and publish it; return what the
        run changed (docs/scale.md).

        - `folder`: a folder, or an address such as s3://bucket/handbook.
        - `shards`: number of parts. Default: as before. Another number moves few files.
        - `paths`, `model`, …, `wait`, `on_progress`: as in `index`.
        - `settings`, `encoder`, `notify`: as in `Collection`.

        Who has the collection open goes on with the generation before until it is opened again.
        Raises as `index` does; CollectionError if the address cannot be reached.
        """
        from ragkit.maintenance import sharded_index

        options = sharded_index.ShardedIndexOptions(
            paths=_path_list(paths), shards=shards, model=model, include=include, exclude=exclude,
            dry_run=dry_run, prune=prune, rebuild=rebuild, password_file=password_file, wait=wait,
        )  # fmt: skip
        return sharded_index.index(
            folder, options, settings or Settings(), encoder, notify, on_progress
        )

    @classmethod
    def remove_from_shards(
        cls,
        folder: str | Path,
        paths: Paths,
        *,
        wait: float | None = None,
        settings: Settings | None = None,
        encoder: Encoder | None = None,
        notify: Callable[[str], None] = log_warning,
    ) -> int:
        """Remove roots, folders or files from the sharded collection in `folder`, and publish it;
        return the number of removed files (docs/scale.md).

        - `folder`: a folder, or an address such as s3://bucket/handbook.
        - `paths`, `wait`: as in `remove`. `settings`, `encoder`, `notify`: as in `Collection`.

        Who has the collection open goes on with the generation before until it is opened again.
        Raises as `remove` does; CollectionError if there is no sharded collection, or the address
        cannot be reached.
        """
        from ragkit.maintenance import sharded_index

        return sharded_index.remove(
            folder, _path_list(paths), settings or Settings(), encoder, notify, wait
        )

    @staticmethod
    def is_address(folder: str | Path) -> bool:
        """Whether a name is an address such as s3://bucket/handbook, where only sharded collections
        can be."""
        return is_address(folder)

    @classmethod
    def is_sharded(cls, folder: str | Path) -> bool:
        """Whether a folder has a sharded collection, or a name is the address of one."""
        return is_address(folder) or is_sharded(Path(folder).expanduser())

    def index_rows(
        self,
        file: Path,
        rows: Iterable[Row],
        *,
        one_passage_per_row: bool = False,
        wait: float | None = None,
        on_progress: Callable[[Progress], None] = lambda progress: None,
    ) -> None:
        """Index rows of a labelled dataset, each as one document with the path "FILE/ROW_ID".

        Use it on a collection that is empty or was filled from the same rows; complete rows are not
        embedded again. `index` would read `file` itself.

        - `file`: the file that the rows come from. Only its name and its folder are used.
        - `rows`: objects with `id`, `title` and `text`.
        - `one_passage_per_row`: do not split rows; the encoder truncates each at its window.
          Default: split them as documents are split.
        - `wait`, `on_progress`: as in `index`.

        Raises ModelError, BusyError and CollectionError as `index` does.
        """
        from ragkit.ingest import corpus
        from ragkit.retrieval import calibration

        self._store.refuse_untrusted("nothing is added")
        self._store.refuse_sharded()
        split = corpus.split_rows(
            self.settings.passage_tokens, self.settings.overlap,
            header=self.settings.passage_header,
        )  # fmt: skip
        with writer_lock(self.folder, "ragkit eval", lock_timeout(wait)):
            corpus.index_rows(
                self._store,
                self._indexes.index_writer,
                self._encoders.set_collection_model(None, rebuild=False)[0],
                self._encoders.load_encoder,
                file,
                rows,
                corpus.one_passage_per_row if one_passage_per_row else split,
                on_progress,
            )
            calibration.update(self._store, self._indexes, self._encoders.load_encoder)

    def watch(
        self,
        paths: Paths = (),
        *,
        stop: threading.Event | None = None,
        password_file: str | Path | None = None,
        on_progress: Callable[[Progress], None] = lambda progress: None,
    ) -> Iterator[IndexReport]:
        """Run `index` after every change of files; yield the report of each run that had changes.

        - `paths`: as in `index`. Changes below them, or below all roots, start a run. One that is
          deleted is watched until it comes back; its documents are kept.
        - `stop`: set this event to end the iteration. Closing the iterator ends it, too.
        - `password_file`, `on_progress`: as in `index`.

        While another process is writing, it waits and calls `notify` once. Raises as `index` does,
        except BusyError.
        """
        from ragkit.ingest.plan import is_missing
        from ragkit.ingest.watch import retry_while_busy, watch_changes

        self._store.refuse_untrusted("its folders are not watched")
        self._store.refuse_sharded()
        named = _path_list(paths)
        with self._store.reading() as connection:
            roots = [root.path for root in file_rows.roots(connection)]

        def index_existing() -> IndexReport | None:
            existing = [path for path in named if not is_missing(path)]
            try:
                if not existing and named:
                    return None
                return self.index(existing, password_file=password_file, on_progress=on_progress)
            except UsageError:
                if any(is_missing(path) for path in existing):
                    return None  # deleted a moment ago; it is watched until it comes back
                raise

        for _ in watch_changes(named or roots, self.folder, stop):
            report = retry_while_busy(index_existing, self._notify, stop)
            if report and (report.added or report.updated or report.moved or report.removed):
                yield report

    def search(  # noqa: PLR0913 (the fields of `SearchOptions`)
        self,
        query: str,
        k: int | None = None,
        *,
        mode: str | None = None,
        min_score: float = -1.0,
        min_relevance: float | None = None,
        context: int = 0,
        where: Where | None = None,
        per_document: int | None = None,
        diverse: bool | float = False,
        prefer_new: bool = False,
        half_life: float | None = None,
        fusion: str | None = None,
        explain: bool = False,
        highlight: bool = False,
        rerank: bool | None = None,
        budget: float | None = None,
        exact: bool = False,
        keywords: str | None = None,
        hypothetical: str | None = None,
    ) -> list[Hit]:
        """Return the k best passages for a query, best first; [] if the collection is empty.

        Passages with equal scores are in order of ascending passage id.

        - `k`: maximum number of hits. Default: `settings.top_k` (10).
        - `mode`: "dense" (cosine similarity of embeddings), "lexical" (BM25) or "hybrid" (both,
          combined by `fusion`). Default: `settings.mode` ("dense").
        - `min_score`: minimum cosine of a hit, in every mode. Default: -1, no minimum.
        - `min_relevance`: minimum probability that a hit answers, 0 to 1, by the collection's
          calibration (`calibrate_relevance`). Default: no minimum.
        - `context`: add this many passages before and after each hit, and join hits that then
          overlap. Default: 0.
        - `where`: a metadata filter, as text, dict or OpenAI's JSON (docs/ranking.md).
        - `per_document`: maximum number of passages of one document. Default: no maximum.
        - `diverse`: leave out near-duplicates by maximal marginal relevance. A number is its λ,
          from 0 (diversity only) to 1 (relevance only); True is 0.8.
        - `prefer_new`: of documents that are versions of each other (docs/exploring.md), leave out
          passages that a newer one has too. `Hit.newer_version` names it in any case.
        - `half_life`: prefer newer files: the number of days after which the bonus of a file's time
          is half. It is worth a cosine of 0.05 at most. Default: the time does not count.
        - `fusion`: "convex" (weighted mean of normalised scores) or "rrf" (reciprocal rank fusion).
          Default: `settings.fusion` ("convex").
        - `explain`: set `Hit.explanation`: the matched words and the sentence closest to the query.
        - `highlight`: set `Hit.highlights`: where the text contains the words of the query.
        - `rerank`: re-order the first 20 passages with a cross-encoder. Default: False, unless
          `tune` has found that it helps.
        - `budget`: maximum time for `rerank` in seconds; fewer passages are re-ordered if needed.
        - `exact`: compare the query with every vector. By default a large collection is searched
          with quantized vectors first (docs/storage.md).
        - `keywords`: words for BM25 in place of the query's own. Makes a dense search hybrid.
        - `hypothetical`: an answer as it might be written (HyDE). The scores are then cosines with
          the mean of the vectors of query and answer.

        Raises UsageError for an empty query, a value out of range, an unknown mode or an invalid
        filter; ModelError if the encoder or the reranker cannot be used; CollectionError if the
        database cannot be read.
        """
        options = self.search_options(
            _given(k=k, mode=mode or None, fusion=fusion or None, rerank=rerank)
            | {
                "min_score": min_score, "min_relevance": min_relevance, "context": context,
                "where": where, "per_document": per_document, "diverse": diverse,
                "prefer_new": prefer_new, "half_life": half_life,
                "explain": explain, "highlight": highlight, "budget": budget, "exact": exact,
                "keywords": keywords, "hypothetical": hypothetical,
            }
        )  # fmt: skip
        return self.search_with([query], options)[0]

    async def asearch(  # noqa: PLR0913
        self,
        query: str,
        k: int | None = None,
        *,
        mode: str | None = None,
        min_score: float = -1.0,
        min_relevance: float | None = None,
        context: int = 0,
        where: Where | None = None,
        per_document: int | None = None,
        diverse: bool | float = False,
        prefer_new: bool = False,
        half_life: float | None = None,
        fusion: str | None = None,
        explain: bool = False,
        highlight: bool = False,
        rerank: bool | None = None,
        budget: float | None = None,
        exact: bool = False,
        keywords: str | None = None,
        hypothetical: str | None = None,
    ) -> list[Hit]:
        """Return the hits of `search` with the same arguments, computed on a worker thread.

        For asynchronous programs: the event loop is not blocked. Raises as `search` does.
        """
        import asyncio

        options = self.search_options(
            _given(k=k, mode=mode or None, fusion=fusion or None, rerank=rerank)
            | {
                "min_score": min_score, "min_relevance": min_relevance, "context": context,
                "where": where, "per_document": per_document, "diverse": diverse,
                "prefer_new": prefer_new, "half_life": half_life,
                "explain": explain, "highlight": highlight, "budget": budget, "exact": exact,
                "keywords": keywords, "hypothetical": hypothetical,
            }
        )  # fmt: skip
        return (await asyncio.to_thread(self.search_with, [query], options))[0]

    def search_many(  # noqa: PLR0913
        self,
        queries: Sequence[str],
        k: int | None = None,
        *,
        mode: str | None = None,
        min_score: float = -1.0,
        min_relevance: float | None = None,
        context: int = 0,
        where: Where | None = None,
        per_document: int | None = None,
        diverse: bool | float = False,
        prefer_new: bool = False,
        half_life: float | None = None,
        fusion: str | None = None,
        explain: bool = False,
        highlight: bool = False,
        rerank: bool | None = None,
        budget: float | None = None,
        exact: bool = False,
        keywords: str | None = None,
        hypothetical: str | None = None,
    ) -> list[list[Hit]]:
        """Return a list of hits for each query, in the order of `queries`.

        Same arguments, errors and results as `search`, but faster than one call for each query:
        the queries are encoded, and compared with the vectors, in batches.
        """
        options = self.search_options(
            _given(k=k, mode=mode or None, fusion=fusion or None, rerank=rerank)
            | {
                "min_score": min_score, "min_relevance": min_relevance, "context": context,
                "where": where, "per_document": per_document, "diverse": diverse,
                "prefer_new": prefer_new, "half_life": half_life,
                "explain": explain, "highlight": highlight, "budget": budget, "exact": exact,
                "keywords": keywords, "hypothetical": hypothetical,
            }
        )  # fmt: skip
        return self.search_with(queries, options)

    def search_with(self, queries: Sequence[str], options: SearchOptions) -> list[list[Hit]]:
        """Return a list of hits for each query, in the order of `queries`.

        `options` has the arguments of `search` as one object; see `search_options`. Raises as
        `search` does.
        """
        from ragkit.records.display import Hits

        return [Hits(hits) for hits in self._retriever.search(queries, options)]

    def search_notices(self, query: str, options: SearchOptions, hits: Sequence[Hit]) -> list[str]:
        """Return what a user should know about `hits`, those of `search_with([query], options)`.

        One line each: a field of the filter that no document has; that nothing is close, since no
        word of the query occurs in the collection and the best score is below the encoder's bound
        (docs/commands.md); the best score, where `min_score` left out everything. Raises as
        `search` does.
        """
        return self._retriever.notices(query, options, hits)

    def search_options(self, overrides: Mapping[str, Any]) -> SearchOptions:
        """Return options for `search_with`: this collection's defaults, replaced by `overrides`.

        `overrides` maps names of `SearchOptions` fields to values, such as {"k": 5}. Raises
        UsageError for a value out of range, TypeError for an unknown name.
        """
        from ragkit.retrieval.options import SearchOptions

        settings, rerank = self._tuned()
        defaults = SearchOptions(
            k=settings.top_k, mode=settings.mode, fusion=settings.fusion, rerank=rerank
        )
        return replace(defaults, **overrides)

    def ask_stream(  # noqa: PLR0913
        self,
        question: str,
        k: int | None = None,
        *,
        mode: str = "hybrid",
        min_score: float = -1.0,
        min_relevance: float | None = None,
        where: Where | None = None,
        per_document: int | None = None,
        diverse: bool | float = False,
        prefer_new: bool = False,
        half_life: float | None = None,
        fusion: str | None = None,
        rerank: bool | None = None,
        exact: bool = False,
        highlight: bool = False,
        history: Sequence[Turn] = (),
        llm: ChatModel | Literal[False] | None = None,
    ) -> Iterator[Event]:
        """Yield the events of an answer: one `Retrieved`, any number of `Piece`s, the `Answer`.

        The sources are the hits of `search` with these options, extended to complete paragraphs.
        A language model writes the answer from them, with citations. Without a model, or if it
        cannot be reached, the answer consists of sentences of the sources (extractive). Closing the
        iterator ends the request to the model.

        - `k`: maximum number of passages. Default: 6.
        - `mode`: as in `search`. Default: "hybrid".
        - `min_score`, `min_relevance`, `where`, `per_document`, `diverse`, `prefer_new`,
          `half_life`, `fusion`, `exact`, `highlight`: as in `search`.
        - `rerank`: as in `search`. Default: True if the settings name a reranker.
        - `history`: the earlier `Turn`s of the conversation, oldest first. A follow-up question is
          rewritten as a standalone question before the search.
        - `llm`: the language model. Default: the model of the settings. False: extractive answer.

        Raises UsageError, ModelError and CollectionError as `search` does.
        """
        overrides: dict[str, Any] = {
            "mode": mode, "min_score": min_score, "min_relevance": min_relevance,
            "where": where, "per_document": per_document, "diverse": diverse,
            "prefer_new": prefer_new, "exact": exact, "highlight": highlight,
        }  # fmt: skip
        optional = {"k": k, "fusion": fusion, "rerank": rerank, "half_life": half_life}
        overrides |= {name: value for name, value in optional.items() if value is not None}
        return self.ask_with(question, self.answer_options(overrides), history=history, llm=llm)

    def ask(  # noqa: PLR0913
        self,
        question: str,
        k: int | None = None,
        *,
        mode: str = "hybrid",
        min_score: float = -1.0,
        min_relevance: float | None = None,
        where: Where | None = None,
        per_document: int | None = None,
        diverse: bool | float = False,
        prefer_new: bool = False,
        half_life: float | None = None,
        fusion: str | None = None,
        rerank: bool | None = None,
        exact: bool = False,
        highlight: bool = False,
        history: Sequence[Turn] = (),
        llm: ChatModel | Literal[False] | None = None,
    ) -> Answer:
        """Return the answer to a question, with its citations and sources.

        Same arguments and errors as `ask_stream`, whose last event this is.
        """
        from ragkit.records.answers import last_answer

        events = self.ask_stream(
            question, k, mode=mode, min_score=min_score, min_relevance=min_relevance,
            where=where, per_document=per_document, diverse=diverse, prefer_new=prefer_new,
            half_life=half_life, fusion=fusion, rerank=rerank,
            exact=exact, highlight=highlight, history=history, llm=llm,
        )  # fmt: skip
        return last_answer(events)

    async def aask(  # noqa: PLR0913
        self,
        question: str,
        k: int | None = None,
        *,
        mode: str = "hybrid",
        min_score: float = -1.0,
        min_relevance: float | None = None,
        where: Where | None = None,
        per_document: int | None = None,
        diverse: bool | float = False,
        prefer_new: bool = False,
        half_life: float | None = None,
        fusion: str | None = None,
        rerank: bool | None = None,
        exact: bool = False,
        highlight: bool = False,
        history: Sequence[Turn] = (),
        llm: ChatModel | Literal[False] | None = None,
    ) -> Answer:
        """Return the answer of `ask` with the same arguments, computed on a worker thread.

        For asynchronous programs: the event loop is not blocked. Raises as `ask` does.
        """
        import asyncio

        return await asyncio.to_thread(
            self.ask, question, k, mode=mode, min_score=min_score, min_relevance=min_relevance,
            where=where, per_document=per_document, diverse=diverse, prefer_new=prefer_new,
            half_life=half_life, fusion=fusion, rerank=rerank,
            exact=exact, highlight=highlight, history=history, llm=llm,
        )  # fmt: skip

    def ask_with(
        self,
        question: str,
        options: SearchOptions,
        *,
        history: Sequence[Turn] = (),
        llm: ChatModel | Literal[False] | None = None,
    ) -> Iterator[Event]:
        """Yield the events of `ask_stream`, with the search options as one object.

        `options`: see `answer_options`. `history` and `llm` are as in `ask_stream`. Raises as
        `ask_stream` does.
        """
        from ragkit.answers import pipeline
        from ragkit.retrieval.options import validate_query

        sources = self.answer_sources(options)
        model = pipeline.load_language_model(self.settings) if llm is None else llm or None
        return pipeline.stream_answer(validate_query(question), history, model, sources)

    def answer_options(self, overrides: Mapping[str, Any]) -> SearchOptions:
        """Return options for `ask_with`: the defaults of `ask`, replaced by `overrides`.

        `overrides` and the errors are as in `search_options`.
        """
        from ragkit.answers.pipeline import DEFAULT_SOURCES
        from ragkit.retrieval.options import SearchOptions

        settings = self.effective_settings()
        defaults = SearchOptions(
            k=DEFAULT_SOURCES,
            mode="hybrid",
            fusion=settings.fusion,
            rerank=settings.reranker is not None,
        )
        return replace(defaults, **overrides)

    def answer_sources(self, options: SearchOptions) -> Sources:
        """Return what `answers/pipeline` takes its sources from: this collection, searched with
        these options. For answers from several collections (`CollectionGroup.ask`)."""
        from ragkit.answers.pipeline import Sources

        return Sources(self._retriever, options, self.settings.min_relevance)

    def chat(self) -> Chat:
        """Return a new conversation, which sends its earlier turns with every question.

        It has `ask(text)`, which returns an `Answer`, `stream(text)`, which yields the events of
        `ask_stream`, and `history`, the list of `Turn`s so far.
        """
        from ragkit.answers.pipeline import Chat

        return Chat(self.ask_stream)

    def model(self) -> ModelSpec | None:
        """Return name and options of the collection's encoder; None before the first `index`.

        Raises ModelError if the collection is not trusted to choose this encoder.
        """
        return self._store.retry(self._encoders.spec)

    def fingerprint(self) -> str | None:
        """Return the fingerprint of the collection's encoder; None before the first `index`.

        Scores of collections with equal fingerprints are comparable.
        """
        from ragkit.storage.sqlite import passages

        row = self._read(passages.model)
        return None if row is None else str(row["fingerprint"])

    def encoder(self) -> Encoder:
        """Return the collection's encoder, which is loaded on the first call.

        Raises ModelError if the model is not found, is damaged, or is not the one that the stored
        vectors were computed with.
        """
        return self._encoders.load_encoder()

    def share_encoder(self, other: Collection) -> None:
        """Reuse the encoder that `other` has loaded, so that it is in memory only once.

        If the collections use different encoders, this one still loads its own.
        """
        self._encoders.share_encoder(other._encoders)

    def documents(self, after: int = 0, limit: int = 100) -> list[DocumentEntry]:
        """Return documents without their texts, by ascending id: one page of the list.

        Only ids above `after` (default: 0, from the start), at most `limit` (default: 100).
        """
        return self._read(lambda rows: document_rows.list_entries(rows, after, limit))

    def document(
        self, document_id: int, start: int = 0, length: int = sys.maxsize
    ) -> tuple[DocumentEntry, str]:
        """Return a document and its text.

        The text can be limited to `length` characters (default: all) from the offset `start`
        (default: 0). Raises UsageError if no document has this id.
        """
        entry = self._read(lambda rows: document_rows.get_entry(rows, document_id, start, length))
        if entry is None:
            raise UsageError(f"no document has the id {document_id}")
        return entry

    def file_fields(self, document_ids: Sequence[int]) -> dict[int, dict[str, str | int]]:
        """Return document id → what filters can name of its file; unknown values are left out.

        The fields are `title` (its own: not the file's name, which `Hit.title` has instead),
        `type` (media type), `size` (bytes) and `mtime` (UTC, to the second), as `where` takes them
        (docs/ranking.md).
        """
        import datetime

        fields: dict[int, dict[str, str | int]] = {}
        facts = self._read(lambda rows: document_rows.file_facts(rows, document_ids))
        for document_id, (title, media_type, size, mtime_ns) in facts.items():
            values: dict[str, str | int | None] = {
                "title": title or None, "type": media_type, "size": size
            }  # fmt: skip
            if mtime_ns is not None:
                try:
                    time = datetime.datetime.fromtimestamp(mtime_ns // 10**9, datetime.UTC)
                    values["mtime"] = time.strftime("%Y-%m-%dT%H:%M:%S")
                except (ValueError, OverflowError, OSError):  # no year that a date can have
                    pass
            known = {name: value for name, value in values.items() if value is not None}
            fields[document_id] = known
        return fields

    @overload
    def get(self, reference: str, context: int = 0) -> Excerpt: ...

    @overload
    def get(self, reference: list[str], context: int = 0) -> list[Excerpt]: ...

    def get(self, reference: str | list[str], context: int = 0) -> Excerpt | list[Excerpt]:
        """Return the text that a citation, a document's path or a passage id refers to.

        - `reference`: such as "leave.pdf#page=7", "faq.md#L40-L52", "faq.md" or "482"; or a list of
          them, for a list of texts in the same order.
        - `context`: add this many lines before and after. Default: 0.

        Raises UsageError if there is no such document, part or passage; the message names the most
        similar path or the parts that exist.
        """
        from ragkit.retrieval import citations

        if isinstance(reference, str):
            return self._read(lambda rows: citations.get_excerpt(rows, reference, context))
        return self._read(
            lambda rows: [citations.get_excerpt(rows, each, context) for each in reference]
        )

    def grep(  # noqa: PLR0913 (the flags of `ragkit grep`)
        self,
        pattern: str,
        *,
        ignore_case: bool = False,
        literal: bool = False,
        word: bool = False,
        glob: str | None = None,
        where: Where | None = None,
        context: int = 0,
        limit: int = 100,
        cursor: str | None = None,
        seconds: float = 10.0,
    ) -> GrepResult:
        """Return the lines of all documents in which a regular expression matches.

        It searches the extracted text, so also PDF, office files, mails and archives.

        - `pattern`: Python's syntax; `^` and `$` match at lines, and a match may span lines.
        - `ignore_case`: upper and lower case are the same. Default: False.
        - `literal`: the pattern is a text, not an expression. Default: False.
        - `word`: match whole words only. Default: False.
        - `glob`: only documents whose path matches, as in `glob`.
        - `where`: only documents, and pages, that match this filter, as in `search`.
        - `context`: lines before and after each match. Default: 0.
        - `limit`: maximum number of lines that match. Default: 100.
        - `cursor`: that of an earlier result, to continue there.
        - `seconds`: maximum time. A pattern that takes longer is stopped, and
          `GrepResult.notice` says where. Default: 10.

        Raises UsageError for an invalid pattern, filter or value, UnavailableError if no process
        can be started.
        """
        from ragkit.lookup.grep import GrepOptions, grep
        from ragkit.retrieval.options import SearchOptions

        options = GrepOptions(
            pattern=pattern, ignore_case=ignore_case, literal=literal, word=word, glob=glob,
            context=context, limit=limit, cursor=cursor, seconds=seconds,
        )  # fmt: skip
        condition = SearchOptions(where=where).condition()
        return self._read(lambda rows: grep(rows, options, condition))

    def glob(
        self,
        pattern: str,
        *,
        where: Where | None = None,
        limit: int = 1_000,
        cursor: str | None = None,
    ) -> Listing:
        """Return the documents whose path matches a glob in .gitignore's syntax, by path.

        `**/*.pdf`, `hr/**`, `*.{md,txt}`; files in archives and mails are documents too.

        - `where`: only documents that match this filter, as in `search`.
        - `limit`: maximum number of entries. Default: 1,000.
        - `cursor`: that of an earlier result, to continue there.

        Raises UsageError for an invalid glob or filter.
        """
        from ragkit.lookup import listing
        from ragkit.retrieval.options import SearchOptions

        options = listing.ListOptions(limit=limit, cursor=cursor)
        condition = SearchOptions(where=where).condition()
        return self._read(lambda rows: listing.glob(rows, pattern, condition, options))

    def ls(
        self,
        path: str = "",
        depth: int = 1,
        *,
        where: Where | None = None,
        limit: int = 1_000,
        cursor: str | None = None,
    ) -> Listing:
        """Return what is in a folder or an archive: folders with their number of documents,
        documents, and files that were not read, with the reason.

        - `path`: relative to the roots. Default: the roots themselves.
        - `depth`: levels of folders. Default: 1; more make a tree.
        - `where`, `limit`, `cursor`: as in `glob`.

        Raises UsageError for an unknown folder or an invalid filter.
        """
        from ragkit.lookup import listing
        from ragkit.retrieval.options import SearchOptions

        options = listing.ListOptions(limit=limit, cursor=cursor)
        condition = SearchOptions(where=where).condition()
        return self._read(lambda rows: listing.list_folder(rows, path, depth, condition, options))

    def read(
        self,
        reference: str,
        *,
        lines: tuple[int, int] | None = None,
        pages: tuple[int, int] | None = None,
        max_tokens: int | None = None,
        cursor: str | None = None,
    ) -> TextPart:
        """Return lines or pages of a document's text, in parts that fit a token budget.

        - `reference`: a path, a citation or a passage id. A citation means its own part.
        - `lines`, `pages`: first and last, from 1. Lines are those of the extracted text.
        - `max_tokens`: maximum length of the text, estimated. Default: no maximum.
        - `cursor`: that of an earlier result with the same arguments, to continue there.

        Raises UsageError if there is no such document or part.
        """
        from ragkit.lookup import ranges

        options = ranges.ReadOptions(lines=lines, pages=pages, max_tokens=max_tokens, cursor=cursor)
        return self._read(lambda rows: ranges.read(rows, reference, options))

    def related(
        self,
        reference: str,
        k: int = 5,
        *,
        around: int = 1,
        where: Where | None = None,
        other_documents: bool = False,
    ) -> RelatedPassages:
        """Return the passages around one in its document, and the most similar ones elsewhere.

        - `reference`: a citation or a passage id.
        - `k`: number of similar passages, by the cosine with this one. Default: 5.
        - `around`: number of passages before and after. Default: 1.
        - `where`: a filter of the similar passages, as in `search`.
        - `other_documents`: similar passages of other documents only. Default: False.

        Raises UsageError if there is no such passage, ModelError as `search` does.
        """
        from ragkit.lookup.related import RelatedOptions, find_related

        options = RelatedOptions(k=k, around=around, where=where, other_documents=other_documents)
        encoder = self._encoders.load_encoder()
        return self._read(
            lambda rows: find_related(rows, self._indexes, encoder, reference, options)
        )

    def duplicates(self, min_score: float = 0.95, *, limit: int = 20) -> DuplicateReport:
        """Return groups of near-duplicate passages with what differs in them, largest first, and
        pairs of documents that share most of their passages, such as two versions.

        Nothing is embedded. A cosine alone never declares texts equal: `TextDifference.changes`
        names numbers and negations that differ.

        - `min_score`: minimum cosine of two passages, 0.5 to 1. Default: 0.95.
        - `limit`: maximum number of groups, and of pairs of documents. Default: 20.

        Raises UsageError for a value out of range.
        """
        from ragkit.exploring import stored_versions
        from ragkit.exploring.duplicates import DuplicateOptions, find_duplicates

        options = DuplicateOptions(min_score=min_score, limit=limit)
        report = self._read(lambda rows: find_duplicates(rows, self._indexes, options))
        if not self.is_read_only:  # after an import, no run of `index` has found the versions
            with (
                contextlib.suppress(CollectionError),
                writer_lock(self.folder, "ragkit duplicates", 0),
            ):
                stored_versions.update(self._store, self._indexes)
        return report

    def topics(
        self, *, count: int | None = None, rebuild: bool = False, wait: float | None = None
    ) -> TopicReport:
        """Group the passages into topics by their vectors, and store them; return the topics.

        After a small change (at most a fifth of the passages) the topics of before are updated:
        their names and nearly all assignments stay. Filter by a topic with
        `search(…, where={"topic": name})`. Nothing is embedded.

        - `count`: number of topics. Default: that with the best silhouette, or as before.
        - `rebuild`: find the topics anew. Those that are mostly the same keep their names.
        - `wait`: maximum time in seconds to wait for another writer. Default: 2.

        Where the collection cannot be written, the topics are only returned. Raises UsageError for
        a `count` below 1, UnavailableError without scikit-learn, BusyError.
        """
        from ragkit.exploring.topics import TopicOptions, find_topics, save, stored_number

        options = TopicOptions(count=count, rebuild=rebuild)
        number = self._read(stored_number)
        found = self._read(lambda rows: find_topics(rows, self._indexes, options))
        if self.is_read_only:
            self._notify("the topics are not stored: the collection is only read")
        else:
            with writer_lock(self.folder, "ragkit topics", lock_timeout(wait)):
                if self._read(stored_number) != number:  # another process has stored topics since
                    found = self._read(lambda rows: find_topics(rows, self._indexes, options))
                save(self._store, found)
        return found.report

    def stored_topics(self) -> StoredTopics:
        """Return the topics that the last `topics` stored. Computes nothing."""
        from ragkit.storage.sqlite.overview import stored_topics

        return self._read(stored_topics)

    def map(
        self, *, method: str = "auto", color: str = "topic", rebuild: bool = False
    ) -> MapReport:
        """Return the passages as points of a plane, similar ones near each other.

        Points of an earlier map stay where they were, and new passages are placed among their
        nearest neighbors, unless three in ten are new. Nothing is embedded.

        - `method`: "pca", "umap" (needs umap-learn), or "auto": umap where it is installed.
        - `color`: what `MapPoint.group` is: "topic", "folder", "type" or "none".
        - `rebuild`: place all points anew.

        Raises UsageError for an unknown value, UnavailableError if umap-learn is missing.
        """
        from ragkit.exploring.map import MapOptions, make_map, save_map

        options = MapOptions(method=method, color=color, rebuild=rebuild)
        report = self._read(lambda rows: make_map(rows, self._indexes, self.folder, options))
        if not self.is_read_only:
            with contextlib.suppress(OSError):  # a full disk: the next map is made anew
                save_map(report, self.folder)
        return report

    def overview(self, newest: int = 6) -> Overview:
        """Return the folders, the `newest` files (default: 6), and three questions that the
        documents answer, made from their headings without a model."""
        from ragkit.answers.example_questions import make_questions
        from ragkit.records.overview import Overview
        from ragkit.storage.sqlite import overview

        def read(rows: sqlite3.Connection) -> Overview:
            return Overview(
                tuple(overview.count_by_folder(rows)),
                tuple(overview.newest_files(rows, newest)),
                make_questions(overview.headed_passages(rows)),
            )

        return self._read(read)

    def facets(
        self, where: Where | None = None, chosen: Mapping[str, Sequence[str]] | None = None
    ) -> dict[str, list[FacetValue]]:
        """Return the numbers of documents by "type", "folder", "date" (years) and "tag".

        - `where`: only documents with this filter count, as in `search`. Default: all.
        - `chosen`: facet → filters of the values chosen in it, of which one has to be true; they
          limit the counts of the other facets. Default: none.

        Raises UsageError for an invalid filter.
        """
        from ragkit.documents.registry import format_label
        from ragkit.retrieval.facets import count_facets

        return self._read(lambda rows: count_facets(rows, where, chosen or {}, format_label))

    def original(self, document_id: int) -> OriginalFile:
        """Return the bytes of the file that a document was read from, as it is on the disk now.

        Raises UsageError, with the reason, if there is no such document or its file cannot be
        shown; CollectionError if the collection is not trusted: its files are not opened.
        """
        from ragkit.retrieval import originals

        self._store.refuse_untrusted("the files that it names are not opened")
        max_bytes, mode = int(self.settings.max_file_mb * 1_000_000), self._secrets_mode()
        return self._read(lambda rows: originals.get_original(rows, document_id, max_bytes, mode))

    def files(self, status: str | None = None, paths: Paths = ()) -> list[FileStatus]:
        """Return the files of all roots with their status, sorted by root and path.

        Each file is compared with the disk (`FileStatus.stale`).

        - `status`: only files of this status: "indexed", "empty", "skipped", "failed" or
          "unsupported".
        - `paths`: only these files and the files below these folders. Default: all.

        Raises UsageError for a path that is not in the collection.
        """
        from ragkit.ingest import known_paths

        statuses = [status] if status else []
        return self._read(lambda rows: known_paths.list_files(rows, _path_list(paths), statuses))

    def not_read(
        self, after: int = 0, limit: int = 100, *, left_out: bool = False
    ) -> list[NotRead]:
        """Return files that could not be read completely, with the reasons, by ascending id.

        - `after`, `limit`: only ids above `after` (default: 0), at most `limit` (default: 100).
        - `left_out`: instead return the files that were left out on purpose: excluded by rules,
          or not documents.
        """
        from ragkit.storage.sqlite import file_status

        return self._read(
            lambda rows: file_status.list_not_read(rows, after, limit, left_out=left_out)
        )

    def explain(self, path: str | Path) -> Whereabouts:
        """Return why a path is indexed or not: its state, the reason, and the command to change it.

        `path` may be a file, a folder, or a member of an archive or mailbox; it need not exist.
        Raises UsageError only for a text that cannot be a path.
        """
        from ragkit.ingest import explain_path

        self._store.refuse_untrusted("the folders that it names are not looked at")
        with self._store.reading() as connection:
            return explain_path.explain_path(
                connection, str(path), self.folder, int(self.settings.max_file_mb * 1_000_000)
            )

    def remove(self, paths: Paths, *, wait: float | None = None) -> int:
        """Remove roots, folders or files from the collection; return the number of removed files.

        Files on the disk are not deleted. The next `index` of their root adds the files again,
        unless the root itself was removed. Only files that had been read are counted. If the index
        files cannot be updated, on a full disk for instance, the removal still counts, and `notify`
        is called.

        - `wait`: maximum time in seconds to wait for another writer. Default: 2.

        Raises UsageError, and removes nothing, if one of `paths` is not in the collection;
        BusyError if another process is writing; CollectionError if the folder is read-only.
        """
        from ragkit.ingest import removal
        from ragkit.retrieval import calibration

        self._store.refuse_untrusted("nothing is removed from it")
        self._store.refuse_sharded()
        removed = _path_list(paths)
        with writer_lock(self.folder, "ragkit remove", lock_timeout(wait)):
            try:
                count = removal.remove_paths(
                    self._store, self._indexes.index_writer, removed, self._notify
                )
                with contextlib.suppress(CollectionError):  # what is removed is removed
                    calibration.update(self._store, self._indexes, self._encoders.load_encoder)
                return count
            finally:
                self._store.checkpoint()

    def backup(self, target: str | Path, *, index_files: bool = True) -> CopyReport:
        """Copy the collection to the new folder `target`, which is then a collection itself.

        Others may search and write meanwhile; the copy has the state of one moment, and is checked
        completely. Without `index_files` they are left out and rebuilt at the first search.

        Raises UsageError if `target` exists and is not an empty folder; CollectionError if the
        database is damaged, the disk is full or `target` cannot be written.
        """
        from ragkit.maintenance import backup

        self._store.refuse_copies("backup")
        return backup.backup(self._store, Path(target).expanduser(), index_files=index_files)

    @classmethod
    def restore(
        cls,
        source: str | Path,
        folder: str | Path,
        *,
        force: bool = False,
        wait: float | None = None,
    ) -> CopyReport:
        """Make the collection in `folder` a copy of `source`, a backup, which is only read.

        With `force` a collection that is there already is renamed, never deleted: see
        `CopyReport.set_aside`. The restored collection counts as trusted. `wait` is as in `index`.

        Raises UsageError if `source` is no backup, or if `folder` is in use and `force` is not set;
        CollectionError if `source` is damaged or `folder` cannot be written; BusyError.
        """
        from ragkit.maintenance import backup

        target = Path(folder).expanduser()
        timeout = lock_timeout(wait)
        return backup.restore(Path(source).expanduser(), target, force=force, wait=timeout)

    def export(self, target: str | Path) -> CopyReport:
        """Write documents and passages as JSON lines, vectors as NumPy arrays, to a new folder.

        docs/storage.md describes the files. Others may search and write meanwhile. Raises as
        `backup`.
        """
        from ragkit.maintenance import export

        self._store.refuse_copies("export")
        return export.export(self._store, Path(target).expanduser())

    @classmethod
    def import_export(cls, source: str | Path, folder: str | Path) -> CopyReport:
        """Make a new collection in `folder` from an export; it has the same ids and vectors.

        It counts as trusted, and nothing is embedded again. Raises UsageError if `source` is no
        valid export or `folder` is in use, CollectionError if `folder` cannot be written.
        """
        from ragkit.maintenance import export

        return export.import_export(Path(source).expanduser(), Path(folder).expanduser())

    @classmethod
    def doctor(
        cls,
        folder: str | Path,
        *,
        repair: bool = False,
        settings: Settings | None = None,
        encoder: Encoder | None = None,
        wait: float | None = None,
        notify: Callable[[str], None] = log_warning,
    ) -> DoctorReport:
        """Check the collection in `folder` completely; return what was found.

        A class method, because a damaged collection cannot be opened. Reads everything: about a
        second for each gigabyte.

        - `repair`: rebuild what can be rebuilt from what is intact. Nothing that cannot be made
          again is deleted: a database that cannot be used is renamed (docs/storage.md).
        - `settings`, `encoder`, `notify`, `wait`: as in `Collection` and `index`.

        Raises CollectionError if there is no collection; with `repair` also if the folder cannot be
        written, and BusyError. Damage is reported, never raised.
        """
        from ragkit.maintenance import doctor

        if cls.is_sharded(folder):
            from ragkit.maintenance import sharded_doctor

            return sharded_doctor.examine(
                folder, settings or Settings(), repair=repair, encoder=encoder, notify=notify
            )
        return doctor.examine(
            Path(folder).expanduser(),
            settings or Settings(),
            repair=repair,
            encoder=encoder,
            wait=lock_timeout(wait),
            notify=notify,
        )

    @staticmethod
    def write_bug_report(
        report: DoctorReport, path: str | Path, *, settings: Settings | None = None
    ) -> None:
        """Write what `doctor` found to a new JSON file, for a bug report.

        It has versions, findings and counts; no text, name, path, query, address or key. Raises
        UsageError if the file exists, CollectionError if it cannot be written.
        """
        from ragkit.maintenance import bug_report

        bug_report.write(report, settings or Settings(), Path(path).expanduser())

    @classmethod
    def evaluate_dataset(  # noqa: PLR0913 (the flags of `ragkit eval`)
        cls,
        dataset: str | Path,
        *,
        settings: Settings | None = None,
        protocol: str = "collection",
        rerank: bool = False,
        run: str | Path | None = None,
        encoder: Encoder | None = None,
        wait: float | None = None,
        notify: Callable[[str], None] = lambda line: None,
        on_progress: Callable[[Progress], None] = lambda progress: None,
    ) -> Evaluation:
        """Return retrieval measures (nDCG, recall, …) for a labelled dataset in BEIR's layout.

        The corpus is indexed into a separate collection in the cache folder. A later evaluation
        with the same corpus, protocol, model and passage size reuses it.

        - `dataset`: a folder with corpus.jsonl, queries.jsonl and qrels/test.tsv.
        - `settings`: `mode`, `model` and passage size to be measured. Default: `Settings()`.
        - `protocol`: "collection" (documents are split; a document's score is that of its best
          passage) or "beir" (one truncated passage per document). Default: "collection".
        - `rerank`: re-order the first 20 hits of each query with a cross-encoder.
        - `run`: write the rankings to this file in TREC's run format.
        - `encoder`: an object used instead of the model of the settings.
        - `notify`: called with one line for warnings, such as truncated queries. Default: ignored.
        - `wait`, `on_progress`: as in `index`.

        Raises UsageError for a missing dataset, an invalid line or an unknown protocol; ModelError;
        UnavailableError if the package ir-measures is not installed.
        """
        from ragkit import user_dirs
        from ragkit.evaluation import beir
        from ragkit.evaluation import run as evaluation
        from ragkit.models import selection

        settings = settings or Settings()
        evaluation.check_protocol(protocol)
        labels = beir.read_dataset(dataset)
        labels.count_gaps()
        beir.measure_queries({"": {"": 1}}, {})  # a missing package is reported before the work
        if run is not None:
            beir.check_writable(run)
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
                one_passage_per_row=protocol == "beir",
                wait=wait,
                on_progress=on_progress,
            )

            def search(text: str) -> list[Hit]:
                depth = evaluation.search_depth(protocol)
                return collection.search(text, k=depth, per_document=1, rerank=rerank)

            result = evaluation.evaluate(
                labels, search, mode=settings.mode, protocol=protocol, rerank=rerank
            )
        if notices:  # about long queries, for example: once, not for each query
            notify(
                notices[0] + (f" (and {len(notices) - 1:,} more notices)" if notices[1:] else "")
            )
        if run is not None:
            result.write_run(run)
        return result

    def evaluate_self(
        self,
        modes: Sequence[str] = ("dense", "lexical", "hybrid"),
        *,
        fusion: str | None = None,
        rerank: bool = False,
        seed: int = 0,
        questions: QuestionSet | None = None,
        llm: ChatModel | None = None,
        on_question: Callable[[int, int], None] = lambda done, total: None,
    ) -> SelfEvaluation:
        """Return retrieval measures on questions made from the collection.

        No labels and no language model are needed: docs/tuning.md describes the questions and their
        limits. Those of the held-out half of the documents are measured, and the user's judgements.

        - `modes`: those of `search`. Default: all three.
        - `fusion`, `rerank`: as in `search`.
        - `seed`: another one splits the documents otherwise. Default: 0.
        - `questions`: those of an earlier result, to measure another collection of the same files
          with them. Default: made from this collection.
        - `llm`, `on_question`: as in `self_questions`.

        Raises UsageError if no question can be made, UnavailableError if the package ir-measures
        is not installed, ModelError if `llm` cannot be used, and as `search` does.
        """
        from ragkit.evaluation import beir, self_run

        beir.measure_queries({"": {"": 1}}, {})  # a missing package is reported before the work
        if questions is None:
            questions = self.self_questions(seed=seed, llm=llm, on_question=on_question)
        own = {root.folder for root in self._read(file_rows.roots)}
        measured = [  # a folder that this collection does not have: the files were moved or copied
            question if question.root in own else replace(question, root="")
            for question in questions.part(held_out=True)
        ]
        judged, missing = self._judged_queries()
        if not measured and not judged:
            raise UsageError(
                "no question can be made of this collection: it needs documents with headings, "
                "questions, or sections of several passages. Judge some passages with: ragkit judge"
            )
        options = self.search_options({"k": beir.DEPTH, "rerank": rerank})
        if fusion is not None:
            options = replace(options, fusion=fusion)

        def search(texts: Sequence[str], mode: str) -> Sequence[Sequence[Hit]]:
            return self._retriever.search(texts, replace(options, mode=mode))

        results = [
            self_run.evaluate_questions(measured, judged, search, mode, mode + "+rerank" * rerank)
            for mode in modes
        ]
        return self_run.SelfEvaluation(
            questions=questions, measured=tuple(measured),
            judged_queries=sum(bool(query.relevant) for query in judged),
            missing_judgements=missing, results=tuple(results),
        )  # fmt: skip

    def calibrate_relevance(
        self, *, seed: int = 0, wait: float | None = None
    ) -> RelevanceCalibration | None:
        """Fit the probability that a passage answers to its cosine, store it and return it.

        It is fitted on questions that the collection makes of its documents.
        `RelevanceCalibration.error` is that of functions fitted on one half of the documents and
        measured on the other half (docs/tuning.md). None, and nothing is stored, if there are too
        few questions, or if the cosines of answers are not higher than others.

        - `seed`: as in `evaluate_self`. `wait`: as in `index`.

        Raises ModelError, BusyError and CollectionError as `index` does.
        """
        from ragkit.evaluation import relevance
        from ragkit.evaluation.self_questions import SAMPLE_PASSAGES, make_questions
        from ragkit.models.relevance import store
        from ragkit.storage.sqlite import passages
        from ragkit.storage.sqlite.question_sources import sample_documents

        self._store.refuse_untrusted("no calibration is stored")
        self._store.refuse_sharded()
        with writer_lock(self.folder, "calibrating", lock_timeout(wait)):
            with self._store.reading() as connection:
                model = passages.model(connection)
                if model is None:
                    return None
                documents = sample_documents(connection, SAMPLE_PASSAGES, seed)
                questions = make_questions(
                    documents, seed=seed, limit=200, cloze=True, every_sentence=True
                )
                found = relevance.calibrate(
                    connection, model["id"], self._encoders.load_encoder(model),
                    questions.part(held_out=False), questions.part(held_out=True),
                )  # fmt: skip
            if found is not None:
                with self._store.writing() as connection:
                    store(connection, found)
        return found

    def relevance(self) -> RelevanceCalibration | None:
        """Return what `calibrate_relevance` stored for the encoder in use; None if nothing."""
        from ragkit.models.relevance import load

        fingerprint = self.fingerprint()
        if fingerprint is None:
            return None
        return self._read(lambda rows: load(rows, fingerprint))

    def _judged_queries(self) -> tuple[list[JudgedQuery], int]:
        """Return the judged queries, and how many judgements have lost their text."""
        from ragkit.evaluation import self_run

        stored = self.judgements()
        ids = [each.document_id for each in stored if each.document_id is not None]
        paths = self._read(lambda rows: document_rows.display_paths(rows, ids))
        roots = self._read(lambda rows: document_rows.folders_of(rows, ids))
        return self_run.judged_queries(stored, paths, roots)

    def self_questions(
        self,
        *,
        seed: int = 0,
        llm: ChatModel | None = None,
        on_question: Callable[[int, int], None] = lambda done, total: None,
    ) -> QuestionSet:
        """Return the questions that `evaluate_self` and `migrate` measure with. Searches nothing.

        - `seed`: as in `evaluate_self`.
        - `llm`: a language model that generates further questions from the text of passages.
          They are kept in the cache folder.
        - `on_question`: called with the number of passages that are done, and of all.

        Raises ModelError if `llm` cannot be used.
        """
        from ragkit.evaluation.self_questions import SAMPLE_PASSAGES, make_questions
        from ragkit.storage.sqlite.question_sources import sample_documents

        if llm is None:
            return self._read(
                lambda rows: make_questions(
                    sample_documents(rows, SAMPLE_PASSAGES, seed), seed=seed
                )
            )
        from ragkit import user_dirs
        from ragkit.evaluation.model_questions import generate_questions

        # No transaction stays open while the language model is waited for.
        documents = self._read(lambda rows: list(sample_documents(rows, SAMPLE_PASSAGES, seed)))
        folder = user_dirs.cache() / "questions"
        generated = generate_questions(documents, llm, folder, seed=seed, on_question=on_question)
        return make_questions(documents, seed=seed, from_model=generated)

    def migrate(
        self,
        model: str | Encoder | None = None,
        *,
        rollback: bool = False,
        force: bool = False,
        wait: float | None = None,
        on_progress: Callable[[Progress], None] = lambda progress: None,
    ) -> MigrationReport:
        """Change the encoder of the collection without reading a file again; return what was done.

        The vectors of the new encoder are computed beside the old ones, while others search with
        the old encoder. Then both are measured on the questions of `evaluate_self`, and one
        transaction switches. A run that was interrupted leaves the old encoder in use, and the next
        one goes on. The old vectors are kept for `rollback` until a `rebuild`.

        - `model`: a model's name or folder, or an object. Default: the model of the settings.
        - `rollback`: instead switch back to the encoder before the last switch.
        - `force`: switch even if the new encoder is significantly worse. By default it is not
          switched then, and its vectors are kept.
        - `wait`, `on_progress`: as in `index`.

        Raises UsageError if the collection is empty or, with `rollback`, was not migrated;
        ModelError, BusyError and CollectionError as `index` does.
        """
        import time

        from ragkit.encoders.spec import ModelSpec, parse_spec
        from ragkit.maintenance import migrate
        from ragkit.records.maintenance import MigrationReport
        from ragkit.storage.sqlite import passages

        self._store.refuse_untrusted("its model is not changed")
        self._store.refuse_sharded()
        started = time.monotonic()
        with writer_lock(self.folder, "ragkit migrate", lock_timeout(wait)):
            old = self._read(passages.model)
            if old is None:
                raise UsageError("the collection is empty; choose its model: ragkit index --model")
            is_own = model is not None and not isinstance(model, str)
            if model is not None and not isinstance(model, str):
                spec, encoder = ModelSpec(model.name), model
            elif rollback:
                spec, encoder = self._encoders.load_stored(self._read(migrate.previous_model))
            else:
                spec, encoder, trial = self._encoders.load_other(
                    model, lambda: self._read(migrate.first_texts)
                )
                if trial is not None:
                    self._notify(str(trial))
            if (
                rollback
                and encoder.fingerprint != self._read(migrate.previous_model)["fingerprint"]
            ):
                raise UsageError(f"{encoder.name} is not the encoder before the last switch")
            names = (
                str(parse_spec(old["name"], old["options"])),
                str(replace(spec, name=encoder.name)),
            )
            if encoder.fingerprint == old["fingerprint"]:
                return MigrationReport(*names, False, 0, 0)
            new_id, embedded = self._embed_beside(spec, encoder, is_own, on_progress)
            truncated = self._read(lambda rows: passages.count_longer_than(rows, encoder.window))
            report = MigrationReport(*names, True, embedded, 0, truncated=truncated)
            if not rollback:
                report = self._measure_migration(report, old["id"], new_id, encoder)
            report = replace(report, switched=force or not report.is_worse)
            if report.switched:
                self._switch_encoder(new_id, spec, encoder, is_own)
            self._store.checkpoint()
        return replace(report, seconds=time.monotonic() - started)

    def _embed_beside(
        self,
        spec: ModelSpec,
        encoder: Encoder,
        is_own: bool,
        on_progress: Callable[[Progress], None],
    ) -> tuple[int, int]:
        """Store the vectors of another encoder beside those in use; return its row id, and how many
        texts were embedded. `is_own`: it is an object of the caller."""
        from ragkit.maintenance import migrate
        from ragkit.storage.sqlite import passages

        with self._store.writing() as connection:
            new_id = passages.save_model(
                connection, encoder.name, encoder.fingerprint, encoder.dimension, encoder.window,
                spec.options,
            )  # fmt: skip
        cache = None if is_own else self._vector_cache(encoder.fingerprint, encoder.dimension)
        try:
            embedded = migrate.build_vectors(
                self._store, new_id, lambda: encoder, cache, on_progress
            )
        finally:
            if cache is not None:
                cache.close()
        return new_id, embedded

    def _switch_encoder(
        self,
        model_id: int,
        spec: ModelSpec,
        encoder: Encoder,
        is_own: bool,
        tuning: TunedSettings | None = None,
    ) -> None:
        """Use the encoder whose vectors are complete, in one transaction. `tuning`: as in
        `migrate.switch`."""
        from ragkit.maintenance import migrate
        from ragkit.retrieval import calibration

        used = replace(spec, name=encoder.name)
        with self._encoders.switching(used, encoder, is_own=is_own):
            migrate.switch(self._store, model_id, tuning)
        self._indexes.index_writer.update_vectors()
        calibration.update(self._store, self._indexes, self._encoders.load_encoder)

    def _measure_migration(
        self, report: MigrationReport, old_id: int, new_id: int, encoder: Encoder
    ) -> MigrationReport:
        """Return the report with the measures of both encoders, if any question can be made."""
        from ragkit.errors import ModelError, UnavailableError
        from ragkit.evaluation.encoder_quality import measure_encoder
        from ragkit.evaluation.significance import compare

        questions = self.self_questions().part(held_out=True)
        if not questions:
            return report
        try:
            old_encoder = self._encoders.load_encoder()
            with self._store.reading() as connection:
                before = measure_encoder(connection, old_id, old_encoder, questions, [])
                after = measure_encoder(connection, new_id, encoder, questions, [])
        except (ModelError, UnavailableError) as error:  # the old model is gone, or no ir-measures
            self._notify(f"the encoders were not compared: {error}")
            return report
        differences = {
            name: compare(before.by_query[name], after.by_query[name]) for name in before.by_query
        }
        return replace(
            report, questions=len(questions), before=before.measures, after=after.measures,
            intervals={name: found.interval for name, found in differences.items()},
            p_values={name: found.p_value for name, found in differences.items()},
        )  # fmt: skip

    def tune(
        self,
        *,
        train: bool = False,
        undo: bool = False,
        seed: int = 0,
        wait: float | None = None,
        on_trial: Callable[[TuningTrial], None] = lambda trial: None,
        on_progress: Callable[[Progress], None] = lambda progress: None,
    ) -> TuneReport:
        """Choose mode, fusion, passage size, header and reranker on questions made from the
        collection, and use them if they are significantly better on other ones of these.

        A sample of the documents is cut and embedded anew for each way to cut it (docs/tuning.md).
        What was chosen is stored in the collection and counts where `settings` have their
        defaults. Other passages are built in a copy, and one transaction changes the collection.
        A run that was interrupted leaves the collection as it was, and the next one goes on.

        - `train`: then fine-tune the collection's encoder on triplets of the train half, and use it
          if it is significantly better on the held-out half. Its folder is kept in the user's data
          folder.
        - `undo`: instead use the settings and the encoder before the last tuning again.
        - `seed`: another one splits the documents otherwise. Default: 0.
        - `wait`, `on_progress`: as in `index`.
        - `on_trial`: called after each setting that was tried.

        A reranker is tried if `settings` name one. Raises UsageError if the collection is empty or,
        with `undo`, was not tuned, or with `train`, if the encoder cannot be fine-tuned;
        UnavailableError if the package ir-measures is not installed; ModelError, BusyError and
        CollectionError as `index` does.
        """
        import time

        from ragkit.evaluation import beir, tuning
        from ragkit.maintenance import tune
        from ragkit.models import tuned
        from ragkit.records.maintenance import TuneReport
        from ragkit.storage.sqlite import passages

        self._store.refuse_untrusted("it is not tuned")
        self._store.refuse_sharded()
        started = time.monotonic()
        with writer_lock(self.folder, "ragkit tune", lock_timeout(wait)):
            model = self._read(passages.model)
            if model is None:
                raise UsageError("the collection is empty; fill it first: ragkit index FOLDER")
            stored = self._read(tuned.load)
            if undo:
                if not stored.can_undo:
                    raise UsageError("the collection was not tuned, so there is nothing to undo")
                self._undo_encoder(stored, on_progress)
                before = tuned.TunedSettings(stored.before)
                self._use_tuned(before, self._tuning_folder(model, seed), on_progress)
                seconds = time.monotonic() - started
                return TuneReport(0, 0, 0, undone=True, seconds=seconds)
            beir.measure_queries({"": {"": 1}}, {})  # a missing package is reported before the work
            if train:
                self._check_trainable()
            folder = self._tuning_folder(model, seed)
            folder.prepare()
            sample = self._read(lambda rows: tune.draw_sample(rows, seed))
            report = self._tune(sample, folder, on_trial, on_progress)
            changed = tuned.TunedSettings(stored.values, stored.values, can_undo=True)
            if report.is_better:
                changed = changed._replace(values={**stored.values, **report.changes})
                self._use_tuned(changed, folder, on_progress)
                report = replace(report, applied=True)
            if train and min(report.train_questions, report.questions) >= tuning.MIN_QUESTIONS:
                folder = self._tuning_folder(model, seed)  # passages may have changed
                folder.prepare()
                report = self._tune_encoder(report, changed, folder, seed, on_progress)
            folder.delete()
        return replace(report, seconds=time.monotonic() - started)

    def _tuning_folder(self, model: sqlite3.Row, seed: int) -> TuningFolder:
        from ragkit.maintenance.tune import TuningFolder

        settings = self.effective_settings()
        others = (seed, settings.overlap, settings.reranker)
        return self._read(lambda rows: TuningFolder(rows, model["fingerprint"], repr(others)))

    def _tune(
        self,
        sample: TuningSample,
        folder: TuningFolder,
        on_trial: Callable[[TuningTrial], None],
        on_progress: Callable[[Progress], None],
    ) -> TuneReport:
        """Choose settings on one half of the sample's questions, measure them on the other."""
        from ragkit.evaluation import tuning
        from ragkit.maintenance import tune
        from ragkit.records.maintenance import TuneReport

        report = TuneReport(len(sample.train), len(sample.held_out), sample.passages)
        if min(report.train_questions, report.questions) < tuning.MIN_QUESTIONS:
            few = f"fewer than {tuning.MIN_QUESTIONS} questions of each half can be made"
            return replace(report, not_tried=(f"anything: {few}",))
        start = self._values_in_use()
        encoder = self._encoders.load_encoder()
        stages, not_tried = tune.make_stages(
            start, encoder.window, has_headers=sample.has_headers,
            has_reranker=self.settings.reranker is not None or self._reranker is not None,
            fixed=[name for name in start if self._is_chosen(name)],
        )  # fmt: skip

        def measure(values: tuning.Values, held_out: bool) -> tuning.ByQuery:
            part = "held-out" if held_out else "train"
            found = folder.load_result(values, part)
            if found is None:
                found = self._measure_tuning(values, sample, folder, held_out, on_progress)
                folder.save_result(values, part, found)
            return found

        chosen, trials = tuning.choose(start, stages, measure, on_trial)
        changes = {name: value for name, value in chosen.items() if start[name] != value}
        report = replace(report, trials=tuple(trials), not_tried=tuple(not_tried), changes=changes)
        if not changes:
            return report
        return replace(
            report, **tuning.compare_measures(measure(start, True), measure(chosen, True))
        )

    def _values_in_use(self) -> dict[str, str | int | bool]:
        """Return the values of the settings that `tune` tries."""
        settings, rerank = self._tuned()
        window = self._encoders.load_encoder().window
        return {
            "mode": settings.mode, "fusion": settings.fusion, "rerank": rerank,
            "passage_tokens": min(settings.passage_tokens, window),
            "passage_header": settings.passage_header,
        }  # fmt: skip

    def _check_trainable(self) -> None:
        """Raise UsageError or ModelError if the collection's encoder cannot be fine-tuned."""
        from ragkit.maintenance import trained_encoder

        spec = self.model()
        if spec is None or self._encoders.own_encoder is not None:
            raise UsageError("the encoder is an object of this program and cannot be trained")
        if self._is_chosen("model"):
            raise UsageError(
                f"your settings name the model {self.settings.model}, so a trained one would not "
                "be used; remove `model` from them, or leave out --train"
            )
        trained_encoder.check_trainable(spec)

    def _tune_encoder(
        self,
        report: TuneReport,
        changed: TunedSettings,
        folder: TuningFolder,
        seed: int,
        on_progress: Callable[[Progress], None],
    ) -> TuneReport:
        """Fine-tune the encoder on the train half, and use it if it is better on the held-out half.

        `changed`: what `undo` is to go back from, without the encoder.
        """
        from ragkit.encoders import resolve
        from ragkit.evaluation import tuning
        from ragkit.maintenance import trained_encoder, tune
        from ragkit.records.maintenance import EncoderTrial

        spec = self.model()
        assert spec is not None  # noqa: S101 - see _check_trainable
        path, count = trained_encoder.train_encoder(
            spec,
            lambda file: self.write_training_pairs(
                file, seed=seed, limit=trained_encoder.MAX_PAIRS
            ),
            folder.path, seed, self._notify,
        )  # fmt: skip
        if path is None:
            few = f"{count:,} triplets can be made, {trained_encoder.MIN_PAIRS} are needed"
            return replace(report, not_tried=(*report.not_tried, f"a trained encoder: {few}"))
        encoder = resolve.load(replace(spec, name=str(path)))
        sample = self._read(lambda rows: tune.draw_sample(rows, seed))
        values = self._values_in_use()
        before, after = (
            self._measure_held_out(values, sample, folder, each, on_progress)
            for each in (None, encoder)
        )
        trial = EncoderTrial(count, **tuning.compare_measures(before, after))
        if trial.is_better:
            place = trained_encoder.keep_encoder(path)
            spec = replace(spec, name=str(place))
            encoder = resolve.load(spec)
            model_id, embedded = self._embed_beside(spec, encoder, False, on_progress)
            self._switch_encoder(model_id, spec, encoder, False, changed)
            self._store.checkpoint()
            trial = replace(trial, model=str(place), embedded=embedded)
        return replace(report, encoder=trial)

    def _measure_held_out(
        self,
        values: tuning.Values,
        sample: TuningSample,
        folder: TuningFolder,
        encoder: Encoder | None,
        on_progress: Callable[[Progress], None],
    ) -> tuning.ByQuery:
        """Return the stored measures of an encoder, or measure it. None: the collection's."""
        part = "held-out" if encoder is None else f"held-out-{encoder.fingerprint[:16]}"
        found = folder.load_result(values, part)
        if found is None:
            found = self._measure_tuning(values, sample, folder, True, on_progress, encoder)
            folder.save_result(values, part, found)
        return found

    def _undo_encoder(self, stored: TunedSettings, on_progress: Callable[[Progress], None]) -> None:
        """Use the encoder before the last tuning again, if the one in use is that of the tuning."""
        from ragkit.storage.sqlite import passages

        if stored.model is None or stored.model_before is None:
            return
        key = stored.model_before
        current = self._read(passages.model)
        row = self._read(lambda rows: passages.model_by_id(rows, key))
        if current is None or current["id"] != stored.model or row is None:
            return  # it was changed since then
        spec, encoder = self._encoders.load_stored(row)
        model_id, _ = self._embed_beside(spec, encoder, False, on_progress)
        self._switch_encoder(model_id, spec, encoder, False)

    def _measure_tuning(
        self,
        values: tuning.Values,
        sample: TuningSample,
        folder: TuningFolder,
        held_out: bool,
        on_progress: Callable[[Progress], None],
        trained: Encoder | None = None,
    ) -> tuning.ByQuery:
        """Cut, embed and search the sample with these settings; return the measures. `trained`:
        instead of the collection's encoder."""
        from ragkit.evaluation import beir, self_run
        from ragkit.ingest import corpus
        from ragkit.maintenance import tune
        from ragkit.retrieval import calibration

        encoder = trained or self._encoders.load_encoder()
        file = folder.sample_file(values, trained.fingerprint if trained else "")
        questions = sample.questions(held_out)
        if values["rerank"] and not held_out:
            questions = questions[: tune.RERANKED_QUESTIONS]
        scratch_settings = replace(self.settings, model=None)
        with Collection(
            file.parent, settings=scratch_settings, encoder=encoder,
            reranker=self._load_reranker() if values["rerank"] else None,
            notify=lambda line: None,
        ) as scratch:  # fmt: skip
            with writer_lock(scratch.folder, "ragkit tune", LOCK_TIMEOUT):
                corpus.index_rows(
                    scratch._store, scratch._indexes.index_writer,
                    scratch._encoders.set_collection_model(None, rebuild=False)[0],
                    scratch._encoders.load_encoder, file, sample.documents,
                    tune.splitter(values, self.settings.overlap), on_progress,
                )  # fmt: skip
                calibration.update(scratch._store, scratch._indexes, lambda: encoder)
            options = scratch.search_options(
                {name: values[name] for name in ("mode", "fusion", "rerank")} | {"k": beir.DEPTH}
            )
            found = self_run.evaluate_questions(
                questions, [], lambda texts, mode: scratch._retriever.search(texts, options),
                options.mode, options.mode,
            )  # fmt: skip
        return found.by_query

    def _use_tuned(
        self,
        changed: TunedSettings,
        folder: TuningFolder,
        on_progress: Callable[[Progress], None],
    ) -> None:
        """Store tuned settings. Where they cut other passages, these are built in a copy of the
        collection, whose rows the collection gets in one transaction."""
        from ragkit.maintenance import tune
        from ragkit.models import tuned

        old = self._read(tuned.load).values
        names = tuned.PASSAGE_SETTINGS
        if all(old.get(name) == changed.values.get(name) for name in names):
            with self._store.writing() as connection:
                tuned.store(connection, changed)
            return
        folder.prepare()
        copied = folder.copy_collection(self._store, changed.values)
        with Collection(
            copied, create=False, settings=self.settings, encoder=self._encoders.own_encoder,
            notify=self._notify, chosen_settings=self._chosen_settings,
        ) as copy:  # fmt: skip
            copy._encoders.share_encoder(self._encoders)
            copy._skip_folder = self.folder.resolve()
            with copy._store.writing() as connection:
                tuned.store(connection, changed)
            copy.index(on_progress=on_progress)
        tune.take_over(self._store, copied)
        folder.delete()
        self._indexes.index_writer.update_lexical()
        self._indexes.index_writer.update_vectors()
        self._store.checkpoint()

    def write_training_pairs(self, path: str | Path, *, seed: int = 0, limit: int = 5000) -> int:
        """Write at most `limit` triplets (anchor, positive, negative) made from the train half of
        the documents to a JSONL file for `learning.train`; return their number.

        The negatives are passages of other documents that the present encoder finds near. `seed`
        is as in `evaluate_self`, whose questions come from the other half.

        Raises UsageError if the collection is empty or the file cannot be written, ModelError.
        """
        import json

        from ragkit.evaluation.training_pairs import make_triplets
        from ragkit.storage.sqlite import passages

        encoder = self._encoders.load_encoder()
        with self._store.reading() as connection:
            model = passages.model(connection)
            if model is None:
                raise UsageError("the collection is empty; fill it first: ragkit index FOLDER")
            triplets = make_triplets(connection, model["id"], encoder, seed, limit)
        lines = [
            json.dumps(
                {"anchor": each.anchor, "positive": each.positive, "negative": each.negative},
                ensure_ascii=False,
            )
            for each in triplets
        ]
        try:
            Path(path).expanduser().write_text("".join(f"{line}\n" for line in lines), "utf-8")
        except OSError as error:
            raise UsageError(f"cannot write {path}: {error.strerror or error}") from error
        return len(lines)

    def distill(
        self, output: str | Path, *, dimensions: int = 256, force: bool = False
    ) -> DistillReport:
        """Make a static encoder (a vector for each token) of the collection's encoder, in the new
        folder `output`, and compare both on the questions of `evaluate_self`.

        It is hundreds of times as fast and clearly worse. The collection does not change; to use
        it: `migrate(output)`, or `index(model=output)` in a new collection.

        - `dimensions`: of a vector. Default: 256.
        - `force`: replace a model in `output`.

        Raises UsageError if the collection is empty or `output` is in use; ModelError if its
        encoder is no local transformer or a package of the extra `distill` is missing.
        """
        import time

        from ragkit.encoders import resolve
        from ragkit.encoders.spec import ModelSpec
        from ragkit.evaluation.encoder_quality import measure_encoder, measure_unstored
        from ragkit.evaluation.significance import compare
        from ragkit.learning.distill import distill
        from ragkit.records.maintenance import DistillReport
        from ragkit.storage.sqlite import passages

        started = time.monotonic()
        stored, spec = self._read(passages.model), self.model()
        if stored is None or spec is None:
            raise UsageError("the collection is empty; choose its model: ragkit index --model")
        if spec.base_url is not None:
            raise UsageError(f"{spec} runs on a server, so its tokens cannot be embedded here")
        folder = distill(spec.name, output, dimensions=dimensions, force=force)
        student = resolve.load(ModelSpec(str(folder)))
        report = DistillReport(
            str(folder), str(spec), student.dimension,
            sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()), 0,
        )  # fmt: skip
        questions = self.self_questions().part(held_out=True)
        if questions:
            with self._store.reading() as connection:
                teacher = self._encoders.load_encoder()
                before = measure_encoder(connection, stored["id"], teacher, questions, [])
                embedding = time.monotonic()
                after = measure_unstored(connection, student, questions)
                seconds = time.monotonic() - embedding
            report = replace(
                report, questions=len(questions), teacher=before.measures, student=after.measures,
                p_values={
                    name: compare(before.by_query[name], after.by_query[name]).p_value
                    for name in before.by_query
                },
                passages_per_second=self.status().passages / seconds,
            )  # fmt: skip
        return replace(report, seconds=time.monotonic() - started)

    def judge(
        self, query: str, references: str | Sequence[str], *, relevant: bool | None
    ) -> list[Judgement]:
        """Store whether parts of documents answer a query; return the judgements of this query.

        `evaluate_self` measures with them. A judgement is of the text: it stays when files are read
        again, moved, or cut into other passages.

        - `query`: the query as it was searched. Blanks around it do not count.
        - `references`: passage ids and citations, as `get` takes them. A path alone means the whole
          document.
        - `relevant`: True or False; None forgets what was said about these parts.

        Raises UsageError for an empty query and for a reference that names nothing; then nothing is
        stored.
        """
        import datetime

        from ragkit.retrieval import citations
        from ragkit.retrieval.options import validate_query
        from ragkit.storage.sqlite import judgements

        self._store.refuse_untrusted("no judgement is stored")
        self._store.refuse_sharded()
        query = validate_query(query).strip()
        named = [references] if isinstance(references, str) else list(references)
        if not named:
            raise UsageError(
                "no passage is named; expected ids or citations, as a query shows them"
            )
        now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        with self._store.writing() as connection:
            parts = [citations.find_document(connection, reference) for reference in named]
            for document, span in parts:
                if relevant is None:
                    judgements.remove(connection, query, document, span)
                else:
                    judgements.save(connection, query, document, span, relevant=relevant, at=now)
            return judgements.all_judgements(connection, query)

    def judgements(self, query: str | None = None) -> list[Judgement]:
        """Return all judgements that `judge` stored, by query; or those of one query."""
        from ragkit.storage.sqlite import judgements

        query = None if query is None else query.strip()
        return self._read(lambda rows: judgements.all_judgements(rows, query))

    def status(self) -> CollectionStatus:
        """Return counts, sizes in bytes, the model, the roots and the coverage of the collection.

        Loads no model and no index file.
        """
        from ragkit.storage.sqlite.file_status import collection_status
        from ragkit.version import __version__

        return self._store.retry(lambda: collection_status(self._store, __version__))

    def _read(self, function: Callable[[sqlite3.Connection], Result]) -> Result:
        """Return what `function` reads in one snapshot."""

        def read() -> Result:
            with self._store.reading() as connection:
                return function(connection)

        return self._store.retry(read)

    @cached_property
    def _indexes(self) -> IndexReader:
        if self._store.is_sharded:
            from ragkit.storage.shards.database import index_reader

            return index_reader(self._store, self.settings.candidates)
        from ragkit.storage.index_reader import IndexReader

        return IndexReader(self._store, self._notify, self.settings.candidates)

    @cached_property
    def _retriever(self) -> Retriever:
        from ragkit.retrieval.pipeline import Retriever

        if self._store.is_untrusted:
            self._notify(untrusted_message(self.folder, "it is only read"))
        return Retriever(
            self._store, self._indexes, self._encoders, self._load_reranker, self._notify
        )

    def _tried_precision(
        self, options: IndexOptions, model: str | None, rebuild: bool
    ) -> str | None:
        """The precision that a trial on the first passages of a run selects, if the settings leave
        it to one; else None."""
        if not self._encoders.decides_precision(model, rebuild):
            return None
        from ragkit.ingest.run import first_texts
        from ragkit.models.precision import TRIAL_PASSAGES

        trial = self._encoders.try_precision(
            model, lambda encoder: first_texts(self._store, options, encoder, TRIAL_PASSAGES)
        )
        if trial is None:
            return "fp32"
        self._notify(str(trial))
        return trial.precision

    def _vector_cache(self, fingerprint: str, dimension: int | None = None) -> VectorCache | None:
        """Return the vectors that this user's collections share; None if that is turned off, or if
        the encoder is an object of the caller, whose fingerprint nobody has checked."""
        max_bytes = self.settings.vector_cache_mb * 1_000_000
        if max_bytes == 0 or self._encoders.own_encoder is not None:
            return None
        from ragkit.storage.sqlite import passages
        from ragkit.storage.sqlite.vector_cache import VectorCache

        if dimension is None:
            row = self._read(passages.model)
            dimension = None if row is None else row["dimension"]
        return None if dimension is None else VectorCache(fingerprint, dimension, max_bytes)

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
        """Whether each row of a table becomes a document: the setting, else the stored value."""
        if self.settings.records is not None:
            return self.settings.records
        with self._store.reading() as connection:
            return file_rows.has_table_records(connection)

    def _secrets_mode(self) -> str:
        """What happens to documents with secrets: the setting, else the stored value."""
        if self.settings.secrets is not None:
            return self.settings.secrets
        with self._store.reading() as connection:
            return file_rows.secrets_mode(connection)


def _given(**values: object) -> dict[str, object]:
    """Return the values that are not None."""
    return {name: value for name, value in values.items() if value is not None}


def _path_list(paths: Paths) -> list[str | Path]:
    return [paths] if isinstance(paths, (str, Path)) else list(paths)
