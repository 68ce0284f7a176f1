"""A collection as a LlamaIndex retriever.

Needs llama-index-core: pip install "ragkit-search[llamaindex]"

retriever = RagkitRetriever(ragkit.Collection("notes/.ragkit"), k=6)
nodes = retriever.retrieve("how do we rotate keys?")
"""

from __future__ import annotations

from llama_index.core.retrievers import BaseRetriever
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode

from ragkit.collection import Collection
from ragkit.integrations.metadata import PROMPT_FIELDS, hit_metadata
from ragkit.records.documents import Hit
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
