"""`SearchOptions`: validation, and the same options on every surface."""

import argparse
import dataclasses
import inspect
import math

import pytest

from ragkit import Collection, Settings
from ragkit.cli.arguments.parser import parser
from ragkit.cli.arguments.query import typed_options
from ragkit.errors import UsageError
from ragkit.retrieval.options import SEARCH_OPTIONS, SearchOptions, validate_query

_SEARCH_ONLY = ("context", "budget", "explain", "keywords", "hypothetical")
FIELDS = [field.name for field in dataclasses.fields(SearchOptions)]
ANSWER_FIELDS = [name for name in FIELDS if name not in _SEARCH_ONLY]


def parameters(method):
    return set(inspect.signature(method).parameters) - {"self", "query", "queries", "question"}


def test_a_new_field_reaches_python_command_line_http_and_tools():
    schemas = pytest.importorskip("ragkit.serving.schema.own").SCHEMAS
    assert list(SEARCH_OPTIONS) == FIELDS
    for method in (Collection.search, Collection.asearch, Collection.search_many):
        assert parameters(method) == set(FIELDS)
    for method in (Collection.ask_stream, Collection.ask, Collection.aask):
        assert parameters(method) - {"history", "llm"} == set(ANSWER_FIELDS)
    requests = schemas["SearchRequest"]["properties"]
    assert set(requests) - {"query", "collection", "collections"} == set(FIELDS)
    for command, names in (("query", FIELDS), ("ask", ANSWER_FIELDS), ("chat", ANSWER_FIELDS)):
        words = [command] if command == "chat" else [command, "text"]
        arguments = vars(parser([command]).parse_args(words))
        arguments["k"] = arguments.pop("top_k")
        assert set(arguments) & set(FIELDS) == set(names)


def test_the_mcp_tool_has_the_options_marked_for_it():
    tools = pytest.importorskip("ragkit.serving.mcp.tools").TOOLS
    search = next(tool for tool in tools if tool.name == "search")
    marked = {name for name, option in SEARCH_OPTIONS.items() if option["tool"] is not None}
    assert marked == {"k", "mode", "where", "keywords", "hypothetical", "prefer_new"}
    own = {"query", "compact", "max_tokens", "cursor"}
    assert set(search.parameters["properties"]) == marked | own
    assert search.parameters["required"] == ["query"]


def test_every_option_has_help_on_every_surface():
    for option in SEARCH_OPTIONS.values():
        assert option["text"] and option["schema"]["description"]


def test_defaults_are_those_of_the_settings():
    settings, options = Settings(), SearchOptions()
    assert (options.k, options.mode, options.fusion) == (
        settings.top_k, settings.mode, settings.fusion,
    )  # fmt: skip


def test_only_typed_options_are_passed_on():
    words = "query text -k 3 --min-score -0.5 --rerank --budget 300ms --per-document 2"
    arguments = parser(["query"]).parse_args(words.split())
    assert typed_options(arguments) == {
        "k": 3, "min_score": -0.5, "rerank": True, "budget": 0.3, "per_document": 2,
    }  # fmt: skip
    assert typed_options(argparse.Namespace()) == {}


@pytest.mark.parametrize(
    ("words", "value"), [("--diverse", True), ("--lambda 0", 0.0), ("--diverse --lambda 0.5", 0.5)]
)
def test_diversity_is_a_flag_or_its_weight(words, value):
    arguments = parser(["query"]).parse_args(["query", "text", *words.split()])
    assert typed_options(arguments) == {"diverse": value}


@pytest.mark.parametrize(
    ("diverse", "weight"), [(False, None), (True, 0.8), (0, 0.0), (1, 1.0), (0.25, 0.25)]
)
def test_the_diversity_flag_and_weight_give_the_lambda_of_mmr(diverse, weight):
    assert SearchOptions(diverse=diverse).mmr_lambda == weight


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"k": 0}, "k is 0; expected 1 or more"),
        ({"mode": "magic"}, "mode is 'magic'; expected one of dense, lexical, hybrid"),
        ({"fusion": "cold"}, "fusion is 'cold'; expected one of convex, rrf"),
        ({"context": -1}, "context is -1; expected 0 or more passages"),
        ({"per_document": 0}, "per_document is 0; expected 1 or more passages"),
        ({"min_score": math.nan}, "min_score is nan; expected a cosine, -1 to 1"),
        ({"diverse": 1.5}, "diverse is 1.5; expected λ from 0 to 1"),
        ({"budget": 1.0}, "budget is the time for rerank; ask for that too (--rerank)"),
        ({"budget": 0.0, "rerank": True}, "budget is 0.0 s; expected more than 0 seconds"),
        ({"budget": math.inf, "rerank": True}, "budget is inf s; expected more than 0 seconds"),
    ],
)
def test_a_value_out_of_range_is_named_with_what_is_expected(options, message):
    with pytest.raises(UsageError) as error:
        SearchOptions(**options)
    assert str(error.value) == message


def test_options_are_keyword_only_and_frozen():
    with pytest.raises(TypeError):
        SearchOptions(5)
    with pytest.raises(dataclasses.FrozenInstanceError):
        SearchOptions().k = 5


@pytest.mark.parametrize("query", ["", " ", "\n\t"])
def test_an_empty_query_is_refused(query):
    with pytest.raises(UsageError, match="the query is empty"):
        validate_query(query)


def test_lone_surrogates_are_replaced():
    assert validate_query("a\ud800b") == "a?b"
