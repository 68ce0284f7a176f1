"""What can be typed. Imports little but argparse, so that `--help` costs nothing."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NoReturn

from ragkit.cli.arguments import ask, embed, eval, query, serve, train
from ragkit.cli.output.terminal import tell
from ragkit.version import __version__

_SHELLS = ("bash", "zsh", "tcsh")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """One line and how to learn more, like every other error."""
        tell(f"{message}; see: {self.prog} --help")
        raise SystemExit(2)


def _common() -> _Parser:
    """Options that may stand before or after the command."""
    common = _Parser(add_help=False, argument_default=argparse.SUPPRESS)
    common.add_argument(
        "-c",
        "--collection",
        metavar="DIR",
        help="the collection's folder; else RAGKIT_COLLECTION, else the nearest .ragkit/, "
        "else your default collection",
    )
    common.add_argument("--debug", action="store_true", help="show where an error came from")
    return common


def _command(place: str) -> Callable[[argparse.Namespace], int]:
    """The function behind a command, as module.name, imported when it is called."""

    def run(arguments: argparse.Namespace) -> int:
        from ragkit.encoders.engines.cpu_threads import use_one_blas_thread

        use_one_blas_thread()
        module, _, name = place.partition(".")
        commands = importlib.import_module(f"ragkit.cli.commands.{module}")
        function: Callable[[argparse.Namespace], int] = getattr(commands, name)
        return function(arguments)

    return run


@dataclass(frozen=True)
class _Known:
    """A command: what it is called, what runs it (module.function), what it takes."""

    names: tuple[str, ...]
    function: str
    help: str
    add_arguments: Callable[[argparse.ArgumentParser], object]


def parser(argv: Sequence[str] | None = None) -> argparse.ArgumentParser:
    """The whole command line; for `argv`, only the command that it calls, as far as that shows.

    Making the parsers of all commands takes a query longer than encoding it.
    """
    common = _common()
    top = _Parser(
        prog="ragkit",
        parents=[common],
        description="Point it at a folder, ask it questions, get cited passages.",
        epilog="ragkit COMMAND --help says more about a command.",
    )
    top.add_argument("--version", action="version", version=f"ragkit {__version__}")
    commands = top.add_subparsers(metavar="COMMAND", required=True, parser_class=_Parser)
    for each in _called(argv or ()) or _COMMANDS:
        name, *aliases = each.names
        command = commands.add_parser(
            name, parents=[common], aliases=aliases, help=each.help, description=each.help
        )
        command.set_defaults(run=_command(each.function))
        each.add_arguments(command)
    return top


def _called(argv: Sequence[str]) -> list[_Known]:
    """The command that is called, found as argparse will find it."""
    words = iter(argv)
    for word in words:
        if word in ("-c", "--collection"):
            next(words, None)
        elif not word.startswith("-"):
            return [each for each in _COMMANDS if word in each.names]
    return []


def every_action(top: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """All arguments and options of all commands."""
    for action in top._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for command in set(action.choices.values()):
                yield from every_action(command)


def _add_json(command: argparse.ArgumentParser) -> None:
    command.add_argument("--json", action="store_true", help="print one JSON value")


def _add_init(command: argparse.ArgumentParser) -> None:
    command.add_argument("folder", nargs="?", metavar="DIR", help="default: this folder")
    _add_json(command)


def _add_index(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "paths", nargs="*", metavar="PATH", help="folders and files; default: all known roots"
    )
    command.add_argument(
        "--model", metavar="NAME", help="a model's name or folder (default: all-MiniLM-L6-v2)"
    )
    command.add_argument(
        "--dimensions",
        type=int,
        metavar="N",
        help="keep the first N numbers of each vector, for models trained for it (Matryoshka)",
    )
    command.add_argument(
        "--precision",
        metavar="fp32|int8",
        help="what the model computes in (default: fp32); int8 is smaller and less exact",
    )
    command.add_argument(
        "--include",
        action="append",
        metavar="GLOB",
        help="take only these (gitignore syntax; may be repeated; kept with the root)",
    )
    command.add_argument(
        "--exclude", action="append", metavar="GLOB", help="leave these out (likewise)"
    )
    command.add_argument("--dry-run", action="store_true", help="say what would be done")
    command.add_argument(
        "--strict",
        action="store_true",
        help="exit with 2, and say which, if any file or part of one could not be read",
    )
    command.add_argument(
        "--prune",
        action="store_true",
        help="believe that vanished files are gone, even where most of a folder is",
    )
    command.add_argument(
        "--rebuild",
        action="store_true",
        help="read and embed everything again, with another --model, --dimensions or --precision "
        "if named",
    )
    command.add_argument(
        "--records",
        action=argparse.BooleanOptionalAction,
        help="read each row, element or line of tables, JSON and XML as a document of its own "
        "(kept with the collection)",
    )
    command.add_argument("--watch", action="store_true", help="go on as files change, until Ctrl-C")
    _add_json(command)


def _add_get(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "reference",
        metavar="REF",
        help="a path, path#L10-L42, path#page=7, path#char=120,810, or a passage id",
    )
    command.add_argument(
        "--context", type=int, default=0, metavar="N", help="add N lines before and after"
    )
    _add_json(command)


def _add_ls(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "paths", nargs="*", metavar="PATH", help="files and folders; default: all roots"
    )
    command.add_argument(
        "--failed", action="store_true", help="only files that were not read, with the reason"
    )
    command.add_argument(
        "--why",
        action="store_true",
        help="say of each PATH why it is found or not, and what changes that",
    )
    _add_json(command)


def _add_models(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "names", nargs="*", metavar="NAME", help="names and folders; default: all that are here"
    )
    command.add_argument(
        "--bench", action="store_true", help="measure how fast each is here, some seconds a model"
    )
    _add_json(command)


def _add_remove(command: argparse.ArgumentParser) -> None:
    command.add_argument("paths", nargs="+", metavar="PATH")
    _add_json(command)


def _add_completion(command: argparse.ArgumentParser) -> None:
    command.add_argument("shell", choices=_SHELLS)


_COMMANDS = (
    _Known(("init",), "collection.init", "make an empty collection in a folder", _add_init),
    _Known(
        ("index",),
        "collection.index",
        "bring the collection in line with folders and files",
        _add_index,
    ),
    _Known(
        ("query", "search"),
        "query.query",
        "find the passages that answer a question",
        query.add_query,
    ),
    _Known(("ask",), "ask.ask", "answer a question, with citations", ask.add_ask),
    _Known(("chat",), "ask.chat", "the same in a loop, with history", ask.add_chat),
    _Known(("get",), "collection.get", "show the text behind a citation", _add_get),
    _Known(("status",), "collection.status", "say what is in the collection", _add_json),
    _Known(("ls",), "collection.ls", "list all files with what became of each", _add_ls),
    _Known(("remove",), "collection.remove", "take documents or roots out", _add_remove),
    _Known(
        ("models",),
        "models.models",
        "list the models that are here, with what they are",
        _add_models,
    ),
    _Known(
        ("embed",),
        "embed.embed",
        "show the vectors of texts, or of a word in them",
        embed.add_embed,
    ),
    _Known(
        ("similarity",),
        "embed.similarity",
        "say how alike two texts are, or many pairs",
        embed.add_similarity,
    ),
    _Known(
        ("train",),
        "train.train",
        "fine-tune a SentenceBERT model on pairs of texts",
        train.add_train,
    ),
    _Known(
        ("eval",),
        "eval.evaluate",
        "measure retrieval on a labelled set in BEIR's layout",
        eval.add_eval,
    ),
    _Known(
        ("serve",),
        "serve.serve",
        "serve collections over HTTP: API, page, OpenAI-compatible endpoints",
        serve.add_serve,
    ),
    _Known(
        ("mcp",),
        "serve.mcp",
        "serve the collection to chat clients (Model Context Protocol)",
        serve.add_mcp,
    ),
    _Known(
        ("completion",),
        "collection.completion",
        "print a completion script for a shell",
        _add_completion,
    ),
)
