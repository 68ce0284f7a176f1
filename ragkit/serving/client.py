"""Search through a running `ragkit serve`: the client of its own API.

`search` sends the options it is given and nothing else, so that the server's settings decide the
rest. Hits are those of `Collection.search`, except that `root` is "": a server names no path of its
machine. Errors are those of a local collection: UsageError for what the server rejects as invalid,
otherwise UnavailableError. Imports little, so that a query is faster than a process that loads a
model. Knows no command line.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from ragkit.errors import ModelError, UnavailableError, UsageError
from ragkit.network.json_client import JsonClient, RefusedError
from ragkit.records.hit_parts import Explanation, Location, NewerVersion
from ragkit.records.hits import Hit

_PATH = "/v1/search"
_TUPLES = frozenset(
    {"heading", "missing", "highlights"}
)  # fields that are tuples in a record, lists in JSON
_ADVICE = {
    401: "name the variable that contains its token with --token-env",
    404: "is it a ragkit serve, and the name one of its collections?",
}


def search(
    server: str, query: str, options: Mapping[str, Any], token_env: str | None = None
) -> tuple[str, list[Hit]]:
    """Return the name of the collection that answered (of several, their names), and the hits.

    `options` are fields of a request to /v1/search; `token_env` names the environment variable
    with the server's token. Raises UsageError, UnavailableError.
    """
    base_url = server.strip().rstrip("/").removesuffix("/v1")
    try:
        endpoint = JsonClient(base_url, _PATH, token_env, setting_names=("--server", "--token-env"))
    except ModelError as error:
        raise UsageError(str(error)) from error
    try:
        response = endpoint.post({"query": query, **options})
    except RefusedError as error:
        if error.status in (400, 413):
            raise UsageError(f"{endpoint.url}: {error.detail}") from error
        advice = f"; {_ADVICE[error.status]}" if error.status in _ADVICE else ""
        raise UnavailableError(f"{endpoint.url}: {error.status}, {error.detail}{advice}") from error
    except ModelError as error:
        raise UnavailableError(
            f"{error} Start a server with: ragkit serve; or query without --server"
        ) from error
    try:
        names = response.get("collections") or [response["collection"]]
        return ", ".join(map(str, names)), [_parse_hit(hit) for hit in response["hits"]]
    except (LookupError, TypeError, AttributeError) as error:
        raise UnavailableError(
            f"{endpoint.url} returned no hits ({error!r}); expected a ragkit serve of this version"
        ) from error


def _parse_hit(values: Mapping[str, Any]) -> Hit:
    explanation_values = values.get("explanation")
    explanation = None
    if explanation_values is not None:
        explanation = Explanation(**_known_fields(Explanation, explanation_values))
    also_at = tuple(
        Location(**{**_known_fields(Location, location), "root": ""})
        for location in values.get("also_at", ())
    )
    newer = values.get("newer_version")
    return Hit(
        **{
            **_known_fields(Hit, values), "root": "", "explanation": explanation,
            "also_at": also_at,
            "newer_version": newer and NewerVersion(**_known_fields(NewerVersion, newer)),
        }
    )  # fmt: skip


def _known_fields(
    record: type[Hit | Explanation | Location | NewerVersion], values: Mapping[str, Any]
) -> dict[str, Any]:
    """The values of a record's fields. Fields that a later version has added are left out."""
    names = (field.name for field in fields(record) if field.name in values)
    return {name: _to_tuple(values[name]) if name in _TUPLES else values[name] for name in names}


def _to_tuple(value: Any) -> Any:  # noqa: ANN401 (what JSON can hold)
    return tuple(map(_to_tuple, value)) if isinstance(value, list) else value
