"""A small lexical index in memory."""

from ragkit.analysis.query_syntax import parse_query
from ragkit.storage.lexical.index import LexicalIndex

TEXTS = [
    (1, "the quick brown fox"),
    (2, "the lazy dog sleeps"),
    (3, "a fox and another fox"),
    (9, "nothing of the kind here"),
]


def rows(texts):
    return [(passage_id, text, None) for passage_id, text in texts]


def build_index(texts):
    return LexicalIndex.in_memory(rows(texts), 1)


def top_ids(index, query, k=50):
    return index.top_k(parse_query(query), k)[0].tolist()
