"""The collections behind one server, by name, and the threads that work on them.

Each collection is opened once; those with the same model share one encoder; their searches are
batched (`batching`), answers are streamed from threads, `index` runs in the background
(`indexing`). What goes to callers names no folder of this machine: a root has a label. Knows no
HTTP.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import re
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Callable,
    Generator,
    Iterator,
    Mapping,
    Sequence,
)
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast
from urllib.parse import urlsplit

from ragkit.collection import Collection
from ragkit.errors import RagkitError, UsageError
from ragkit.records.hits import Hit
from ragkit.records.reports import CollectionStatus, Excerpt, NotRead
from ragkit.retrieval.merging import SEPARATOR, MergedHits, merge_hits
from ragkit.serving.collections.batching import MAX_BATCH, Batcher
from ragkit.serving.collections.indexing import IndexRuns
from ragkit.serving.collections.long_runs import LongRuns
from ragkit.serving.collections.threads import OverloadedError, run_guarded
from ragkit.serving.collections.uris import DocumentUris

if TYPE_CHECKING:
    from ragkit.records.answers import Answer, Event
    from ragkit.records.reports import Judgement
    from ragkit.retrieval.options import SearchOptions

DEFAULT = "default"
READ_THREADS = 8  # for all reading that is not a search: get, documents, status
SLOW_SEARCH_THREADS = 2  # for searches with a cross-encoder or an explanation
MAX_ANSWERS = 16  # in progress at the same time
_STATUS = ("files", "documents", "passages", "pending", "unreadable", "model", "dimension",
           "window", "database_bytes", "index_bytes", "generation")  # fmt: skip
# An absolute path in the error message of a library or a program.
_ABSOLUTE_PATH = re.compile(
    r"(?<=['\"])(?:/|[A-Za-z]:[/\\])[^'\"]+|(?<![\w/.:*'\"-])(?:/|[A-Za-z]:[/\\])[^\s'\",;:()]+"
)
P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")
logger = logging.getLogger("ragkit")


class UnknownCollectionError(UsageError):
    """No collection is served by this name."""


class ServedCollection:
    """A collection and the name that it is served by."""

    def __init__(self, name: str, collection: Collection, max_batch: int = MAX_BATCH) -> None:
        self.name, self.collection = name, collection
        self.batcher = Batcher(collection.search_with, max_batch=max_batch)
        self._uris = DocumentUris(collection)
        # Only these are ever indexed by a request, whatever the collection gets later.
        self.roots = label_roots(collection.status().roots)

    async def search(self, query: str, options: SearchOptions) -> list[Hit]:
        """Return what `Collection.search` returns, batched with other searches."""
        if not query.strip():  # refused here, so that it cannot fail a batch
            raise UsageError("the query is empty")
        return await self.batcher.search(query, options)

    def replace(self, collection: Collection) -> None:
        """Serve this collection from now on, a newer generation of the same one. Searches in
        progress end in the one before."""
        self.collection = collection
        self._uris = DocumentUris(collection)
        self.batcher.replace(collection.search_with)

    def ask_stream(self, question: str, **arguments: Any) -> Iterator[Event]:  # noqa: ANN401
        """Yield what `Collection.ask_stream` yields; warnings name no server and no key."""
        from ragkit.records.answers import Answer

        stream = cast("Generator[Event, None, None]",
                      self.collection.ask_stream(question, **arguments))  # fmt: skip
        with contextlib.closing(stream) as events:
            for event in events:
                if isinstance(event, Answer) and event.warnings:
                    warnings = tuple(map(self.redact_warning, event.warnings))
                    yield dataclasses.replace(event, warnings=warnings)
                else:
                    yield event

    def redact_warning(self, warning: str) -> str:
        """Return a warning of an answer without the names of servers and of keys."""
        settings = self.collection.settings
        urls = (settings.llm_base_url, settings.base_url)
        secrets = {urlsplit(url).netloc for url in urls if url}
        secrets |= {settings.llm_api_key_env or "", settings.api_key_env or ""}
        if not any(secret in warning for secret in secrets if secret):
            return warning
        logger.warning("%s", warning)
        return "the language model did not complete the answer; the server's log says why"

    def get_excerpt(self, reference: str, context: int) -> Excerpt:
        """Return what `Collection.get` returns for a passage id, a relative citation or a URI.

        Raises UsageError with a message that names no folder.
        """
        try:
            return self.collection.get(self._uris.to_reference(reference), context)
        except UsageError as error:
            raise UsageError(self._uris.redact(str(error))) from None

    def look_up(self, function: Callable[[Collection, str], T], reference: str | None = None) -> T:
        """Return what `function` returns for the collection and a reference in it (a passage id, a
        relative citation or a URI; "" if there is none).

        Raises UsageError with a message that names no folder.
        """
        try:
            own = "" if reference is None else self._uris.to_reference(reference)
            return function(self.collection, own)
        except UsageError as error:
            raise UsageError(self._uris.redact(str(error))) from None

    def judge(
        self, query: str, references: Sequence[str], relevant: bool | None
    ) -> list[Judgement]:
        """Return what `Collection.judge` returns. `references` and errors as in `look_up`."""
        try:
            own = [self._uris.to_reference(reference) for reference in references]
            return self.collection.judge(query, own, relevant=relevant)
        except UsageError as error:
            raise UsageError(self._uris.redact(str(error))) from None

    def redact_paths(self, text: str) -> str:
        """Return a text with the absolute paths of documents replaced by their URIs."""
        return self._uris.redact(text) if "/" in text else text

    def list_not_read(self, after: int, limit: int, left_out: bool) -> list[NotRead]:
        """Return what `Collection.not_read` returns; reasons name no path of this machine."""
        redact_roots = self._uris.redactor()

        def redact(kind: str | None, reason: str) -> str:
            return reason if kind == "excluded" else _ABSOLUTE_PATH.sub("…", redact_roots(reason))

        return [
            dataclasses.replace(
                file,
                reason=file.reason and redact(file.kind, file.reason),
                parts=tuple(
                    dataclasses.replace(part, reason=redact(part.kind, part.reason))
                    for part in file.parts
                ),
            )
            for file in self.collection.not_read(after, limit, left_out=left_out)
        ]

    def status_fields(self) -> dict[str, Any]:
        """Return the collection's status as JSON values, without paths of this machine."""
        status = self.collection.status()
        return {
            "name": self.name,
            "roots": list(label_roots(status.roots)),
            "coverage": dataclasses.asdict(status.coverage),
            **{name: getattr(status, name) for name in _STATUS},
        }


def label_roots(roots: Sequence[str]) -> dict[str, str]:
    """Return label → absolute path. The label is the folder's name, made unique: `docs (2)`."""
    labels: dict[str, str] = {}
    for root in roots:
        name = label = Path(root).name or "root"
        number = 1
        while label in labels:
            number += 1
            label = f"{name} ({number})"
        labels[label] = root
    return labels


class Library:
    """All collections of one server. Close it when the server has stopped."""

    def __init__(self, collections: Mapping[str, Collection], max_batch: int = MAX_BATCH) -> None:
        """Raises CollectionError or ModelError if a collection cannot be used."""
        self.served = {
            name: ServedCollection(name, collection, max_batch)
            for name, collection in collections.items()
        }
        self.index_runs = IndexRuns()
        self.answers = AnswerStreams()
        self.long_runs = LongRuns()
        self.is_warm = False
        self._readers = ThreadPoolExecutor(READ_THREADS, thread_name_prefix="ragkit-read")
        self._slow_searches = ThreadPoolExecutor(
            SLOW_SEARCH_THREADS, thread_name_prefix="ragkit-slow-search"
        )

    def __getitem__(self, name: str | None) -> ServedCollection:
        """Return the collection of this name.

        None and "default" mean the only collection, or the one called "default". Raises
        UnknownCollectionError, or UsageError if a name is needed.
        """
        if name in self.served:
            return self.served[name]
        if name in (None, DEFAULT):
            if len(self.served) == 1:
                return next(iter(self.served.values()))
            if DEFAULT in self.served:
                return self.served[DEFAULT]
            raise UsageError(f"name a collection: {', '.join(self.served)}")
        raise UnknownCollectionError(f"no collection is served by the name {name[:64]!r}")

    def locate(self, reference: str) -> tuple[ServedCollection, str]:
        """Return the collection that a reference names (`notes:faq.md#L40`), and the rest of it.

        A reference without a name is one in the collection that `self[None]` returns.
        """
        name, sign, rest = reference.partition(SEPARATOR)
        if sign and len(self.served) > 1 and name in self.served:
            return self.served[name], rest
        return self[None], reference

    def warm(self) -> None:
        """Load models and index files, so that the first query need not wait for them."""
        by_model: dict[str, Collection] = {}  # fingerprint → the first collection that has it
        for served in self.served.values():
            status: CollectionStatus = served.collection.status()
            if status.fingerprint is None:
                continue
            first = by_model.setdefault(status.fingerprint, served.collection)
            if first is not served.collection:
                served.collection.share_encoder(first)
            for query in ("warming up", "once more", "and again"):  # the second starts the runtime
                served.collection.search(query, k=1)
        self.is_warm = True

    async def read(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Return `function(*args, **kwargs)`, called on a thread. For functions that only read."""
        loop = asyncio.get_running_loop()
        work = partial(function, *args, **kwargs)
        return await loop.run_in_executor(self._readers, run_guarded, work)

    async def search_alone(
        self, served: ServedCollection, query: str, options: SearchOptions
    ) -> list[Hit]:
        """Search outside the batches, so that only other slow searches have to wait for it."""
        search = partial(served.collection.search_with, [query], options)
        loop = asyncio.get_running_loop()
        (hits,) = await loop.run_in_executor(self._slow_searches, run_guarded, search)
        return hits

    async def search_several(
        self, names: Sequence[str], query: str, overrides: Mapping[str, Any]
    ) -> MergedHits:
        """Return the hits of these collections for a query as one ranking.

        `overrides` are as in `Collection.search_options`; the defaults are those of the first
        collection. Each hit names its collection, and its citation begins with that name
        (`locate`). Raises UnknownCollectionError and what `Collection.search` raises.
        """
        selected = [self[name] for name in dict.fromkeys(names)]
        options = selected[0].collection.search_options(overrides)
        is_slow = options.explain or options.rerank
        results = await asyncio.gather(
            *(
                self.search_alone(served, query, options)
                if is_slow
                else served.search(query, options)
                for served in selected
            )
        )
        fingerprints = await self.read(
            lambda: {served.name: served.collection.fingerprint() for served in selected}
        )
        hits = {served.name: found for served, found in zip(selected, results, strict=True)}
        return merge_hits(hits, options.k, options, fingerprints)

    def close(self) -> None:
        """Stop indexing, wait for what is in progress, close the collections."""
        self.index_runs.close()
        self.answers.close()
        self.long_runs.close()
        self._readers.shutdown(wait=True)
        self._slow_searches.shutdown(wait=True)
        for served in self.served.values():
            served.batcher.close()
            with contextlib.suppress(RagkitError):
                served.collection.close()


class AnswerStreams:
    """Runs blocking generators of answer events on threads. Use it on one event loop.

    `Collection.ask_stream` blocks between two events, for seconds if a language model is slow. Each
    step runs on a thread. When the caller disconnects, the generator is closed as soon as its step
    ends, which ends the request to the model. At most `max_answers` are in progress.
    """

    def __init__(self, max_answers: int = MAX_ANSWERS) -> None:
        self.max_answers, self.in_progress = max_answers, 0
        self._pool = self._create_pool()

    async def stream(self, ask: Callable[[], Iterator[Event]]) -> AsyncGenerator[Event, None]:
        """Yield the events of the generator that `ask()` returns.

        Raises what the generator raises, and OverloadedError beyond `max_answers`.
        """
        if self.in_progress >= self.max_answers:
            raise OverloadedError("too many answers are in progress; try again in a moment")
        opening: Future[Any] = self._pool.submit(run_guarded, ask)
        step = opening
        self.in_progress += 1
        try:
            events = await asyncio.wrap_future(opening)
            while True:
                step = self._pool.submit(run_guarded, partial(next, events, None))
                event = await asyncio.wrap_future(step)
                if event is None:
                    return
                yield event
        finally:
            self.in_progress -= 1
            with contextlib.suppress(RuntimeError):  # no thread can be started
                self._pool.submit(_close_generator, opening, step)

    def close(self) -> None:
        """Wait for the answers in progress. Further ones are possible: another application may
        share the library."""
        pool, self._pool = self._pool, self._create_pool()
        pool.shutdown(wait=True)

    def _create_pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self.max_answers, thread_name_prefix="ragkit-answer")


def _close_generator(opening: Future[Any], step: Future[Any]) -> None:
    """Close the generator once its last step has ended."""
    with contextlib.suppress(Exception):
        events = opening.result()
        with contextlib.suppress(Exception):  # the step was cancelled before a thread began it
            step.exception()
        events.close()


async def wait_for_answer(events: AsyncIterator[Event]) -> Answer:
    """Read a stream of events to its end and return the answer, its last event."""
    from ragkit.records.answers import last_answer

    return last_answer([event async for event in events])


async def wait_for_first(events: AsyncIterator[T]) -> AsyncGenerator[T, None]:
    """Return the same events, once the first is there.

    An error before the first event is raised here, while an HTTP status can still be sent.
    """
    first = await anext(events)

    async def all_events() -> AsyncGenerator[T, None]:
        yield first
        async for event in events:
            yield event

    return all_events()
