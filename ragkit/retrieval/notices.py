"""What a user should know about the result of a search, one line each.

A filter names a field that no document has, or a topic that there is not. Nothing is close: no word
of the query occurs in the collection and the best score is one that the encoder also gives to
unrelated texts. A minimum score leaves out everything. Changes no hits.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ragkit.analysis.query_syntax import parse_query
from ragkit.records.hits import Hit
from ragkit.retrieval.options import SearchOptions

if TYPE_CHECKING:
    import sqlite3

    from numpy.typing import NDArray

    from ragkit.encoders import Encoder
    from ragkit.storage.lexical.index import LexicalIndex

# Unrelated sentences. The mean cosine between them is the encoder's value for "nothing in common".
UNRELATED = (
    "The ferry to the island leaves at seven in the morning.",
    "Knead the dough until it is smooth and let it rest overnight.",
    "Our quarterly revenue grew less than the analysts had expected.",
    "The patient should take one tablet twice a day after meals.",
    "A prime number has no divisors except one and itself.",
    "She tuned the violin and waited for the conductor's sign.",
)
# Share of the way from unrelated to equal below which the best passage does not count as close.
# That is the bound below which `ask` gives no answer (docs/answers.md).
MIN_CLOSENESS = 0.32
# No bound is above this one, so that a higher score needs no look at the words. That of the default
# encoder is 0.35, and its first query opens no lexical index for a common score.
_DEFAULT_ENCODER, _MAX_DEFAULT_BOUND, _MAX_BOUND = "all-MiniLM-L6-v2", 0.4, 0.95
_NEAREST_TOPICS = 3  # that are named where none has the name of a filter
_STOP_WORD_WEIGHT = 1.0  # content words have this weight, stop words less


def unrelated_cosine(vectors: NDArray[np.float32]) -> float:
    """Return the mean cosine between `UNRELATED` sentences, whose vectors (n, d) float32 are unit
    rows."""
    cosines = vectors @ vectors.T
    return float(cosines[~np.eye(len(cosines), dtype=bool)].mean())


def closeness_bound(encoder: Encoder) -> float:
    """Return the cosine below which the best passage is no closer than unrelated texts may be."""
    unrelated = unrelated_cosine(encoder.encode_queries(UNRELATED))
    return unrelated + MIN_CLOSENESS * (1 - unrelated)


def may_be_far(encoder: Encoder, hits: Sequence[Hit]) -> bool:
    """Whether the best score of hits could be below the encoder's bound; quick, and never wrongly
    False."""
    bound = _MAX_DEFAULT_BOUND if encoder.name == _DEFAULT_ENCODER else _MAX_BOUND
    best = best_score(hits)
    return best is not None and best < bound


def best_score(hits: Sequence[Hit]) -> float | None:
    """Return the highest cosine of the hits; None without hits, and where none has a score."""
    return max((hit.score for hit in hits if hit.score is not None), default=None)


def nothing_close_notice(
    encoder: Encoder, lexical: LexicalIndex, query: str, hits: Sequence[Hit]
) -> str | None:
    """Return the notice that no hit is close to the query; None if one is, or if a word of the
    query occurs in the collection."""
    best = best_score(hits)
    if best is None:
        return None
    words = [
        word for word in lexical.plan(parse_query(query)).words if word.weight >= _STOP_WORD_WEIGHT
    ]
    occurs = [word for word in words if word.is_known and word.corrected_to is None]
    if not words or occurs or best >= closeness_bound(encoder):
        return None
    return f"nothing close: best score {best:.2f}"


def min_score_notice(
    options: SearchOptions, search: Callable[[SearchOptions], list[Hit]]
) -> str | None:
    """Return the notice that the minimum score left out everything; None if there was nothing.

    `search` returns the hits of the same query with other options.
    """
    best = best_score(search(replace(options, min_score=-1.0, mode="dense", k=1, rerank=False)))
    if best is None:
        return None
    return f"the best score is {best:.2f}, below the minimum of {options.min_score:g}"


def unknown_field_notices(connection: sqlite3.Connection, options: SearchOptions) -> list[str]:
    """Return a notice for each field of the filter that no document has."""
    if options.where is None:
        return []
    import difflib  # not for other queries

    from ragkit.retrieval.filter_parser import parse_filter
    from ragkit.storage.sqlite import filters

    names = filters.field_names(parse_filter(options.where))
    unknown = [name for name in names if not filters.has_field(connection, name)]
    if not unknown:
        return []
    known = filters.known_fields(connection)
    notices = []
    for name in unknown:
        nearest = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {nearest[0]}?" if nearest else f"there are: {', '.join(known[:20])}"
        notices.append(f"no document has the field {name!r}; {hint}")
    return notices


def topic_notice(
    connection: sqlite3.Connection, options: SearchOptions, load_encoder: Callable[[], Encoder]
) -> str | None:
    """Return the notice that a filter by topic found nothing because no topics are stored, or
    because none has this name; then it names the nearest ones. The encoder, whose vectors compare
    the name with the topics, is loaded only for that."""
    if options.where is None:
        return None
    from ragkit.retrieval.filter_parser import parse_filter
    from ragkit.storage.sqlite import filters, overview

    tree = parse_filter(options.where)
    if "topic" not in filters.field_names(tree):
        return None
    names = sorted(set(overview.topic_names(connection).values()))
    if not names:
        return "no topics are stored yet; find them with: ragkit topics"
    for value in filters.compared_values(tree, "topic"):
        wanted = value.strip().casefold()
        if wanted and not any(f", {wanted}," in f", {name}," for name in names):
            nearest = _nearest_topics(connection, wanted, names, load_encoder())
            return f"no topic is called {value!r}; the nearest are: {'; '.join(nearest)}"
    return None


def _nearest_topics(
    connection: sqlite3.Connection, wanted: str, names: Sequence[str], encoder: Encoder
) -> list[str]:
    """The topics with a word that is spelled nearly like one of `wanted`, then those whose centers
    are nearest to its vector."""
    import difflib

    from ragkit.storage.sqlite import overview, passages

    words = {word for name in names for word in re.findall(r"\w+", name)}
    close = {
        found
        for word in re.findall(r"\w+", wanted)
        for found in difflib.get_close_matches(word, words, n=2, cutoff=0.75)
    }
    spelled = [name for name in names if close.intersection(re.findall(r"\w+", name))]
    model = passages.model(connection)
    rows = [] if model is None else overview.topic_rows(connection, model["id"], encoder.dimension)
    if rows:
        cosines = np.stack([row.center for row in rows]) @ encoder.encode_queries([wanted])[0]
        spelled += [rows[place].name for place in np.argsort(-cosines, kind="stable").tolist()]
    return list(dict.fromkeys(spelled or names))[:_NEAREST_TOPICS]
