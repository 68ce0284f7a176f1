"""The arguments of `ragkit install-agent`. Imports only argparse."""

from __future__ import annotations

import argparse


def add_install_agent(command: argparse.ArgumentParser) -> None:
    """Add the arguments of `install-agent`."""
    command.add_argument(
        "agent",
        nargs="?",
        metavar="NAME",
        help="claude-code, claude-desktop, codex, copilot, cursor, gemini-cli, opencode, vscode, "
        "windsurf or zed; without it, all are listed with their configuration files",
    )
    command.add_argument(
        "--remove", action="store_true", help="remove the entry and the skill instead"
    )
    command.add_argument(
        "--dry-run", action="store_true", help="print what would change, and change nothing"
    )
    command.add_argument(
        "--force", action="store_true", help="replace an entry or a skill that is not ragkit's"
    )
    command.add_argument(
        "--name",
        default="ragkit",
        metavar="TEXT",
        help="the entry's name (default: ragkit); one for each collection",
    )
    command.add_argument("--json", action="store_true", help="print one JSON value")
