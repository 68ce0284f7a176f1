"""The collections behind one server, by name, with what each needs to be served.

Opens each once, lets those with the same model share one encoder, groups their searches
(`batching`) and runs `index` in the background, one run at a time. What goes to callers names no
folder of this machine: a root is known by its own name. Knows no HTTP.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import re
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast
from urllib.parse import urlsplit

from ragkit.collection import Collection
from ragkit.errors import RagkitError, UsageError
from ragkit.records.documents import Hit
from ragkit.records.reports import CollectionStatus, Excerpt, NotRead
from ragkit.serving.collections.batching import MOST, Batcher, Options
from ragkit.serving.collections.indexing import Runs
from ragkit.serving.collections.uris import Addresses

if TYPE_CHECKING:
    from ragkit.records.answers import Event

logger = logging.getLogger("ragkit")
DEFAULT = "default"
LOOK_UPS = 8  # threads for all that is no search: get, documents, status
SLOW = 2  # threads for searches whose hits a model reads once more
# Where something lies on this machine, as the error of a library or a program names it.
_PLACE = re.compile(
    r"(?<=['\"])(?:/|[A-Za-z]:[/\\])[^'\"]+|(?<![\w/.:*'\"-])(?:/|[A-Za-z]:[/\\])[^\s'\",;:()]+"
)
P = ParamSpec("P")
R = TypeVar("R")


class Served:
    """A collection under the name it is served by."""

    def __init__(self, name: str, collection: Collection, batch: int = MOST) -> None:
        self.name, self.collection = name, collection
        self.batcher = Batcher(self._search_many, most=batch)
        # Only these are ever indexed: what is named later by whatever way is not.
        self._addresses = Addresses(collection)
        self.roots = labels(collection.status().roots)

    def _search_many(self, queries: Sequence[str], options: Options) -> list[list[Hit]]:
        if len(queries) == 1:
            return [self.collection.search(queries[0], **options.arguments())]
        return self.collection.search_many(queries, **options.arguments())

    async def search(self, query: str, options: Options) -> list[Hit]:
        """As `Collection.search`, together with others that come at the same time."""
        if not query.strip():  # before it could spoil the search of others
            raise UsageError("the query is empty")
        return await self.batcher.search(query, options)

    def ask_stream(self, question: str, **how: Any) -> Iterator[Event]:  # noqa: ANN401
        """As `Collection.ask_stream` with these arguments; warnings name no server and no key."""
        from ragkit.records.answers import Answer

        made = cast("Generator[Event, None, None]", self.collection.ask_stream(question, **how))
        with contextlib.closing(made) as events:
            for event in events:
                if isinstance(event, Answer) and event.warnings:
                    shown = tuple(map(self._shown, event.warnings))
                    yield dataclasses.replace(event, warnings=shown)
                else:
                    yield event

    def _shown(self, warning: str) -> str:
        settings = self.collection.settings
        addresses = (settings.llm_base_url, settings.base_url)
        secret = {urlsplit(each).netloc for each in addresses if each}
        secret |= {settings.llm_api_key_env or "", settings.api_key_env or ""}
        if not any(each in warning for each in secret if each):
            return warning
        logger.warning("%s", warning)
        return "the language model could not be asked to the end; the server's log says why"

    def excerpt(self, reference: str, context: int) -> Excerpt:
        """As `Collection.get`, for passages' ids, citations relative to a root, and addresses
        (`uris`). Raises UsageError, in words that name no folder."""
        try:
            return self.collection.get(self._addresses.reference(reference), context)
        except UsageError as error:
            raise UsageError(self._addresses.hidden(str(error))) from None

    def not_read(self, after: int, limit: int, left_out: bool) -> list[NotRead]:
        """As `Collection.not_read`, with reasons that name no place of this machine."""
        hide = self._addresses.hiding()

        def told(kind: str | None, reason: str) -> str:
            return reason if kind == "excluded" else _PLACE.sub("…", hide(reason))

        return [
            dataclasses.replace(
                each,
                reason=each.reason and told(each.kind, each.reason),
                parts=tuple(
                    dataclasses.replace(part, reason=told(part.kind, part.reason))
                    for part in each.parts
                ),
            )
            for each in self.collection.not_read(after, limit, left_out=left_out)
        ]

    def status(self) -> dict[str, Any]:
        """What is in it, without the places of things."""
        found = self.collection.status()
        shown = {name: getattr(found, name) for name in _STATUS}
        coverage = dataclasses.asdict(found.coverage)
        return {
            "name": self.name,
            "roots": list(labels(found.roots)),
            "coverage": coverage,
            **shown,
        }


_STATUS = ("files", "documents", "passages", "pending", "model", "dimension", "window",
           "database_bytes", "index_bytes", "generation")  # fmt: skip


def labels(roots: Sequence[str]) -> dict[str, str]:
    """A name for each root that tells nothing of where it is → its absolute path."""
    found: dict[str, str] = {}
    for root in roots:
        name = label = Path(root).name or "root"
        number = 1
        while label in found:
            number += 1
            label = f"{name} ({number})"
        found[label] = root
    return found


class Library:
    """All that is served. Close it when the server has stopped."""

    def __init__(self, collections: Mapping[str, Collection], batch: int = MOST) -> None:
        """Raises CollectionError and ModelError where one cannot be used."""
        self.served = {
            name: Served(name, collection, batch) for name, collection in collections.items()
        }
        self.runs = Runs()
        self.is_warm = False
        self._look_ups = ThreadPoolExecutor(LOOK_UPS, thread_name_prefix="ragkit-look-up")
        self._slow = ThreadPoolExecutor(SLOW, thread_name_prefix="ragkit-slow-search")

    def __getitem__(self, name: str | None) -> Served:
        """The collection of this name; without one, or by `default`, the only or the default one.

        Raises UsageError where it is not served.
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

    def warm(self) -> None:
        """Load models and index files before the first query waits for them."""
        first: dict[str, Collection] = {}
        for each in self.served.values():
            status: CollectionStatus = each.collection.status()
            if status.fingerprint is None:
                continue
            if (
                known := first.setdefault(status.fingerprint, each.collection)
            ) is not each.collection:
                each.collection.share_encoder(known)
            for query in ("warming up", "once more", "and again"):  # the second starts the runtime
                each.collection.search(query, k=1)
        self.is_warm = True

    async def look_up(self, function: Callable[P, R], *arguments: P.args, **named: P.kwargs) -> R:
        """Run what only reads on a thread."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._look_ups, partial(function, *arguments, **named))

    async def search_slowly(self, served: Served, query: str, options: Options) -> list[Hit]:
        """A search by itself, for which nothing but others of its kind has to wait."""
        search = partial(served.collection.search, query, **options.arguments())
        return await asyncio.get_running_loop().run_in_executor(self._slow, search)

    def close(self) -> None:
        """Stop indexing, wait for what runs, close the collections."""
        self.runs.close()
        self._look_ups.shutdown(wait=True)
        self._slow.shutdown(wait=True)
        for each in self.served.values():
            each.batcher.close()
            with contextlib.suppress(RagkitError):
                each.collection.close()


class UnknownCollectionError(UsageError):
    """A name that no collection is served by."""
