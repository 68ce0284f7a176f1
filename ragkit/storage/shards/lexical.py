"""`ShardedLexicalIndex`: the words of all shards, searched as one index.

A query gets one plan, by the statistics of the whole collection, and each shard scores its passages
by that plan and with the collection's average length (`lexical/padding`). So its scores are those
of one large index, and the best of all shards are the best of the collection. Knows no vectors and
no SQL.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from ragkit.analysis.query_syntax import ParsedQuery
from ragkit.storage.lexical.index import LexicalIndex
from ragkit.storage.lexical.query_plan import QueryPlanner
from ragkit.storage.shards.placement import ids_by_shard
from ragkit.storage.sqlite.sharding.gathering import joined

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ragkit.storage.lexical.query_plan import QueryPlan, QueryWord
    from ragkit.storage.lexical.statistics import TermStatistics

_PLAN_CACHE = 32

AskIndexes = Callable[
    [str, "dict[int, tuple[Any, ...]] | tuple[Any, ...]", dict[str, Any]], "list[Any]"
]


class ShardedLexicalIndex(LexicalIndex):
    """Has the methods of `LexicalIndex` that searching needs."""

    def __init__(self, ask: AskIndexes, statistics: TermStatistics, generation: int) -> None:
        self._ask = ask
        self.memory, self.removed, self.generation = False, 0, generation
        self._whole = statistics
        self._planner = QueryPlanner(statistics)
        self._plan = lru_cache(_PLAN_CACHE)(self._planner.plan)

    def __len__(self) -> int:
        return self._whole.total

    def plan(self, query: ParsedQuery | QueryPlan) -> QueryPlan:
        """Return what a parsed query looks up in each shard."""
        return self._plan(query) if isinstance(query, ParsedQuery) else query

    def top_k(
        self, query: ParsedQuery | QueryPlan, k: int, *, coverage: float = 0.0
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return the k best passages that contain any word of the query, best first."""
        found = self._ask("top_k", (self.plan(query), k), {"coverage": coverage})
        ids = np.concatenate([np.empty(0, dtype=np.int64), *(ids for ids, _ in found)])
        scores = np.concatenate([np.empty(0, dtype=np.float32), *(scores for _, scores in found)])
        order = np.lexsort((ids, -scores))[:k]
        return ids[order], scores[order]

    def scores(
        self, query: ParsedQuery | QueryPlan, ids: Sequence[int], *, coverage: float = 0.0
    ) -> dict[int, float]:
        """Return id → score for those of `ids` that contain any word of the query."""
        plan = self.plan(query)
        found = self._of_ids("scores", ids, lambda own: (plan, own), {"coverage": coverage})
        return dict(joined(found))

    def term_scores(
        self, query: ParsedQuery | QueryPlan, ids: Sequence[int], *, coverage: float = 0.0
    ) -> list[tuple[QueryWord, dict[int, float]]]:
        """Return (word, {passage id: score}) for each scored word of the query."""
        plan = self.plan(query)
        found = self._of_ids("term_scores", ids, lambda own: (plan, own), {"coverage": coverage})
        return [
            (word, dict(joined([scores[place][1] for scores in found])))
            for place, word in enumerate(plan.words)
        ]

    def languages(self, ids: Sequence[int]) -> dict[int, str]:
        """Return id → ISO 639-1 code of the language that the passage was analysed in."""
        return dict(joined(self._of_ids("languages", ids, lambda own: (own,), {})))

    def matching(self, query: ParsedQuery | QueryPlan, ids: Sequence[int]) -> set[int]:
        """Return those of `ids` that contain every required phrase and no excluded one."""
        plan = self.plan(query)
        return set(joined(self._of_ids("matching", ids, lambda own: (plan, own), {})))

    def matching_up_to(self, query: ParsedQuery | QueryPlan, limit: int) -> list[int] | None:
        """Return the ids of all passages that `matching` would return, ascending; None if there are
        more than `limit`."""
        plan = self.plan(query)
        if not plan.required and len(self) > 2 * limit:
            return None
        ids: list[int] = []
        for own in self._ask("some_matching", (plan, limit + 1), {}):
            ids += own
        return sorted(ids) if len(ids) <= limit else None

    def some_matching(self, query: ParsedQuery | QueryPlan, limit: int) -> list[int]:
        """Return the ids of any `limit` passages that `matching` would return."""
        found: list[int] = joined(self._ask("some_matching", (self.plan(query), limit), {}))
        return found[:limit]

    def _of_ids(
        self,
        method: str,
        ids: Sequence[int],
        arguments: Callable[[list[int]], tuple[Any, ...]],
        options: dict[str, Any],
    ) -> list[Any]:
        by_shard = sorted(ids_by_shard(ids).items())
        return self._ask(method, {shard: arguments(own) for shard, own in by_shard}, options)
