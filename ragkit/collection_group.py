"""`CollectionGroup`: several collections that are searched as one.

Each collection has a name in the group. Hits name their collection, and their citations begin with
it (`notes:faq.md#L40-L52`), so that a citation of the group can be passed to its `get`. A group of
one collection behaves like that collection: its citations have no name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from ragkit.errors import UsageError
from ragkit.records.lookup import GrepMatch, GrepResult, ListEntry, Listing, RelatedPassages
from ragkit.retrieval.merging import SEPARATOR, MergedHits, merge_hits, qualify

if TYPE_CHECKING:
    from ragkit.answers.llm import ChatModel
    from ragkit.answers.pipeline import AnswerSources
    from ragkit.collection import Collection
    from ragkit.records.answers import Event, Turn
    from ragkit.records.hits import Hit
    from ragkit.records.lookup import TextPart
    from ragkit.records.reports import Excerpt
    from ragkit.retrieval.filter_parser import Where

Cited = TypeVar("Cited", "Hit", "Excerpt", GrepMatch, "TextPart")


def search_collections(  # noqa: PLR0913 (the fields of `SearchOptions`)
    collections: Mapping[str, Collection],
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
    rerank: bool = False,
    budget: float | None = None,
    exact: bool = False,
    keywords: str | None = None,
    hypothetical: str | None = None,
) -> MergedHits:
    """Return the k best passages of several collections for one query.

    `collections` maps names to open collections. The other arguments are those of
    `Collection.search`; defaults are the settings of the first collection. The result says whether
    the hits are ranked by score (all collections have the same encoder) or interleaved by rank.
    Raises as `Collection.search` does.
    """
    overrides: dict[str, Any] = {
        "min_score": min_score, "context": context, "where": where, "per_document": per_document,
        "diverse": diverse, "prefer_new": prefer_new, "explain": explain, "highlight": highlight,
        "rerank": rerank, "budget": budget, "exact": exact,
    }  # fmt: skip
    optional = {
        "k": k, "mode": mode, "fusion": fusion, "min_relevance": min_relevance,
        "keywords": keywords, "hypothetical": hypothetical, "half_life": half_life,
    }  # fmt: skip
    overrides |= {name: value for name, value in optional.items() if value is not None}
    return CollectionGroup(collections).search(query, overrides)


class CollectionGroup:
    """Open collections by name, searched as one. Closes none of them.

    All methods may be called from many threads at the same time.
    """

    def __init__(
        self, collections: Mapping[str, Collection], *, is_qualified: bool | None = None
    ) -> None:
        """`is_qualified`: whether citations begin with a name. Default: if there are several.

        Raises UsageError if there is none, or for a name that a citation cannot begin with.
        """
        if not collections:
            raise UsageError("no collection is named; expected one or more")
        for name in collections:
            if not name or SEPARATOR in name:
                raise UsageError(f"{name!r} is no name of a collection; expected one without a ':'")
        self.collections = dict(collections)
        self.is_qualified = len(collections) > 1 if is_qualified is None else is_qualified

    def replace(self, name: str, collection: Collection) -> None:
        """Search this collection from now on, a newer generation of the one with this name."""
        self.collections = {**self.collections, name: collection}

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the collections, in their order."""
        return tuple(self.collections)

    @property
    def first(self) -> Collection:
        """The first collection, whose settings are the defaults of the group."""
        return next(iter(self.collections.values()))

    def select(self, names: Sequence[str] | None) -> CollectionGroup:
        """Return the group of these collections; None or () means all. Raises UsageError for an
        unknown name."""
        if not names:
            return self
        selected = {name: self[name] for name in names}
        return CollectionGroup(selected, is_qualified=self.is_qualified)

    def __getitem__(self, name: str) -> Collection:
        """Return the collection of this name. Raises UsageError."""
        if name not in self.collections:
            raise UsageError(
                f"no collection is called {name[:64]!r}; expected one of {', '.join(self.names)}"
            )
        return self.collections[name]

    def search(self, query: str, overrides: Mapping[str, Any]) -> MergedHits:
        """Return the hits of all collections for a query as one ranking.

        `overrides` are as in `Collection.search_options`. Raises as `Collection.search` does.
        """
        options = self.first.search_options(overrides)
        fingerprints = self._fingerprints()
        results = {
            name: collection.search_with([query], options)[0]
            for name, collection in self.collections.items()
        }
        if not self.is_qualified:
            (name, hits), *_ = results.items()
            missing = getattr(hits, "missing_shards", ())
            return MergedHits(tuple(hits), "score", (name,), missing)
        return merge_hits(results, options.k, options, fingerprints)

    def ask(
        self,
        question: str,
        overrides: Mapping[str, Any],
        *,
        history: Sequence[Turn] = (),
        llm: ChatModel | Literal[False] | None = None,
    ) -> Iterator[Event]:
        """Yield the events of an answer whose sources are the hits of all collections.

        `overrides` are as in `Collection.answer_options`; the rest and the errors are as in
        `Collection.ask_stream`. The language model is that of the first collection's settings.
        """
        if not self.is_qualified:
            options = self.first.answer_options(overrides)
            return self.first.ask_with(question, options=options, history=history, llm=llm)
        from ragkit.answers import pipeline
        from ragkit.retrieval.options import validate_query

        sources = self.answer_sources(overrides)
        model = pipeline.load_language_model(self.first.settings) if llm is None else llm or None
        return pipeline.stream_answer(validate_query(question), history, model, sources)

    def answer_sources(self, overrides: Mapping[str, Any]) -> AnswerSources:
        """Return what `answers/pipeline` takes the sources of an answer from; `overrides` are as in
        `Collection.answer_options`."""
        options = self.first.answer_options(overrides)
        if not self.is_qualified:
            return self.first.answer_sources(options)
        from ragkit.answers.merged_sources import MergedSources

        return MergedSources(
            {name: item.answer_sources(options) for name, item in self.collections.items()},
            self._fingerprints(),
        )

    def get(self, reference: str, context: int = 0) -> Excerpt:
        """Return the text that a citation, a document's path or a passage id refers to.

        See `locate` for the collection. `context` and the errors are as in `Collection.get`.
        """
        name, rest = self.locate(reference)
        excerpt = self.collections[name].get(rest, context)
        return self.qualified(name, excerpt)

    def grep(self, pattern: str, arguments: Mapping[str, Any]) -> GrepResult:
        """Return the lines of all collections in which a regular expression matches.

        `arguments` are those of `Collection.grep`, and so are the errors.
        """
        limit, found, searched = arguments.get("limit", 100), list[GrepMatch](), 0
        parts = self._from_cursor(arguments.get("cursor"))
        for position, (name, cursor) in enumerate(parts):
            rest = {**arguments, "cursor": cursor, "limit": limit - len(found)}
            result = self.collections[name].grep(pattern, **rest)
            found += [self.qualified(name, match) for match in result.matches]
            searched += result.searched
            following = self._next_cursor(parts, position, result.cursor)
            if result.cursor or result.notice or (following and len(found) >= limit):
                return GrepResult(tuple(found), following, searched, result.notice)
        return GrepResult(tuple(found), None, searched)

    def glob(self, pattern: str, arguments: Mapping[str, Any]) -> Listing:
        """Return the documents of all collections whose path matches a glob.

        `arguments` are those of `Collection.glob`, and so are the errors.
        """
        return self._listing(
            arguments, lambda name, rest: self.collections[name].glob(pattern, **rest)
        )

    def ls(self, path: str, arguments: Mapping[str, Any]) -> Listing:
        """Return what is in a folder: of the collection that the path begins with (`notes:hr`), or
        of all collections for "". `arguments` and errors are those of `Collection.ls`."""
        name, sign, folder = path.partition(SEPARATOR)
        if sign and name in self.collections:
            return self.select([name])._listing(
                arguments, lambda _, rest: self.collections[name].ls(folder, **rest)
            )
        return self._listing(arguments, lambda name, rest: self.collections[name].ls(path, **rest))

    def read(self, reference: str, arguments: Mapping[str, Any]) -> TextPart:
        """Return a part of a document's text. `arguments` are those of `Collection.read`, and so
        are the errors; see `locate` for the collection."""
        name, rest = self.locate(reference)
        return self.qualified(name, self.collections[name].read(rest, **arguments))

    def related(self, reference: str, arguments: Mapping[str, Any]) -> RelatedPassages:
        """Return the passages related to one, in its own collection. `arguments` are those of
        `Collection.related`, and so are the errors."""
        name, rest = self.locate(reference)
        found = self.collections[name].related(rest, **arguments)
        return RelatedPassages(
            self._named(name, found.passage),
            *(
                tuple(self._named(name, hit) for hit in hits)
                for hits in (found.before, found.after, found.similar)
            ),
        )

    def _named(self, name: str, hit: Hit) -> Hit:
        if not self.is_qualified:
            return hit
        return replace(hit, collection=name, citation=qualify(name, hit.citation))

    def _listing(
        self, arguments: Mapping[str, Any], call: Callable[[str, Mapping[str, Any]], Listing]
    ) -> Listing:
        """Return the lists of all collections after each other, up to the limit."""
        limit, entries, total = arguments.get("limit", 1_000), list[ListEntry](), 0
        parts = self._from_cursor(arguments.get("cursor"))
        following: str | None = None
        for position, (name, cursor) in enumerate(parts):
            room = limit - len(entries)
            page = call(name, {**arguments, "cursor": cursor, "limit": max(room, 1)})
            total += page.total
            if room > 0:
                entries += [self._in_group(name, entry) for entry in page.entries]
                following = self._next_cursor(parts, position, page.cursor)
                if page.cursor:
                    limit = 0  # the rest is only counted
        return Listing(tuple(entries), following, total)

    def _in_group(self, name: str, entry: ListEntry) -> ListEntry:
        if not self.is_qualified:
            return entry
        return replace(
            entry, path=qualify(name, entry.path), citation=qualify(name, entry.citation)
        )

    def _from_cursor(self, cursor: str | None) -> list[tuple[str, str | None]]:
        """Return the collections from the one that a cursor names, each with its own cursor."""
        names = list(self.collections)
        if not self.is_qualified or cursor is None:
            return [(name, None if position else cursor) for position, name in enumerate(names)]
        name, _, rest = cursor.partition(SEPARATOR)
        if name not in names:
            raise UsageError(
                f"{cursor[:100]!r} is not a cursor; expected that of an earlier result"
            )
        following = names[names.index(name) + 1 :]
        return [(name, rest or None), *((other, None) for other in following)]

    def _next_cursor(
        self, parts: Sequence[tuple[str, str | None]], position: int, cursor: str | None
    ) -> str | None:
        """Return the cursor after the part at `position`, whose own one is given."""
        if not self.is_qualified:
            return cursor
        if cursor is not None:
            return qualify(parts[position][0], cursor)
        return qualify(parts[position + 1][0], "") if position + 1 < len(parts) else None

    def qualified(self, name: str, record: Cited) -> Cited:
        """Return a record of this collection with the citation that it has in the group."""
        if not self.is_qualified:
            return record
        return replace(record, citation=qualify(name, record.citation))

    def locate(self, reference: str) -> tuple[str, str]:
        """Return the name of the collection that a reference names, and the rest of it.

        `notes:faq.md#L40` is in the collection notes. A reference without a name must be found in
        exactly one collection. Raises UsageError.
        """
        name, sign, rest = reference.partition(SEPARATOR)
        if sign and name in self.collections:
            return name, rest
        if not self.is_qualified:
            return self.names[0], reference
        found, errors = [], []
        for name, collection in self.collections.items():
            try:
                collection.get(reference)
                found.append(name)
            except UsageError as error:
                errors.append(error)
        if not found:
            raise UsageError(f"{errors[0]}; searched {', '.join(self.names)}")
        if len(found) > 1:
            choices = " or ".join(f"{name}{SEPARATOR}{reference}" for name in found)
            raise UsageError(f"{reference} is in several collections; expected {choices}")
        return found[0], reference

    def _fingerprints(self) -> dict[str, str | None]:
        """Return name → fingerprint of the encoder. A collection whose encoder another one has
        loaded gets that, so that it is in memory only once."""
        fingerprints = {name: item.fingerprint() for name, item in self.collections.items()}
        first: dict[str, Collection] = {}
        for name, fingerprint in fingerprints.items():
            collection = self.collections[name]
            if fingerprint is None:
                continue
            shared = first.setdefault(fingerprint, collection)
            if shared is not collection:
                collection.share_encoder(shared)
        return fingerprints
