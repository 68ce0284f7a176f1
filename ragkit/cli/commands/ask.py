"""`ragkit ask` and `ragkit chat`: an answer, printed as it is generated, with its sources."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from functools import partial

from ragkit.answers.pipeline import Chat
from ragkit.answers.sanitize import restore_addresses
from ragkit.cli import NOTHING_FOUND
from ragkit.cli.arguments.query import typed_options
from ragkit.cli.commands.groups import open_group
from ragkit.cli.commands.stdin import read_stdin
from ragkit.cli.output import coverage, render
from ragkit.cli.output.terminal import (
    print_message,
    printable_record,
    terminal_width,
    to_printable,
)
from ragkit.cli.output.wrapping import StreamWrapper
from ragkit.collection_group import CollectionGroup
from ragkit.records.answers import Answer, Event, Piece, Retrieved, answer_fields, last_answer

_PROMPT = "? "
_HELP = "ask a question; /sources shows the hits, /new clears the history, Ctrl-D ends"


def ask(arguments: Namespace) -> int:
    """Run `ragkit ask`; return its exit code."""
    text = read_stdin() if arguments.text == "-" else arguments.text
    with open_group(arguments) as group:
        events = _ask_function(group, arguments)(text)
        answer = last_answer(events) if arguments.json else _print_stream(events)
        notices = []
        if not answer.hits and not group.is_qualified:
            collection = group.first
            options = collection.answer_options(typed_options(arguments))
            is_empty = not collection.status().passages
            notices = collection.search_notices(answer.question or text, options, ())
            notices = [coverage.EMPTY_COLLECTION] if is_empty else notices
    if arguments.json:
        render.print_json(answer_fields(answer))
    else:
        _show_sources(answer)
    for notice in notices:
        print_message(notice)
    return 0 if answer.answerable else NOTHING_FOUND


def chat(arguments: Namespace) -> int:
    """Run `ragkit chat`, where every line is a question; return its exit code at the end of the
    input."""
    with suppress(ImportError):  # line editing and history, where Python has them
        import readline  # noqa: F401
    is_interactive = sys.stdin.isatty()
    if is_interactive:
        print_message(_HELP)
    with open_group(arguments) as group:
        arguments.highlight = True  # for /sources
        conversation = Chat(_ask_function(group, arguments))
        last: Answer | None = None
        while True:
            try:
                line = input(_PROMPT if is_interactive else "").strip()
            except EOFError:
                if is_interactive:
                    print()
                return 0
            except KeyboardInterrupt:  # discards the line, not the conversation
                print()
                continue
            if line == "/new":
                conversation.history.clear()
            elif line == "/sources":
                _show_hits(last)
            elif line.startswith("/"):
                print_message(_HELP)
            elif line:
                last = _answer(conversation, line) or last


def _ask_function(group: CollectionGroup, arguments: Namespace) -> Callable[..., Iterator[Event]]:
    """Return the collections' `ask` with the options of the command."""
    return partial(
        group.ask,
        overrides=typed_options(arguments),
        llm=False if arguments.no_llm else None,
    )


def _answer(conversation: Chat, line: str) -> Answer | None:
    """Print the answer to one question; None where the user interrupts it."""
    events = conversation.stream(line)
    try:
        answer = _print_stream(events)
    except KeyboardInterrupt:
        print()
        print_message("interrupted; the question is not kept in the history")
        return None
    _show_sources(answer)
    print(flush=True)
    return answer


def _print_stream(events: Iterator[Event]) -> Answer:
    """Print the text of the answer as it arrives and return the answer.

    A terminal renders nothing, so addresses of the sources appear as they are. An exception while
    printing closes the stream, which stops the language model.
    """
    wrapping = StreamWrapper(terminal_width())
    sources: list[str] = []
    with closing(events):  # type: ignore[type-var]
        for event in events:
            if isinstance(event, Retrieved):
                sources = [hit.text for hit in event.hits]
            elif isinstance(event, Piece):
                piece = restore_addresses(event.text, sources)
                text = wrapping.feed(to_printable(piece, lines=True))
                print(text, end="", flush=True)
            elif isinstance(event, Answer):
                print(wrapping.end(), flush=True)
                return event
    raise AssertionError("a stream ends in an answer")


def _show_sources(answer: Answer) -> None:
    """Print the citation of each number in the text, and the statements that are not supported.

    The answer's warnings were printed when they arose.
    """
    if answer.citations:
        print()
    hits = {(hit.passage_id, hit.citation): hit for hit in answer.hits}
    cited: dict[tuple[int, str], list[int]] = {}
    for citation in answer.citations:
        cited.setdefault((citation.passage_id, citation.citation), []).append(citation.n)
    for source, numbers in cited.items():
        mark = _marks(numbers)
        room = terminal_width() - len(mark) - 1
        place = render.format_place_and_heading(printable_record(hits[source]), room)
        print(f"{mark} {place}", flush=True)
    for statement in answer.unsupported:
        text = " ".join(statement.text.split())
        print_message(
            f"not supported by {'what it cites' if statement.cites else 'any source'}: {text}"
        )


def _marks(numbers: Sequence[int]) -> str:
    """`[1]`, `[1-4]`, `[1][3]`."""
    if len(numbers) > 1 and numbers[-1] - numbers[0] == len(numbers) - 1:
        return f"[{numbers[0]}-{numbers[-1]}]"
    return "".join(f"[{n}]" for n in numbers)


def _show_hits(answer: Answer | None) -> None:
    if answer is None or not answer.hits:
        print_message("no hits yet")
    else:
        print(render.format_hits(printable_record(answer.hits)), flush=True)
