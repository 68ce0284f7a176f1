"""`ragkit query`: one question or a file of them, rendered."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence

from ragkit.cli import NOTHING_FOUND
from ragkit.cli.arguments.query import typed_options
from ragkit.cli.commands.stdin import read_stdin
from ragkit.cli.output import coverage, render
from ragkit.cli.output.terminal import print_message, printable_record, to_printable
from ragkit.errors import UsageError
from ragkit.records.documents import Hit, hit_fields


def query(arguments: Namespace) -> int:
    """`ragkit query`."""
    if (arguments.text is None) == (arguments.batch is None):
        raise UsageError("expected a question or --batch FILE, and not both")
    if arguments.format and arguments.batch is None:
        raise UsageError(
            "--format is of --batch FILE; for one question there are --json and --jsonl"
        )
    if arguments.token_env and arguments.server is None:
        raise UsageError("--token-env is of --server URL; a collection here needs no token")
    if arguments.batch is not None:
        return _batch(arguments)
    text = read_stdin() if arguments.text == "-" else arguments.text
    hits, empty = (_here if arguments.server is None else _there)(arguments, text)
    return _print(arguments, text, hits, empty=empty)


def _here(arguments: Namespace, text: str) -> tuple[list[Hit], bool]:
    """The hits of a collection of this machine, and whether it is empty."""
    from ragkit.cli.commands.collection import open_collection

    with open_collection(arguments) as collection:
        options = collection.search_options(typed_options(arguments))
        (hits,) = collection.search_with([text], options)
        return hits, not hits and not collection.status().passages


def _there(arguments: Namespace, text: str) -> tuple[list[Hit], bool]:
    """The hits of a collection of a server; what no option names is as its settings say."""
    from ragkit.serving.client import search

    if arguments.reranker is not None:
        raise UsageError("--server reranks by the model of its settings; leave out --reranker")
    given = typed_options(arguments)
    if (name := getattr(arguments, "collection", None)) is not None:
        given["collection"] = name
    collection, hits = search(arguments.server, text, given, arguments.token_env)
    print_message(f"asked {collection} of {arguments.server}")
    return hits, False


def _print(arguments: Namespace, text: str, hits: list[Hit], *, empty: bool) -> int:
    """Show the hits of one question; returns the exit code."""
    if arguments.json:
        render.json_line([hit_fields(hit) for hit in hits])
    elif arguments.jsonl:
        for hit in hits:
            render.json_line(hit_fields(hit))
    elif arguments.explain:
        for hit in hits:
            print(render.hits([printable_record(hit)], text))
            print("\n".join(f"         {to_printable(line)}" for line in _reasons(hit)))
    elif hits:
        print(render.hits(printable_record(hits), text))
    if (warning := coverage.stale(hits)) is not None:
        print_message(warning)
    if not hits:
        print_message(
            "the collection is empty; fill it with: ragkit index FOLDER"
            if empty
            else "nothing found"
        )
    return 0 if hits else NOTHING_FOUND


def _batch(arguments: Namespace) -> int:
    from ragkit.cli.commands.collection import open_collection
    from ragkit.evaluation.beir import run_lines
    from ragkit.evaluation.queries import read_queries
    from ragkit.retrieval.hits import ranking_score

    if arguments.server is not None:
        raise UsageError("--batch is answered here; ask a --server one question at a time")
    queries = read_queries(arguments.batch)
    with open_collection(arguments) as collection:
        options = collection.search_options(typed_options(arguments))
        answers = collection.search_with(list(queries.values()), options)
    found = list(zip(queries.items(), answers, strict=True))
    if arguments.format == "trec":
        # What a reranker says is only a part of what orders them, and variety no score at all.
        by_rank = options.rerank or options.mmr_lambda is not None
        score = (lambda hit: 1 / hit.rank) if by_rank else ranking_score
        run = {key: {str(h.passage_id): score(h) for h in hits} for (key, _), hits in found}
        for line in run_lines(run, f"ragkit-{options.mode}{'+rerank' * options.rerank}"):
            print(line)
    else:
        rows = [
            {"query_id": key, "query": text, "hits": [hit_fields(hit) for hit in hits]}
            for (key, text), hits in found
        ]
        for row in [rows] if arguments.json else rows:
            render.json_line(row)
    return 0 if any(answers) else NOTHING_FOUND


def _reasons(hit: Hit) -> Sequence[str]:
    """Why the hit is there, a line for each stage."""
    scores = [f"{stage} {score:.3f}" for stage, score in hit.scores.items() if score is not None]
    lines = [f"scores   {', '.join(scores)}"]
    why = hit.explanation
    if why is not None:
        names = {word: f"{word} (taken for {near})" for word, near in why.taken_for.items()}
        held = [f"{names.get(word, word)} {gain:.2f}" for word, gain in why.words.items()]
        held = held or ["none of the question"]
        missing = f"; not in it: {', '.join(why.missing)}" if why.missing else ""
        lines.append(
            f"words    {', '.join(held)} ({why.share:.0%} of what all could give){missing}"
        )
        lines.append(f"meaning  {why.sentence_score:.2f}  {' '.join(why.sentence.split())}")
    return lines
