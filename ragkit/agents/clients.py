"""The coding agents that `ragkit install-agent` knows: where their configuration is, and its form.

As documented by each of them in 2026. Reads nothing and writes nothing.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Entry = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class AgentClient:
    """An agent: its configuration file, the table with MCP servers, and its folder of skills."""

    name: str
    title: str
    config: Callable[[], Path]
    table: str  # that maps names of MCP servers to their entries
    entry: Callable[[Sequence[str]], Entry]  # of a server that is started by this command
    skills: Callable[[], Path] | None = None  # None: it has no skills on the disk

    @property
    def is_toml(self) -> bool:
        """Whether the configuration is TOML; else it is JSON, perhaps with comments."""
        return self.config().suffix == ".toml"


def _home(*parts: str) -> Callable[[], Path]:
    return lambda: Path.home().joinpath(*parts)


def _in_variable(variable: str, folder: str, *parts: str) -> Callable[[], Path]:
    """A path in the folder that an environment variable names, else in one of the home folder."""
    return lambda: Path(os.environ.get(variable) or Path.home() / folder).joinpath(*parts)


def _application(*parts: str, linux: str | None = None) -> Callable[[], Path]:
    """A path where the platform keeps the data of applications; `linux`: the first folder there."""

    def find() -> Path:
        if sys.platform == "darwin":
            return (Path.home() / "Library" / "Application Support").joinpath(*parts)
        if sys.platform == "win32":
            return Path(os.environ.get("APPDATA") or Path.home() / "AppData/Roaming").joinpath(
                *parts
            )
        base = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
        return base.joinpath(linux or parts[0], *parts[1:])

    return find


def _xdg(*parts: str) -> Callable[[], Path]:
    """A path in ~/.config, on every platform."""
    return lambda: Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config").joinpath(
        *parts
    )


def _zed() -> Path:
    if sys.platform == "win32":
        return _application("Zed", "settings.json")()
    return _xdg("zed", "settings.json")()


def _claude_code() -> Path:
    folder = os.environ.get("CLAUDE_CONFIG_DIR")
    return Path(folder or Path.home()) / ".claude.json"


def _opencode() -> Path:
    plain = _xdg("opencode", "opencode.json")()
    commented = plain.with_suffix(".jsonc")
    return commented if commented.exists() and not plain.exists() else plain


def _plain(command: Sequence[str]) -> Entry:
    return {"command": command[0], "args": list(command[1:])}


def _stdio(command: Sequence[str]) -> Entry:
    return {"type": "stdio", **_plain(command)}


def _copilot(command: Sequence[str]) -> Entry:
    return {"type": "local", **_plain(command), "tools": ["*"]}


def _opencode_entry(command: Sequence[str]) -> Entry:
    return {"type": "local", "command": list(command), "enabled": True}


def _zed_entry(command: Sequence[str]) -> Entry:
    return {**_plain(command), "env": {}}


_COPILOT_SKILLS = _in_variable("COPILOT_HOME", ".copilot", "skills")
CLIENTS: Mapping[str, AgentClient] = {
    client.name: client
    for client in (
        AgentClient("claude-code", "Claude Code", _claude_code, "mcpServers", _stdio,
                    _in_variable("CLAUDE_CONFIG_DIR", ".claude", "skills")),
        AgentClient("claude-desktop", "Claude Desktop",
                    _application("Claude", "claude_desktop_config.json"), "mcpServers", _plain),
        AgentClient("codex", "Codex", _in_variable("CODEX_HOME", ".codex", "config.toml"),
                    "mcp_servers", _plain, _in_variable("CODEX_HOME", ".codex", "skills")),
        AgentClient("copilot", "GitHub Copilot CLI",
                    _in_variable("COPILOT_HOME", ".copilot", "mcp-config.json"), "mcpServers",
                    _copilot, _COPILOT_SKILLS),
        AgentClient("cursor", "Cursor", _home(".cursor", "mcp.json"), "mcpServers", _plain,
                    _home(".cursor", "skills")),
        AgentClient("gemini-cli", "Gemini CLI", _home(".gemini", "settings.json"), "mcpServers",
                    _plain, _home(".gemini", "skills")),
        AgentClient("opencode", "opencode", _opencode, "mcp", _opencode_entry,
                    _xdg("opencode", "skills")),
        AgentClient("vscode", "VS Code", _application("Code", "User", "mcp.json"), "servers",
                    _stdio, _COPILOT_SKILLS),
        AgentClient("windsurf", "Windsurf", _home(".codeium", "windsurf", "mcp_config.json"),
                    "mcpServers", _plain),
        AgentClient("zed", "Zed", _zed, "context_servers", _zed_entry),
    )
}  # fmt: skip
