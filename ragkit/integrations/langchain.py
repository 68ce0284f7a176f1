"""A collection as a LangChain retriever, and its encoder as LangChain embeddings.

Needs langchain-core: pip install "ragkit-search[langchain]"

retriever = RagkitRetriever(collection=ragkit.Collection("notes/.ragkit"), k=6)
documents = retriever.invoke("how do we rotate keys?", where="path ~ 'handbook/**'")
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langchain_core.callbacks import (
    AsyncCallbackManagerForRetrieverRun,
    CallbackManagerForRetrieverRun,
)
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.retrievers import BaseRetriever
from pydantic import ConfigDict

from ragkit.collection import Collection
from ragkit.encoders import Encoder
from ragkit.integrations.metadata import hit_metadata
from ragkit.records.hits import Hit


class RagkitRetriever(BaseRetriever):
    """Passages as `Document`s, best first; `metadata` contains the place of each.

    The options are those of `Collection.search`. `invoke` takes the same options for one query:
    they replace the retriever's, but a `where` is added to the retriever's own, so that a call can
    only narrow what may be found. Raises ragkit's errors (UsageError for an empty query or a wrong
    filter); for an option that does not exist TypeError, the constructor ValueError.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")

    collection: Collection
    k: int | None = None
    mode: str | None = None
    min_score: float = -1.0
    context: int = 0
    where: str | Mapping[str, Any] | None = None
    per_document: int | None = None
    diverse: bool | float = False

    def _get_relevant_documents(  # noqa: PLR0913 (LangChain passes on named keywords only)
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun,
        k: int | None = None,
        mode: str | None = None,
        min_score: float | None = None,
        context: int | None = None,
        where: str | Mapping[str, Any] | None = None,
        per_document: int | None = None,
        diverse: bool | float | None = None,
    ) -> list[Document]:
        options = self._options(
            {"k": k, "mode": mode, "min_score": min_score, "context": context,
             "per_document": per_document, "diverse": diverse}, where,
        )  # fmt: skip
        return [_document(hit) for hit in self.collection.search(query, **options)]

    async def _aget_relevant_documents(  # noqa: PLR0913
        self,
        query: str,
        *,
        run_manager: AsyncCallbackManagerForRetrieverRun,
        k: int | None = None,
        mode: str | None = None,
        min_score: float | None = None,
        context: int | None = None,
        where: str | Mapping[str, Any] | None = None,
        per_document: int | None = None,
        diverse: bool | float | None = None,
    ) -> list[Document]:
        options = self._options(
            {"k": k, "mode": mode, "min_score": min_score, "context": context,
             "per_document": per_document, "diverse": diverse}, where,
        )  # fmt: skip
        return [_document(hit) for hit in await self.collection.asearch(query, **options)]

    def _options(
        self, of_call: Mapping[str, Any], where: str | Mapping[str, Any] | None
    ) -> dict[str, Any]:
        """The retriever's options, replaced by those of the call that are not None."""
        options = {
            name: getattr(self, name) if value is None else value for name, value in of_call.items()
        }
        filters = [part for part in (self.where, where) if part is not None]
        both = {"type": "and", "filters": filters}
        return {**options, "where": both if len(filters) == 2 else next(iter(filters), None)}


class RagkitEmbeddings(Embeddings):
    """An encoder of ragkit for LangChain's vector stores.

    `encoder`: that of a collection (`collection.encoder()`), or one by name
    (`ragkit.encoders.resolve.load("all-MiniLM-L6-v2")`). Vectors have unit length.
    """

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Return the vectors of passages: one list of `encoder.dimension` numbers for each text."""
        vectors: list[list[float]] = self.encoder.encode_passages(texts).tolist()
        return vectors

    def embed_query(self, text: str) -> list[float]:
        """Return the vector of a query: `encoder.dimension` numbers."""
        vector: list[float] = self.encoder.encode_queries([text])[0].tolist()
        return vector


def _document(hit: Hit) -> Document:
    return Document(id=str(hit.passage_id), page_content=hit.text, metadata=hit_metadata(hit))
