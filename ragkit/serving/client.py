"""A search that a running `ragkit serve` answers: its own API, asked from another process.

Contract: `search` sends what it is given and nothing else, so that all that is left out is as the
server's settings say; hits are those of `Collection.search`, but with "" for `root`, as no server
says where things are on its machine. Errors are those of a collection here: a `UsageError` for what
the server finds wrong with the question, else an `UnavailableError`. Imports little: whoever asks a
server wants to be quicker than a process that loads a model. Knows no command line.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from ragkit.errors import ModelError, UnavailableError, UsageError
from ragkit.network.json_client import Endpoint, RefusedError
from ragkit.records.documents import Explanation, Hit

_PATH = "/v1/search"
_LISTS = frozenset({"heading", "missing"})  # tuples of a record, lists in JSON
_ADVICE = {
    401: "name the variable that holds its token with --token-env",
    404: "is it a ragkit serve, and the name one of its collections?",
}


def search(
    server: str, query: str, asked: Mapping[str, Any], token_env: str | None = None
) -> tuple[str, list[Hit]]:
    """The name of the collection that answered, and its hits.

    `asked` are fields of a request for /v1/search, `token_env` names the variable with the token
    that the server wants. Raises UsageError, UnavailableError.
    """
    base = server.strip().rstrip("/").removesuffix("/v1")
    try:
        endpoint = Endpoint(base, _PATH, token_env, called=("--server", "--token-env"))
    except ModelError as error:
        raise UsageError(str(error)) from error
    try:
        answer = endpoint.post({"query": query, **asked})
    except RefusedError as error:
        if error.status in (400, 413):
            raise UsageError(f"{endpoint.url}: {error.said}") from error
        advice = f"; {_ADVICE[error.status]}" if error.status in _ADVICE else ""
        raise UnavailableError(f"{endpoint.url}: {error.status}, {error.said}{advice}") from error
    except ModelError as error:
        raise UnavailableError(
            f"{error} Start one with: ragkit serve; or ask without --server"
        ) from error
    try:
        return str(answer["collection"]), [_hit(each) for each in answer["hits"]]
    except (LookupError, TypeError, AttributeError) as error:
        raise UnavailableError(
            f"{endpoint.url} answers no hits ({error!r}); expected a ragkit serve of this version"
        ) from error


def _hit(said: Mapping[str, Any]) -> Hit:
    why = said.get("explanation")
    explanation = None if why is None else Explanation(**_values(Explanation, why))
    return Hit(**{**_values(Hit, said), "root": "", "explanation": explanation})


def _values(record: type[Hit | Explanation], said: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a record's fields; what a later version says besides is left out."""
    names = (each.name for each in fields(record) if each.name in said)
    return {name: tuple(said[name]) if name in _LISTS else said[name] for name in names}
