"""What a hit says of itself, flat, as frameworks keep it beside a text. Knows no framework."""

from __future__ import annotations

from ragkit.records.documents import Hit

SHOWN = ("citation", "title")  # what a language model should see of it


def metadata(hit: Hit) -> dict[str, str | int | float | bool]:
    """The document's own metadata, and where the passage stands; what is unknown is left out.

    `score` is the cosine. `start` and `end` are characters of the document's text.
    """
    place = {
        "citation": hit.citation,
        "path": hit.path,
        "title": hit.title,
        "heading": " › ".join(hit.heading) or None,
        "page": hit.page,
        "start_line": hit.start_line,
        "end_line": hit.end_line,
        "start": hit.start,
        "end": hit.end,
        "score": hit.score,
        "passage_id": hit.passage_id,
        "stale": hit.stale,
    }
    known = {name: value for name, value in place.items() if value is not None}
    return {**hit.metadata, **known}
