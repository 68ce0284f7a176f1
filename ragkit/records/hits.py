"""What a search returns: hits with their places, and their JSON. Frozen, without I/O.

Every offset is a number of characters (Python code points) into the document's text; spans are half
open: `[start, end)`. Every score is a cosine similarity in [-1, 1], higher is closer, unless its
name says otherwise. Does not know files, models, databases or the command line.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from operator import attrgetter
from typing import Any

# Imported at run time: `typing.get_type_hints(Hit)`, which web frameworks call, looks them up here.
from ragkit.records.hit_parts import Explanation, Location, NewerVersion
from ragkit.records.text import shorten

SHOWN_IN_HTML = 300  # characters of a passage in a notebook


@dataclass(frozen=True, slots=True, repr=False)
class Hit:
    """A passage found for a query.

    `score` is the exact cosine of query and passage in every mode. It is None if the encoder cannot
    read the passage or the query: then the passage was found by its words. `scores` has the keys
    dense (cosine), lexical (BM25; in hybrid mode with coverage, docs/ranking.md), fused (of both)
    and rerank (a cross-encoder's, 0 to 1); None if that stage did not score the passage. `stale`:
    the file has changed or was deleted since it was indexed.
    """

    rank: int  # from 1
    score: float | None
    passage_id: int
    text: str
    path: str  # relative to `root`, "/" between its parts
    title: str
    heading: tuple[str, ...]
    page: int | None
    locator: str | None  # "slide=3", "page=7-8": where it begins and ends
    start_line: int | None
    end_line: int | None
    start: int
    end: int
    citation: str  # `ragkit get` shows it
    scores: Mapping[str, float | None]
    metadata: Mapping[str, str]
    stale: bool
    root: str  # absolute path of the indexed folder (or of the file's folder)
    document_id: int | None = (
        None  # id of the document in its collection; it stays when the file changes
    )
    explanation: Explanation | None = None  # if requested
    collection: str | None = None  # its name, where several collections were searched together
    # Spans of `text` that are words of the query in any form, ascending; if requested. Characters.
    highlights: tuple[tuple[int, int], ...] | None = None
    copies: int = 0  # other passages with the same text that match the filter
    also_at: tuple[Location, ...] = ()  # where these are: the first ones
    newer_version: NewerVersion | None = None  # of its document, if there is one

    def __repr__(self) -> str:
        score = "None" if self.score is None else f"{self.score:.2f}"
        return f"Hit({self.rank}, {score}, {self.citation!r}, {shorten(self.text)!r})"

    @property
    def locations(self) -> tuple[Hit | Location, ...]:
        """This hit and the other places of its text."""
        return (self, *self.also_at)

    def _repr_html_(self) -> str:
        return hits_table([self])

    def to_dict(self) -> dict[str, Any]:
        """Return the hit as JSON values, as `ragkit query --json` prints it."""
        return hit_fields(self)


_HIT_FIELDS = tuple(column.name for column in fields(Hit))
_hit_values = attrgetter(*_HIT_FIELDS)


def hit_fields(hit: Hit, *, with_root: bool = True) -> dict[str, Any]:
    """Return a hit as JSON values; `explanation`, `collection`, `highlights` and `newer_version`
    only if they are set. The order of the fields is part of the API.

    `with_root=False` leaves out `root`, a folder of this machine.
    """
    values = dict(zip(_HIT_FIELDS, _hit_values(hit), strict=True))  # `asdict` is far slower
    values["also_at"] = [asdict(location) for location in hit.also_at]
    if not with_root:
        del values["root"]
        for location in values["also_at"]:
            del location["root"]
    if hit.explanation is None:
        del values["explanation"]
    else:
        values["explanation"] = asdict(hit.explanation)
    if hit.collection is None:
        del values["collection"]
    if hit.highlights is None:
        del values["highlights"]
    if hit.newer_version is None:
        del values["newer_version"]
    else:
        values["newer_version"] = asdict(hit.newer_version)
    return values


def hits_table(hits: Iterable[Hit]) -> str:
    """Return hits as an HTML table: rank, score, citation, heading, the beginning of the text.

    Documents are escaped: they are text, never markup.
    """
    from html import escape  # only for notebooks

    rows = "".join(
        f"<tr><td>{hit.rank}</td><td>{'–' if hit.score is None else f'{hit.score:.2f}'}</td>"
        f'<td style="text-align:left"><code>{escape(hit.citation)}</code>'
        f"<br>{escape(' › '.join(hit.heading))}</td>"
        f'<td style="text-align:left">{escape(shorten(hit.text, SHOWN_IN_HTML))}</td></tr>'
        for hit in hits
    )
    head = "<tr><th></th><th>score</th><th>citation</th><th>text</th></tr>"
    return f"<table><thead>{head}</thead><tbody>{rows}</tbody></table>"
