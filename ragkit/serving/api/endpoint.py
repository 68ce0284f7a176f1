"""What an endpoint is, and how a request becomes its checked arguments.

The table of endpoints makes both the routes and `/openapi.json`; the schemas in it are those that
requests are checked by. Knows no collection.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from ragkit.serving.collections.answer_threads import Answering
from ragkit.serving.collections.library import Library, UnknownCollectionError
from ragkit.serving.schema import validate
from ragkit.serving.schema.parts import ref
from ragkit.serving.transport.bodies import body_of
from ragkit.serving.transport.metrics import Metrics
from ragkit.serving.transport.responses import Problem, problem_of


@dataclass(frozen=True, slots=True)
class Desk:
    """All that handlers work with."""

    library: Library
    answering: Answering
    metrics: Metrics
    started: int  # seconds since 1970


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: its path's and its query string's values, and its body, all checked."""

    request: Request
    path: Mapping[str, Any]
    query: Mapping[str, Any]
    body: Any


Handler = Callable[[Desk, Asked], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One row of the table."""

    method: str
    path: str  # with {names} of `path_schemas`
    handler: Handler
    summary: str
    tag: str  # own, openai or operations
    answer: str | None = None  # of SCHEMAS; None: no JSON
    body: str | None = None  # of SCHEMAS
    query: Mapping[str, Any] = field(default_factory=dict)
    path_schemas: Mapping[str, Any] = field(default_factory=dict)
    required: tuple[str, ...] = ()  # of `query`
    status: int = 200
    media: tuple[str, ...] = ("application/json",)
    strict: bool = True  # unknown names in the query string are refused
    open: bool = False  # needs no token
    errors: tuple[int, ...] = ()  # beyond those that every endpoint may answer

    @property
    def own_errors(self) -> tuple[int, ...]:
        """Statuses of errors, in order."""
        taken = {*self.errors, 403, 421, 429, 503}
        if self.body or self.query or self.path_schemas:
            taken.add(400)
        if self.body:
            taken |= {408, 413, 415}
        if not self.open:
            taken.add(401)
        return tuple(sorted(taken))

    async def run(self, desk: Desk, request: Request) -> Response:
        """Check the request and answer it; an error becomes its answer."""
        try:
            return await self.handler(desk, await self._asked(request))
        except UnknownCollectionError as error:
            return Problem(404, str(error), "not_found").response()
        except validate.WrongValueError as error:
            return Problem(400, str(error), "invalid_value", error.param).response()
        except Exception as error:  # whatever it is, no caller sees a traceback
            return problem_of(error).response()

    async def _asked(self, request: Request) -> Asked:
        path = {
            name: validate.from_text(request.path_params[name], schema, name)
            for name, schema in self.path_schemas.items()
        }
        body = None
        if self.body is not None:
            body = await body_of(request)
            validate.check(body, ref(self.body))
        return Asked(request, path, self._query(request), body)

    def _query(self, request: Request) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, text in request.query_params.multi_items():
            if name not in self.query:
                if self.strict:
                    expected = ", ".join(self.query) or "none"
                    raise validate.WrongValueError(name[:60], f"is not known; expected {expected}")
                continue
            if name in found:
                raise validate.WrongValueError(name, "is there twice")
            found[name] = validate.from_text(text, self.query[name], name)
        for name in self.required:
            if name not in found:
                raise validate.WrongValueError(name, "is missing")
        return found
