"""Parse filters such as `type = pdf and mtime > 2024-01-01 and path ~ "hr/**"`.

`parse_filter` turns an expression, a dict or the filter JSON of OpenAI's API into the tree of
`storage.sqlite.filters`; an error is a UsageError that says where it is. The input is never
executed and never becomes SQL. Length, depth and number of comparisons are limited. The grammar:

    any    := all ("or" all)*
    all    := one ("and" one)*
    one    := "not" one | "(" any ")" | FIELD OPERATOR VALUE | FIELD ["not"] "in" "(" VALUE, … ")"

Knows no database.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn

from ragkit.errors import UsageError
from ragkit.retrieval import filter_values
from ragkit.storage.sqlite.filters import AllOf, AnyOf, Comparison, Filter, Not, Value

MAX_CHARACTERS = 10_000
MAX_DEPTH = 30
MAX_COMPARISONS = 500
_SYMBOLS = {"==": "="}
_OPENAI = {"eq": "=", "ne": "!=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "in": "in",
           "nin": "not in"}  # fmt: skip
_DICT = ("=", "!=", "<", "<=", ">", ">=", "~", "!~", "in", "not in")
_TOKEN = re.compile(
    r"\s*(?:(?P<string>\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*')"
    r"|(?P<operator>==|!=|<=|>=|!~|=|<|>|~)|(?P<sign>[(),])"
    r"|(?P<word>[^\s\"'(),=<>~!]+)|(?P<end>$)|(?P<odd>.))",
    re.DOTALL,
)
Where = str | Mapping[str, object]


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str  # string, operator, sign, word, end or odd
    text: str
    offset: int  # of its first character, from 0


def parse_filter(where: Where) -> Filter:
    """Return the tree of a filter.

    Raises UsageError with what was found, what was expected, and at which character.
    """
    if isinstance(where, str) and not where.lstrip().startswith("{"):
        tree = _Parser(where).parse()
    else:
        tree = _parse_dict(_load_json(where) if isinstance(where, str) else where, 0)
    if (
        count := _count_comparisons(tree)
    ) > MAX_COMPARISONS:  # SQLite's own limit is a depth of 1,000
        raise UsageError(
            f"the filter compares {count:,} values; expected {MAX_COMPARISONS} at most"
        )
    return tree


class _Parser:
    """A recursive descent over the tokens of one expression."""

    def __init__(self, text: str) -> None:
        if len(text) > MAX_CHARACTERS:
            raise UsageError(
                f"the filter has {len(text):,} characters; expected {MAX_CHARACTERS:,} at most"
            )
        self._text = text
        self._tokens = [
            _Token(
                match.lastgroup or "odd",
                match[match.lastgroup or 0],
                match.start(match.lastgroup or 0),
            )
            for match in _TOKEN.finditer(text)
        ]
        self._at = 0

    def parse(self) -> Filter:
        tree = self._any(0)
        if self._next.kind != "end":
            self._fail("and, or, or the end")
        return tree

    @property
    def _next(self) -> _Token:
        return self._tokens[min(self._at, len(self._tokens) - 1)]

    def _take(self) -> _Token:
        token = self._next
        self._at += 1
        return token

    def _is_word(self, word: str) -> bool:
        return self._next.kind == "word" and self._next.text.lower() == word

    def _fail(self, expected: str) -> NoReturn:
        token = self._next
        actual = "it ends" if token.kind == "end" else f"{token.text[:40]!r}"
        raise UsageError(
            f"the filter, at character {token.offset + 1}: {actual}; expected {expected}"
        )

    def _any(self, depth: int) -> Filter:
        if depth > MAX_DEPTH:
            self._fail(f"at most {MAX_DEPTH} parentheses or nots within each other")
        parts = [self._all(depth)]
        while self._is_word("or"):
            self._take()
            parts.append(self._all(depth))
        return parts[0] if len(parts) == 1 else AnyOf(tuple(parts))

    def _all(self, depth: int) -> Filter:
        parts = [self._one(depth)]
        while self._is_word("and"):
            self._take()
            parts.append(self._one(depth))
        return parts[0] if len(parts) == 1 else AllOf(tuple(parts))

    def _one(self, depth: int) -> Filter:
        if self._is_word("not"):
            self._take()
            if depth >= MAX_DEPTH:
                self._fail(f"at most {MAX_DEPTH} parentheses or nots within each other")
            return Not(self._one(depth + 1))
        if self._next.text == "(" and self._next.kind == "sign":
            self._take()
            tree = self._any(depth + 1)
            self._sign(")")
            return tree
        return self._comparison()

    def _comparison(self) -> Comparison:
        if self._next.kind not in ("word", "string") or self._is_word("and") or self._is_word("or"):
            self._fail("a field: path, type, mtime, page, language, or a name of the metadata")
        field = self._take()
        operator = self._operator()
        if operator in ("in", "not in"):
            values = self._values(field, operator)
        else:
            values = (self._value(field, operator),)
        return Comparison(_text(field), operator, values)

    def _operator(self) -> str:
        if self._next.kind == "operator":
            symbol = self._take().text
            return _SYMBOLS.get(symbol, symbol)
        negated = self._is_word("not")
        if negated:
            self._take()
        if not self._is_word("in"):
            self._fail("one of = != < <= > >= ~ !~ in")
        self._take()
        return "not in" if negated else "in"

    def _values(self, field: _Token, operator: str) -> tuple[Value, ...]:
        self._sign("(")
        values = [self._value(field, operator)]
        while self._next.text == "," and self._next.kind == "sign":
            self._take()
            values.append(self._value(field, operator))
        self._sign(")")
        return tuple(values)

    def _value(self, field: _Token, operator: str) -> Value:
        token = self._next
        if token.kind not in ("word", "string"):
            self._fail("a value (in quotes where it contains spaces or signs)")
        try:
            quoted = token.kind == "string"
            value = filter_values.parse_value(_text(field), operator, _text(token), quoted=quoted)
        except UsageError as error:
            raise UsageError(f"the filter, at character {token.offset + 1}: {error}") from None
        self._take()
        return value

    def _sign(self, sign: str) -> None:
        if self._next.text != sign or self._next.kind != "sign":
            self._fail(f"'{sign}'")
        self._take()


def _text(token: _Token) -> str:
    if token.kind == "string":
        return re.sub(r"\\(.)", r"\1", token.text[1:-1], flags=re.DOTALL)
    return token.text


def _load_json(text: str) -> Mapping[str, object]:
    if len(text) > MAX_CHARACTERS:
        raise UsageError(
            f"the filter has {len(text):,} characters; expected {MAX_CHARACTERS:,} at most"
        )
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"the filter is not JSON: {error}") from None
    assert isinstance(value, dict)  # noqa: S101 - it begins with a brace
    return value


def _parse_dict(where: object, depth: int) -> Filter:
    """OpenAI's form, `{"type": "eq", "key": …, "value": …}` and `{"type": "and", "filters": […]}`,
    or the short one: `{"author": "Bob", "page": {">": 3}}`, all of which must be true.

    `filters` may contain expressions too, and be of the type `not`: then not all may be true.
    """
    if not isinstance(where, Mapping):
        raise UsageError(f"the filter contains {where!r}; expected an object")
    if depth > MAX_DEPTH:
        raise UsageError(f"the filter is more than {MAX_DEPTH} levels deep")
    kind = where.get("type")
    if "filters" in where and kind in ("and", "or", "not"):
        _check_keys(where, {"type", "filters"})
        filters = where["filters"]
        if not isinstance(filters, (list, tuple)) or not filters:
            raise UsageError(
                f"the filter's filters are {filters!r}; expected an array of one or more"
            )
        parts = tuple(
            _Parser(part).parse() if isinstance(part, str) else _parse_dict(part, depth + 1)
            for part in filters
        )
        if kind == "not":
            return Not(AllOf(parts))
        return AllOf(parts) if kind == "and" else AnyOf(parts)
    if "key" in where and isinstance(kind, str) and "value" in where:
        _check_keys(where, {"type", "key", "value"})
        if kind not in _OPENAI:
            raise UsageError(
                f"the filter's type is {kind!r}; expected one of {', '.join(_OPENAI)}, and, or, not"
            )
        return _parse_dict_comparison(where["key"], _OPENAI[kind], where["value"])
    if not where:
        raise UsageError("the filter is an empty object; leave it out instead")
    return AllOf(
        tuple(test for key, value in where.items() for test in _parse_short_form(key, value))
    )


def _check_keys(where: Mapping[str, object], names: set[str]) -> None:
    if unknown := sorted(map(str, where.keys() - names)):
        raise UsageError(f"the filter has {unknown[0]!r}; expected only {', '.join(sorted(names))}")


def _parse_short_form(key: object, value: object) -> list[Comparison]:
    if isinstance(value, Mapping):
        wrong = [operator for operator in value if operator not in _DICT]
        if wrong or not value:
            raise UsageError(
                f"the filter's {key!r} has {wrong[:1] or 'nothing'}; expected {', '.join(_DICT)}"
            )
        return [
            _parse_dict_comparison(key, str(operator), operand)
            for operator, operand in value.items()
        ]
    return [_parse_dict_comparison(key, "in" if isinstance(value, (list, tuple)) else "=", value)]


def _parse_dict_comparison(key: object, operator: str, value: object) -> Comparison:
    if not isinstance(key, str) or not key:
        raise UsageError(f"the filter's key is {key!r}; expected the name of a field")
    several = operator in ("in", "not in")
    if several != isinstance(value, (list, tuple)):
        expected = "an array" if several else "one value"
        raise UsageError(f"the filter's {key!r} is {value!r}; expected {expected} for {operator}")
    values = value if isinstance(value, (list, tuple)) else [value]
    try:
        return Comparison(
            key, operator, tuple(filter_values.convert_value(key, operator, v) for v in values)
        )
    except UsageError as error:
        raise UsageError(f"the filter: {error}") from None


def _count_comparisons(tree: Filter) -> int:
    if isinstance(tree, Comparison):
        return max(1, len(tree.values))
    if isinstance(tree, Not):
        return _count_comparisons(tree.part)
    return sum(map(_count_comparisons, tree.parts))
