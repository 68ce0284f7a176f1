"""A collection as a LangChain retriever.

Needs langchain-core: pip install "ragkit-search[langchain]"

retriever = RagkitRetriever(collection=ragkit.Collection("notes/.ragkit"), k=6)
documents = retriever.invoke("how do we rotate keys?")
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langchain_core.callbacks import (
    AsyncCallbackManagerForRetrieverRun,
    CallbackManagerForRetrieverRun,
)
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever

from ragkit.collection import Collection
from ragkit.integrations.metadata import hit_metadata
from ragkit.records.documents import Hit


class RagkitRetriever(BaseRetriever):
    """Passages as `Document`s, best first; `metadata` contains the place of each.

    The options are those of `Collection.search`. Raises ragkit's errors: UsageError for an empty
    query or a wrong filter.
    """

    collection: Collection
    k: int | None = None
    mode: str | None = None
    min_score: float = -1.0
    context: int = 0
    where: str | Mapping[str, Any] | None = None
    per_document: int | None = None
    diverse: bool | float = False

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun
    ) -> list[Document]:
        return [_document(hit) for hit in self.collection.search(query, **self._options())]

    async def _aget_relevant_documents(
        self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun
    ) -> list[Document]:
        return [_document(hit) for hit in await self.collection.asearch(query, **self._options())]

    def _options(self) -> dict[str, Any]:
        names = ("k", "mode", "min_score", "context", "where", "per_document", "diverse")
        return {name: getattr(self, name) for name in names}


def _document(hit: Hit) -> Document:
    return Document(id=str(hit.passage_id), page_content=hit.text, metadata=hit_metadata(hit))
