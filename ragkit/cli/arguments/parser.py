"""The parser of the command line: the table of commands, and the options common to all.

Imports little but argparse, so that `ragkit --help` starts fast.
"""

from __future__ import annotations

import argparse
import importlib
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, NoReturn

from ragkit.cli.output.terminal import print_message, terminal_width
from ragkit.version import __version__


class _Formatter(argparse.HelpFormatter):
    """As argparse's, which is also made for each option, and imports `shutil` to find the width."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=terminal_width(80) - 2)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Print one line that names the help, as every other error does, and exit with 2."""
        print_message(f"{_with_suggestion(message, self)}; see: {self.prog} --help")
        raise SystemExit(2)


def _with_suggestion(message: str, top: argparse.ArgumentParser) -> str:
    """argparse's message, with the nearest name that exists where a name was misspelt."""
    import difflib

    wrong, names = "", []
    if match := re.search(r"invalid choice: '([^']*)' \(choose from (.*)\)", message):
        wrong, names = match[1], re.findall(r"[\w.-]+", match[2])
    elif message.startswith("unrecognized arguments:") and (
        match := re.search(r"--[\w-]+", message)
    ):
        wrong = match[0]
        names = [name for action in every_action(top) for name in action.option_strings]
    nearest = difflib.get_close_matches(wrong, names, n=1)
    if not nearest:
        return message
    if message.startswith("argument COMMAND"):
        return f"no command is called {wrong!r} (did you mean {nearest[0]}?)"
    return f"{message.partition(' (choose from')[0]} (did you mean {nearest[0]}?)"


class _AppendCollection(argparse.Action):
    """Collects every -c in `named_collections`; `collection` is the last of them.

    A command's parser fills a namespace of its own, which replaces values of the same name. So what
    precedes the command has another name.
    """

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        """Store one value."""
        is_before_command = " " not in parser.prog
        name = "collections_before" if is_before_command else "named_collections"
        setattr(namespace, name, [*getattr(namespace, name, []), values])
        namespace.collection = values


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        """Print one line that begins with `ragkit VERSION`, and exit with 0."""
        from ragkit.encoders.spec import DEFAULT_MODEL
        from ragkit.storage.sqlite.database import SCHEMA_VERSION

        print(f"ragkit {__version__} (schema {SCHEMA_VERSION}, encoder {DEFAULT_MODEL})")
        parser.exit()


class _Command(NamedTuple):
    """A command: its name and aliases, the function that runs it, its help and its arguments."""

    names: tuple[str, ...]
    function: str  # "module.function" in cli/commands/
    help: str
    arguments: str  # "module.function" in cli/arguments/


_COMMANDS = (
    _Command(("init",), "collection.init", "create an empty collection", "collection.add_init"),
    _Command(
        ("index",),
        "collection.index",
        "add, update and remove documents to match folders and files",
        "collection.add_index",
    ),
    _Command(
        ("query", "search"),
        "query.query",
        "find the passages that answer a question",
        "query.add_query",
    ),
    _Command(("ask",), "ask.ask", "answer a question, with citations", "ask.add_ask"),
    _Command(("chat",), "ask.chat", "answer questions in a loop, with history", "ask.add_chat"),
    _Command(("get",), "collection.get", "show the text behind a citation", "collection.add_get"),
    _Command(
        ("grep",), "lookup.grep", "find a pattern in the text of all files", "lookup.add_grep"
    ),
    _Command(("glob",), "lookup.glob", "list the documents that match a glob", "lookup.add_glob"),
    _Command(("tree",), "lookup.tree", "list what is in a folder, as a tree", "lookup.add_tree"),
    _Command(("read",), "lookup.read", "show lines or pages of a document", "lookup.add_read"),
    _Command(
        ("related",),
        "lookup.related",
        "show what is around and similar to a passage",
        "lookup.add_related",
    ),
    _Command(
        ("topics",),
        "lookup.topics",
        "group the passages into topics; query --topic NAME searches one",
        "exploring.add_topics",
    ),
    _Command(
        ("map",),
        "lookup.draw_map",
        "draw the passages as points, similar ones near each other",
        "exploring.add_map",
    ),
    _Command(
        ("duplicates",),
        "lookup.duplicates",
        "find near-duplicate passages and documents, and what differs in them",
        "exploring.add_duplicates",
    ),
    _Command(
        ("status",), "collection.status", "show what a collection contains", "collection.add_json"
    ),
    _Command(("ls",), "collection.ls", "list all files with their status", "collection.add_ls"),
    _Command(
        ("remove",), "collection.remove", "remove documents or roots", "collection.add_remove"
    ),
    _Command(
        ("models",), "models.models", "list the encoders on this machine", "collection.add_models"
    ),
    _Command(
        ("embed",), "embed.embed", "show the vectors of texts or of a word", "embed.add_embed"
    ),
    _Command(
        ("similarity",),
        "embed.similarity",
        "show the cosine similarity of two texts, or of many pairs",
        "embed.add_similarity",
    ),
    _Command(
        ("explain",),
        "embed.explain",
        "show how the model reads a text: attention rollout, nearest words, poolings",
        "embed.add_explain",
    ),
    _Command(
        ("train",),
        "train.train",
        "fine-tune a SentenceBERT model on pairs of texts",
        "train.add_train",
    ),
    _Command(
        ("eval",),
        "eval.evaluate",
        "measure retrieval quality on a labelled dataset in BEIR's layout",
        "eval.add_eval",
    ),
    _Command(
        ("judge",),
        "judge.judge",
        "say which passages answer a query, for ragkit eval --self",
        "eval.add_judge",
    ),
    _Command(
        ("migrate",),
        "migrate.migrate",
        "change the model of a collection: embed beside the old vectors, measure, switch",
        "maintenance.add_migrate",
    ),
    _Command(
        ("tune",),
        "migrate.tune",
        "choose mode, passage size and more on questions made from the collection",
        "maintenance.add_tune",
    ),
    _Command(
        ("distill",),
        "migrate.distill",
        "make a static encoder of the collection's model: very fast, and worse",
        "maintenance.add_distill",
    ),
    _Command(
        ("serve",),
        "serve.serve",
        "serve collections over HTTP: API, web page, OpenAI-compatible endpoints",
        "serve.add_serve",
    ),
    _Command(
        ("mcp",),
        "serve.mcp",
        "serve the collection to agents (Model Context Protocol)",
        "serve.add_mcp",
    ),
    _Command(
        ("install-agent",),
        "agents.install_agent",
        "let a coding agent use the collection: configuration and skill",
        "agents.add_install_agent",
    ),
    _Command(
        ("doctor",),
        "maintenance.doctor",
        "check database, index files and model; repair what can be repaired",
        "maintenance.add_doctor",
    ),
    _Command(
        ("backup",),
        "maintenance.backup",
        "copy the collection to a new folder, while others use it",
        "maintenance.add_backup",
    ),
    _Command(
        ("restore",),
        "maintenance.restore",
        "make the collection a copy of a backup",
        "maintenance.add_restore",
    ),
    _Command(
        ("export",),
        "maintenance.export",
        "write documents, passages and vectors as JSON lines and NumPy arrays",
        "maintenance.add_export",
    ),
    _Command(
        ("import",),
        "maintenance.import_export",
        "make a collection from an export",
        "maintenance.add_import",
    ),
    _Command(
        ("trust",),
        "trust.trust",
        "accept a collection and a ragkit.toml that came with a checkout",
        "trust.add_trust",
    ),
    _Command(
        ("config",), "config.config", "show every setting and its origin", "collection.add_json"
    ),
    _Command(
        ("cache",),
        "cache.cache",
        "show and clear what ragkit keeps outside of collections",
        "collection.add_cache",
    ),
    _Command(
        ("completion",),
        "collection.completion",
        "print a completion script for a shell",
        "collection.add_completion",
    ),
)


def parser(argv: Sequence[str] | None = None) -> argparse.ArgumentParser:
    """Return the parser of the complete command line, or only of what `argv` needs: the command
    that it calls, or where it calls none, as in `ragkit --help`, the names of all commands.

    Building the parsers of all commands would take longer than encoding a query.
    """
    common = _common_options()
    top = _Parser(
        prog="ragkit",
        parents=[common],
        description="Index a folder, ask questions, get cited passages.",
        epilog="ragkit COMMAND --help shows the options of a command.",
        formatter_class=_Formatter,
    )
    top.add_argument(
        "--version",
        action=_Version,
        nargs=0,
        default=argparse.SUPPRESS,
        help="show the versions of the program and of its database, and the default encoder",
    )
    # argparse would format a usage line to find this prog, and for that import what help needs.
    subparsers = top.add_subparsers(
        prog="ragkit", metavar="COMMAND", required=True, parser_class=_Parser
    )
    called = _called_command(argv or ())
    names = {name for command in _COMMANDS for name in command.names}
    for command in called or _COMMANDS:
        name, *aliases = command.names
        if argv and names.isdisjoint(argv):  # argparse will print the help, or report an error
            subparsers.add_parser(name, aliases=aliases, help=command.help, add_help=False)
            continue
        subparser = subparsers.add_parser(
            name,
            parents=[common],
            aliases=aliases,
            help=command.help,
            description=command.help,
            formatter_class=_Formatter,
        )
        subparser.set_defaults(run=_runner(command.function))
        _function("arguments", command.arguments)(subparser)
    return top


def every_action(top: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Yield all arguments and options of all commands."""
    for action in top._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for command in set(action.choices.values()):
                yield from every_action(command)


def _common_options() -> _Parser:
    """Options that may precede or follow the command."""
    common = _Parser(add_help=False, argument_default=argparse.SUPPRESS, formatter_class=_Formatter)
    common.add_argument(
        "-c",
        "--collection",
        action=_AppendCollection,
        metavar="DIR",
        help="the collection's folder; else RAGKIT_COLLECTION, else the nearest .ragkit/, "
        "else your default collection. Several, as DIR or NAME=DIR: query, ask, get, grep, glob, "
        "tree, read, related, serve and mcp use them together",
    )
    common.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return common


def _called_command(argv: Sequence[str]) -> list[_Command]:
    """The command that `argv` calls, found as argparse will find it; [] where none shows."""
    words = iter(argv)
    for word in words:
        if word in ("-c", "--collection"):
            next(words, None)
        elif not word.startswith("-"):
            return [command for command in _COMMANDS if word in command.names]
    return []


def _runner(place: str) -> Callable[[argparse.Namespace], int]:
    """The function of a command; its module is imported when the command runs."""

    def run(arguments: argparse.Namespace) -> int:
        from ragkit.encoders.engines.cpu_threads import use_one_blas_thread

        use_one_blas_thread()
        return int(_function("commands", place)(arguments))

    return run


def _function(folder: str, place: str) -> Callable[..., Any]:
    """Return the function "module.function" in cli/`folder`/."""
    module_name, _, name = place.partition(".")
    function: Callable[..., Any] = getattr(
        importlib.import_module(f"ragkit.cli.{folder}.{module_name}"), name
    )
    return function
