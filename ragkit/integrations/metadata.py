"""The metadata of a hit as a flat mapping, as frameworks store it with a text."""

from __future__ import annotations

from ragkit.records.hits import Hit

PROMPT_FIELDS = ("citation", "title")  # the fields that a language model should see


def hit_metadata(hit: Hit) -> dict[str, str | int | float | bool]:
    """Return the document's metadata and the place of the passage; unknown values are left out.

    `score` is the cosine. `start` and `end` are character offsets into the document's text.
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
        "newer_version": None if hit.newer_version is None else hit.newer_version.path,
    }
    fields = {name: value for name, value in place.items() if value is not None}
    return {**hit.metadata, **fields}
