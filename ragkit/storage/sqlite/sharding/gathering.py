"""How the reading functions of `storage/sqlite` work on a sharded collection.

Each of them says, by a decorator, which shards it asks and how their results become one. With a
connection to one database the function just runs. So everything above it reads a sharded
collection as it reads an ordinary one. A function that has no decorator finds no table and fails.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property, wraps
from itertools import chain
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from ragkit.errors import UnavailableError
from ragkit.storage.sqlite.connection import Connection

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")
Key = TypeVar("Key")
Value = TypeVar("Value")

Reading = Callable[Concatenate[sqlite3.Connection, P], R]
# What a function returns for no rows, by its annotation.
_EMPTY: Mapping[str, Callable[[], Any]] = {
    "dict": dict, "Mapping": dict, "list": list, "Iterator": list, "set": set,
    "frozenset": frozenset,
}  # fmt: skip
_GENERATOR = 0x20  # of the flags of a function's code; the module `inspect` takes 3 ms to import


def _is_generator(function: Callable[..., Any]) -> bool:
    return bool(function.__code__.co_flags & _GENERATOR)


class AskShards(Protocol):
    """Runs a reading function on shards; `numbers` None: on all of them, in their order.

    A shard that does not answer is left out. `arguments` are those after the connection, for each
    shard.
    """

    def __call__(
        self,
        function: Callable[..., Any],
        arguments: Mapping[int, tuple[Any, ...]] | tuple[Any, ...],
        options: Mapping[str, Any],
    ) -> list[Any]:
        """Return the results in the order of the shards."""


class ShardedConnection(Connection):
    """Stands for one snapshot of all shards. It is connected to an empty database.

    `values`: of the table `collection`, as the manifest has them; others are those of the first
    shard.
    """

    ask: AskShards
    first: int  # the number of the first shard
    shards: int  # their number
    shard_of_id: Callable[[int], int]
    values: Mapping[str, int | str | None]
    load_newer_versions: Callable[[], Mapping[int, Sequence[int]]]

    @cached_property
    def newer_versions(self) -> Mapping[int, Sequence[int]]:
        """Document id → ids of newer versions, which may be in other shards."""
        return self.load_newer_versions()


def constant(function: Reading[P, R]) -> Reading[P, R]:
    """Mark a function of few and small results, which every search asks for: those of a published
    generation are kept, as they never change."""
    function.is_constant = True  # type: ignore[attr-defined]
    return function


def from_any(function: Reading[P, R]) -> Reading[P, R]:
    """Ask the first shard, or the first one that answers: all have the same."""

    @wraps(function)
    def read(connection: sqlite3.Connection, /, *args: P.args, **kwargs: P.kwargs) -> R:
        if not isinstance(connection, ShardedConnection):
            return function(connection, *args, **kwargs)
        failure = UnavailableError("no shard answers")
        for number in range(connection.first, connection.first + connection.shards):
            try:
                for result in connection.ask(read, {number: args}, kwargs):
                    return result  # type: ignore[no-any-return]
            except UnavailableError as error:
                failure = error
        raise failure

    return read


def from_all(combine: Callable[[list[Any]], Any]) -> Callable[[Reading[P, R]], Reading[P, R]]:
    """Ask all shards and combine their results."""

    def decorate(function: Reading[P, R]) -> Reading[P, R]:
        is_iterator = _is_generator(function)

        @wraps(function)
        def read(connection: sqlite3.Connection, /, *args: P.args, **kwargs: P.kwargs) -> R:
            if not isinstance(connection, ShardedConnection):
                return function(connection, *args, **kwargs)
            result = combine(connection.ask(read, args, kwargs))
            return iter(result) if is_iterator else result  # type: ignore[no-any-return]

        return read

    return decorate


def limited(
    limit: int, order: Callable[[Any], Any]
) -> Callable[[Reading[P, list[T]]], Reading[P, list[T]]]:
    """Ask all shards, and keep the first of the rows in this order. `limit`: which argument after
    the connection has their number."""

    def decorate(function: Reading[P, list[T]]) -> Reading[P, list[T]]:
        @wraps(function)
        def read(connection: sqlite3.Connection, /, *args: P.args, **kwargs: P.kwargs) -> list[T]:
            if not isinstance(connection, ShardedConnection):
                return function(connection, *args, **kwargs)
            rows = chain.from_iterable(connection.ask(read, args, kwargs))
            return sorted(rows, key=order)[: int(args[limit])]  # type: ignore[call-overload]

        return read

    return decorate


def by_ids(place: int = 0) -> Callable[[Reading[P, R]], Reading[P, R]]:
    """Ask the shards that the ids of rows belong to, each for its own.

    `place`: which argument after the connection has the ids, or one id. Mappings, sets and lists
    are joined; with one id the result is that of its shard. Ids that no shard can have are not
    found in the first one. Raises UnavailableError if the shard of one id does not answer.
    """

    def decorate(function: Reading[P, R]) -> Reading[P, R]:
        is_iterator = _is_generator(function)
        kind = str(function.__annotations__.get("return", "")).partition("[")[0]

        @wraps(function)
        def read(connection: sqlite3.Connection, /, *args: P.args, **kwargs: P.kwargs) -> R:
            if not isinstance(connection, ShardedConnection):
                return function(connection, *args, **kwargs)
            ids = args[place]
            is_one = isinstance(ids, int)
            by_shard: dict[int, list[int]] = {}
            numbers = range(connection.first, connection.first + connection.shards)
            for row_id in [ids] if is_one else ids:  # type: ignore[attr-defined]
                shard = connection.shard_of_id(row_id)
                shard = shard if shard in numbers else connection.first
                by_shard.setdefault(shard, []).append(row_id)
            by_shard = by_shard or {connection.first: []}
            results = connection.ask(
                read,
                {
                    shard: (*args[:place], ids if is_one else own, *args[place + 1 :])
                    for shard, own in sorted(by_shard.items())
                },
                kwargs,
            )
            if not results:
                if is_one or kind not in _EMPTY:
                    raise UnavailableError(f"shard {next(iter(by_shard))} does not answer")
                results = [_EMPTY[kind]()]
            found = results[0] if len(results) == 1 else joined(results)
            result: R = iter(found) if is_iterator else found
            return result

        return read

    return decorate


def joined(results: Sequence[Any]) -> Any:  # noqa: ANN401
    """Return mappings, sets, lists or iterators as one of the same kind, in the order of shards."""
    if not results:
        return []
    if isinstance(results[0], Mapping):
        return {key: value for result in results for key, value in result.items()}
    if isinstance(results[0], set):
        return set().union(*results)
    if isinstance(results[0], frozenset):
        return frozenset().union(*results)
    return [row for result in results for row in result]


def first_found(results: Sequence[Any]) -> Any:  # noqa: ANN401
    """Return the first result that is not None."""
    return next((result for result in results if result is not None), None)


def lists_by_key(results: Iterable[Mapping[Key, list[Any]]]) -> dict[Key, list[Any]]:
    """Return mappings to sorted lists as one."""
    found: dict[Key, list[Any]] = {}
    for result in results:
        for key, rows in result.items():
            found.setdefault(key, []).extend(rows)
    return {key: sorted(rows) for key, rows in found.items()}


def counts_by_key(results: Iterable[Mapping[Key, int]]) -> dict[Key, int]:
    """Return the sums of counts, the highest first."""
    total: Counter[Key] = Counter()
    for result in results:
        total.update(result)
    return dict(sorted(total.items(), key=lambda pair: (-pair[1], str(pair[0]))))


def sorted_rows(order: Callable[[Any], Any]) -> Callable[[list[Any]], list[Any]]:
    """Return what joins lists of rows and sorts them."""
    return lambda results: sorted(chain.from_iterable(results), key=order)


def distinct(results: Iterable[Iterable[Value]]) -> list[Value]:
    """Return the rows of all lists, each once."""
    return list(dict.fromkeys(chain.from_iterable(results)))
