"""A collection as a Haystack component.

Needs haystack-ai: pip install "ragkit-search[haystack]"

pipeline.add_component("retriever", RagkitRetriever(ragkit.Collection("notes/.ragkit"), top_k=6))
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from haystack import Document, component, default_to_dict

from ragkit.collection import Collection
from ragkit.errors import UsageError
from ragkit.integrations.metadata import hit_metadata
from ragkit.records.hits import Hit

_OPERATORS = {"==": "eq", "!=": "ne", ">": "gt", ">=": "gte", "<": "lt", "<=": "lte", "in": "in",
              "not in": "nin", "AND": "and", "OR": "or", "NOT": "not"}  # fmt: skip


@component
class RagkitRetriever:
    """Passages as `Document`s with their cosine, best first; `meta` contains the place of each.

    `filters` are in Haystack's own syntax, over the fields of docs/ranking.md. A saved pipeline
    names the collection's folder and opens it when it is loaded, which needs
    `allowed_modules=["ragkit.integrations.haystack"]`.
    """

    def __init__(
        self, collection: Collection, top_k: int | None = None, mode: str | None = None
    ) -> None:
        self.collection = collection
        self.top_k = top_k
        self.mode = mode

    def to_dict(self) -> dict[str, Any]:
        """Return the component for `Pipeline.dumps`."""
        folder = str(self.collection.folder)
        return default_to_dict(self, collection=folder, top_k=self.top_k, mode=self.mode)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> RagkitRetriever:
        """Return the component of `Pipeline.loads`. Raises CollectionError: no such collection."""
        parameters = dict(data["init_parameters"])
        return cls(Collection(parameters.pop("collection"), create=False), **parameters)

    @component.output_types(documents=list[Document])
    def run(
        self, query: str, filters: dict[str, Any] | None = None, top_k: int | None = None
    ) -> dict[str, list[Document]]:
        """Return {"documents": hits}. Raises UsageError for an empty query or a wrong filter."""
        return _documents(self.collection.search(query, **self._options(filters, top_k)))

    @component.output_types(documents=list[Document])
    async def run_async(
        self, query: str, filters: dict[str, Any] | None = None, top_k: int | None = None
    ) -> dict[str, list[Document]]:
        """`run` for asynchronous pipelines."""
        return _documents(await self.collection.asearch(query, **self._options(filters, top_k)))

    def _options(self, filters: dict[str, Any] | None, top_k: int | None) -> dict[str, Any]:
        k = self.top_k if top_k is None else top_k
        return {"k": k, "mode": self.mode, "where": _convert_filter(filters) if filters else None}


def _convert_filter(filters: Mapping[str, Any]) -> dict[str, Any]:
    if (kind := _OPERATORS.get(filters.get("operator", ""))) is None:
        raise UsageError(
            f"filter operator {filters.get('operator')!r}: expected one of {[*_OPERATORS]}"
        )
    if kind in ("and", "or", "not"):
        return {
            "type": kind,
            "filters": [_convert_filter(part) for part in filters.get("conditions", [])],
        }
    name = str(filters.get("field", "")).removeprefix("meta.")
    return {"type": kind, "key": name, "value": filters.get("value")}


def _documents(hits: list[Hit]) -> dict[str, list[Document]]:
    fields = [(str(hit.passage_id), hit.text, hit_metadata(hit), hit.score) for hit in hits]
    return {"documents": [Document(id=i, content=c, meta=m, score=s) for i, c, m, s in fields]}
