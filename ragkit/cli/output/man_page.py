"""The manual page ragkit(1), made from the parser. Knows no command."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from ragkit.cli.output.terminal import to_printable
from ragkit.version import __version__

_EXIT_CODES = (
    ("0", "done; hits were found"),
    ("1", "nothing found (query, ask)"),
    ("2", "wrong usage or wrong input"),
    ("3", "the collection, model or server cannot be used"),
    ("130", "interrupted"),
)
_ENVIRONMENT = (
    ("RAGKIT_COLLECTION", "the collection's folder; every other setting likewise: ragkit config"),
    ("RAGKIT_CONFIG_DIR, RAGKIT_DATA_DIR, RAGKIT_CACHE_DIR", "folders of the user"),
    ("RAGKIT_TRUST", "1 trusts every collection and project file"),
    ("NO_COLOR", "no colour"),
    ("FORCE_HYPERLINK", "1 or 0: links to files, or none, whatever the terminal is"),
)


def format_man_page(top: argparse.ArgumentParser) -> str:
    """Return the page in roff (man macros), the same on every machine and in every terminal."""
    lines = [
        f'.TH RAGKIT 1 "" "ragkit {__version__}" "User Commands"',
        ".SH NAME",
        f"ragkit \\- {_escape(_sentence(top.description)).lower()}",
        ".SH SYNOPSIS",
        ".B ragkit\n[\\fIoption\\fR ...] \\fIcommand\\fR [\\fIargument\\fR ...]",
        ".SH OPTIONS",
        *_actions(action for action in top._actions if action.option_strings),
        ".SH COMMANDS",
    ]
    for action in top._actions:
        if isinstance(action, argparse._SubParsersAction):
            lines += _subcommands(action)
    lines += [".SH EXIT STATUS", *_table(_EXIT_CODES), ".SH ENVIRONMENT", *_table(_ENVIRONMENT)]
    return "\n".join(lines) + "\n"


def _subcommands(action: argparse._SubParsersAction[argparse.ArgumentParser]) -> Iterator[str]:
    helps = {choice.dest: choice.help or "" for choice in action._choices_actions}
    common = {"-h", "-c", "--debug"}  # those of every command are listed once
    seen: dict[int, str] = {}
    for name, command in action.choices.items():
        if id(command) in seen:
            continue
        seen[id(command)] = name
        aliases = [other for other, same in action.choices.items() if same is command]
        usage = " ".join(_usage(command))
        yield f".SS {_escape(', '.join(aliases))}"
        yield f"\\fBragkit {_escape(name)}\\fR {usage}".rstrip()
        yield ".PP"
        yield f"{_escape(_sentence(helps[name]))}."
        yield from _actions(
            argument for argument in command._actions if not common & set(argument.option_strings)
        )


def _usage(command: argparse.ArgumentParser) -> Iterator[str]:
    for action in command._actions:
        if not action.option_strings:
            name = f"\\fI{_escape(_metavar(action))}\\fR"
            many = action.nargs in ("*", "+")
            needed = action.nargs in (None, "+")
            name += " ..." if many else ""
            yield name if needed else f"[{name}]"


def _actions(actions: Iterator[argparse.Action]) -> Iterator[str]:
    for action in actions:
        names = ", ".join(f"\\fB{_escape(option)}\\fR" for option in action.option_strings)
        if not names:
            names = f"\\fI{_escape(_metavar(action))}\\fR"
        elif action.nargs != 0:
            names += f" \\fI{_escape(_metavar(action))}\\fR"
        yield ".TP"
        yield names
        yield _escape(_sentence(action.help)) or "\\&"


def _metavar(action: argparse.Action) -> str:
    if action.choices:
        return "|".join(map(str, action.choices))
    return str(action.metavar or action.dest.upper())


def _table(rows: tuple[tuple[str, str], ...]) -> Iterator[str]:
    for name, text in rows:
        yield from (".TP", f"\\fB{_escape(name)}\\fR", _escape(text))


def _sentence(text: str | None) -> str:
    return " ".join((text or "").replace("%%", "%").split()).rstrip(".")


def _escape(text: str) -> str:
    """Text without anything that roff would take for a request or an escape."""
    line = to_printable(text).replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{line}" if line[:1] in (".", "'") else line
