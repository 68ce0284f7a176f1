"""Source code → Document: the text as it is; its classes and functions are headings.

tree-sitter finds them (the extra `code`). A passage is then cut where one ends, and carries the
names of its class and its function. Without tree-sitter, or without a grammar of the language,
there are no headings: passages are cut by indentation and keywords. Knows no passages.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from ragkit.documents.decoding import read_text
from ragkit.documents.registry import BY_EXTENSION, BY_FILE_NAME
from ragkit.records.documents import Document, Heading

if TYPE_CHECKING:
    from tree_sitter import Language, Node, Query

_MAX_BYTES = 2_000_000  # a larger file is data, or generated
_MIN_LINES = 4  # a shorter function stays with its neighbours
_MAX_NAME = 100  # characters
_MAX_NAME_BYTES = 1000  # white space included
_MAX_DEPTH = 8  # of classes and functions in each other
_MAX_DECLARATORS = 20
_COMMENTS = ("#", "//", "/*", "*", "--", "@", "[")  # start lines above, part of a definition
_BRACKETS = b" \t\r\n};)"  # what closes a definition


@dataclass(frozen=True, slots=True)
class _Grammar:
    """The grammar of a language, and its types of nodes that have a name of their own."""

    module: str  # the package
    classes: str  # types of nodes, separated by spaces
    functions: str
    function: str = "language"  # of the package, that returns the grammar


_JS_FUNCTIONS = (
    "function_declaration generator_function_declaration method_definition variable_declarator "
    "field_definition public_field_definition pair assignment_expression"
)
# Types of nodes that are a function only if their value is one: `const f = () => …`.
_VALUES = {
    "variable_declarator": "value", "field_definition": "value", "pair": "value",
    "public_field_definition": "value", "assignment_expression": "right",
}  # fmt: skip
_FUNCTION_VALUES = frozenset({"arrow_function", "function_expression", "generator_function"})
_TS_CLASSES = (
    "class_declaration abstract_class_declaration interface_declaration enum_declaration "
    "internal_module class"
)
_TYPESCRIPT = _Grammar(
    "tree_sitter_typescript", _TS_CLASSES, _JS_FUNCTIONS, function="language_typescript"
)
_GRAMMARS = {
    "text/javascript": _Grammar("tree_sitter_javascript", "class_declaration class", _JS_FUNCTIONS),
    "text/x-c": _Grammar("tree_sitter_c", "struct_specifier", "function_definition"),
    "text/x-c++": _Grammar(
        "tree_sitter_cpp",
        "class_specifier struct_specifier namespace_definition",
        "function_definition",
    ),
    "text/x-csharp": _Grammar(
        "tree_sitter_c_sharp",
        "class_declaration struct_declaration interface_declaration record_declaration "
        "enum_declaration namespace_declaration",
        "method_declaration constructor_declaration local_function_statement property_declaration",
    ),
    "text/x-go": _Grammar("tree_sitter_go", "type_spec", "function_declaration method_declaration"),
    "text/x-java": _Grammar(
        "tree_sitter_java",
        "class_declaration interface_declaration enum_declaration record_declaration",
        "method_declaration constructor_declaration",
    ),
    "text/x-kotlin": _Grammar(
        "tree_sitter_kotlin", "class_declaration object_declaration", "function_declaration"
    ),
    "text/x-php": _Grammar(
        "tree_sitter_php",
        "class_declaration interface_declaration trait_declaration enum_declaration",
        "method_declaration function_definition",
        function="language_php",
    ),
    "text/x-python": _Grammar("tree_sitter_python", "class_definition", "function_definition"),
    "text/x-ruby": _Grammar("tree_sitter_ruby", "class module", "method singleton_method"),
    "text/x-rust": _Grammar(
        "tree_sitter_rust",
        "impl_item trait_item struct_item enum_item mod_item",
        "function_item macro_definition",
    ),
    "text/x-scala": _Grammar(
        "tree_sitter_scala",
        "class_definition object_definition trait_definition enum_definition",
        "function_definition",
    ),
    "text/x-shellscript": _Grammar("tree_sitter_bash", "", "function_definition"),
    "text/x-swift": _Grammar(
        "tree_sitter_swift",
        "class_declaration protocol_declaration",
        "function_declaration init_declaration",
    ),
    "text/x-typescript": _TYPESCRIPT,
}


def read_code(data: bytes, name: str) -> Document:
    """Read source code unchanged, with a heading for each class and function. Never fails."""
    document = read_text(data, name)
    path = PurePosixPath(name.lower())
    row = BY_FILE_NAME.get(path.name) or BY_EXTENSION.get(path.suffix[1:])
    grammar = _GRAMMARS.get(row.media_type) if row is not None else None
    if path.suffix == ".tsx":
        grammar = replace(_TYPESCRIPT, function="language_tsx")
    if grammar is None or len(document.text) > _MAX_BYTES:
        return document
    try:
        headings = _find_headings(document.text, grammar)
    except (ImportError, ValueError, RuntimeError, TypeError, OSError):
        return document  # not installed, or of another version than its parser
    return replace(document, headings=tuple(headings))


@dataclass(slots=True)
class _Definition:
    """A class or function: its lines from its comments on, its name and what it lies in."""

    start: int  # in bytes, as the next two
    body_start: int
    end: int
    name: str
    depth: int


@cache
def _load(grammar: _Grammar) -> tuple[Language, Query]:
    """Return the parser's tables of a language, and the query for its classes and functions."""
    from tree_sitter import Language, Query

    language = Language(getattr(importlib.import_module(grammar.module), grammar.function)())
    types = [
        kind
        for kind in (*grammar.classes.split(), *grammar.functions.split())
        if language.id_for_node_kind(kind, True)  # grammars of one family differ
    ]
    query = Query(language, f"[{' '.join(f'({kind})' for kind in types)}] @definition")
    return language, query


def _find_headings(text: str, grammar: _Grammar) -> Iterator[Heading]:
    from tree_sitter import Parser, QueryCursor

    language, query = _load(grammar)
    source = text.encode("utf-8", "surrogatepass")
    tree = Parser(language).parse(source)
    nodes = QueryCursor(query).captures(tree.root_node).get("definition", [])
    definitions = list(_definitions(nodes, source, frozenset(grammar.classes.split())))
    return iter(_with_rests(definitions, source, _offsets(source)))


def _definitions(
    nodes: Sequence[Node], source: bytes, classes: frozenset[str]
) -> Iterator[_Definition]:
    """Yield the definitions that get a heading, outer ones first."""
    outer: list[_Definition] = []
    floor = -1  # where the next one may begin
    for node in sorted(nodes, key=lambda node: (node.start_byte, -node.end_byte)):
        lines = node.end_point.row - node.start_point.row + 1
        is_long = lines >= _MIN_LINES or node.type in classes
        if not is_long or not _is_definition(node) or not (name := _name(node, source)):
            continue
        while outer and outer[-1].end <= node.start_byte:
            floor = max(floor, _line_end(source, outer.pop().end))
        start = source.rfind(b"\n", 0, node.start_byte) + 1
        if start < floor or len(outer) >= _MAX_DEPTH:
            continue  # on a line of another one
        start = _with_comments(source, start, max(floor, 0))
        body = node.child_by_field_name("body")
        body_start = node.start_byte if body is None else body.start_byte
        body_line = source.rfind(b"\n", 0, body_start) + 1
        if body_line > node.start_byte:
            body_start = body_line
        floor = max(body_start, node.start_byte + 1)
        found = _Definition(
            start, max(body_start, node.start_byte), node.end_byte, name, len(outer) + 1
        )
        outer.append(found)
        yield found


def _is_definition(node: Node) -> bool:
    field = _VALUES.get(node.type)
    if field is None:
        return True
    value = node.child_by_field_name(field)
    return value is not None and value.type in _FUNCTION_VALUES


def _name(node: Node, source: bytes) -> str:
    """The name of a definition; of a method of Go with its type."""
    field = "left" if node.type == "assignment_expression" else "key" if node.type == "pair" else ""
    named: Node | None = node.child_by_field_name(field or "name")
    if named is None and node.type == "impl_item":
        named = node.child_by_field_name("type")
    if named is None and node.type == "field_definition":
        named = node.child_by_field_name("property")
    if named is None:  # C: within the declaration of what it returns
        named = node.child_by_field_name("declarator")
        for _ in range(_MAX_DECLARATORS):
            inner = named.child_by_field_name("declarator") if named is not None else None
            if inner is None:
                break
            named = inner
    name = _text(named, source)
    receiver = node.child_by_field_name("receiver")
    if receiver is not None and name:
        kind = _text(receiver, source).strip("()").split()[-1:]
        name = ".".join([*(part.strip("*") for part in kind), name])
    return name


def _text(node: Node | None, source: bytes) -> str:
    """The start of a node's text, on one line. Nodes in each other may all be long."""
    if node is None:
        return ""
    start = source[node.start_byte : min(node.end_byte, node.start_byte + _MAX_NAME_BYTES)]
    return " ".join(start.decode("utf-8", "replace").split())[:_MAX_NAME]


def _with_comments(source: bytes, start: int, floor: int) -> int:
    """The start of the comments and decorators directly above the line at `start`."""
    while start > floor:
        above = source.rfind(b"\n", 0, start - 1) + 1
        line = source[above : start - 1].strip().decode("utf-8", "replace")
        if above < floor or not (line.startswith(_COMMENTS) or line.endswith("*/")):
            return start
        start = above
    return start


def _with_rests(
    definitions: Sequence[_Definition], source: bytes, offset: Callable[[int], int]
) -> Iterator[Heading]:
    """Yield the headings in text order. What follows a definition belongs to the one around it:
    there a heading without text of its own names that one again, or nothing."""
    outer: list[_Definition] = []
    for found in (*definitions, None):
        limit = len(source) if found is None else found.start
        while outer and outer[-1].end <= limit:
            ended = outer.pop()
            around = outer[-1] if outer else None
            end = _line_end(source, ended.end)
            if source[end : min(limit, around.end if around else limit)].strip(_BRACKETS):
                at = offset(end)
                name = around.name if around else ""
                yield Heading(at, at, max(1, ended.depth - 1), name)
        if found is not None:
            yield Heading(offset(found.start), offset(found.body_start), found.depth, found.name)
            outer.append(found)


def _line_end(source: bytes, position: int) -> int:
    """The end of the line at `position`, line break included."""
    newline = source.find(b"\n", position)
    return len(source) if newline < 0 else newline + 1


def _offsets(source: bytes) -> Callable[[int], int]:
    """Return a function from ascending numbers of bytes to numbers of characters."""
    if source.isascii():
        return lambda position: position
    seen = characters = 0

    def convert(position: int) -> int:
        nonlocal seen, characters
        if position < seen:
            seen = characters = 0
        characters += len(source[seen:position].decode("utf-8", "surrogatepass"))
        seen = position
        return characters

    return convert
