"""A collection as a LlamaIndex retriever, and its encoder as LlamaIndex embeddings.

Needs llama-index-core: pip install "ragkit-search[llamaindex]"

retriever = RagkitRetriever(ragkit.Collection("notes/.ragkit"), k=6)
nodes = retriever.retrieve("how do we rotate keys?")
"""

from __future__ import annotations

import asyncio

from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.retrievers import BaseRetriever
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode

from ragkit.collection import Collection
from ragkit.encoders import Encoder
from ragkit.integrations.metadata import PROMPT_FIELDS, hit_metadata
from ragkit.records.hits import Hit
from ragkit.retrieval.filter_parser import Where


class RagkitRetriever(BaseRetriever):
    """Passages as nodes with their cosine, best first; `metadata` contains the place of each.

    Of the metadata, a language model sees citation and title only. Options and errors are those of
    `Collection.search`.
    """

    def __init__(
        self,
        collection: Collection,
        k: int | None = None,
        *,
        mode: str | None = None,
        where: Where | None = None,
        context: int = 0,
        diverse: bool | float = False,
    ) -> None:
        self._collection = collection
        self._k = k
        self._mode = mode
        self._where = where
        self._context = context
        self._diverse = diverse
        super().__init__()

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        hits = self._collection.search(
            query_bundle.query_str, self._k, mode=self._mode, where=self._where,
            context=self._context, diverse=self._diverse,
        )  # fmt: skip
        return [_node(hit) for hit in hits]

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        hits = await self._collection.asearch(
            query_bundle.query_str, self._k, mode=self._mode, where=self._where,
            context=self._context, diverse=self._diverse,
        )  # fmt: skip
        return [_node(hit) for hit in hits]


class RagkitEmbedding(BaseEmbedding):
    """An encoder of ragkit for LlamaIndex's indexes.

    `encoder`: that of a collection (`collection.encoder()`), or one by name
    (`ragkit.encoders.resolve.load("all-MiniLM-L6-v2")`). Vectors have unit length.
    """

    _encoder: Encoder = PrivateAttr()

    def __init__(self, encoder: Encoder) -> None:
        super().__init__(model_name=encoder.name)
        self._encoder = encoder

    @classmethod
    def class_name(cls) -> str:
        """Return the name that LlamaIndex stores with an index."""
        return "RagkitEmbedding"

    def _get_query_embedding(self, query: str) -> list[float]:
        vector: list[float] = self._encoder.encode_queries([query])[0].tolist()
        return vector

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return await asyncio.to_thread(self._get_query_embedding, query)

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._get_text_embeddings([text])[0]

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        vectors: list[list[float]] = self._encoder.encode_passages(texts).tolist()
        return vectors


def _node(hit: Hit) -> NodeWithScore:
    fields = hit_metadata(hit)
    node = TextNode(
        id_=str(hit.passage_id),
        text=hit.text,
        metadata=fields,
        excluded_llm_metadata_keys=[name for name in fields if name not in PROMPT_FIELDS],
        excluded_embed_metadata_keys=list(fields),
        start_char_idx=hit.start,
        end_char_idx=hit.end,
    )
    return NodeWithScore(node=node, score=hit.score)
