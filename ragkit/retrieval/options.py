"""What is asked for in a search, checked once. Knows no collection."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ragkit.errors import UsageError
from ragkit.settings import FUSIONS, MODES

if TYPE_CHECKING:
    from ragkit.retrieval.filter_parser import Where
    from ragkit.storage.sqlite.filters import Condition

DIVERSITY = 0.8  # λ of MMR where nobody says another: below, what answers goes first


@dataclass(frozen=True, slots=True)
class Request:
    """All that a search can be told but its text; `Collection.search` says what each means."""

    k: int
    mode: str
    min_score: float = -1.0
    context: int = 0
    where: Where | None = None
    per_document: int | None = None
    diverse: bool | float = False
    fusion: str = "convex"
    explain: bool = False
    rerank: bool = False
    budget: float | None = None
    exact: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot be, with the value found and the values expected."""
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
        if math.isnan(self.min_score):
            raise UsageError("min_score is nan; expected a cosine, -1 to 1")
        if not 0 <= self.diverse <= 1:
            raise UsageError(f"diverse is {self.diverse}; expected λ from 0 to 1")
        if self.budget is not None and not self.rerank:
            raise UsageError("budget is the time for rerank; ask for that too (--rerank)")
        if self.budget is not None and not 0 < self.budget < math.inf:
            raise UsageError(f"budget is {self.budget} s; expected more than 0 seconds")

    @property
    def diversity(self) -> float | None:
        """λ, or None where similar passages may stand beside each other."""
        if self.diverse is True:
            return DIVERSITY
        return None if self.diverse is False else float(self.diverse)

    def condition(self) -> Condition | None:
        """The filter as SQL. Raises UsageError where it cannot be understood."""
        if self.where is None:
            return None
        from ragkit.retrieval.filter_parser import parsed
        from ragkit.storage.sqlite.filters import condition

        return condition(parsed(self.where))


def asked(query: str) -> str:
    """The text of a query as it can be searched for. Raises UsageError where it is empty."""
    query = query.encode("utf-8", "replace").decode()  # an odd terminal's lone surrogates
    if not query.strip():
        raise UsageError("the query is empty; ask something, as in: ragkit query TEXT")
    return query
