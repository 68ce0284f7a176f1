"""`SearchOptions`: all options of a search besides the query, defined once.

Each field carries its help text and its JSON Schema. Command line, HTTP API, tool schema and
Python derive their options from them, so a new option is one field here. Knows no collection.
"""
# ruff: noqa: RUF009 (`_option` is `dataclasses.field`)

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from ragkit.errors import UsageError
from ragkit.settings import FUSIONS, MODES

if TYPE_CHECKING:
    from ragkit.retrieval.filter_parser import Where
    from ragkit.storage.sqlite.filters import Condition

DEFAULT_LAMBDA = 0.8  # λ of MMR; below, relevance no longer comes first
MAX_K = 100  # of a request over HTTP or MCP
_COUNT = {"type": "integer", "minimum": 1, "maximum": MAX_K}
_FLAG = {"type": "boolean"}


def _option(
    default: Any,  # noqa: ANN401 (of the field that it is for)
    text: str,
    schema: Mapping[str, Any],
    *,
    metavar: str | None = None,
    request: str | None = None,
    for_answers: bool = True,
    tool: Mapping[str, Any] | None = None,
) -> Any:  # noqa: ANN401
    """A field with its help.

    `text` is its help on the command line, `schema` its JSON Schema in requests, described there by
    `request` (else by `text`). `for_answers`: `ask` has it too. `tool`: the MCP tool has it, with
    these keywords in place of the schema's.
    """
    metadata = {
        "text": text,
        "schema": {**schema, "description": request or text},
        "metavar": metavar,
        "for_answers": for_answers,
        "tool": None if tool is None else {**schema, "description": request or text, **tool},
    }
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchOptions:
    """The options of one search, validated. Raises UsageError with the value and what is expected.

    The defaults are those of `Settings`; `Collection.search_options` uses a collection's settings.
    """

    k: int = _option(
        10,
        "maximum number of passages",
        _COUNT,
        metavar="N",
        request="maximum number of passages; default 10",
        tool={"description": "maximum number of passages"},
    )
    mode: str = _option(
        "dense",
        "dense: cosine similarity of embeddings; lexical: BM25 over words; hybrid: both",
        {"type": "string", "enum": list(MODES)},
        tool={},
    )
    fusion: str = _option(
        "convex",
        "how hybrid combines the two rankings: convex, by their scores (default); rrf, by their "
        "ranks",
        {"type": "string", "enum": list(FUSIONS)},
    )
    where: Where | None = _option(
        None,
        "only passages that match this filter: 'type = pdf and mtime > 2024-01-01 and "
        'path ~ "hr/**"\', also as JSON',
        {"type": ["string", "object"], "maxLength": 10_000},
        metavar="EXPR",
        request="a filter: an expression, or the JSON of OpenAI's API (docs/ranking.md)",
        tool={
            "type": "string",
            "maxLength": 4_000,
            "description": "a filter, as in: type = pdf and mtime > 2024-01-01 and path ~ 'hr/**'",
        },
    )
    min_score: float = _option(
        -1.0,
        "leave out passages with a lower cosine similarity, in every mode",
        {"type": "number", "minimum": -1, "maximum": 1},
        metavar="X",
        request="lowest cosine similarity, in every mode",
    )
    min_relevance: float | None = _option(
        None,
        "leave out passages that answer with a lower probability, 0 to 1, by the collection's "
        "calibration (ragkit eval --self --calibrate), in every mode",
        {"type": "number", "minimum": 0, "maximum": 1},
        metavar="P",
        request="lowest probability that a passage answers, by the collection's calibration",
    )
    per_document: int | None = _option(
        None, "at most N passages of each document", _COUNT, metavar="N",
        request="maximum number of passages of each document",
    )  # fmt: skip
    diverse: bool | float = _option(
        False,
        "no two passages that say the same (maximal marginal relevance)",
        {"type": ["boolean", "number"], "minimum": 0, "maximum": 1},
        request="no two passages that say the same; a number is the λ of MMR",
    )
    prefer_new: bool = _option(
        False,
        "leave out passages of a document that a newer version of it has, too",
        _FLAG,
        tool={},
    )
    half_life: float | None = _option(
        None,
        "prefer newer files: after this many days the bonus of a file's time is half; it is worth "
        "a cosine of 0.05 at most, so that relevance decides",
        {"type": "number", "minimum": 0.001, "maximum": 1_000_000},
        metavar="DAYS",
        request="days after which the bonus for a file's time of modification is half",
    )
    context: int = _option(
        0,
        "add N passages before and after each hit, and join hits that then overlap",
        {"type": "integer", "minimum": 0, "maximum": 20},
        metavar="N",
        request="passages added before and after each hit",
        for_answers=False,
    )
    exact: bool = _option(
        False, "compare the query with every vector, also in a large collection", _FLAG
    )
    rerank: bool = _option(
        False,
        "re-order the first 20 passages with a cross-encoder, which reads each together with the "
        "query",
        _FLAG,
        request="re-order the first 20 passages with the server's cross-encoder",
    )
    budget: float | None = _option(
        None,
        "how long reranking may take, 300ms or 1.5s: as many passages as fit, best first",
        {"type": "number", "minimum": 0.001, "maximum": 60},
        metavar="TIME",
        request="seconds for rerank: as many passages as fit, best first",
        for_answers=False,
    )
    keywords: str | None = _option(
        None,
        "words for BM25 in place of the query's own; makes a dense search hybrid",
        {"type": "string", "minLength": 1, "maxLength": 2_000},
        metavar="TEXT",
        for_answers=False,
        tool={
            "maxLength": 1_000,
            "description": "words that good passages contain (names, identifiers, synonyms), to "
            'search beside the question\'s meaning; "quoted phrase" and -excluded work',
        },
    )
    hypothetical: str | None = _option(
        None,
        "an answer as it might be written; passages like it are found, too (HyDE)",
        {"type": "string", "minLength": 1, "maxLength": 8_000},
        metavar="TEXT",
        for_answers=False,
        tool={
            "maxLength": 2_000,
            "description": "one to three sentences as a good passage might put the answer, where "
            "question and documents use different words",
        },
    )
    explain: bool = _option(
        False,
        "show for each hit its score at every stage, the words that it shares with the query, and "
        "its sentence closest to the query",
        _FLAG,
        request="why each hit was found: matched words, closest sentence; k is 20 at most",
        for_answers=False,
    )
    highlight: bool = _option(
        False,
        "give for each hit where its text contains the words of the query, as character offsets",
        _FLAG,
        request="give each hit `highlights`: where its text contains words of the query",
    )

    def __post_init__(self) -> None:
        """Check every value. With `keywords`, a dense search becomes hybrid."""
        self._check_parts()
        if self.k < 1:
            raise UsageError(f"k is {self.k}; expected 1 or more")
        if self.mode not in MODES:
            raise UsageError(f"mode is {self.mode!r}; expected one of {', '.join(MODES)}")
        if self.fusion not in FUSIONS:
            raise UsageError(f"fusion is {self.fusion!r}; expected one of {', '.join(FUSIONS)}")
        if self.context < 0:
            raise UsageError(f"context is {self.context}; expected 0 or more passages")
        if self.per_document is not None and self.per_document < 1:
            raise UsageError(f"per_document is {self.per_document}; expected 1 or more passages")
        if self.min_relevance is not None and not 0 <= self.min_relevance <= 1:
            raise UsageError(
                f"min_relevance is {self.min_relevance:g}; expected a probability, 0 to 1"
            )
        if math.isnan(self.min_score):
            raise UsageError("min_score is nan; expected a cosine, -1 to 1")
        if self.half_life is not None and not 0 < self.half_life < math.inf:
            raise UsageError(f"half_life is {self.half_life:g}; expected more than 0 days")
        if not 0 <= self.diverse <= 1:
            raise UsageError(f"diverse is {self.diverse}; expected λ from 0 to 1")
        if self.budget is not None and not self.rerank:
            raise UsageError("budget is the time for rerank; ask for that too (--rerank)")
        if self.budget is not None and not 0 < self.budget < math.inf:
            raise UsageError(f"budget is {self.budget} s; expected more than 0 seconds")

    def _check_parts(self) -> None:
        for name in ("keywords", "hypothetical"):
            value = getattr(self, name)
            if value is not None and not value.strip():
                raise UsageError(f"{name} is empty; expected text, or leave it out")
        if self.keywords is not None and self.mode == "dense":
            object.__setattr__(self, "mode", "hybrid")

    @property
    def mmr_lambda(self) -> float | None:
        """λ of maximal marginal relevance, 0 to 1; None: near-duplicates are allowed."""
        if self.diverse is True:
            return DEFAULT_LAMBDA
        return None if self.diverse is False else float(self.diverse)

    def condition(self) -> Condition | None:
        """Return `where` as an SQL condition. Raises UsageError where it cannot be parsed."""
        if self.where is None:
            return None
        from ragkit.retrieval.filter_parser import parse_filter
        from ragkit.storage.sqlite.filters import compile_filter

        return compile_filter(parse_filter(self.where))


# Name of each option → "text" (help on the command line), "metavar" (there, or None), "schema"
# (JSON Schema of a request's field, with a description), "for_answers" (whether `ask` has it) and
# "tool" (JSON Schema of the MCP tool's parameter; None where the tool does not have it).
SEARCH_OPTIONS: Mapping[str, Mapping[str, Any]] = {
    option.name: option.metadata for option in fields(SearchOptions)
}


def validate_query(query: str) -> str:
    """Return the query with lone surrogates (of an odd terminal) replaced.

    Raises UsageError where it is empty.
    """
    query = query.encode("utf-8", "replace").decode()
    if not query.strip():
        raise UsageError("the query is empty; ask something, as in: ragkit query TEXT")
    return query
