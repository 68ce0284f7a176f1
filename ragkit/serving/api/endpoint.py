"""What an endpoint is, and how an HTTP request becomes validated arguments for its handler.

The tables of endpoints (`own`, `openai`, `openai_chat`, `openai_responses`) make both the routes
and `/openapi.json`; requests are validated by the schemas in them. Knows no retrieval.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ragkit.serving.collections.folders import AddedFolders
from ragkit.serving.collections.library import Library, UnknownCollectionError
from ragkit.serving.collections.originals import Originals
from ragkit.serving.collections.threads import OverloadedError
from ragkit.serving.schema.own import SCHEMAS
from ragkit.serving.schema.validate import (
    InvalidValueError,
    normalize_numbers,
    parse_parameter,
    validate,
)
from ragkit.serving.transport.json_http import MAX_BODY_BYTES, ApiError, read_json, to_api_error
from ragkit.serving.transport.metrics import Metrics
from ragkit.serving.transport.rate_limit import ENDPOINT

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Context:
    """What all handlers of one application share."""

    library: Library
    metrics: Metrics
    started: int  # seconds since 1970
    folders: AddedFolders = field(default_factory=AddedFolders)
    originals: Originals = field(default_factory=Originals)
    is_local: bool = False  # only this machine can connect, without a proxy


@dataclass(frozen=True, slots=True)
class ValidatedRequest:
    """One request whose path, query string and body fit the endpoint's schemas."""

    request: Request
    path: Mapping[str, Any]
    query: Mapping[str, Any]
    body: Any  # None where the endpoint takes none

    async def run_until_disconnect(self, work: Coroutine[Any, Any, T]) -> T:
        """Return the result of `work`. Cancels it and raises ApiError if the caller hangs up."""
        task = asyncio.ensure_future(work)
        disconnect = asyncio.ensure_future(self._wait_for_disconnect())
        try:
            await asyncio.wait({task, disconnect}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise ApiError(499, "the caller has hung up")
            return task.result()
        finally:
            disconnect.cancel()
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await task

    async def _wait_for_disconnect(self) -> None:
        while (await self.request.receive())["type"] != "http.disconnect":
            pass


Handler = Callable[[Context, ValidatedRequest], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One row of a table of endpoints. `response` and `body` are names in `SCHEMAS`."""

    method: str
    path: str  # with {names} of `path_schemas`
    handler: Handler
    operation_id: str  # in /openapi.json; generated clients name their methods after it
    summary: str
    tag: str  # own, openai or operations
    response: str | None = None  # None: not JSON
    body: str | None = None
    query: Mapping[str, Any] = field(default_factory=dict)  # parameter → schema
    path_schemas: Mapping[str, Any] = field(default_factory=dict)
    required: tuple[str, ...] = ()  # names in `query`
    status: int = 200
    media_types: tuple[str, ...] = ("application/json",)
    is_strict: bool = True  # refuse unknown parameters in the query string
    is_public: bool = False  # needs no token
    errors: tuple[int, ...] = ()  # statuses beyond those that `error_statuses` derives
    max_body_bytes: int = MAX_BODY_BYTES

    @property
    def error_statuses(self) -> tuple[int, ...]:
        """The statuses of all errors that this endpoint may return, ascending."""
        statuses = {*self.errors, 403, 421, 429, 503}
        if self.body or self.query or self.path_schemas:
            statuses.add(400)
        if self.body:
            statuses |= {408, 413, 415}
        if not self.is_public:
            statuses.add(401)
        return tuple(sorted(statuses))

    def route(self, context: Context) -> Route:
        """Return the route that answers requests to this endpoint."""

        async def respond(request: Request) -> Response:
            request.scope[ENDPOINT] = self.path
            return await self._respond(context, request)

        return Route(self.path, respond, methods=[self.method])

    async def _respond(self, context: Context, request: Request) -> Response:
        try:
            return await self.handler(context, await self._validate(request))
        except UnknownCollectionError as error:
            return ApiError(404, str(error), "not_found").response()
        except OverloadedError as error:
            return ApiError(503, str(error), "overloaded", headers={"retry-after": "2"}).response()
        except InvalidValueError as error:
            return ApiError(400, str(error), "invalid_value", error.param).response()
        except Exception as error:  # no caller ever sees a traceback
            return to_api_error(error).response()

    async def _validate(self, request: Request) -> ValidatedRequest:
        """Raises InvalidValueError and what `read_json` raises."""
        path = {
            name: parse_parameter(request.path_params[name], schema, name)
            for name, schema in self.path_schemas.items()
        }
        body = None
        if self.body is not None:
            body = normalize_numbers(await read_json(request, self.max_body_bytes))
            validate(body, SCHEMAS[self.body])
        return ValidatedRequest(request, path, self._validate_query(request), body)

    def _validate_query(self, request: Request) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for name, text in request.query_params.multi_items():
            if name not in self.query:
                if self.is_strict:
                    expected = ", ".join(self.query) or "none"
                    raise InvalidValueError(name[:60], f"is not known; expected {expected}")
                continue
            if name in values:
                raise InvalidValueError(name, "is given twice")
            values[name] = parse_parameter(text, self.query[name], name)
        for name in self.required:
            if name not in values:
                raise InvalidValueError(name, "is missing")
        return values
