"""`ragkit install-agent`: let a coding agent use a collection."""

from __future__ import annotations

import re
import sys
from argparse import Namespace

from ragkit.agents import config_text, install
from ragkit.agents.clients import CLIENTS, AgentClient
from ragkit.cli.arguments.collection import named_collections
from ragkit.cli.commands.groups import load_settings, split_name
from ragkit.cli.commands.locate import locate_collection
from ragkit.cli.output import render
from ragkit.cli.output.terminal import print_message, to_printable
from ragkit.errors import RagkitError, UsageError
from ragkit.storage.sqlite.database import FILE_NAME

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


def install_agent(arguments: Namespace) -> int:
    """Run `ragkit install-agent`; return its exit code."""
    if arguments.agent is None:
        return _list(arguments)
    if not _NAME.fullmatch(arguments.name):
        raise UsageError(f"--name is {arguments.name!r}; expected letters, digits, - and _")
    client = install.find_client(arguments.agent)
    if arguments.remove:
        changes = install.plan_removal(client, arguments.name, force=arguments.force)
    else:
        command = [sys.executable, "-m", "ragkit", *_collections(arguments), "mcp"]
        changes = install.plan_install(client, arguments.name, command, force=arguments.force)
    if not arguments.dry_run:
        install.apply(changes)
    if arguments.json:
        render.print_json(
            [{"path": str(change.path), "action": change.action} for change in changes]
        )
        return 0
    for change in changes:
        if arguments.dry_run:
            print(to_printable(change.diff(), lines=True), end="")
        prefix = "would be " if arguments.dry_run else ""
        print(f"{prefix}{change.action}: {to_printable(str(change.path))}")
    if not changes:
        print_message(f"{client.title} has no entry {arguments.name!r}")
    elif not arguments.dry_run and not arguments.remove:
        print_message(f"restart {client.title} to load it")
    return 0


def _collections(arguments: Namespace) -> list[str]:
    """Return the words of the command that name the collections, with absolute paths.

    Raises UsageError for a collection that does not exist.
    """
    words: list[str] = []
    named: list[str | None] = [*named_collections(arguments)]
    for argument in named or [load_settings(arguments).collection]:
        name, folder = (None, None) if argument is None else split_name(argument)
        path = locate_collection(folder).absolute()
        if not (path / FILE_NAME).exists():
            raise UsageError(f"no collection at {path}. Make one with: ragkit -c {path} index DIR")
        words += ["-c", f"{name}={path}" if name else str(path)]
    return words


def _list(arguments: Namespace) -> int:
    rows = [
        {"agent": name, "config": str(client.config()), "installed": _is_installed(client)}
        for name, client in CLIENTS.items()
    ]
    if arguments.json:
        render.print_json(rows)
        return 0
    for row in rows:
        mark = "installed" if row["installed"] else "-"
        print(f"{row['agent']:15} {mark:10} {to_printable(str(row['config']))}")
    return 0


def _is_installed(client: AgentClient) -> bool:
    try:
        text = client.config().read_text(encoding="utf-8")
        parse = config_text.parse_toml if client.is_toml else config_text.parse_json
        entries = parse(text).get(client.table) or {}
        return any(install.is_own(entry) for entry in entries.values())
    except (OSError, ValueError, RagkitError, AttributeError):
        return False
