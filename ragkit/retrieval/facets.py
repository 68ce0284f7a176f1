"""Counts of documents by type, folder, year and tag, under a filter and the values chosen so far.

The values of one facet are alternatives: choosing one does not change the counts of the others of
its facet. Ranks nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence

from ragkit.records.overview import FacetValue
from ragkit.retrieval.filter_parser import Where, parse_filter
from ragkit.storage.sqlite import overview
from ragkit.storage.sqlite.filters import AllOf, AnyOf, Condition, Filter, compile_filter


def count_facets(
    connection: sqlite3.Connection,
    where: Where | None,
    chosen: Mapping[str, Sequence[str]],
    label_type: Callable[[str], str],
) -> dict[str, list[FacetValue]]:
    """Return for each facet (type, folder, date, tag) its values with numbers of documents.

    `where` is a filter or None; `chosen`: facet → filters of its chosen values, of which one has to
    be true. Raises UsageError for an invalid filter.
    """
    typed = parse_filter(where) if where is not None else None
    groups = {
        name: AnyOf(tuple(map(parse_filter, filters)))
        for name, filters in chosen.items()
        if filters
    }
    conditions: dict[str, Condition | None] = {}
    for name in overview.FACETS:
        parts: list[Filter] = [group for other, group in groups.items() if other != name]
        parts += [typed] if typed is not None else []
        conditions[name] = compile_filter(AllOf(tuple(parts))) if parts else None
    return overview.facet_values(connection, conditions, label_type)
