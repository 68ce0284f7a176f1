"""How hits and answers display: one line in a console, a table in a notebook, rows for pandas.

Everything that comes from a document is escaped: it is text, never markup.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ragkit.errors import UnavailableError
from ragkit.records.hits import SHOWN_IN_HTML, Hit, hit_fields, hits_table
from ragkit.records.text import shorten

if TYPE_CHECKING:
    import pandas

    from ragkit.records.answers import Answer


class Hits(list[Hit]):
    """The hits of one query, best first: a list that displays as a table in notebooks.

    `missing_shards`: numbers of shards that did not answer, so that the hits are partial.
    """

    missing_shards: tuple[int, ...] = ()

    def to_dicts(self) -> list[dict[str, Any]]:
        """Return the hits as JSON values, as `ragkit query --json` prints them."""
        return [hit_fields(hit) for hit in self]

    def to_pandas(self) -> pandas.DataFrame:
        """Return the hits as a DataFrame, one row each, with the fields of `Hit` as columns.

        Raises UnavailableError if pandas is not installed.
        """
        return data_frame(self.to_dicts())

    def _repr_html_(self) -> str:
        return hits_table(self)


def data_frame(rows: Sequence[Mapping[str, Any]]) -> pandas.DataFrame:
    """Return rows as a pandas DataFrame. Raises UnavailableError if pandas is not installed."""
    try:
        import pandas
    except ModuleNotFoundError as error:
        raise UnavailableError(
            f'to_pandas needs {error.name}: pip install "ragkit-search[pandas]"'
        ) from error
    return pandas.DataFrame(rows)


def answer_html(answer: Answer) -> str:
    """Return an answer as HTML: its text, the cited sources, and what they do not support."""
    from html import escape

    paragraphs = "".join(f"<p>{escape(text)}</p>" for text in answer.text.split("\n\n"))
    sources = "".join(
        f"<li value={citation.n}><code>{escape(citation.citation)}</code> "
        f"{escape(shorten(citation.quote, SHOWN_IN_HTML))}</li>"
        for citation in answer.citations
    )
    doubts = "".join(
        f"<li>not supported: {escape(statement.text)}</li>" for statement in answer.unsupported
    )
    return (
        paragraphs
        + (f"<ol>{sources}</ol>" if sources else "")
        + (f"<ul>{doubts}</ul>" if doubts else "")
    )
