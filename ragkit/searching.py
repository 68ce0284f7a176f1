"""The half of a collection that answers: passages for a query, cited answers for a question.

Contract: all that is asked goes through one `Retriever` and one `Request`, whose checks are those
of every way in. Nothing here writes, and all of it is safe from many threads. Knows no files.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from ragkit.methods import awaitable, to_its_end
from ragkit.records.documents import Hit
from ragkit.settings import Settings

if TYPE_CHECKING:
    from ragkit.answers import ChatModel
    from ragkit.answers.pipeline import Chat
    from ragkit.encoders.cross_encoder import Reranker
    from ragkit.models.selection import EncoderChoice
    from ragkit.records.answers import Event, Turn
    from ragkit.retrieval.filter_parser import Where
    from ragkit.retrieval.pipeline import Retriever
    from ragkit.storage.index_reader import Indexes
    from ragkit.storage.sqlite.database import Database


class Searching:
    """What can be asked of an opened collection."""

    def __init__(
        self,
        store: Database,
        settings: Settings,
        encoders: EncoderChoice,
        reranker: Reranker | None,
        notify: Callable[[str], None],
    ) -> None:
        """`reranker` takes the place of that of the settings."""
        self.settings = settings
        self._store, self._encoders, self._notify = store, encoders, notify
        self._reranker = reranker
        self._loading = threading.Lock()  # of the reranker

    @cached_property
    def _indexes(self) -> Indexes:
        from ragkit.storage.index_reader import Indexes

        return Indexes(self._store, self._notify, self.settings.candidates)

    @cached_property
    def _retriever(self) -> Retriever:
        from ragkit.retrieval.pipeline import Retriever

        return Retriever(
            self._store, self._indexes, self._encoders, self._load_reranker, self._notify
        )

    def _load_reranker(self) -> Reranker:
        with self._loading:
            if self._reranker is None:
                from ragkit.encoders import cross_encoder

                self._reranker = cross_encoder.load(
                    self.settings.reranker or cross_encoder.DEFAULT_RERANKER
                )
            return self._reranker

    def search(  # noqa: PLR0913 (each is one choice of a user's)
        self,
        query: str,
        k: int | None = None,
        *,
        mode: str | None = None,
        min_score: float = -1.0,
        context: int = 0,
        where: Where | None = None,
        per_document: int | None = None,
        diverse: bool | float = False,
        fusion: str | None = None,
        explain: bool = False,
        rerank: bool = False,
        budget: float | None = None,
        exact: bool = False,
    ) -> list[Hit]:
        """The k passages that answer best, best first; none where the collection is empty.

        `mode`: dense (by cosine similarity, the default), lexical (BM25) or hybrid (both, by
        `fusion`: convex, of their scores, or rrf, of their ranks). `min_score` is a cosine in every
        mode. `context` widens each hit by so many passages on either side, and joins those that
        then overlap. `where` is a filter (docs/ranking.md). `per_document`: so many passages of one
        document at most. `diverse`: no two alike (MMR; a number is its λ). `explain` adds to each
        hit why it is there. `rerank`: a cross-encoder reads the first 20 again, or as many as fit
        into `budget` seconds. `exact` compares with every vector also where a large collection is
        searched by compressed ones (docs/storage.md). Equal scores come by ascending passage id.

        Raises UsageError: an empty query, a number out of range, an unknown mode, a wrong filter.
        """
        from ragkit.retrieval.options import Request, asked

        wanted = Request(
            self.settings.top_k if k is None else k, mode or self.settings.mode, min_score, context,
            where, per_document, diverse, fusion or self.settings.fusion, explain,
            rerank, budget, exact,
        )  # fmt: skip
        return self._retriever.find([asked(query)], wanted)[0]

    asearch = awaitable(search)

    def search_many(  # noqa: PLR0913
        self,
        queries: Sequence[str],
        k: int | None = None,
        *,
        mode: str | None = None,
        min_score: float = -1.0,
        context: int = 0,
        where: Where | None = None,
        per_document: int | None = None,
        diverse: bool | float = False,
        fusion: str | None = None,
        explain: bool = False,
        rerank: bool = False,
        budget: float | None = None,
        exact: bool = False,
    ) -> list[list[Hit]]:
        """What `search` finds for each query, in order; encoded and compared all at once."""
        from ragkit.retrieval.options import Request, asked

        wanted = Request(
            self.settings.top_k if k is None else k, mode or self.settings.mode, min_score, context,
            where, per_document, diverse, fusion or self.settings.fusion, explain,
            rerank, budget, exact,
        )  # fmt: skip
        return self._retriever.find([asked(query) for query in queries], wanted)

    def ask_stream(  # noqa: PLR0913
        self,
        question: str,
        k: int | None = None,
        *,
        mode: str = "hybrid",
        min_score: float = -1.0,
        where: Where | None = None,
        per_document: int | None = None,
        diverse: bool | float = False,
        fusion: str | None = None,
        rerank: bool | None = None,
        exact: bool = False,
        history: Sequence[Turn] = (),
        llm: ChatModel | Literal[False] | None = None,
    ) -> Iterator[Event]:
        """The answer as it is made: one `Retrieved`, `Piece`s of its text, the `Answer`.

        It is made from the k passages (6 where none is named) that `search` finds with these
        options, widened to whole paragraphs: by the language model of the settings, by another
        `llm`, or of the sources' own sentences (extractive) where there is none, where `llm` is
        False, and where it cannot be reached. A question that follows on `history` is made whole
        before anything is looked for. `rerank` is as in `search`; where it is None, a reranker that
        the settings name is used. Closing the iterator ends the request to the model.

        Raises UsageError as `search` does, ModelError and CollectionError.
        """
        from ragkit.answers import pipeline
        from ragkit.retrieval.options import Request, asked

        wanted = Request(
            pipeline.SOURCES if k is None else k, mode, min_score, 0, where, per_document, diverse,
            fusion or self.settings.fusion, exact=exact,
            rerank=self.settings.reranker is not None if rerank is None else rerank,
        )  # fmt: skip
        sources = pipeline.Sources(self._retriever, wanted)
        chosen = pipeline.language_model(self.settings) if llm is None else llm or None
        return pipeline.stream(asked(question), history, chosen, sources)

    def chat(self) -> Chat:
        """A conversation: an object with `ask`, `stream` and `history`."""
        from ragkit.answers.pipeline import Chat

        return Chat(self.ask_stream)

    ask = to_its_end(ask_stream)
    aask = awaitable(ask)
