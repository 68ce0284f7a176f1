"""`ragkit query`: the hits of one question, or of each query of a file."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ragkit.cli import NOTHING_FOUND
from ragkit.cli.arguments.collection import named_collections
from ragkit.cli.arguments.query import TABLES, typed_options
from ragkit.cli.commands.stdin import read_stdin
from ragkit.cli.output import coverage, links, render
from ragkit.cli.output.terminal import print_message, printable_record, to_printable
from ragkit.errors import UsageError
from ragkit.records.hits import Hit, hit_fields

if TYPE_CHECKING:
    from ragkit.collection import Collection


def query(arguments: Namespace) -> int:
    """Run `ragkit query`; return its exit code."""
    if (arguments.text is None) == (arguments.batch is None):
        raise UsageError("expected a question or --batch FILE, and not both")
    if arguments.format and arguments.batch is None:
        raise UsageError("--format needs --batch FILE; for one question use --json or --jsonl")
    if arguments.token_env and arguments.server is None:
        raise UsageError("--token-env needs --server URL; a local collection needs no token")
    _check_output(arguments)
    if arguments.batch is not None:
        return _batch(arguments)
    text = read_stdin() if arguments.text == "-" else arguments.text
    search = _search_local if arguments.server is None else _search_server
    hits, columns, notices = search(arguments, text)
    if any(getattr(arguments, name) for name in TABLES):
        _print_table(arguments, hits, columns)
    else:
        _print_hits(arguments, text, hits)
    return _finish(hits, notices)


def _check_output(arguments: Namespace) -> None:
    table = next((name for name in TABLES if getattr(arguments, name)), None)
    others = ("json", "jsonl", "explain", "batch", "format")
    other = next((name for name in others if getattr(arguments, name)), None)
    if table is not None and other is not None:
        raise UsageError(f"--{table} and --{other} do not go together; choose one")


def _options(arguments: Namespace) -> dict[str, Any]:
    """Return the search options of one question. Text shows the words of the query."""
    is_text = not any(getattr(arguments, name) for name in ("json", "jsonl", *TABLES))
    return ({"highlight": True} if is_text else {}) | typed_options(arguments)


def _search_local(arguments: Namespace, text: str) -> tuple[list[Hit], list[int], list[str]]:
    """Return the hits of a local collection, their columns for an editor, and what to say about
    them."""
    from ragkit.cli.commands.groups import open_collection

    if len(named_collections(arguments)) > 1:
        return _search_group(arguments, text)
    with open_collection(arguments) as collection:
        options = collection.search_options(_options(arguments))
        (hits,) = collection.search_with([text], options)
        if not hits and not collection.status().passages:
            return hits, [], [coverage.EMPTY_COLLECTION]
        columns = [_column(collection, hit) for hit in hits] if arguments.vimgrep else []
        return hits, columns, collection.search_notices(text, options, hits)


def _search_group(arguments: Namespace, text: str) -> tuple[list[Hit], list[int], list[str]]:
    """Return the hits of several collections as `_search_local` does for one."""
    from ragkit.cli.commands.groups import open_group

    with open_group(arguments) as group:
        found = group.search(text, _options(arguments))
    notices = []
    if found.merged_by == "rank":
        notices.append(
            f"the scores of {', '.join(found.collections)} are not comparable; their hits are "
            "interleaved by rank"
        )
    return list(found.hits), [1] * len(found.hits), notices


def _column(collection: Collection, hit: Hit) -> int:
    """The bytes from the start of a hit's line to the hit, from 1."""
    if hit.start_line is None:
        return 1
    line = collection.get(f"{render.cited_path(hit)}#L{hit.start_line}")
    return 1 + len(line.text[: hit.start - line.start].encode())


def _search_server(arguments: Namespace, text: str) -> tuple[list[Hit], list[int], list[str]]:
    """Return the hits of a server's collection. The server's settings are the defaults."""
    from ragkit.serving.client import search

    if arguments.reranker is not None:
        raise UsageError("--server uses the reranker of its own settings; leave out --reranker")
    options = _options(arguments)
    names = named_collections(arguments)
    if len(names) > 1:
        options["collections"] = names
    elif names:
        options["collection"] = names[0]
    collection, hits = search(arguments.server, text, options, arguments.token_env)
    print_message(f"searched {collection} at {arguments.server}")
    return hits, [1] * len(hits), []


def _print_hits(arguments: Namespace, text: str, hits: list[Hit]) -> None:
    """Print the hits of one question as JSON or as text."""
    if arguments.json:
        render.print_json([hit_fields(hit) for hit in hits])
    elif arguments.jsonl:
        for hit in hits:
            render.print_json(hit_fields(hit))
    elif arguments.explain:
        for hit in hits:
            print(render.format_hits([printable_record(hit)]))
            print("\n".join(f"         {to_printable(line)}" for line in _reasons(hit)))
    elif hits:
        print(render.format_hits(printable_record(hits), links.file_links(hits)))


def _finish(hits: list[Hit], notices: Sequence[str]) -> int:
    """Print what there is to say about the hits; return the exit code."""
    if (warning := coverage.format_stale_warning(hits)) is not None:
        print_message(warning)
    if not hits and coverage.EMPTY_COLLECTION not in notices:
        print_message("nothing found")
    for notice in notices:
        print_message(notice)
    return 0 if hits else NOTHING_FOUND


def _print_table(arguments: Namespace, hits: list[Hit], columns: list[int]) -> None:
    """Print hits for another program."""
    from ragkit.cli.output import hit_tables

    if arguments.csv:
        print(hit_tables.format_csv(hits))
    elif not hits:
        return
    elif arguments.md:
        print(hit_tables.format_markdown(hits))
    elif arguments.files:
        print(hit_tables.format_paths(hits, os.getcwd()))  # noqa: PTH109 (as text)
    else:
        print(hit_tables.format_editor_lines(hits, columns, os.getcwd()))  # noqa: PTH109


def _batch(arguments: Namespace) -> int:
    from ragkit.cli.commands.groups import open_collection
    from ragkit.evaluation.beir import run_lines
    from ragkit.evaluation.queries import read_queries
    from ragkit.retrieval.hits import ranking_score

    if arguments.server is not None:
        raise UsageError("--batch needs a local collection; send a --server one question at a time")
    queries = read_queries(arguments.batch)
    with open_collection(arguments) as collection:
        options = collection.search_options(typed_options(arguments))
        results = collection.search_with(list(queries.values()), options)
    hits_by_query = list(zip(queries.items(), results, strict=True))
    if arguments.format == "trec":
        # With a reranker or MMR, no score of a hit gives the order.
        is_by_rank = options.rerank or options.mmr_lambda is not None
        score = (lambda hit: 1 / hit.rank) if is_by_rank else ranking_score
        run = {
            key: {str(place.passage_id): score(hit) for hit in hits for place in hit.locations}
            for (key, _), hits in hits_by_query
        }
        for line in run_lines(run, f"ragkit-{options.mode}{'+rerank' * options.rerank}"):
            print(line)
    else:
        rows = [
            {"query_id": key, "query": text, "hits": [hit_fields(hit) for hit in hits]}
            for (key, text), hits in hits_by_query
        ]
        for row in [rows] if arguments.json else rows:
            render.print_json(row)
    return 0 if any(results) else NOTHING_FOUND


def _reasons(hit: Hit) -> Sequence[str]:
    """Explain a hit: scores, matched words, closest sentence; one line each."""
    scores = [f"{stage} {score:.3f}" for stage, score in hit.scores.items() if score is not None]
    lines = [f"scores   {', '.join(scores)}"]
    explanation = hit.explanation
    if explanation is not None:
        names = {
            word: f"{word} (read as {correction})"
            for word, correction in explanation.taken_for.items()
        }
        matched = [
            f"{names.get(word, word)} {gain:.2f}" for word, gain in explanation.words.items()
        ]
        matched = matched or ["none of the query"]
        missing = f"; missing: {', '.join(explanation.missing)}" if explanation.missing else ""
        share = f"{explanation.share:.0%} of the maximum"
        lines.append(f"words    {', '.join(matched)} ({share}){missing}")
        lines.append(
            f"meaning  {explanation.sentence_score:.2f}  {' '.join(explanation.sentence.split())}"
        )
    return lines
